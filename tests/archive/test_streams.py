"""Archives of bzip2 and xz: one stream or many, sound, damaged, hostile."""

from __future__ import annotations

import bz2
import io
import lzma
import random
import tracemalloc

import pytest

from ccnet_pipeline.archive import Damage, Record, bombs, bzip2_blocks, read_archive, xz_streams
from tests.archive.accounts import ALL_CODECS, BZIP2, GZIP, XZ, Codec, assert_accounted, unit_at
from tests.archive.archives import bodies, damages, read, skippable, wet

MIB = 1 << 20
CHANCE = random.Random(5)
WORDS = [bytes(CHANCE.choices(b"abcdefghijklmnop", k=CHANCE.randint(2, 9))) for _ in range(400)]
TEXTS = [b" ".join(CHANCE.choices(WORDS, k=k)) for k in (3, 400, 0, 3000, 12_000, 20, 15_000, 12_000, 15_000, 5)]
RECORDS = [wet(k, text) for k, text in enumerate(TEXTS)]
WHOLE = b"".join(RECORDS)
# One stream of five blocks, of 100 kB of text each.
BLOCKS = bz2.compress(WHOLE, 1)
SMALL = [b"one", b"", b"three " * 30]

by_codec = pytest.mark.parametrize("codec", [BZIP2, XZ], ids=lambda codec: codec.name)


@by_codec
def test_every_way_to_pack(codec: Codec) -> None:
    pieces = [WHOLE[at : at + 50_000] for at in range(0, len(WHOLE), 50_000)]
    for packed in ([WHOLE], RECORDS, pieces, [b"", *RECORDS, b""]):
        data = b"".join(map(codec.pack, packed))
        parts = read(data)
        assert bodies(parts) == TEXTS
        assert damages(parts) == []
        assert read(data, 999) == parts
        if codec is XZ or packed != [WHOLE]:  # the second block of a stream of bzip2 begins at any bit
            assert_accounted(data, parts)
    starts = [sum(len(codec.pack(record)) for record in RECORDS[:k]) for k in range(len(RECORDS))]
    parts = read(b"".join(map(codec.pack, RECORDS)))
    assert [(part.offset, part.number) for part in parts if isinstance(part, Record)] == [(at, 1) for at in starts]


def test_zeros_between_streams_of_xz() -> None:
    """The .xz File Format, section 2.2: in fours."""
    one = XZ.pack(RECORDS[1])
    for zeros in (4, 8, 100_000):
        data = one + bytes(zeros) + one + bytes(zeros)
        parts = read(data)
        assert bodies(parts) == [TEXTS[1]] * 2
        assert damages(parts) == []
    parts = read(one + bytes(5) + one + bytes(3))
    assert bodies(parts) == [TEXTS[1]] * 2
    assert damages(parts) == [("not_xz", len(one) + 4, 1), ("trailing_garbage", 2 * len(one) + 5, 3)]


@pytest.mark.parametrize("check", [lzma.CHECK_NONE, lzma.CHECK_SHA256])
def test_every_check_of_xz(check: int) -> None:
    assert bodies(read(lzma.compress(WHOLE, check=check, preset=0))) == TEXTS


# --- damage


@by_codec
def test_every_byte_of_a_small_archive_flipped(codec: Codec) -> None:
    packed = [codec.pack(wet(k, text)) for k, text in enumerate(SMALL)]
    data = b"".join(packed)
    ends = [sum(map(len, packed[: k + 1])) for k in range(3)]
    for at in range(len(data)):
        k = next(k for k in range(3) if at < ends[k])
        broken = bytearray(data)
        broken[at] ^= 1 << at % 8
        parts = read(bytes(broken))
        assert_accounted(bytes(broken), parts)
        assert bodies(parts) in (SMALL, SMALL[:k] + SMALL[k + 1 :]), at
        assert all(offset >= ends[k] - len(packed[k]) for _, offset, _ in damages(parts))
        assert damages(parts) or bodies(parts) == SMALL
        assert sum(size for _, _, size in damages(parts)) <= len(packed[k])


