"""Fault injection: with one damaged unit in N, exactly that unit's records are missing, and its bytes are counted.

A unit is a gzip member or a zstd frame; one that is harmed without harm to its text (another time in a gzip header,
say) may give its record. What is expected comes from tests/archive/accounts.py, which takes the damaged unit apart by
itself, not from the reader.
"""

from __future__ import annotations

import gzip
import random
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from ccnet_pipeline.archive import Damage, Record
from tests.archive.accounts import (
    CODECS,
    GZIP,
    ZSTD,
    Codec,
    assert_accounted,
    reserved_flags,
    unit_at,
    units,
    whole_bodies,
)
from tests.archive.archives import bodies, damages, read, wet

RANDOM = random.Random(2026)
WORDS = [bytes(RANDOM.choices(b"abcdefghijklmnopqrstuvwxyz", k=RANDOM.randint(2, 9))) for _ in range(500)]
ARCHIVE_LINES = b"WARC/1.0\r\nWARC-Type: conversion\r\nContent-Length: 7\r\n\r\nnothing\r\n\r\n"
INSERTED = [b"\0", b"\n", b"\r\n", b"\xff" * 3, b"WARC/1.0\r\n", RANDOM.randbytes(700), GZIP.magic, ZSTD.magic]

by_codec = pytest.mark.parametrize("codec", CODECS, ids=lambda codec: codec.name)


def _chance(*key: object) -> random.Random:
    """Chance of its own for every test, whichever others run."""
    return random.Random(repr(key))


