"""Hostile and huge archives: bounded memory, time linear in the archive."""

from __future__ import annotations

import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from typing import BinaryIO, cast

import pytest

from ccnet_pipeline.archive import Damage, Record, members, read_archive
from ccnet_pipeline.archive.window import READ_BYTES
from tests.archive.archives import bodies, damages, member, read, wet
from tests.archive.work import Work, assert_linear

MIB = 1 << 20


class _Generated:
    """A stream of chunks that are made as they are read."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks

    def read(self, size: int) -> bytes:
        return next(self._chunks, b"")


def _peak(chunks: Iterator[bytes], limit: int) -> tuple[list[Record | Damage], int]:
    tracemalloc.start()
    try:
        parts = list(read_archive(cast(BinaryIO, _Generated(chunks)), max_record_bytes=limit))
        return parts, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def _big_record(size: int) -> Iterator[bytes]:
    yield wet(1, b"").replace(b"Content-Length: 0", b"Content-Length: %d" % size)[:-4]
    for _ in range(size // MIB):
        yield b"x" * MIB
    yield b"\r\n\r\n" + wet(2, b"next")


def _packed(chunks: Iterator[bytes], level: int = 1) -> Iterator[bytes]:
    deflater = zlib.compressobj(level, wbits=31)
    for chunk in chunks:
        yield deflater.compress(chunk)
    yield deflater.flush()


@pytest.mark.parametrize("level", [None, 0, 1])
def test_record_of_50_mib_is_passed_over(level: int | None) -> None:
    text = _big_record(50 * MIB)
    chunks = (chunk for chunk in (text if level is None else _packed(text, level)) if chunk)
    parts, peak = _peak(chunks, 16 * MIB)
    assert [(part.oversized, part.body) for part in parts if isinstance(part, Record)] == [
        (True, b""),
        (False, b"next"),
    ]
    assert len(parts) == 2
    # A member without compression is the longest; 4 MiB of it are kept, and copied once as the window moves.
    assert peak < (15 if level == 0 else 8) * MIB


def test_record_of_just_the_limit_is_held_once() -> None:
    parts, peak = _peak(_big_record(16 * MIB), 16 * MIB)
    assert [len(part.body) for part in parts if isinstance(part, Record)] == [16 * MIB, 4]
    assert peak < 24 * MIB


def test_bomb() -> None:
    bomb = b"".join(_packed(b"0" * MIB for _ in range(300)))
    parts, peak = _peak(iter([bomb, member(wet(1, b"after"))]), 16 * MIB)
    assert bodies(parts) == [b"after"]
    assert damages(parts) == [("no_warc_header", 0, len(bomb))]
    assert peak < 8 * MIB


def test_long_member_with_damage_near_its_beginning() -> None:
    """The window does not hold the member any more when it ends."""
    noise = zlib.compressobj(0, wbits=31)
    text = b"".join(wet(number, bytes(range(256)) * 400) for number in range(120))
    packed = noise.compress(text) + noise.flush()
    broken = packed[:-8] + b"\0" * 8
    parts = read(broken + member(wet(1, b"after")))
    assert len(bodies(parts)) == 120
    assert bodies(parts)[-1] == b"after"
    assert [reason for reason, _, _ in damages(parts)] == ["bad_gzip"]
    assert sum(size for _, _, size in damages(parts)) < 200_000


def _reading(data: bytes, records: int) -> Callable[[], None]:
    def do() -> None:
        parts = read(data)
        assert len(bodies(parts)) == records
        assert sum(size for _, _, size in damages(parts)) == (0 if records else len(data))

    return do


def test_magic_numbers_everywhere_take_linear_work(monkeypatch: pytest.MonkeyPatch) -> None:
    # Every few bytes a member that begins with a record and then goes on, stored, until it fails.
    begin = member(b"WARC/1.0\r\n" * 3, 0)[:15] + b"WARC/1.0\r\n"
    assert_linear(Work(monkeypatch), lambda n: _reading(begin * n, 0), 500)


def test_many_small_members_take_linear_work(monkeypatch: pytest.MonkeyPatch) -> None:
    one = member(wet(1, b"x" * 100))
    assert_linear(Work(monkeypatch), lambda n: _reading(one * n, n), 500)


def test_members_nested_in_members_take_bounded_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each unit is a member that begins with a record; its stored blocks lead on to the archive's end."""
    unit_bytes, length = 25, 25 * 2600 - 5
    block = b"\0" + length.to_bytes(2, "little") + (length ^ 0xFFFF).to_bytes(2, "little")
    unit = member(b"")[:10] + block + b"WARC/1.0\r\n"
    assert len(unit) == unit_bytes
    archive = unit * 20_000
    monkeypatch.setattr(members, "REREAD_FLOOR", MIB)
    with Work(monkeypatch) as counts:
        parts = read(archive)
    assert bodies(parts) == []
    assert sum(size for _, _, size in damages(parts)) == len(archive)
    # Each byte again for each member that it is in would be 2.5 GB.
    assert counts["fed"] < 20 * (MIB + members.REREAD_RATIO * len(archive))


@pytest.mark.parametrize("before", range(40))
def test_borders_of_pieces_and_windows(before: int) -> None:
    """Whatever begins a little before the bytes that are read at a time end is found, at its place."""
    record = wet(1, b"at the border")
    size = READ_BYTES - before
    rest = size - len(record)
    junk = b"x\n" * (rest // 2) + b"\n" * (rest % 2)
    parts = read(record + junk + record + b"junk")
    assert [part.offset for part in parts] == [0, len(record), size, size + len(record)]
    assert bodies(parts) == [b"at the border"] * 2
    filler = wet(2, b"y" * (size - len(wet(2, b"y" * 100_000)) + 100_000))
    assert [part.offset for part in read(filler + record + record[:50])] == [0, size, size + len(record)]
    packed = member(record)
    noise = b"\1" * size
    assert [part.offset for part in read(noise + packed)] == [0, size]
