"""An archive taken apart a second time, slowly and plainly, and the reader's account held against it.

Nothing here knows how the reader works: zlib, zstandard, bz2 and lzma take the archive apart, from the rules alone (RFC
1952; RFC 8878; WARC 1.1, section 4). A *unit* is what is packed by itself: a gzip member, a zstd frame, a stream.
"""

from __future__ import annotations

import bz2
import lzma
import re
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, Protocol

import zstandard

from ccnet_pipeline.archive import Damage, Record
from tests.archive.archives import assert_in_order

_EOL = rb"[ \t]{0,32}\r{0,4}\n"
VERSION_LINE = re.compile(rb"(?i:WARC)/\d{1,4}\.\d{1,4}(?:%b|\r(?=[A-Za-z]))" % _EOL)
ARC_LINE = re.compile(rb"[A-Za-z][A-Za-z0-9+.-]*:[^\r\n]* \S+ \d{12,18} [^\r\n]*?(\S+)\r{0,4}\n")
_ARC_IN_TEXT = re.compile(rb"(?m)(?:^|(?=http:|filedesc:))" + ARC_LINE.pattern)
BLANK_LINE = re.compile(rb"\n%b" % _EOL)
_BLANK = rb"(?:[\t\x0b-\r\x1c- ]|\xc2[\x85\xa0])"
LENGTH = re.compile(rb"(?im)^%b*content-length%b*:(?:%b|\n[ \t])*(\d{1,13})%b*$" % (4 * (_BLANK,)))
SKIPPABLE = re.compile(rb"[\x50-\x5f]\x2a\x4d\x18(?s:.{4})")
WRONG = "wrong_content_length"  # a damage of no bytes: the record is given, but ends elsewhere
_STEP = 1 << 16


class Inflater(Protocol):
    """What the decompressors of all libraries have."""

    def decompress(self, data: bytes, /) -> bytes: ...
    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Codec:
    """A packing whose units can be told and taken apart."""

    name: str
    magic: bytes
    pack: Callable[[bytes], bytes]
    inflater: Callable[[], Inflater]
    error: type[Exception]


def _gzip_member(text: bytes) -> bytes:
    packer = zlib.compressobj(6, wbits=31)
    return packer.compress(text) + packer.flush()


def _zstd_frame(text: bytes) -> bytes:
    return zstandard.ZstdCompressor(level=3, write_checksum=True, write_content_size=True).compress(text)


def _zstd_inflater() -> Inflater:
    return zstandard.ZstdDecompressor(max_window_size=1 << 27).decompressobj()


GZIP = Codec("gzip", b"\x1f\x8b\x08", _gzip_member, lambda: zlib.decompressobj(31), zlib.error)
ZSTD = Codec("zstd", b"\x28\xb5\x2f\xfd", _zstd_frame, _zstd_inflater, zstandard.ZstdError)
BZIP2 = Codec("bzip2", b"BZh", bz2.compress, bz2.BZ2Decompressor, OSError)
XZ = Codec("xz", b"\xfd7zXZ\0", lambda text: lzma.compress(text, preset=0), lzma.LZMADecompressor, lzma.LZMAError)
CODECS = (GZIP, ZSTD)
ALL_CODECS = (*CODECS, BZIP2, XZ)
_BLOCK = b"1AY&SY"  # begins a block of bzip2
_MAGICS = (*(codec.magic for codec in ALL_CODECS), _BLOCK)


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
            text += inflater.decompress(fed)
            at += len(fed)
            if inflater.eof:
                return Unit(start, at - len(inflater.unused_data), bytes(text), "whole")
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
    """Give (begin, begin of the block, its length) of the first version line from `at` on that has a header.

    Of ARC of the first line of a record.
    """
    line = VERSION_LINE.search(text, at)
    arc = _ARC_IN_TEXT.search(text, at)
    if arc and (line is None or arc.start() < line.start()):
        return arc.start(), arc.end(), int(arc[1]) if arc[1].isdigit() else -1
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
    _assert_numbered(parts)
    # In a unit of many records the offset of a record is the unit's, and damage may stand in front of it.
    assert_in_order([part for part in parts if isinstance(part, Damage)], len(data))
    free = bytearray(b"\1") * len(data)
    early = {id(before): part.offset for before, part in pairwise(parts) if getattr(part, "reason", "") == WRONG}
    at: dict[int, list[Record]] = {}
    for part in parts:
        if isinstance(part, Damage):
            assert part.reason
            assert part.members in (0, 1)
            free[part.offset : part.offset + part.size] = bytes(part.size)
        else:
            at.setdefault(part.offset, []).append(part)
    for offset, records in at.items():
        end, whole = _end_of(data, offset, records, early)
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


