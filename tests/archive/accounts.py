"""An archive taken apart a second time, slowly and plainly, and the reader's account held against it.

Nothing here knows how the reader works: zlib and zstandard take the archive apart, from the rules alone (RFC 1952;
RFC 8878; WARC 1.1, section 4). A *unit* is what is packed by itself: a gzip member, a zstd frame.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import zstandard

from ccnet_pipeline.archive import Damage, Record
from tests.archive.archives import assert_in_order

VERSION_LINE = re.compile(rb"(?i:WARC)/\d{1,4}\.\d{1,4}[ \t]{0,8}\r?\n")
BLANK_LINE = re.compile(rb"\n\r?\n")
_BLANK = rb"(?:[\t\x0b-\r\x1c- ]|\xc2[\x85\xa0])"
LENGTH = re.compile(rb"(?im)^%b*content-length%b*:(?:%b|\n[ \t])*(\d{1,13})%b*$" % (4 * (_BLANK,)))
SKIPPABLE = re.compile(rb"[\x50-\x5f]\x2a\x4d\x18(?s:.{4})")
_STEP = 1 << 16


@dataclass(frozen=True, slots=True)
class Codec:
    """A packing whose units can be told and taken apart."""

    name: str
    magic: bytes
    pack: Callable[[bytes], bytes]
    inflater: Callable[[], _Inflater]
    error: type[Exception]


class _Inflater:
    """One interface for the two libraries: `feed` bytes, then look at `ended` and `left`."""

    def __init__(self, gzip: bool) -> None:
        self._gzip = zlib.decompressobj(31) if gzip else None
        self._zstd = None if gzip else zstandard.ZstdDecompressor(max_window_size=1 << 27).decompressobj()

    def feed(self, data: bytes) -> bytes:
        if self._gzip is not None:
            return self._gzip.decompress(data)
        assert self._zstd is not None
        return self._zstd.decompress(data)

    @property
    def ended(self) -> bool:
        inflater = self._gzip or self._zstd
        assert inflater is not None
        return inflater.eof

    @property
    def left(self) -> int:
        inflater = self._gzip or self._zstd
        assert inflater is not None
        return len(inflater.unused_data)


def _gzip_member(text: bytes) -> bytes:
    packer = zlib.compressobj(6, wbits=31)
    return packer.compress(text) + packer.flush()


def _zstd_frame(text: bytes) -> bytes:
    return zstandard.ZstdCompressor(level=3, write_checksum=True, write_content_size=True).compress(text)


GZIP = Codec("gzip", b"\x1f\x8b\x08", _gzip_member, lambda: _Inflater(True), zlib.error)
ZSTD = Codec("zstd", b"\x28\xb5\x2f\xfd", _zstd_frame, lambda: _Inflater(False), zstandard.ZstdError)
CODECS = (GZIP, ZSTD)


@dataclass(frozen=True, slots=True)
class Unit:
    """What one unit gives: its whole text, or the text up to the place where it breaks or is cut."""

    start: int
    end: int
    text: bytes
    state: Literal["whole", "broken", "cut"]


def reserved_flags(data: bytes, at: int) -> bool:
    """Whether the gzip header at `at` has flags that no decompressor may pass over (RFC 1952, section 2.3.1.2).

    isal passes over them, zlib does not; since the text is checked either will do.
    """
    return data.startswith(GZIP.magic, at) and len(data) > at + 3 and bool(data[at + 3] & 0xE0)


def unit_at(data: bytes, start: int, codec: Codec, step: int = _STEP) -> Unit:
    """Take apart the unit that begins at `start`; a broken one byte by byte, to have all of its text."""
    if reserved_flags(data, start):
        data = b"".join([data[: start + 3], bytes([data[start + 3] & 0x1F]), data[start + 4 :]])
    inflater, text, at = codec.inflater(), bytearray(), start
    try:
        while at < len(data):
            fed = data[at : at + step]
            text += inflater.feed(fed)
            at += len(fed)
            if inflater.ended:
                return Unit(start, at - inflater.left, bytes(text), "whole")
    except codec.error:
        return Unit(start, at, bytes(text), "broken") if step == 1 else unit_at(data, start, codec, 1)
    return Unit(start, len(data), bytes(text), "cut")


def units(data: bytes, codec: Codec) -> list[Unit]:
    """Take a sound archive apart, unit by unit; the last one may be cut."""
    found: list[Unit] = []
    while not found or found[-1].end < len(data):
        found.append(unit_at(data, found[-1].end if found else 0, codec))
    return found


def framed(text: bytes, at: int) -> tuple[int, int, int] | None:
    """Give (begin, begin of the block, its length) of the first version line from `at` on that has a header."""
    line = VERSION_LINE.search(text, at)
    blank = BLANK_LINE.search(text, line.end() - 1) if line else None
    if line is None or blank is None:
        return None
    length = LENGTH.search(text[line.end() : blank.start()])
    return line.start(), blank.end(), int(length[1]) if length else -1


def whole_bodies(text: bytes) -> list[bytes]:
    """Give the blocks of a sound text, which may end anywhere: those that are whole."""
    found: list[bytes] = []
    at = 0
    while (header := framed(text, at)) is not None:
        _, begin, length = header
        if begin + length > len(text):
            break
        found.append(text[begin : begin + length])
        at = begin + length
    return found


def assert_accounted(data: bytes, parts: Sequence[Record | Damage]) -> None:
    """Every byte belongs to a record at its place, to exactly one damage, or is a line end between records."""
    records_at = [part.offset for part in parts if isinstance(part, Record)]
    assert records_at == sorted(records_at)
    # In a unit of many records the offset of a record is the unit's, and damage may stand in front of it.
    assert_in_order([part for part in parts if isinstance(part, Damage)], len(data))
    free = bytearray(b"\1") * len(data)
    at: dict[int, list[Record]] = {}
    for part in parts:
        if isinstance(part, Damage):
            assert part.reason
            assert part.members in (0, 1)
            free[part.offset : part.offset + part.size] = bytes(part.size)
        else:
            at.setdefault(part.offset, []).append(part)
    for offset, records in at.items():
        end, whole = _end_of(data, offset, records)
        if not whole:
            # Where a record ends in a unit that breaks is interpolated; so the damage may begin a little later.
            behind = [p.offset for p in parts if isinstance(p, Damage) and p.members and p.offset >= end]
            end = min(behind, default=end)
        free[offset:end] = bytes(end - offset)
    begin = free.find(1)
    while begin >= 0:
        end = free.find(0, begin)
        _assert_nothing_in(data, begin, len(data) if end < 0 else end)
        begin = free.find(1, end) if end >= 0 else -1


def _end_of(data: bytes, offset: int, records: Sequence[Record]) -> tuple[int, bool]:
    """Find the records in the text that begins at `offset`.

    Returns:
        Where in the archive the unit ends in which the last of them ends, and whether that unit is whole.
    """
    if VERSION_LINE.match(data, offset):
        assert len(records) == 1
        found = _find(data[offset:], 0, records[0])
        assert found is not None, f"no such record at {offset}"
        assert found[0] == 0, f"the record at {offset} begins at {offset + found[0]}"
        return offset + found[1], True
    codec = next(codec for codec in CODECS if data.startswith(codec.magic, offset))
    first = unit = unit_at(data, offset, codec)
    text, place, end = unit.text, 0, unit.end
    for record in records:
        while (found := _find(text, place, record)) is None:
            assert unit.state == "whole", f"no such record at {offset}"
            unit = unit_at(data, unit.end, codec)
            text, end = text + unit.text, unit.end
        assert found[0] < len(first.text), f"a record at {offset} begins in a later unit"
        place = found[1]
    return end, unit.state == "whole"


def _find(text: bytes, at: int, record: Record) -> tuple[int, int] | None:
    """Give where the record begins and ends in a text, looked for from `at` on; None if it is not there."""
    while (header := framed(text, at)) is not None:
        line, begin, length = header
        end = begin + length
        told = record.headers.get("content-length") == str(length).zfill(len(record.headers["content-length"]))
        if told and end <= len(text) and (record.oversized or text[begin:end] == record.body):
            return line, end
        at = line + 1
    return None


def _assert_nothing_in(data: bytes, begin: int, end: int) -> None:
    """The bytes [begin, end) are line ends, as they are or packed, or skippable frames of zstd."""
    while begin < end:
        if data[begin] in b"\r\n":
            begin += 1
            continue
        if SKIPPABLE.match(data, begin):
            begin += 8 + int.from_bytes(data[begin + 4 : begin + 8], "little")
            continue
        codec = next((codec for codec in CODECS if data.startswith(codec.magic, begin)), None)
        assert codec is not None, f"bytes {begin}..{end} of nothing: {data[begin:end][:40]!r}"
        unit = unit_at(data, begin, codec)
        lines = len(unit.text) - len(unit.text.lstrip(b"\r\n"))
        # The damage may begin behind the line ends at the unit's beginning; their place is interpolated.
        about = begin + (unit.end - begin) * lines // max(1, len(unit.text))
        assert unit.state == "whole" or lines, f"unit at {begin} is unaccounted"
        assert end <= about + 1 or lines == len(unit.text), f"unit at {begin} is unaccounted up to {end}"
        begin = unit.end