def _text(size: int) -> bytes:
    """Prose of about `size` bytes, with a record of its own in it."""
    chosen = RANDOM.choices(WORDS, k=size // 12 + 1)
    return b" ".join([*chosen, b"\r\n" + ARCHIVE_LINES, *chosen])


# Stored, fixed and dynamic blocks; longer than the slices that the reader feeds at a time, and shorter.
TEXTS = [_text(size) for size in (10, 3000, 90_000, 300, 20_000, 1, 6000, 700, 40_000)]
BODIES: dict[Codec, list[bytes]] = {codec: TEXTS for codec in CODECS}
UNITS = {codec: [codec.pack(wet(k, text)) for k, text in enumerate(TEXTS)] for codec in CODECS}
SMALL = [_text(size) for size in (1, 60, 200)]


def _assert_costs_at_most(parts: Sequence[Record | Damage], texts: list[bytes], k: int, sizes: list[int]) -> None:
    """Unit `k`, now of `sizes[k]` bytes, is lost and counted as a whole; or it gives its record all the same.

    The second only where the text of the record is unharmed; then less than the unit is counted, if anything.
    """
    begin = sum(sizes[:k])
    harmed = [damage for damage in parts if isinstance(damage, Damage)]
    assert all(begin <= d.offset and d.offset + d.size <= begin + sizes[k] for d in harmed)
    if bodies(parts) == texts:
        assert sum(d.size for d in harmed) < sizes[k]
    else:
        assert bodies(parts) == texts[:k] + texts[k + 1 :]
        assert sum(d.size for d in harmed) == sizes[k]
        assert sum(d.members for d in harmed) <= 1


def _check(codec: Codec, k: int, broken: bytes, *, lost: bool | None = None, members: int | None = None) -> None:
    """Put `broken` in the place of unit `k`.

    Args:
        lost: whether the record has to be missing; None: if the broken unit does not come to a sound end.
        members: how many units the damage counts, where the test knows.
    """
    packed = [*UNITS[codec][:k], broken, *UNITS[codec][k + 1 :]]
    data = b"".join(packed)
    parts = read(data)
    _assert_costs_at_most(parts, TEXTS, k, [len(unit) for unit in packed])
    if lost is None:
        unit = unit_at(data, sum(map(len, packed[:k])), codec)
        lost = unit.state == "broken" and UNITS[codec][k] not in broken
        if unit.state == "whole" and unit.text == wet(k, TEXTS[k]) and not reserved_flags(broken, 0):
            assert bodies(parts) == TEXTS
    assert not lost or bodies(parts) == TEXTS[:k] + TEXTS[k + 1 :]
    if members is not None:
        assert sum(part.members for part in parts if isinstance(part, Damage)) == members
    assert_accounted(data, parts)


def _places(size: int, more: int, chance: random.Random) -> list[int]:
    """The first and last places of a unit, where its header and trailer are, and some between."""
    edges = [*range(min(14, size)), *range(max(0, size - 10), size)]
    return sorted({*edges, *(chance.randrange(size) for _ in range(more))})


@by_codec
@pytest.mark.parametrize("k", range(len(TEXTS)))
def test_flipped_byte(codec: Codec, k: int) -> None:
    chance = _chance(codec.name, k)
    for at in _places(len(UNITS[codec][k]), 25, chance):
        broken = bytearray(UNITS[codec][k])
        broken[at] ^= chance.choice([1, 4, 0x40, 0x80, 0xFF])
        _check(codec, k, bytes(broken))


@by_codec
@pytest.mark.parametrize("k", range(len(TEXTS) - 1))
def test_unit_cut_short(codec: Codec, k: int) -> None:
    """The last unit is another matter: what is whole of an archive cut short is given."""
    chance, size = _chance(codec.name, k), len(UNITS[codec][k])
    for cut in _places(size, 10, chance)[1:]:
        _check(codec, k, UNITS[codec][k][:cut], lost=True, members=1 if cut >= 4 else None)


@by_codec
@pytest.mark.parametrize("k", range(len(TEXTS)))
@pytest.mark.parametrize("fault", ["removed", "zeroed", "doubled", "noise"])
def test_bytes_of_a_unit(codec: Codec, k: int, fault: str) -> None:
    chance = _chance(codec.name, k, fault)
    sound = UNITS[codec][k]
    for _ in range(12):
        begin = chance.randrange(len(sound) - 1)
        end = min(len(sound), begin + chance.choice([1, 2, 40, 3000]))
        end -= fault == "removed" and end - begin == len(sound)
        piece = sound[begin:end]
        made = {"removed": b"", "zeroed": bytes(len(piece)), "doubled": piece * 2}.get(fault)
        broken = sound[:begin] + (chance.randbytes(len(piece)) if made is None else made) + sound[end:]
        if broken != sound:
            _check(codec, k, broken)


@by_codec
@pytest.mark.parametrize("k", range(len(TEXTS)))
@pytest.mark.parametrize("more", INSERTED, ids=lambda more: f"{more[:4].hex()}-{len(more)}")
def test_bytes_inserted(codec: Codec, k: int, more: bytes) -> None:
    chance = _chance(codec.name, k, more)
    sound = UNITS[codec][k]
    for at in (1, 5, len(sound) // 2, len(sound) - 9, len(sound) - 1, chance.randrange(1, len(sound))):
        _check(codec, k, sound[:at] + more + sound[at:])


@by_codec
def test_every_byte_of_a_small_archive_flipped(codec: Codec) -> None:
    packed = [codec.pack(wet(k, text)) for k, text in enumerate(SMALL)]
    sizes = [len(unit) for unit in packed]
    data = b"".join(packed)
    for at in range(len(data)):
        k = next(k for k in range(3) if at < sum(sizes[: k + 1]))
        for bits in (1 << at % 8, 0xFF):
            broken = bytearray(data)
            broken[at] ^= bits
            parts = read(bytes(broken))
            _assert_costs_at_most(parts, SMALL, k, sizes)
            assert_accounted(bytes(broken), parts)


@by_codec
def test_two_damaged_units_cost_two(codec: Codec) -> None:
    chance = _chance(codec.name)
    for one in range(len(TEXTS) - 1):
        two = chance.randrange(one + 1, len(TEXTS))
        packed = [bytearray(unit) for unit in UNITS[codec]]
        for k in (one, two):
            packed[k][-3] ^= 0x55  # in what is checked at the end of the unit
        data = b"".join(packed)
        parts = read(data)
        assert bodies(parts) == [text for k, text in enumerate(TEXTS) if k not in (one, two)]
        assert sum(size for _, _, size in damages(parts)) == len(packed[one]) + len(packed[two])
        assert sum(part.members for part in parts if isinstance(part, Damage)) == 2
        assert_accounted(data, parts)


# --- archives cut short


def _assert_cut(data: bytes, cut: int, codec: Codec, of: Sequence[tuple[int, int, bytes]]) -> None:
    """What is whole before the cut is given; `of` has (begin, end, text) of the units of the whole archive."""
    whole = [unit for unit in of if unit[1] <= cut]
    begin = whole[-1][1] if whole else 0
    rest = whole_bodies(unit_at(data[:cut], begin, codec).text) if begin < cut else []
    parts = read(data[:cut])
    assert bodies(parts) == [body for _, _, text in whole for body in whole_bodies(text)] + rest
    lost = [part for part in parts if isinstance(part, Damage)]
    if begin == cut:
        assert lost == []
    else:
        assert min(part.offset for part in lost) >= begin
        assert max(part.offset + part.size for part in lost) == cut
        assert rest or sum(part.size for part in lost) == cut - begin
    assert_accounted(data[:cut], parts)


@by_codec
def test_generated_wet_cut_at_every_1000th_byte(codec: Codec, generated_crawl: Callable[..., Path]) -> None:
    (path,) = generated_crawl(kind="wet", files=1, records_per_file=80).rglob("*.wet.gz")
    sound = path.read_bytes()
    texts = [unit.text for unit in units(sound, GZIP)]
    data = sound if codec is GZIP else b"".join(map(codec.pack, texts))
    assert len(data) > 100_000
    of = [(unit.start, unit.end, unit.text) for unit in units(data, codec)]
    assert bodies(read(data)) == [body for text in texts for body in whole_bodies(text)]
    for cut in range(0, len(data), 1000):
        _assert_cut(data, cut, codec, of)


@by_codec
def test_generated_wet_with_one_damaged_unit(codec: Codec, generated_crawl: Callable[..., Path]) -> None:
    chance = _chance(codec.name)
    (path,) = generated_crawl(kind="wet", files=1, records_per_file=80).rglob("*.wet.gz")
    texts = [unit.text for unit in units(path.read_bytes(), GZIP)]
    packed = [codec.pack(text) for text in texts]
    found = bodies(read(b"".join(packed)))
    assert len(found) == len(texts) == 81
    for k, unit in enumerate(packed):
        broken = bytearray(unit)
        broken[chance.randrange(20, len(unit))] ^= chance.randint(1, 255)
        parts = read(b"".join([*packed[:k], broken, *packed[k + 1 :]]))
        _assert_costs_at_most(parts, found, k, [len(unit) for unit in packed])


@by_codec
@pytest.mark.parametrize("packing", ["a record a unit", "all in one", "a record in several"])
def test_small_archive_cut_at_every_byte(codec: Codec, packing: str) -> None:
    texts = [wet(k, text) for k, text in enumerate(SMALL)]
    if packing == "all in one":
        texts = [b"".join(texts)]
    elif packing == "a record in several":
        texts = [text[at : at + 90] for text in texts for at in range(0, len(text), 90)]
    packed = [codec.pack(text) for text in texts]
    data = b"".join(packed)
    for cut in range(len(data) + 1):
        parts = read(data[:cut])
        text = b""
        for unit in units(data[:cut], codec) if cut else []:
            text += unit.text
        assert bodies(parts) == whole_bodies(text)
        assert_accounted(data[:cut], parts)


# --- what stands behind, between and before


BEHIND = {
    "zero": b"\0",
    "zeros": bytes(70_000),
    "noise": RANDOM.randbytes(9000).replace(b"\x1f", b"").replace(b"\x28", b""),
    "html": b"<!DOCTYPE html>\n<html><title>503 Slow Down</title><p>WARC/1.0 is busy</html>\n" * 40,
    "xml": b'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>SlowDown</Code></Error>',
    "one byte of gzip": GZIP.magic[:1],
    "half a gzip header": GZIP.magic + b"\0\0",
    "half a frame header": ZSTD.magic + b"\0",
    "another gzip": gzip.compress(b"no archive at all\n" * 500),
    "another zstd": ZSTD.pack(b"no archive at all\n" * 500),
    "half a version line": b"WARC/1.",
}


@by_codec
@pytest.mark.parametrize("name", BEHIND)
def test_trailing_garbage(codec: Codec, name: str) -> None:
    sound = b"".join(UNITS[codec])
    data = sound + BEHIND[name]
    parts = read(data)
    assert bodies(parts) == TEXTS
    lost = damages(parts)
    assert lost[0][1] == len(sound)
    assert sum(size for _, _, size in lost) == len(BEHIND[name])
    if not any(BEHIND[name].startswith(other.magic[:1]) for other in CODECS):
        assert lost == [("trailing_garbage", len(sound), len(BEHIND[name]))]
    assert_accounted(data, parts)


@by_codec
@pytest.mark.parametrize("name", [name for name in BEHIND if name != "half a version line"])
def test_garbage_between_all_units(codec: Codec, name: str) -> None:
    junk = BEHIND[name]
    data = junk.join(UNITS[codec])
    parts = read(data)
    assert bodies(parts) == TEXTS
    begins = [sum(map(len, UNITS[codec][: k + 1])) + k * len(junk) for k in range(len(TEXTS) - 1)]
    lost = [part for part in parts if isinstance(part, Damage)]
    assert sum(part.size for part in lost) == len(junk) * len(begins)
    assert {part.offset for part in lost} >= set(begins)
    assert_accounted(data, parts)


@by_codec
@pytest.mark.parametrize("name", BEHIND)
def test_garbage_in_front(codec: Codec, name: str) -> None:
    if any(BEHIND[name].startswith(other.magic[:1]) for other in CODECS if other is not codec):
        pytest.skip("the first bytes tell of another packing")
    data = BEHIND[name] + b"".join(UNITS[codec])
    parts = read(data)
    assert bodies(parts) == TEXTS
    assert sum(size for _, _, size in damages(parts)) == len(BEHIND[name])
    assert_accounted(data, parts)


@by_codec
def test_units_in_another_order_and_twice(codec: Codec) -> None:
    chance = _chance(codec.name)
    for _ in range(30):
        order = chance.choices(range(len(TEXTS)), k=chance.randint(1, 14))
        packed = [UNITS[codec][k] for k in order]
        parts = read(b"".join(packed))
        assert bodies(parts) == [TEXTS[k] for k in order]
        assert damages(parts) == []
        assert [part.offset for part in parts] == [sum(map(len, packed[:k])) for k in range(len(order))]


@by_codec
def test_empty_units_and_line_ends_between(codec: Codec) -> None:
    for text in (b"", b"\r\n", b"\n" * 5000):
        between = codec.pack(text)
        data = between + between.join(UNITS[codec]) + between * 2
        parts = read(data)
        assert bodies(parts) == TEXTS
        assert damages(parts) == []
        assert_accounted(data, parts)


@by_codec
def test_plain_records_behind_and_between_packed_ones_are_counted(codec: Codec) -> None:
    """Which packing an archive has is told once; the other's bytes are no records, but are counted."""
    plain = wet(100, b"plain")
    data = plain.join(UNITS[codec]) + plain
    parts = read(data)
    assert [body for body in bodies(parts) if body != b"plain"] == TEXTS
    given = len(bodies(parts)) - len(TEXTS)
    assert sum(size for _, _, size in damages(parts)) == len(plain) * (len(TEXTS) - given)
    assert_accounted(data, parts)


@by_codec
def test_packed_units_between_plain_records_are_counted(codec: Codec) -> None:
    plain = [wet(k, text) for k, text in enumerate(SMALL)]
    packed = UNITS[codec][1]
    data = (packed + b"\n").join(plain)
    parts = read(data)
    assert [body for body in bodies(parts) if body != TEXTS[1]] == SMALL
    if len(bodies(parts)) == len(SMALL):
        assert sum(size for _, _, size in damages(parts)) == 2 * len(packed) + 2
    assert_accounted(data, parts)


# --- what a body says is of no matter


@by_codec
def test_records_in_a_body_split_nothing(codec: Codec) -> None:
    inner = b"".join(wet(k, text) for k, text in enumerate(SMALL))
    nested = [inner, b"\r\n\r\n" + inner, inner * 30, codec.pack(inner), wet(9, inner), b"WARC/1.0\r\n\r\n"]
    texts = [wet(k, body) for k, body in enumerate(nested)]
    for data in (b"".join(texts), b"".join(map(codec.pack, texts)), codec.pack(b"".join(texts))):
        assert bodies(read(data)) == nested
        assert damages(read(data)) == []


@by_codec
@pytest.mark.parametrize("most", [1, 7, 1000])
def test_how_the_stream_cuts_the_archive_does_not_matter(codec: Codec, most: int) -> None:
    chance = _chance(codec.name, most)
    for fault in range(12):
        packed = [bytearray(unit) for unit in UNITS[codec][:6]]
        packed[2] = packed[2][:2000]
        broken = packed[fault % 6]
        broken[chance.randrange(len(broken))] ^= 0x10
        data = bytes(b"".join(packed) + [b"", b"junk", bytes(9)][fault % 3])[: chance.randint(50_000, 90_000)]
        assert read(data, most) == read(data)