@by_codec
def test_small_archive_cut_at_every_byte(codec: Codec) -> None:
    packed = [codec.pack(wet(k, text)) for k, text in enumerate(SMALL)]
    data = b"".join(packed)
    ends = [sum(map(len, packed[: k + 1])) for k in range(3)]
    for cut in range(len(data)):
        parts = read(data[:cut])
        assert_accounted(data[:cut], parts)
        whole = sum(end <= cut for end in ends)
        # Only what is behind the text may lack for its record to be given.
        assert bodies(parts) in (SMALL[:whole], SMALL[: whole + 1])
        if cut not in (0, *ends):
            assert damages(parts)[-1][1] + damages(parts)[-1][2] == cut


@by_codec
def test_a_broken_stream_costs_itself(codec: Codec) -> None:
    packed = [codec.pack(record) for record in RECORDS]
    for k in range(len(packed)):
        broken = bytearray(packed[k])
        broken[len(broken) // 2] ^= 0x10
        for bad in (bytes(broken), packed[k][: len(broken) // 2], b"noise" * 30):
            data = b"".join([*packed[:k], bad, *packed[k + 1 :]])
            parts = read(data)
            assert bodies(parts) == TEXTS[:k] + TEXTS[k + 1 :]
            assert sum(part.size for part in parts if isinstance(part, Damage)) == len(bad)
            assert_accounted(data, parts)


@by_codec
@pytest.mark.parametrize("behind", [b"\0", b"x", b"BZ", b"BZh9", XZ.magic, b"no archive at all\n" * 500])
def test_what_is_behind_the_last_stream_is_counted(codec: Codec, behind: bytes) -> None:
    sound = codec.pack(WHOLE)
    parts = read(sound + behind)
    assert bodies(parts) == TEXTS
    assert [(offset, size) for _, offset, size in damages(parts)] == [(len(sound), len(behind))]


@by_codec
@pytest.mark.parametrize("other", ALL_CODECS, ids=lambda codec: codec.name)
def test_which_coding_it_is_where_the_first_bytes_do_not_tell(codec: Codec, other: Codec) -> None:
    data = b"noise" * 9 + codec.pack(RECORDS[0]) + other.pack(RECORDS[1])
    parts = read(data)
    assert bodies(parts) == (TEXTS[:2] if other is codec else TEXTS[:1])
    assert damages(parts)[0] == (f"not_{codec.name}", 0, 45)


# --- blocks of bzip2


@pytest.mark.parametrize("place", [0.1, 0.3, 0.6, 0.7])
def test_of_a_stream_of_many_blocks_one_is_lost(place: float) -> None:
    """And with it the records that it holds a part of; the next block is found at a bit."""
    broken = bytearray(BLOCKS)
    broken[int(place * len(BLOCKS))] ^= 0x40
    parts = read(bytes(broken))
    found = bodies(parts)
    before = next(k for k in range(len(TEXTS)) if found[: k + 1] != TEXTS[: k + 1])
    after = found[before:]
    assert after == TEXTS[len(TEXTS) - len(after) :]
    assert len(found) >= 5
    lost = {reason: size for reason, _, size in damages(parts)}
    assert len(BLOCKS) / 5 < lost.pop("bad_bzip2") < len(BLOCKS) / 3
    assert lost.keys() <= {"truncated_record", "no_warc_header"}
    assert read(bytes(broken), 1000) == parts


def test_a_stream_cut_short_gives_its_whole_blocks() -> None:
    for cut in range(1000, len(BLOCKS), 4999):
        parts = read(BLOCKS[:cut])
        whole = unit_at(BLOCKS[:cut], 0, BZIP2).text
        assert bodies(parts) == [text for text, end in _ends() if end <= len(whole)]
        assert damages(parts)[-1][0] == "truncated_bzip2"
    assert bodies(read(BLOCKS[:-9])) == TEXTS


def _ends() -> list[tuple[bytes, int]]:
    return [(text, sum(map(len, RECORDS[: k + 1])) - 4) for k, text in enumerate(TEXTS)]


def test_reading_may_begin_at_any_block() -> None:
    """As an offset of a record says: that of the block that it begins in."""
    whole = [part for part in read(BLOCKS) if isinstance(part, Record)]
    offsets = {part.offset for part in whole}
    assert len(offsets) > 2
    for offset in offsets:
        expected = [(part.number, part.body) for part in whole if part.offset == offset]
        found = [part for part in read(BLOCKS[offset:]) if isinstance(part, Record) and part.offset == 0]
        assert [(part.number, part.body) for part in found] == expected


def test_the_check_of_all_blocks() -> None:
    broken = bytearray(BLOCKS)
    broken[-2] ^= 1
    parts = read(bytes(broken))
    assert bodies(parts) == TEXTS
    assert [reason for reason, _, _ in damages(parts)] == ["bad_bzip2"]


# --- bounds


def _peak(data: bytes, limit: int = 16 * MIB) -> tuple[int, int, int]:
    """Read all; give how many records there were, how many bytes were lost, and the most memory that was held."""
    records = lost = 0
    tracemalloc.start()
    try:
        for part in read_archive(io.BytesIO(data), max_record_bytes=limit):
            records += isinstance(part, Record)
            lost += part.size if isinstance(part, Damage) else 0
        return records, lost, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@by_codec
def test_a_bomb_is_stopped(codec: Codec, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bombs, "BOMB_FLOOR", 4 * MIB)
    zeros = codec.pack(bytes(40 * MIB))
    records, lost, peak = _peak(codec.pack(RECORDS[0]) + zeros + codec.pack(RECORDS[1]))
    assert records == 2
    assert lost == len(zeros)
    assert peak < 16 * MIB


@by_codec
def test_a_record_that_is_passed_over(codec: Codec) -> None:
    data = codec.pack(wet(1, bytes(24 * MIB)) + RECORDS[1])
    parts = read(data)
    found = [(part.oversized, part.body) for part in parts if isinstance(part, Record)]
    assert found == [(True, b""), (False, TEXTS[1])]
    assert _peak(data)[2] < 16 * MIB


def test_an_xz_stream_that_wants_too_much_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    greedy = lzma.compress(RECORDS[1], filters=[{"id": lzma.FILTER_LZMA2, "dict_size": 8 * MIB}])
    one = XZ.pack(RECORDS[0])
    assert bodies(read(one + greedy + one)) == [TEXTS[0], TEXTS[1], TEXTS[0]]
    monkeypatch.setattr(xz_streams, "MAX_MEMORY_BYTES", 4 * MIB)
    parts = read(one + greedy + one)
    assert bodies(parts) == [TEXTS[0]] * 2
    assert damages(parts) == [("bad_xz", len(one), len(greedy))]


HOSTILE: tuple[bytes, ...] = (b"BZh91AY&SY", b"BZh9", b"1AY&SY", b"1AY&SY\x17rE8P\x90", BZIP2.pack(b"x"))
HOSTILE += (XZ.magic, XZ.pack(b"")[:12], XZ.pack(b"x"))


@pytest.mark.parametrize("unit", HOSTILE)
def test_work_grows_as_the_archive_does(unit: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Counted: bytes that are given to an unpacker."""
    fed = 0

    class Unpacker:
        def __init__(self, unpacker: object) -> None:
            self._unpacker = unpacker

        def __getattr__(self, name: str) -> object:
            return getattr(self._unpacker, name)

        def decompress(self, data: bytes, most: int) -> bytes:
            nonlocal fed
            fed += len(data)
            text: bytes = self._unpacker.decompress(data, most)  # type: ignore[attr-defined]
            return text

    monkeypatch.setattr(bzip2_blocks, "BZ2Decompressor", lambda: Unpacker(bz2.BZ2Decompressor()))
    unpack = lzma.LZMADecompressor
    monkeypatch.setattr(xz_streams, "LZMADecompressor", lambda *limits: Unpacker(unpack(*limits)))
    for codec in (BZIP2, XZ):
        sound, most = codec.pack(RECORDS[0]), []
        for size in (5_000, 40_000):
            fed, data = 0, sound + unit * (size // len(unit)) + sound
            assert bodies(read(data)) == TEXTS[:1] * 2
            most.append(fed)
        assert most[1] <= 16 * most[0]  # for 8 times as much; if each had to look at all, 64 times


def test_other_codings_are_as_they_were() -> None:
    assert bodies(read(GZIP.pack(RECORDS[0]) + BZIP2.pack(RECORDS[1]))) == TEXTS[:1]
    assert bodies(read(skippable(b"x") + BZIP2.pack(RECORDS[1]))) == []
