"""What people give as an archive and is none, and what looks like that and is one."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard

from ccnet_pipeline.mistaken import mistaken_for_archive
from tests.archive.archives import member, wet
from tests.conftest import CHECKOUT

PATHS = "".join(f"crawl-data/CC-MAIN-2018-51/segments/1.5/wet/{number}.warc.wet.gz\n" for number in range(300))
PAGE = b"<!DOCTYPE html>\n<html><head><title>Index of /crawl</title></head><body>" + b"<a href=x>x</a>" * 2000
RECORD = wet(1, b"Title\n" + b"text " * 100)

Look = Callable[..., str | None]


@pytest.fixture
def look(tmp_path: Path) -> Look:
    """`look(content)`: what a file with this content is taken for."""

    def of(content: bytes, name: str = "file.wet.gz") -> str | None:
        (tmp_path / name).write_bytes(content)
        return mistaken_for_archive(tmp_path / name)

    return of


def zipped(name: str, content: bytes, compression: int = zipfile.ZIP_STORED) -> bytes:
    with zipfile.ZipFile(file := io.BytesIO(), "w", compression) as folder:
        folder.writestr("datapackage.json", "{}")
        folder.writestr(name, content)
    return file.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        PATHS.encode(),
        PATHS.partition("\n")[0].encode(),
        PATHS.encode("utf-16"),
        PATHS.replace("\n", "\r\n").encode(),
        b"# mine\n" + PATHS.encode(),
        PATHS.replace("crawl-data", "https://h/crawl-data").encode(),
        PATHS.replace("crawl-data", "-rw-r--r-- 1 me me 130023 Nov 26 06:30 crawl-data").encode(),
        b"total 300\n" + PATHS.replace("crawl-data", "2018-12-20 12:00:00 130023 crawl-data").encode(),
        *(pack(PATHS.encode()) for pack in (gzip.compress, zstandard.compress, lzma.compress, bz2.compress)),
    ],
)
def test_lists(look: Look, content: bytes) -> None:
    assert look(content) == "looks like a list of files: give one path a line, in a file named *.paths"


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        ((CHECKOUT / "docs" / "small-model.png").read_bytes(), "a picture (PNG)"),
        (b"\xff\xd8\xff\xe0\0\x10JFIF", "a picture (JPEG)"),
        (b"RIFF\x10\0\0\0WEBPVP8 ", "a picture (WebP)"),
        (b"\0\0\0\x20ftypisom", "a picture, sound or film"),
        (b"%PDF-1.4\n%", "a PDF"),
        (b"PAR1\x15\x04", "a table (Parquet or Arrow)"),
        (PAGE, "a web page"),
        (b"\xef\xbb\xbf \n" + PAGE.lower(), "a web page"),
        (gzip.compress(PAGE), "a web page"),
        (b'<?xml version="1.0"?>\n<Error><Code>NoSuchKey</Code></Error>', "XML, perhaps what an object store answered"),
        (b'{"url": "http://h/"}\n', "JSON"),
        (zstandard.compress(b'{"id":"1","text":"x"}\n' * 99), "JSON"),  # a shard of our own
        (b"[]", None),
        (b"[caption] text", None),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_files_of_other_kinds(look: Look, content: bytes, kind: str | None) -> None:
    assert look(content) == (kind and f"is {kind}: give WARC or WET files, or a list of them named *.paths")


@pytest.mark.parametrize(
    "content",
    [zipped("notes.txt", b"x"), zipped("a.warc", RECORD, zipfile.ZIP_DEFLATED), zipped("a.png", b"x")],
)
def test_a_zip_file_without_an_archive_that_can_be_read(look: Look, content: bytes) -> None:
    assert look(content) == "is a ZIP file: unpack it and give the WARC or WET files in it"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\n\n",
        RECORD,
        member(RECORD),
        zstandard.compress(RECORD),
        gzip.compress(b""),
        gzip.compress(RECORD)[:20],
        zipped("archive/data.warc.gz", member(RECORD)),  # a WACZ
        zipped("archive/data.warc.gz", member(RECORD))[:-30],
        PAGE + b"\r\n\r\n" + RECORD,  # a part of an archive, from the middle of a record on
        b"This is no record.\n" * 1000,
        bytes(1000),
        b"filedesc://x.arc 0.0.0.0 20080101000000 text/plain 77\n1 0 Archive\n",
    ],
)
def test_what_may_be_an_archive_is_left_to_the_reader(look: Look, content: bytes) -> None:
    assert look(content) is None


def test_text_is_an_archive_by_its_name_or_by_a_record(look: Look) -> None:
    text = "Ça, ce n’est pas un enregistrement.\r\n".encode() * 1000
    said = "is text without a record: give WARC or WET files, or a list of them named *.paths"
    for name in ("notes.txt", "README", "crawl.lst"):
        assert look(text, name) == said
        assert look(text + RECORD, name) is None
        assert look(b"", name) is look(bytes(1000), name) is look(b"\n\n", name) is None
        assert look(text + b"\n" * (2 << 20), name) is None  # too long to be sure
    for name in ("notes.wet", "notes.warc", "a.arc", "CC-MAIN-2018.warc.wet.1"):
        assert look(text, name) is None


def test_no_real_archive_is_mistaken(test_data: Path) -> None:
    archives = [path for name in ("commoncrawl", "warc_defects", "cases") for path in (test_data / name).rglob("*.*")]
    taken = {path.name for path in archives if mistaken_for_archive(path)}
    assert taken <= {path.name for path in archives if path.suffix == ".md"}
