"""The contract: what the pipeline writes, the model's side reads, and it says so where it cannot."""

from __future__ import annotations

import io
import json
import lzma
import shutil
from pathlib import Path

import pytest
import zstandard

from model.errors import UserError
from model.text.shards import SHARD_FORMAT, documents, find_corpus
from tests.model.conftest import write_shard

STRANGE = ["one\ntwo", "a\u2028b \u0085 c\x0bd\rf", 'quote " back \\ slash \\n', "𐎀 \u200d é", "x" * 3_000_000, "."]


def test_the_pipelines_shards_are_read(built_sample: Path) -> None:
    corpus = find_corpus(built_sample)
    manifest = json.loads((built_sample / "manifest.json").read_text())
    listed = [entry for entry in manifest["files"] if entry["format"] == "jsonl.zst"]
    assert len(corpus.files) >= 10
    assert list(corpus.files) == sorted({entry["language"] for entry in listed})
    for language, files in corpus.files.items():
        entries = [entry for entry in listed if entry["language"] == language]
        assert [file.relative_to(built_sample).as_posix() for file in files] == [entry["path"] for entry in entries]
        texts = list(documents(files))
        assert len(texts) == sum(entry["documents"] for entry in entries)
        assert sum(text.count("\n") + 1 for text in texts) == sum(entry["paragraphs"] for entry in entries)
        assert sum(len(text.replace("\n", "")) for text in texts) == sum(entry["characters"] for entry in entries)


def test_the_folder_of_shards_will_do_and_both_forms_hold_the_same(built_sample: Path, tmp_path: Path) -> None:
    corpus = find_corpus(built_sample / "shards")
    assert corpus == find_corpus(built_sample)
    for file in (built_sample / "shards").glob("*.txt.xz"):
        shutil.copy(file, tmp_path)
    release = find_corpus(tmp_path)
    assert list(release.files) == list(corpus.files)
    for language in corpus.files:
        # The release has buckets in the order head, middle, tail, all; shards are sorted by name.
        assert sorted(documents(release.files[language])) == sorted(documents(corpus.files[language]))


def test_strange_text_arrives_as_it_was(tmp_path: Path) -> None:
    shard = write_shard(tmp_path / "en" / "all-00000.jsonl.zst", STRANGE)
    assert list(documents([shard])) == STRANGE
    assert list(documents([shard, shard])) == STRANGE * 2


def test_release_form_without_a_last_blank_line(tmp_path: Path) -> None:
    path = tmp_path / "hi_rom.txt.xz"
    path.write_bytes(lzma.compress("\nek\ndo\n\n\nteen\u2028char\n".encode()))
    corpus = find_corpus(tmp_path)
    assert list(corpus.files) == ["hi_rom"]
    assert list(documents(corpus.files["hi_rom"])) == ["ek\ndo", "teen\u2028char"]


def test_bytes_read_are_told(tmp_path: Path) -> None:
    shard = write_shard(tmp_path / "en" / "all-00000.jsonl.zst", STRANGE)
    release = tmp_path / "en.txt.xz"
    release.write_bytes(lzma.compress(b"one\n\n"))
    for file in (shard, release):
        told: list[int] = []
        list(documents([file], on_read=told.append))
        assert sum(told) == file.stat().st_size


def in_the_middle_of_a_frame(data: bytes) -> bytes:
    return data[:-20]


def between_frames_but_not_lines(data: bytes) -> bytes:
    frames = zstandard.ZstdDecompressor().stream_reader(io.BytesIO(data), read_across_frames=True).read()
    return zstandard.compress(frames[:-5])


def without_its_last_line_feed(data: bytes) -> bytes:
    lines = zstandard.ZstdDecompressor().stream_reader(io.BytesIO(data), read_across_frames=True).read()
    return zstandard.compress(lines[:-1])


def flipped(data: bytes) -> bytes:
    return data[:200] + bytes([data[200] ^ 1]) + data[201:]


@pytest.mark.parametrize(
    "damage", [in_the_middle_of_a_frame, between_frames_but_not_lines, without_its_last_line_feed, flipped]
)
def test_a_damaged_shard_is_named(tmp_path: Path, damage: object) -> None:
    shard = write_shard(tmp_path / "en" / "all-00000.jsonl.zst", ["whole words make a sentence " * 40] * 3)
    assert callable(damage)
    shard.write_bytes(damage(shard.read_bytes()))
    with pytest.raises(UserError, match=r"en/all-00000\.jsonl\.zst is cut off, damaged or no shard"):
        list(documents([shard]))


