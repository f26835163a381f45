"""Text files of every packing, encoding and line end; and what is said of those that are none."""

from __future__ import annotations

import gzip
import lzma
import re
from pathlib import Path

import pytest
import zstandard

from ccnet_pipeline.errors import UserError
from ccnet_pipeline.text_files import read_documents, read_lines

TEXT = "eins\n\nzwei\u2028drei\n".encode()
LINES = ["eins", "", "zwei\u2028drei"]
A, B = TEXT[:7], TEXT[7:]
SKIPPABLE = (0x184D2A50).to_bytes(4, "little") + (5).to_bytes(4, "little") + b"hello"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.txt", TEXT),
        ("a.txt.gz", gzip.compress(TEXT)),
        ("members.txt.gz", gzip.compress(A) + gzip.compress(B)),
        ("padded.txt.gz", gzip.compress(A) + bytes(7) + gzip.compress(B) + bytes(70_000)),
        ("a.txt.xz", lzma.compress(TEXT)),
        ("streams.txt.xz", lzma.compress(A) + lzma.compress(B)),
        ("padded.txt.xz", lzma.compress(TEXT) + bytes(8)),
        ("padded-between.txt.xz", lzma.compress(A) + bytes(4) + lzma.compress(B) + bytes(4)),
        ("a.txt.zst", zstandard.compress(TEXT)),
        ("frames.txt.zst", zstandard.compress(A) + SKIPPABLE + zstandard.compress(B)),
        ("mark.txt", b"\xef\xbb\xbf" + TEXT),
        ("joined.txt.gz", gzip.compress(b"\xef\xbb\xbf" + TEXT[:5]) + gzip.compress(b"\xef\xbb\xbf" + TEXT[5:])),
        ("crlf.txt", TEXT.replace(b"\n", b"\r\n")),
        ("utf-16.txt", TEXT.decode().encode("utf-16")),
        ("utf-16-be.txt.xz", lzma.compress(b"\xfe\xff" + TEXT.decode().replace("\n", "\r\n").encode("utf-16-be"))),
        ("no-mark.txt", TEXT.decode().encode("utf-16-le")),
        ("no-line-feed.txt", TEXT[:-1]),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_same_lines_in_every_form(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    assert list(read_lines(tmp_path / name)) == LINES
    assert list(read_documents(tmp_path / name)) == [["eins"], ["zwei\u2028drei"]]


def test_packed_text_longer_than_what_is_read_at_once(tmp_path: Path) -> None:
    lines = [f"{number} " + "x" * (number % 3000) for number in range(500)]
    for name, pack in (("a.gz", gzip.compress), ("a.xz", lzma.compress), ("a.zst", zstandard.compress)):
        members = [pack("".join(f"{line}\n" for line in lines[at : at + 9]).encode()) for at in range(0, 500, 9)]
        (tmp_path / name).write_bytes(b"".join(members))
        assert list(read_lines(tmp_path / name)) == lines


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.doc", b"text\n", "unknown ending '.doc'; want .txt"),
        ("none.txt", None, "cannot be read: No such file"),
        ("a.txt", b"one\ntwo\nthr\xffee\n", "line 3: byte 0xff is not UTF-8; convert the file"),
        ("cut.txt", "one\nzwö".encode()[:-1], "line 2: byte 0xc3 is not UTF-8"),
        ("a.txt.gz", gzip.compress(b"one\n" * 70_000 + b"\xe9t\xe9\n"), "line 70001: byte 0xe9 is not UTF-8"),
        ("a.txt", b"\xff\xfea\0\n\0b\0\n\0c", "behind line 2: not UTF-16, though it begins so"),
        ("b.txt.gz", b"no gzip\n", "is not whole, or not what its ending says"),
        ("behind.txt.gz", gzip.compress(TEXT) + b"something else", "is not whole, or not what its ending says"),
        *[
            (f"cut.{ending}", pack(b"text\n" * 99)[:-cut], "is not whole, or not what its ending says: it ends in")
            for ending, pack in (("gz", gzip.compress), ("xz", lzma.compress), ("zst", zstandard.compress))
            for cut in (1, 12)
        ],
        ("a.txt.zst", b"no zstd\n", "is not whole, or not what its ending says"),
    ],
)
def test_what_is_no_text_is_named_in_one_short_line(
    tmp_path: Path, name: str, content: bytes | None, said: str
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=re.escape(said)) as caught:
        list(read_lines(tmp_path / name))
    assert len(str(caught.value)) < len(str(tmp_path)) + 150
    assert "\n" not in str(caught.value)
