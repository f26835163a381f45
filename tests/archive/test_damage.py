"""Broken gzip: exactly what is broken is lost, and its bytes are counted."""

from __future__ import annotations

import random
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.archive.archives import assert_in_order, bodies, damages, member, read, wet

RANDOM = random.Random(7)
WORDS = [bytes(RANDOM.choices(b"abcdefghijklmnop", k=RANDOM.randint(2, 9))) for _ in range(400)]
TEXTS = [b" ".join(RANDOM.choices(WORDS, k=RANDOM.choice([3, 60, 400, 9000]))) for _ in range(12)]
MEMBERS = [member(wet(number, text)) for number, text in enumerate(TEXTS)]
STARTS = [sum(map(len, MEMBERS[:k])) for k in range(len(MEMBERS))]
ARCHIVE = b"".join(MEMBERS)


def _replaced(k: int, broken: bytes) -> bytes:
    return b"".join([*MEMBERS[:k], broken, *MEMBERS[k + 1 :]])


def _without(*ks: int) -> list[bytes]:
    return [text for k, text in enumerate(TEXTS) if k not in ks]


def _unharmed(broken: bytes, k: int) -> bool:
    """Whether a changed member still is a sound member of the same text (only its time changed, say)."""
    inflater = zlib.decompressobj(31)
    try:
        return inflater.decompress(broken) == wet(k, TEXTS[k]) and inflater.eof
    except zlib.error:
        return False


@settings(max_examples=150, deadline=None)
@given(k=st.integers(0, 10), place=st.floats(0, 1, exclude_max=True), bits=st.integers(1, 255))
def test_flipped_byte_costs_its_member(k: int, place: float, bits: int) -> None:
    broken = bytearray(MEMBERS[k])
    at = int(place * len(broken))
    broken[at] ^= bits
    if _unharmed(bytes(broken), k) or at == 3:  # byte 3: flags; isal passes over the reserved ones
        return
    parts = read(_replaced(k, bytes(broken)))
    assert bodies(parts) == _without(k)
    ((reason, offset, size),) = damages(parts)
    assert reason in ("bad_gzip", "not_gzip")
    assert (offset, size) == (STARTS[k], len(MEMBERS[k]))


@pytest.mark.parametrize("at", [-8, -5, -4, -1])
@pytest.mark.parametrize("k", [0, 5, 11])
def test_crc_and_length_are_verified(k: int, at: int) -> None:
    broken = bytearray(MEMBERS[k])
    broken[at] ^= 1
    parts = read(_replaced(k, bytes(broken)))
    assert bodies(parts) == _without(k)
    assert damages(parts) == [("bad_gzip", STARTS[k], len(MEMBERS[k]))]


@settings(max_examples=100, deadline=None)
@given(k=st.integers(0, 10), place=st.floats(0, 1, exclude_max=True))
def test_cut_member_costs_itself(k: int, place: float) -> None:
    cut = int(place * (len(MEMBERS[k]) - 1)) + 1
    parts = read(_replaced(k, MEMBERS[k][:cut]))
    assert bodies(parts) == _without(k)
    assert [(offset, size) for _, offset, size in damages(parts)] == [(STARTS[k], cut)]


@settings(max_examples=100, deadline=None)
@given(k=st.integers(0, 11), place=st.floats(0, 1), hole=st.integers(1, 3000))
def test_hole_costs_the_members_it_touches(k: int, place: float, hole: int) -> None:
    begin = STARTS[k] + int(place * (len(MEMBERS[k]) - 1))
    end = begin + hole
    touched = [j for j, start in enumerate(STARTS) if start < end and start + len(MEMBERS[j]) > begin]
    parts = read(ARCHIVE[:begin] + ARCHIVE[end:])
    found = bodies(parts)
    # A hole that is whole members leaves no trace; one that ends in a trailer may leave the record of an
    # archive cut short.
    assert [text for text in found if text in _without(*touched)] == _without(*touched)
    assert set(found) <= set(TEXTS)
    assert_in_order(parts, len(ARCHIVE))


