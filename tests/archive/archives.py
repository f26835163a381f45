"""Small archives for the tests."""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Iterable, Sequence
from typing import Any

import zstandard

from ccnet_pipeline.archive import Damage, Record, read_archive


class Trickle:
    """A stream that gives at most `most` bytes a call, and can do nothing but `read`."""

    def __init__(self, data: bytes, most: int) -> None:
        self._stream = io.BytesIO(data)
        self._most = most

    def read(self, size: int) -> bytes:
        assert size > 0
        return self._stream.read(min(size, self._most))


def wet(number: int, body: bytes) -> bytes:
    """A conversion as CommonCrawl writes it."""
    head = (
        "WARC/1.0\r\nWARC-Type: conversion\r\nWARC-Target-URI: http://example.org/"
        f"{number}\r\nWARC-Date: 2018-07-23T14:22:24Z\r\nWARC-Record-ID: <urn:uuid:{number:032x}>\r\n"
        f"WARC-Refers-To: <urn:uuid:{number + 1:032x}>\r\nWARC-Block-Digest: sha1:AAAA\r\n"
        f"Content-Type: text/plain\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body + b"\r\n\r\n"


ARC_NAMES = {
    1: b"URL IP-address Archive-date Content-type Archive-length",
    2: b"URL IP-address Archive-date Content-type Result-code Checksum Location Offset Filename Archive-length",
}


def arc(
    url: bytes, block: bytes, *, version: int = 1, date: bytes = b"20080430204826", kind: bytes = b"text/html"
) -> bytes:
    """A record of ARC."""
    more = b" 200 3f80a3 - 77 x.arc" if version == 2 else b""
    return url + b" 192.0.2.7 " + date + b" " + kind + more + b" %d\n" % len(block) + block + b"\n"


def arc_head(version: int = 1, more: bytes = b"") -> bytes:
    """The first record of an ARC file."""
    block = b"%d 0 Somebody\n" % version + ARC_NAMES[version] + b"\n" + more
    return arc(b"filedesc://x.arc", block, version=version, kind=b"text/plain")


def member(text: bytes, level: int = 6) -> bytes:
    return gzip.compress(text, level, mtime=0)


def frame(text: bytes, **options: Any) -> bytes:
    """A zstd frame; with a checksum, as `zstd` writes it."""
    return zstandard.ZstdCompressor(**{"level": 3, "write_checksum": True, **options}).compress(text)


def skippable(content: bytes, magic: int = 0x53, size: int | None = None) -> bytes:
    """A skippable frame of zstd, with the size of its content or another one."""
    return bytes([magic]) + b"\x2a\x4d\x18" + (len(content) if size is None else size).to_bytes(4, "little") + content


def read(data: bytes, most: int = 1 << 30, **options: int) -> list[Record | Damage]:
    return list(read_archive(Trickle(data, most), **options))


def bodies(parts: Iterable[Record | Damage]) -> list[bytes]:
    return [part.body for part in parts if isinstance(part, Record)]


def damages(parts: Iterable[Record | Damage]) -> list[tuple[str, int, int]]:
    return [(part.reason, part.offset, part.size) for part in parts if isinstance(part, Damage)]


def assert_in_order(parts: Sequence[Record | Damage], size: int) -> None:
    """No byte is counted twice: damage is inside the archive, in order, and without overlap."""
    assert [part.offset for part in parts] == sorted(part.offset for part in parts)
    at = 0
    for part in parts:
        if isinstance(part, Damage):
            assert part.size >= 0
            assert part.offset >= at
            at = part.offset + part.size
    assert at <= size


def inflates(data: bytes) -> bool:
    try:
        return zlib.decompressobj(31).decompress(data) is not None
    except zlib.error:
        return False