@pytest.mark.parametrize(
    "content",
    [b"", b"plain text", zstandard.compress(b"not json\n"), zstandard.compress(b'{"id": "1"}\n'),
     zstandard.compress(b'{"text": 3}\n'), zstandard.compress(b'{"text": "\xff"}\n')],
)  # fmt: skip
def test_what_is_no_shard_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "all-00000.jsonl.zst"
    path.write_bytes(content)
    with pytest.raises(UserError, match="no shard"):
        list(documents([path]))


@pytest.mark.parametrize("cut", [slice(None, -15), slice(10, None), slice(0, 0)])
def test_a_damaged_file_of_the_release_is_named(tmp_path: Path, cut: slice) -> None:
    path = tmp_path / "sw.txt.xz"
    path.write_bytes(lzma.compress(b"moja\nmbili\n\n" * 500)[cut])
    with pytest.raises(UserError, match=r"sw\.txt\.xz"):
        list(documents([path]))


@pytest.mark.parametrize("after", [b"rubbish", lzma.compress(b"tatu\n\n")[1:], lzma.compress(b"tatu\n\n")[:-9]])
def test_damage_after_a_whole_stream_is_named(tmp_path: Path, after: bytes) -> None:
    path = tmp_path / "sw.txt.xz"
    path.write_bytes(lzma.compress(b"moja\nmbili\n\n") + after)
    with pytest.raises(UserError, match=r"sw\.txt\.xz is cut off, damaged"):
        list(documents([path]))


def test_streams_that_follow_each_other_and_line_ends_of_windows(tmp_path: Path) -> None:
    path = tmp_path / "sw.txt.xz"
    path.write_bytes(lzma.compress(b"moja\r\nmbili\r\n\r\nta") + lzma.compress(b"tu\n\n\nnne"))
    assert list(documents([path])) == ["moja\nmbili", "tatu", "nne"]


@pytest.mark.parametrize("content", ['{"files": null}', '{"files": [{"bytes": 3}]}', "{}"])
def test_a_damaged_manifest_of_the_corpus_is_named(tmp_path: Path, content: str) -> None:
    write_shard(tmp_path / "shards" / "en" / "all-00000.jsonl.zst", ["text"])
    (tmp_path / "run.json").write_text('{"shard_format": 1}')
    (tmp_path / "manifest.json").write_text(content)
    with pytest.raises(UserError, match=r"manifest\.json is damaged"):
        find_corpus(tmp_path)


def test_another_version_is_refused(tmp_path: Path) -> None:
    write_shard(tmp_path / "shards" / "en" / "all-00000.jsonl.zst", ["text"])
    run, manifest = tmp_path / "run.json", tmp_path / "manifest.json"
    manifest.write_text('{"files": []}')
    for data in (tmp_path, tmp_path / "shards"):
        run.write_text(json.dumps({"shard_format": SHARD_FORMAT + 1}))
        with pytest.raises(UserError, match=r"run\.json: shard_format 2 is not 1"):
            find_corpus(data)
        run.write_text("{}")
        with pytest.raises(UserError, match="shard_format None"):
            find_corpus(data)
        run.write_text(json.dumps({"shard_format": SHARD_FORMAT}))
        assert list(find_corpus(data).files) == ["en"]
        run.write_text("{")
        with pytest.raises(UserError, match=r"run\.json is no JSON"):
            find_corpus(data)


def test_a_run_that_is_not_whole_is_refused(built_sample: Path, tmp_path: Path) -> None:
    output = tmp_path / "out"
    shutil.copytree(built_sample, output)
    shard = next((output / "shards").glob("en/*.jsonl.zst"))
    shard.write_bytes(shard.read_bytes()[:-1])
    with pytest.raises(UserError, match=rf"{shard.name} is \d+ bytes, not \d+"):
        find_corpus(output)
    shard.unlink()
    with pytest.raises(UserError, match="is missing"):
        find_corpus(output / "shards")
    (output / "manifest.json").unlink()
    with pytest.raises(UserError, match="the run is not complete"):
        find_corpus(output)


def test_nothing_to_read_is_said(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no shards in"):
        find_corpus(tmp_path)
    with pytest.raises(UserError, match="is no folder"):
        find_corpus(tmp_path / "absent")
