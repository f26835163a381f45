"""Encoded text: what lies in the files, that runs go on where they stopped, and that nothing is overwritten."""

from __future__ import annotations

import gc
import hashlib
import json
import logging
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from model.data.encoded import MANIFEST, EncodedLanguage, load_manifest, write_json
from model.data.encoder import changes, encode_corpus
from model.encode import main
from model.errors import UserError
from model.languages import SETS
from model.text import shards
from model.text.shards import Corpus, documents, find_corpus
from model.text.tokenizer import MODEL_FILE, Tokenizer
from model.text.vocabulary import VocabConfig, build_vocabulary
from model.workers import Workers
from tests.conftest import CHECKOUT
from tests.model.conftest import PIECES, write_shard


@pytest.fixture(scope="module")
def encoded(many_shards: Corpus, vocabulary: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("encoded")
    encode_corpus(many_shards, vocabulary, folder, workers=1)
    return folder


def read(folder: Path, stem: str) -> list[list[int]]:
    """The documents of a pair of files, as the format says."""
    tokens = np.fromfile(folder / f"{stem}.tokens", "<u4")
    offsets = np.fromfile(folder / f"{stem}.offsets", "<u8")
    assert (offsets[0], offsets[-1]) == (0, len(tokens))
    return [tokens[start:end].tolist() for start, end in pairwise(offsets)]


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_what_is_in_the_files(many_shards: Corpus, vocabulary: Path, encoded: Path) -> None:
    tokenizer = Tokenizer.load(vocabulary)
    manifest = load_manifest(encoded)
    assert list(manifest.languages) == list(many_shards.files)
    assert (manifest.version, manifest.vocab_size, manifest.tokenizer_sha256) == (1, PIECES + 2, tokenizer.sha256)
    for language, counts in manifest.languages.items():
        expected = []
        for text in documents(many_shards.files[language]):
            expected.append([number for ids in tokenizer.encode(text.split("\n")) for number in ids] + [2])
        train, held_out = read(encoded, language), read(encoded, f"{language}.held-out")
        assert (len(held_out) > 0) == (len(expected) >= 10)
        assert sorted(train + held_out) == sorted(expected)
        assert train == [document for document in expected if document in train]  # in the order of the text
        assert (counts.documents, counts.held_out_documents) == (len(train), len(held_out))
        assert (counts.tokens, counts.held_out_tokens) == (sum(map(len, train)), sum(map(len, held_out)))


def test_digests_are_of_the_files(many_shards: Corpus, encoded: Path) -> None:
    def sha256(path: Path) -> str:
        return hashlib.sha256(path.read_bytes()).hexdigest()

    manifest = load_manifest(encoded)
    assert manifest.sha256 == sha256(encoded / MANIFEST)
    for language, counts in manifest.languages.items():
        assert counts.sha256 == sha256(encoded / f"{language}.tokens")
        assert counts.held_out_sha256 == sha256(encoded / f"{language}.held-out.tokens")
        [shard] = many_shards.files[language]
        assert counts.source_sha256 == sha256(shard)


def test_bytes_do_not_hang_on_workers_or_batches(
    many_shards: Corpus, vocabulary: Path, encoded: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    encode_corpus(many_shards, vocabulary, tmp_path / "two", workers=2)
    monkeypatch.setattr(shards, "_BATCH", 700)
    encode_corpus(many_shards, vocabulary, tmp_path / "small", workers=1)
    assert contents(tmp_path / "two") == contents(tmp_path / "small") == contents(encoded)


def test_the_pipelines_output_goes_through(built_sample: Path, vocabulary: Path, tmp_path: Path) -> None:
    flags = ["--data", str(built_sample / "shards"), "--vocab", str(vocabulary), "--output", str(tmp_path / "e")]
    assert main([*flags, "--workers", "1"]) == 0
    manifest = load_manifest(tmp_path / "e")
    counted = json.loads((built_sample / "manifest.json").read_text())["files"]
    for language, counts in manifest.languages.items():
        expected = [
            entry["documents"]
            for entry in counted
            if entry["language"] == language and entry["format"] == "jsonl.zst" and entry["path"].startswith("shards/")
        ]
        assert counts.documents + counts.held_out_documents == sum(expected)


def test_only_the_languages_asked_for_are_encoded(
    many_shards: Corpus, vocabulary: Path, encoded: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    folder = many_shards.files["en"][0].parent.parent
    flags = ["--data", str(folder), "--vocab", str(vocabulary), "--workers=1"]
    with caplog.at_level(logging.INFO):
        assert main([*flags, "--output", str(tmp_path / "e"), "--languages=xlm-7,ja"]) == 0
    present, asked = set(many_shards.files), SETS["xlm-7"] | {"ja"}
    assert set(load_manifest(tmp_path / "e").languages) == asked & present
    assert (tmp_path / "e" / "ja.tokens").read_bytes() == (encoded / "ja.tokens").read_bytes()
    assert (f"not in {folder}: {', '.join(sorted(asked - present))}" in caplog.text) == bool(asked - present)
    assert main([*flags, "--output", str(tmp_path / "f"), "--languages=jaa"]) == 2
    assert f"--languages: no 'jaa' in {folder}; did you mean 'ja'?" in capsys.readouterr().err
    assert not (tmp_path / "f").exists()


# --- what is held out


def texts_held_out(count: int) -> list[str]:
    """Texts whose hash holds them out."""
    numbers = (f"text {number}" for number in range(10**6))
    return list(islice((text for text in numbers if held_out_by_hash(text)), count))


def held_out_by_hash(text: str) -> bool:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little") % 100 == 0


def split(tmp_path: Path, vocabulary: Path, texts: list[str]) -> EncodedLanguage:
    shutil.rmtree(tmp_path / "e", ignore_errors=True)
    write_shard(tmp_path / "s" / "xx" / "all-00000.jsonl.zst", texts)
    return encode_corpus(find_corpus(tmp_path / "s"), vocabulary, tmp_path / "e", workers=1).languages["xx"]


def test_one_document_in_a_hundred_is_held_out(tmp_path: Path, vocabulary: Path) -> None:
    counts = split(tmp_path, vocabulary, [f"text {number}" for number in range(20_000)])
    assert 130 < counts.held_out_documents < 270
    assert counts.documents + counts.held_out_documents == 20_000
    # A longer text keeps what was held out.
    before = read(tmp_path / "e", "xx.held-out")
    split(tmp_path, vocabulary, [f"text {number}" for number in range(21_000)])
    assert read(tmp_path / "e", "xx.held-out")[: len(before)] == before


@pytest.mark.parametrize("count", [1, 3, 9, 10, 11, 40])
@pytest.mark.parametrize("by_hash", [0, 1, 2, 99])
def test_small_languages(tmp_path: Path, vocabulary: Path, count: int, by_hash: int) -> None:
    chosen = texts_held_out(min(by_hash, count))
    others = (text for number in range(count * 2) if not held_out_by_hash(text := f"other {number}"))
    counts = split(tmp_path, vocabulary, [*islice(others, count - len(chosen)), *chosen])
    assert counts.documents + counts.held_out_documents == count
    # With ten documents there is something on both sides, and the hash decides where it can.
    expected = 0 if count < 10 else len(chosen) if 0 < len(chosen) < count else 1
    assert counts.held_out_documents == expected


@pytest.mark.parametrize("text", [*texts_held_out(1), "text"])
def test_copies_of_one_text(tmp_path: Path, vocabulary: Path, text: str) -> None:
    counts = split(tmp_path, vocabulary, [text] * 12)
    assert (counts.documents, counts.held_out_documents) == (11, 1)


def test_documents_of_one_token_and_of_none(tmp_path: Path, vocabulary: Path) -> None:
    counts = split(tmp_path, vocabulary, ["a", "\u200b", "", "b"])
    assert [len(document) for document in read(tmp_path / "e", "xx")] == [2, 2]
    assert counts.documents == 2


def test_a_language_without_a_piece_is_left_out(tmp_path: Path, vocabulary: Path) -> None:
    write_shard(tmp_path / "s" / "yy" / "all-00000.jsonl.zst", ["\u200b"])
    write_shard(tmp_path / "s" / "zz" / "all-00000.jsonl.zst", ["\u200b", ""])
    with pytest.raises(UserError, match="hold no text"):
        encode_corpus(find_corpus(tmp_path / "s"), vocabulary, tmp_path / "none", workers=1)
    assert not (tmp_path / "none" / MANIFEST).exists()
    write_shard(tmp_path / "s" / "xx" / "all-00000.jsonl.zst", ["text"])
    for _ in range(2):  # and nothing changes when it is asked for again
        assert list(encode_corpus(find_corpus(tmp_path / "s"), vocabulary, tmp_path / "e").languages) == ["xx"]


# --- going on


def test_finished_languages_are_kept(
    many_shards: Corpus, vocabulary: Path, encoded: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = tmp_path / "e"
    part = ["ar", "de", "en"]
    encode_corpus(Corpus({language: many_shards.files[language] for language in part}), vocabulary, output, workers=1)
    (output / MANIFEST).unlink()  # as if it had been stopped there
    (output / "de.tokens").write_bytes(b"cut")
    read_files: list[str] = []

    def note(files: tuple[Path, ...], **options: object) -> Iterator[str]:
        read_files.append(files[0].parent.name)
        return documents(files)

    monkeypatch.setattr(shards, "documents", note)
    encode_corpus(many_shards, vocabulary, output, workers=1)
    assert read_files == [language for language in many_shards.files if language not in ("ar", "en")]
    assert contents(output) == contents(encoded)
    read_files.clear()
    encode_corpus(many_shards, vocabulary, output, workers=1)
    assert read_files == []


def test_changed_text_is_encoded_again_unless_all_is_complete(
    vocabulary: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = ["--data", str(tmp_path / "s"), "--vocab", str(vocabulary), "--output", str(tmp_path / "e")]
    flags.append("--workers=1")
    write_shard(tmp_path / "s" / "xx" / "all-00000.jsonl.zst", ["one"])
    assert main(flags) == 0
    before = contents(tmp_path / "e")
    for language, text in (("xx", "two"), ("yy", "three")):
        write_shard(tmp_path / "s" / language / "all-00000.jsonl.zst", [text])
        assert main(flags) == 2
        assert "is complete, of other text: choose another --output" in capsys.readouterr().err
        assert contents(tmp_path / "e") == before
    (tmp_path / "e" / MANIFEST).unlink()
    assert main(flags) == 0
    assert [len(read(tmp_path / "e", language)) for language in ("xx", "yy")] == [1, 1]
    assert load_manifest(tmp_path / "e").languages["xx"].sha256 not in before["manifest.json"].decode()


def test_another_tokenizer_is_refused(many_shards: Corpus, encoded: Path, tmp_path: Path) -> None:
    english = Corpus({"en": many_shards.files["en"]})
    build_vocabulary(english, tmp_path / "v", VocabConfig(vocab_size=300), workers=1)
    before = contents(encoded)
    with pytest.raises(UserError, match="is encoded with another tokenizer: choose another --output"):
        encode_corpus(many_shards, tmp_path / "v", encoded, workers=1)
    assert contents(encoded) == before


def write_three_languages(folder: Path) -> list[str]:
    """Shards of three languages, and the flags that name them."""
    for language in ("aa", "bb", "cc"):
        write_shard(folder / language / "all-00000.jsonl.zst", [f"text {number} of {language}" for number in range(30)])
    return ["--data", str(folder)]


WHOLE = {f"aa{suffix}" for suffix in (".json", ".tokens", ".offsets", ".held-out.tokens", ".held-out.offsets")}


def test_an_interrupt_keeps_what_is_whole(
    vocabulary: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = [*write_three_languages(tmp_path / "s"), "--vocab", str(vocabulary), "--workers=1"]

    def interrupted(files: Sequence[Path], **options: Any) -> Iterator[str]:
        for text in documents(files, **options):
            yield text
            if files[0].parent.name == "bb":
                raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(shards, "documents", interrupted)
        patch.setattr(shards, "_BATCH", 1)
        assert main([*flags, "--output", str(tmp_path / "e")]) == 130
    said = capsys.readouterr().err.strip()
    assert said == "python -m model.encode: interrupted; the same command goes on where it stopped"
    assert set(contents(tmp_path / "e")) == WHOLE
    for output in ("e", "straight"):
        assert main([*flags, "--output", str(tmp_path / output)]) == 0
    assert contents(tmp_path / "e") == contents(tmp_path / "straight")


def test_ctrl_c_says_how_to_go_on(vocabulary: Path, tmp_path: Path) -> None:
    # A shard that never ends until this test lets it: the program waits in the middle of its work.
    (tmp_path / "s" / "aa").mkdir(parents=True)
    os.mkfifo(shard := tmp_path / "s" / "aa" / "all-00000.jsonl.zst")
    flags = ["--data", str(tmp_path / "s"), "--vocab", str(vocabulary), "--workers=2", "--output", str(tmp_path / "e")]
    process = subprocess.Popen(
        [sys.executable, "-m", "model.encode", *flags], start_new_session=True, stderr=subprocess.PIPE, text=True
    )
    with shard.open("wb"):  # when a worker has opened it, too
        os.killpg(process.pid, signal.SIGINT)
    _, error = process.communicate(timeout=60)
    assert process.returncode == 130
    assert error.strip() == "python -m model.encode: interrupted; the same command goes on where it stopped"
    assert contents(tmp_path / "e") == {}


KILLED = """
import os, signal, sys
from model import encode
from model.text import shards
def documents(files, real=shards.documents, **options):
    for text in real(files, **options):
        yield text
        if files[0].parent.name == "bb":
            os.kill(os.getpid(), signal.SIGKILL)
if __name__ == "__main__":
    shards.documents, shards._BATCH = documents, 1
    encode.main(sys.argv[1:])
"""


def test_a_killed_run_leaves_nothing_half_written(vocabulary: Path, tmp_path: Path) -> None:
    flags = [*write_three_languages(tmp_path / "s"), "--vocab", str(vocabulary), "--workers=1"]
    command = [sys.executable, "-c", KILLED, *flags, "--output", str(tmp_path / "killed")]
    assert subprocess.run(command, cwd=CHECKOUT, check=False, timeout=60).returncode == -signal.SIGKILL
    left = contents(tmp_path / "killed")
    assert {name for name in left if not name.startswith(".")} == WHOLE
    assert [name for name in left if name.startswith(".bb")]
    for output in ("killed", "whole"):
        assert main([*flags, "--output", str(tmp_path / output)]) == 0
    assert contents(tmp_path / "killed") == contents(tmp_path / "whole")


# --- what users are told


def test_a_disk_that_cannot_be_written_to(
    many_shards: Corpus, vocabulary: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("in the way")
    folder = str(many_shards.files["en"][0].parent.parent)
    assert main(["--data", folder, "--vocab", str(vocabulary), "--output", str(tmp_path / "file" / "e")]) == 2
    assert "Not a directory" in capsys.readouterr().err


def test_a_damaged_shard_stops_with_its_name(
    vocabulary: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_shard(tmp_path / "s" / "aa" / "all-00000.jsonl.zst", ["fine"] * 20)
    bad = write_shard(tmp_path / "s" / "bb" / "all-00000.jsonl.zst", ["text"] * 20)
    bad.write_bytes(bad.read_bytes()[:-30])
    flags = ["--data", str(tmp_path / "s"), "--vocab", str(vocabulary), "--output", str(tmp_path / "e")]
    for workers in ("1", "2"):
        assert main([*flags, "--workers", workers]) == 2
        error = capsys.readouterr().err.strip()
        assert error.startswith("python -m model.encode: ")
        assert "bb/all-00000.jsonl.zst is cut off" in error
        assert error.count("\n") == 0
        assert not [name for name in contents(tmp_path / "e") if name.startswith((".", "bb", MANIFEST))]


def test_a_killed_worker_is_said() -> None:
    with Workers(2, gc.collect) as pool, pytest.raises(UserError, match="fewer --workers"):
        list(pool.map(os._exit, [1, 1]))


@pytest.mark.parametrize("name", ["en.tokens", "en.offsets", "en.held-out.tokens", "en.held-out.offsets"])
def test_a_file_cut_off_or_missing_is_named(encoded: Path, tmp_path: Path, name: str) -> None:
    copy = tmp_path / "e"
    shutil.copytree(encoded, copy)
    (copy / name).write_bytes((copy / name).read_bytes()[:-4])
    with pytest.raises(UserError, match=rf"{name} is \d+ bytes, not \d+"):
        load_manifest(copy)
    (copy / name).unlink()
    with pytest.raises(UserError, match=f"{name} is missing"):
        load_manifest(copy)


def test_manifests_that_cannot_be_read(encoded: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no .*manifest\.json: python -m model\.encode"):
        load_manifest(tmp_path)
    (tmp_path / MANIFEST).write_text("{}")
    with pytest.raises(UserError, match="is no manifest"):
        load_manifest(tmp_path)
    text = (encoded / MANIFEST).read_text()
    (tmp_path / MANIFEST).write_text(text.replace('"version": 1', '"version": 2'))
    with pytest.raises(UserError, match="has version 2, not 1"):
        load_manifest(tmp_path)


def test_no_vocabulary(many_shards: Corpus, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=f"no .*{MODEL_FILE}"):
        encode_corpus(many_shards, tmp_path, tmp_path / "e")
    assert not (tmp_path / "e").exists()


def test_a_manifest_comes_back_as_it_was_written(encoded: Path, tmp_path: Path) -> None:
    shutil.copytree(encoded, tmp_path / "e")
    manifest = load_manifest(encoded)
    other = replace(manifest, languages={"en": manifest.languages["en"]})
    write_json(tmp_path / "e" / MANIFEST, other)
    found = load_manifest(tmp_path / "e")
    assert replace(found, sha256=manifest.sha256) == other
    assert found.sha256 != manifest.sha256


def test_a_manifest_of_before_sizes_were_kept(encoded: Path, tmp_path: Path) -> None:
    shutil.copytree(encoded, tmp_path / "e")
    values = json.loads((encoded / MANIFEST).read_text())
    for language in values["languages"].values():
        del language["source_bytes"]
    (tmp_path / "e" / MANIFEST).write_text(json.dumps(values))
    assert {counts.source_bytes for counts in load_manifest(tmp_path / "e").languages.values()} == {None}


def test_what_a_corpus_has_that_was_not_encoded(tmp_path: Path, vocabulary: Path) -> None:
    for language in ("aa", "bb", "cc"):
        write_shard(tmp_path / "s" / language / "all-00000.jsonl.zst", ["text"])
    write_shard(tmp_path / "s" / "no" / "all-00000.jsonl.zst", [""])  # without a document: in no manifest
    encode_corpus(find_corpus(tmp_path / "s"), vocabulary, tmp_path / "e", workers=1)
    assert changes(find_corpus(tmp_path / "s"), tmp_path / "e") == []
    for language in ("dd", "ee"):
        write_shard(tmp_path / "s" / language / "all-00000.jsonl.zst", ["text"])
    write_shard(tmp_path / "s" / "aa" / "head-00000.jsonl.zst", ["more text"])
    shutil.rmtree(tmp_path / "s" / "bb")
    assert changes(find_corpus(tmp_path / "s"), tmp_path / "e") == ["new: dd, ee", "changed: aa", "gone: bb"]
    assert changes(find_corpus(tmp_path / "s"), tmp_path / "e", {"bb", "cc", "dd"}) == ["new: dd", "gone: bb"]