def _assert_numbered(parts: Sequence[Record | Damage]) -> None:
    """Offset and number name one record, and numbers are counted from 1."""
    last = (-1, 0)
    for part in parts:
        if isinstance(part, Record):
            last = (part.offset, last[1] + 1 if part.offset == last[0] else 1)
            assert (part.offset, part.number) == last


def _end_of(data: bytes, offset: int, records: Sequence[Record], early: dict[int, int]) -> tuple[int, bool]:
    """Find the records in the text that begins at `offset`.

    Args:
        data: the archive.
        offset: of the records.
        records: those of this offset.
        early: of those that end before their length says so, where in the archive, by their identity.

    Returns:
        Where in the archive the unit ends in which the last of them ends, and whether that unit is whole.
    """
    if VERSION_LINE.match(data, offset) or ARC_LINE.match(data, offset):
        assert len(records) == 1
        found = _find(data[offset:], 0, records[0], is_early=id(records[0]) in early)
        assert found is not None, f"no such record at {offset}"
        assert found[0] == 0, f"the record at {offset} begins at {offset + found[0]}"
        return early[id(records[0])] if records[0].oversized and id(records[0]) in early else offset + found[1], True
    first = unit = _any_unit_at(data, offset)
    text, place, end = unit.text, 0, unit.end
    for record in records:
        while (found := _find(text, place, record, is_early=id(record) in early)) is None or (
            unit.end < early.get(id(record), -1) and unit.state == "whole"
        ):
            assert unit.state == "whole", f"no such record at {offset}"
            unit = _any_unit_at(data, unit.end)
            text, end = text + unit.text, unit.end
        assert found[0] < len(first.text), f"a record at {offset} begins in a later unit"
        place = found[1]
    return end, unit.state == "whole"


def _any_unit_at(data: bytes, start: int) -> Unit:
    if data.startswith(_BLOCK, start):
        # The first block of a bzip2 stream whose header is harmed; the CRC of all, in the last byte, may be, too.
        unit = unit_at(b"BZh9" + data[start:], 0, BZIP2)
        return Unit(start, start + unit.end - 4 + (unit.state == "broken"), unit.text, unit.state)
    # What begins otherwise is a skippable frame of zstd.
    return unit_at(data, start, next((codec for codec in ALL_CODECS if data.startswith(codec.magic, start)), ZSTD))


def _find(text: bytes, at: int, record: Record, *, is_early: bool) -> tuple[int, int] | None:
    """Give where the record begins and ends in a text, looked for from `at` on; None if it is not there.

    Of a record that was passed over and ends early: where its block begins.
    """
    while (header := framed(text, at)) is not None:
        line, begin, length = header
        told = record.headers.get("content-length") == str(length).zfill(len(record.headers["content-length"]))
        added = _added(text[line:begin])
        if told and record.oversized and is_early:
            return line, begin
        end = _end_of_block(text, begin, length, record, added) if told else None
        if end is not None:
            return line, end
        at = line + 1
    return None


def _added(head: bytes) -> bytes:
    """What LF was made, as all lines of a head show it: CR LF, if they end with CR CR LF."""
    first = re.match(rb"[^\r\n]*(\r{2,4}\n)", head)
    return first[1][:-2] + b"\n" if first and head.count(first[1]) == head.count(b"\n") else b""


def _end_of_block(text: bytes, begin: int, length: int, record: Record, added: bytes) -> int | None:
    """Where the block ends if it is as it was given: the text itself, or without the CR before each LF."""
    end = begin + (length if record.oversized else len(record.body))
    at = begin
    while added and (at := text.find(added, at, end + len(added) - 1)) >= 0:
        at, end = at + 1, end + len(added) - 1
    block = text[begin:end].replace(added, b"\n") if added else text[begin:end]
    return end if end <= len(text) and (record.oversized or block == record.body) else None


def _assert_nothing_in(data: bytes, begin: int, end: int) -> None:
    """The bytes [begin, end) are line ends, as they are or packed, or skippable frames of zstd."""
    while begin < end:
        if data[begin] in b"\r\n":
            begin += 1
            continue
        if data[begin] == 0 and XZ.magic in data:
            begin += 1
            continue
        if SKIPPABLE.match(data, begin):
            begin += 8 + int.from_bytes(data[begin + 4 : begin + 8], "little")
            continue
        known = data.startswith(_MAGICS, begin)
        assert known, f"bytes {begin}..{end} of nothing: {data[begin:end][:40]!r}"
        unit = _any_unit_at(data, begin)
        lines = len(unit.text) - len(unit.text.lstrip(b"\r\n"))
        # The damage may begin behind the line ends at the unit's beginning; their place is interpolated.
        about = begin + (unit.end - begin) * lines // max(1, len(unit.text))
        assert unit.state == "whole" or lines, f"unit at {begin} is unaccounted"
        assert end <= about + 1 or lines == len(unit.text), f"unit at {begin} is unaccounted up to {end}"
        begin = unit.end
