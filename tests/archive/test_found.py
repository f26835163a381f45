"""What fault injection and fuzzing found in the archive reader: one small archive a test."""

from __future__ import annotations

import random
import time

import pytest

from ccnet_pipeline.archive import Damage, Record
from tests.archive.accounts import CODECS, GZIP, ZSTD, Codec, assert_accounted, framed, unit_at
from tests.archive.archives import bodies, damages, member, read, wet
from tests.archive.work import Work

NOISE = random.Random(1).randbytes(300)  # no packer makes less of it

by_codec = pytest.mark.parametrize("codec", CODECS, ids=lambda codec: codec.name)


def _stored(text: bytes) -> bytes:
    """A member of one stored block: ten bytes of header, five of the block's, the text, eight of trailer."""
    made = member(text, 0)
    assert made[15:-8] == text
    return made


def test_blanks_in_a_header_that_has_a_continuation_line() -> None:
    """The pattern that joins continuation lines tried every blank of a run anew: 64 kB took seconds, now 2 ms."""
    text = b"WARC/1.0\r\nA: " + b" " * 60_000 + b"x\r\n y\r\nContent-Length: 4\r\n\r\nbody\r\n\r\n"
    began = time.process_time()
    assert bodies(read(text)) == [b"body"]
    assert time.process_time() - began < 1


def test_a_line_of_arc_with_a_great_many_dates() -> None:
    """The pattern of such a line tried every pair of a date and an end: 64 kB would take nine seconds, now 12 ms."""
    text = b"http://x/" + b" x 20200101000000" * 3800 + b" " * 2000 + b"\n"
    began = time.process_time()
    assert damages(read(text)) == [("no_warc_header", 0, len(text))]
    assert time.process_time() - began < 1