@settings(max_examples=150, deadline=None)
@given(cut=st.integers(0, len(ARCHIVE)))
def test_archive_cut_short(cut: int) -> None:
    whole = sum(start + len(m) <= cut for start, m in zip(STARTS, MEMBERS, strict=True))
    parts = read(ARCHIVE[:cut])
    found = bodies(parts)
    assert found[:whole] == TEXTS[:whole]
    rest = cut - STARTS[whole] if whole < len(STARTS) else 0
    if rest:
        # Only the check at the end of the member may lack for its record to be given.
        text = zlib.decompressobj(31).decompress(ARCHIVE[STARTS[whole] : cut])
        assert len(found) == whole + (TEXTS[whole] in text)
        ((reason, offset, size),) = damages(parts)
        assert reason == "truncated_gzip"
        assert offset + size == cut
        assert len(found) > whole or (offset, size) == (STARTS[whole], rest)
    else:
        assert (len(found), damages(parts)) == (whole, [])


@pytest.mark.parametrize("lacking", range(1, 9))
def test_archive_that_lacks_only_its_last_check(lacking: int) -> None:
    parts = read(ARCHIVE[:-lacking])
    assert bodies(parts) == TEXTS
    ((reason, offset, size),) = damages(parts)
    assert (reason, offset + size) == ("truncated_gzip", len(ARCHIVE) - lacking)


@pytest.mark.parametrize("cut", range(0, 900, 7))
def test_plain_archive_cut_short(cut: int) -> None:
    records = [wet(number, b"WARC/1.0\r\nline\r\n" * 5) for number in range(3)]
    text = b"".join(records)[:cut]
    parts = read(text)
    ends = [sum(map(len, records[: k + 1])) - 4 for k in range(3)]
    whole = sum(end <= len(text) for end in ends)
    assert len(bodies(parts)) == whole
    begin = sum(map(len, records[:whole]))
    if len(text) > begin:
        ((_, offset, size),) = damages(parts)
        assert (offset, size) == (begin, len(text) - begin)
    else:
        assert damages(parts) == []


def test_garbage_between_and_behind() -> None:
    junk = RANDOM.randbytes(5000).replace(b"\x1f", b"\x1e")
    one, two = MEMBERS[:2]
    parts = read(junk + one + junk + two + junk)
    assert bodies(parts) == TEXTS[:2]
    begin = len(junk + one)
    assert damages(parts) == [
        ("not_gzip", 0, 5000),
        ("not_gzip", begin, 5000),
        ("trailing_garbage", begin + 5000 + len(two), 5000),
    ]


def test_text_without_records_is_counted() -> None:
    other = member(b"no record at all\n")
    parts = read(MEMBERS[0] + other + MEMBERS[1])
    assert bodies(parts) == TEXTS[:2]
    assert damages(parts) == [("no_warc_header", len(MEMBERS[0]), len(other))]


def test_many_records_in_a_member_that_breaks() -> None:
    """None is given: the check that fails behind the records may be about any of them."""
    text = b"".join(wet(number, words) for number, words in enumerate(TEXTS))
    packed = bytearray(member(text))
    packed[-8] ^= 1
    parts = read(bytes(packed) + MEMBERS[0])
    assert bodies(parts) == [TEXTS[0]]
    assert damages(parts) == [("bad_gzip", 0, len(packed))]
    parts = read(member(text)[:-9])
    assert bodies(parts)[:11] == TEXTS[:11]


def test_broken_member_inside_a_record_of_several() -> None:
    text = wet(9, TEXTS[3])
    one, two, three = member(text[:40]), bytearray(member(text[40:300])), member(text[300:])
    two[-5] ^= 1
    data = MEMBERS[0] + one + bytes(two) + three + MEMBERS[1]
    parts = read(data)
    assert bodies(parts) == TEXTS[:2]
    begin = len(MEMBERS[0])
    assert damages(parts) == [
        ("truncated_record", begin, len(one)),
        ("bad_gzip", begin + len(one), len(two) + len(three)),
    ]


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.binary(max_size=40),
            st.sampled_from(
                [b"\x1f\x8b\x08", b"WARC/1.0\r\n", b"Content-Length: 3\r\n", b"\r\n\r\n", b"\r\nWARC/1.1\n"]
            ),
            st.sampled_from([MEMBERS[0], MEMBERS[0][:30], MEMBERS[0][20:], wet(1, b"x"), member(b"")]),
        ),
        max_size=12,
    ),
    st.sampled_from([1, 3, 1 << 20]),
)
def test_no_bytes_raise_and_all_are_counted_once(chunks: list[bytes], most: int) -> None:
    data = b"".join(chunks)
    parts = read(data, most)
    assert parts == read(data)
    assert_in_order(parts, len(data))
    if not bodies(parts) and data.strip(b"\r\n") and data.strip(member(b"")):
        assert damages(parts)
