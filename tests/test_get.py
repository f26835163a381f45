"""python -m beam_jobs.get: a document by its id, and the record of the crawl that it was made of."""

import bz2
import dataclasses
import json
import lzma
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard
from msgspec import UNSET

from beam_jobs import get
from ccnet_pipeline import sample
from ccnet_pipeline.archive import Record, read_archive
from ccnet_pipeline.documents import Document
from ccnet_pipeline.formats import JSONL, PARQUET, TEXT
from ccnet_pipeline.shards.lookup import Wanted, files_to_read
from ccnet_pipeline.shards.published_run import open_run
from tests.corpora import SEGMENTS, document, write_corpus
from tests.fetch.server import FaultServer

PAGE = "00000000-0000-0000-0000-00000000000a"


def documents() -> list[Document]:
    return [
        *(document(number, segment=(number - 1) // 2) for number in range(1, 7)),
        document(20, id=f"{PAGE}/en", segment=2), document(20, "fr", id=f"{PAGE}/fr", segment=2),
        document(30, "en", "tail", segment=1, reason="bucket_tail"),
    ]  # fmt: skip


@pytest.fixture(params=[JSONL, PARQUET])
def corpus(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """One file a segment."""
    output = tmp_path / "out"
    return write_corpus(
        output, documents(), formats=[request.param, TEXT], shard_of=lambda each: SEGMENTS.index(each.segment)
    )


def got(capsys: pytest.CaptureFixture[str], output: Path, *argv: str, status: int = 0) -> list[str]:
    assert get.main([str(output), *argv, "--workers=1"]) == status
    printed = capsys.readouterr()
    return printed.out.splitlines() if status == 0 else printed.err.splitlines()


def test_a_document_is_printed_as_it_stands(corpus: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for each in documents():
        [line] = got(capsys, corpus, each.id)
        assert json.loads(line) == json.loads(json.dumps(_plain(each)))


def _plain(each: Document) -> dict[str, object]:
    plain = {field.name: getattr(each, field.name) for field in dataclasses.fields(each)}
    return {name: value for name, value in plain.items() if value is not UNSET}


def test_the_id_of_a_page_gives_all_its_documents(corpus: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert [json.loads(line)["language"] for line in got(capsys, corpus, PAGE)] == ["en", "fr"]


def test_the_beginning_of_an_id_is_none(corpus: Path, capsys: pytest.CaptureFixture[str]) -> None:
    [line] = got(capsys, corpus, PAGE[:-1], status=1)
    assert line == f"get: {corpus} has no document {PAGE[:-1]}"


@pytest.mark.parametrize(
    ("wanted", "left"),
    [
        (Wanted(id=f"{PAGE}/fr"), {"shards/fr/head-00002"}),
        (Wanted(id=PAGE, language="fr"), {"shards/fr/head-00002"}),
        (Wanted(id=PAGE, segment=SEGMENTS[1]), {"shards/en/head-00001", "rejects/en/bucket_tail-00000"}),
        (Wanted(id=PAGE, segment="0"), {"rejects/en/bucket_tail-00000"}),
        (Wanted(id=PAGE, segment="z", language="fr"), {"shards/fr/head-00002"}),
    ],
)
def test_language_and_segment_leave_few_files_to_read(wanted: Wanted, left: set[str], corpus: Path) -> None:
    found = [file.path.partition(".")[0] for files in files_to_read(open_run(str(corpus)), wanted) for file in files]
    assert set(found) == left


@pytest.mark.parametrize("kind", [JSONL, PARQUET])
def test_a_segment_that_a_document_is_not_from_does_not_give_it(
    kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    corpus, found = write_corpus(tmp_path / "out", documents(), formats=[kind]), document(4, segment=1)
    [line] = got(capsys, corpus, found.id, f"--segment={SEGMENTS[1]}")
    assert json.loads(line)["id"] == found.id
    for other in (SEGMENTS[0], SEGMENTS[2], "z"):
        [line] = got(capsys, corpus, found.id, f"--segment={other}", status=1)
        assert line == f"get: {corpus} has no document {found.id} from --segment {other}"


def test_a_damaged_file_is_one_line(corpus: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = next((corpus / "shards" / "en").iterdir())
    path.write_bytes(path.read_bytes()[:-20])
    [line] = got(capsys, corpus, "nowhere", status=2)
    assert line.startswith(f"get: {path} cannot be read: ")
    assert "beam_jobs.verify" in line


@pytest.mark.parametrize("data", [b"", b"no shard"])
def test_a_damaged_file_is_one_line_where_its_segments_are_looked_for(
    data: bytes, corpus: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for path in (corpus / "shards" / "en").iterdir():
        path.write_bytes(data)
    [line] = got(capsys, corpus, "nowhere", f"--segment={SEGMENTS[1]}", status=2)
    assert " cannot be read: " in line


def test_text_alone_has_no_ids(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = write_corpus(tmp_path / "out", documents()[:3], formats=[TEXT])
    [line] = got(capsys, output, PAGE, status=2)
    assert "has no ids" in line


# --- the record


def of_the_sample() -> tuple[Document, bytes]:
    """A document of a record of the sample, and the record's block."""
    path = sorted(sample.crawl_directory().rglob("*.wet.gz"))[0]
    with path.open("rb") as file:
        record = [part for part in read_archive(file) if isinstance(part, Record)][-2]
    name = record.headers["warc-record-id"].strip("<>").removeprefix("urn:uuid:")
    segment = path.relative_to(sample.crawl_directory()).as_posix()
    found = document(1, id=f"{name}/en", offset=record.offset, dump=sample.DUMP)
    return dataclasses.replace(found, segment=segment), record.body


def test_the_record_comes_by_one_request(tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    found, block = of_the_sample()
    output = write_corpus(tmp_path / "out", [found])
    with FaultServer(sample.crawl_directory()) as server:
        assert get.main([str(output), found.id, "--source", f"--base={server.url}"]) == 0
        [request] = server.log
    raw = capsysbinary.readouterr().out
    assert raw.startswith(b"WARC/1.0\r\nWARC-Type: conversion\r\n")
    assert raw.endswith(b"\r\n\r\n" + block)
    assert request.start == found.offset


@pytest.mark.parametrize("pack", [bz2.compress, lzma.compress, zstandard.compress])
def test_of_many_records_at_one_offset_it_is_the_right_one(
    pack: Callable[[bytes], bytes], tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    blocks = [b"The same block.", b"The same block.", b"Another."]
    records = [
        f"WARC/1.0\r\nWARC-Type: conversion\r\nWARC-Record-ID: <urn:uuid:{number}>\r\n"
        f"Content-Length: {len(block)}\r\n\r\n".encode()
        + block
        for number, block in enumerate(blocks)
    ]
    suffix = {"bz2": "bz2", "lzma": "xz", "zstandard": "zst"}[pack.__module__.partition(".")[0]]
    (tmp_path / f"x.wet.{suffix}").write_bytes(pack(b"\r\n\r\n".join([*records, b""])))
    found = [document(number, id=str(number), offset=0, segment=0) for number in range(3)]
    output = write_corpus(tmp_path / "out", [dataclasses.replace(each, segment=f"x.wet.{suffix}") for each in found])
    for number, record in enumerate(records):
        assert get.main([str(output), str(number), "--source", f"--base={tmp_path}"]) == 0
        assert capsysbinary.readouterr().out == record


def test_another_archive_is_said_to_be_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found, _ = of_the_sample()
    output = write_corpus(tmp_path / "out", [dataclasses.replace(found, id="other")])
    [line] = got(capsys, output, "other", "--source", f"--base={sample.crawl_directory()}", status=2)
    assert "has no record other at byte" in line


def test_an_archive_that_is_not_where_base_says_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found, _ = of_the_sample()
    output = write_corpus(tmp_path / "out", [found])
    [line] = got(capsys, output, found.id, "--source", f"--base={tmp_path}", status=2)
    assert line == f"get: {tmp_path / found.segment} cannot be read: No such file or directory; see --base"
    (tmp_path / found.segment).mkdir(parents=True)
    [line] = got(capsys, output, found.id, "--source", f"--base={tmp_path}", status=2)
    assert line == f"get: {tmp_path / found.segment} cannot be read: Is a directory; see --base"


def test_where_a_crawl_of_ones_own_lies_must_be_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = write_corpus(tmp_path / "out", documents()[:1])
    [line] = got(capsys, output, documents()[0].id, "--source", status=2)
    assert "say with --base" in line