def test_version_lines_one_after_another(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each was searched for a blank line 64 kB ahead before the next one was seen: 1 MB took ten seconds."""
    with Work(monkeypatch) as counts:
        parts = read(b"WARC/1.0\r\n" * 5000)
    assert counts["searched"] < 2 * 50_000
    assert sum(size for _, _, size in damages(parts)) == 50_000


@by_codec
def test_small_gaps_do_not_tire_the_search(codec: Codec) -> None:
    """A gap of a byte counted as 16 kB read twice; after 2 500 of them the search passed over sound members."""
    sound = codec.pack(wet(1, b"x" * 60))
    assert len(bodies(read((sound + b"\0") * 4000))) == 4000


def test_flipped_bit_that_hides_the_end_of_the_last_member() -> None:
    """Inflating ran on into the trailer and ended with the archive: taken for one cut short, its harmed record
    was given. Behind the block stood garbage, where an archive that is only cut has line ends; nearly always."""
    text = b" ".join(b"%d words" % (k * k) for k in range(12))
    sound = member(wet(1, text))
    found = set()
    for at in range(10, len(sound) - 8):
        for bit in range(8):
            broken = bytearray(sound)
            broken[at] ^= 1 << bit
            inflated = unit_at(bytes(broken), 0, GZIP).text
            header = framed(inflated, 0)
            if header is not None and b"\r\n\r\n".startswith(inflated[header[1] + header[2] :]):
                continue  # nothing tells it from an archive cut short
            found.update(bodies(read(bytes(broken))))
    assert found <= {text}


@by_codec
def test_byte_missing_in_the_last_unit(codec: Codec) -> None:
    """A stored block took in a byte of the trailer instead; then the archive ended, as if cut short."""
    sound = _stored(wet(1, NOISE)) if codec is GZIP else codec.pack(wet(1, NOISE))
    begin = len(sound) - 100
    assert bodies(read(codec.pack(wet(0, b"first")) + sound[:begin] + sound[begin + 1 :])) == [b"first"]


def test_garbage_with_a_version_line_behind_the_record_of_a_broken_member() -> None:
    """A record was given before its member had passed the check, because a version line came in what followed it."""
    text = wet(1, b"b0dy") + b"garbage\r\nWARC/1.0\r\nand more of it " + NOISE.hex().encode()
    broken = bytearray(member(text))
    broken[-8] ^= 1
    assert bodies(read(bytes(broken) + member(wet(2, b"after")))) == [b"after"]


def test_records_in_the_body_of_a_broken_member() -> None:
    """One byte of the header block was harmed; then the records inside the body were taken for the archive's."""
    sound = _stored(wet(1, wet(7, b"inner") * 3))
    broken = bytearray(sound)
    broken[20] ^= 0x20  # in the version line
    parts = read(bytes(broken) + member(wet(2, b"after")))
    assert bodies(parts) == [b"after"]
    assert sum(size for _, _, size in damages(parts)) == len(broken)


@by_codec
def test_record_over_two_units_of_which_the_second_fails_its_check(codec: Codec) -> None:
    """The record was dropped, but the first unit's bytes were counted nowhere."""
    line_ends = bytes(b"\r\n"[byte & 1] for byte in NOISE * 2)
    text = wet(1, b"x" * 500) + line_ends
    one, two, three = codec.pack(text[:300]), bytearray(codec.pack(text[300:])), codec.pack(wet(2, b"after"))
    two[-4 if codec is ZSTD else -8] ^= 0x55
    data = one + bytes(two) + three
    parts = read(data)
    assert bodies(parts) == [b"after"]
    assert sum(size for _, _, size in damages(parts)) == len(one) + len(two)
    assert_accounted(data, parts)


def test_stored_block_that_swallows_the_next_member() -> None:
    """Bytes were missing in it, so its text went on into the next member; that was counted as damage and given."""
    first = _stored(b"no record at all\n" * 60)
    broken = first[:200] + first[600:]
    parts = read(broken + member(wet(2, NOISE * 4)))
    assert bodies(parts) == [NOISE * 4]
    lost = [part for part in parts if isinstance(part, Damage)]
    assert sum(part.size for part in lost) == len(broken)
    assert max(part.offset + part.size for part in lost) == len(broken)


@by_codec
def test_two_broken_units_side_by_side_are_two(codec: Codec) -> None:
    """The search passed over the second frame, whose checksum is wrong too, so that one was counted."""
    broken = bytearray(codec.pack(wet(1, b"x" * 60)))
    broken[-4 if codec is ZSTD else -8] ^= 0x55
    sound = codec.pack(wet(2, b"sound"))
    parts = read(sound + bytes(broken) * 2 + sound)
    assert bodies(parts) == [b"sound"] * 2
    assert sum(part.members for part in parts if isinstance(part, Damage)) == 2
    assert sum(size for _, _, size in damages(parts)) == 2 * len(broken)


@by_codec
@pytest.mark.parametrize("size", [1, 7, 10, 30, 60])
def test_offset_of_a_record_behind_a_header_cut_in_several_units(codec: Codec, size: int) -> None:
    """The record was given the offset of the unit that the cut header began in."""
    text = b"WARC/1.0\r\nName: value\r\nName: " + wet(1, b"body") + wet(2, b"next")
    text = text.replace(b"Name: WARC", b"Name: value\r\nWARC")
    packed = [codec.pack(text[at : at + size]) for at in range(0, len(text), size)]
    starts = [sum(map(len, packed[:k])) for k in range(len(packed))]
    begins = [text.index(wet(1, b"body")), text.index(wet(2, b"next"))]
    parts = read(b"".join(packed))
    assert bodies(parts) == [b"body", b"next"]
    assert [p.offset for p in parts if isinstance(p, Record)] == [starts[begin // size] for begin in begins]
    assert_accounted(b"".join(packed), parts)


@by_codec
def test_damage_behind_a_record_that_began_in_the_unit_before(codec: Codec) -> None:
    """Places in the text carried over were interpolated across the border: the damage began in the first unit."""
    text = wet(2, b"body")
    one = codec.pack(wet(1, NOISE) + text[:250])
    two = codec.pack(text[250:] + b"x" * 50_000)
    parts = read(one + two)
    assert bodies(parts) == [NOISE, b"body"]
    ((_, offset, size),) = damages(parts)
    assert offset >= len(one)
    assert offset + size == len(one) + len(two)
