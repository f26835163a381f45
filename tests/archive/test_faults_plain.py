"""Fault injection in plain archives: nothing but lengths and version lines tells where a record is."""

from __future__ import annotations

import random

import pytest

from tests.archive.accounts import assert_accounted
from tests.archive.archives import bodies, damages, read, wet


def test_wrong_length_in_one_plain_record() -> None:
    """Too small: the record ends early; too large: it takes in some of the next. From the next version line on
    all is well again."""
    chance = random.Random(1)
    texts = [chance.randbytes(40).hex().encode() * 4 for _ in range(8)]
    sound = [wet(k, text) for k, text in enumerate(texts)]
    for k in range(7):
        for wrong in (0, 1, 319, 323, 325, 400, 600, len(sound[k + 1]) + 330):
            broken = sound[k].replace(b"Length: 320", b"Length: %d" % wrong)
            data = b"".join([*sound[:k], broken, *sound[k + 1 :]])
            parts = read(data)
            touched = 1 + (wrong > 324) + (wrong > 324 + len(sound[k + 1]) if k < 6 else 0)
            found = bodies(parts)
            assert found[:k] == texts[:k]
            kept = texts[k + touched :]
            assert found[len(found) - len(kept) :] == kept
            assert set(found) <= {*texts, found[k] if k < len(found) else b""}
            assert_accounted(data, parts)


@pytest.mark.parametrize("wrong", [b"", b"x", b"-1", b"1e3", b"99999999999999", b"320 320", b"0x140", b"\xff"])
def test_no_length_in_one_plain_record(wrong: bytes) -> None:
    chance = random.Random(2)
    texts = [chance.randbytes(40).hex().encode() * 4 for _ in range(8)]
    sound = [wet(k, text) for k, text in enumerate(texts)]
    for k in range(8):
        broken = sound[k].replace(b"Length: 320", b"Length: " + wrong)
        data = b"".join([*sound[:k], broken, *sound[k + 1 :]])
        parts = read(data)
        assert bodies(parts) == texts[:k] + texts[k + 1 :]
        assert damages(parts) == [("bad_content_length", sum(map(len, sound[:k])), len(broken))]


def test_length_beyond_the_end_of_a_plain_archive_is_counted() -> None:
    """Only the length tells where a block ends: what stands behind one too large for the archive is lost with it."""
    first, last = wet(1, b"first"), wet(3, b"last")
    broken = wet(2, b"second").replace(b"Length: 6", b"Length: 999999")
    parts = read(first + broken + last)
    assert bodies(parts) == [b"first"]
    assert damages(parts) == [("truncated_record", len(first), len(broken + last))]


def test_every_byte_of_a_plain_archive_flipped() -> None:
    """It costs its record, and the next one if it is in a length or the blank line, or in the last line end."""
    texts = [b"some prose", b"", b"and more of it", b"the end"]
    sound = [wet(k, text) for k, text in enumerate(texts)]
    ends = [sum(map(len, sound[: k + 1])) for k in range(4)]
    data = b"".join(sound)
    for at in range(len(data)):
        k = next(k for k in range(4) if at < ends[k])
        broken = bytearray(data)
        broken[at] ^= 1 << at % 8
        parts = read(bytes(broken))
        assert_accounted(bytes(broken), parts)
        begin = data.index(b"Content-Length: ", ends[k] - len(sound[k])) + len(b"Content-Length: ")
        touches_next = begin <= at < data.index(b"\r\n\r\n", begin) + 4 or at == ends[k] - 1
        rest = texts[k + 1 + touches_next :]
        found = bodies(parts)
        assert found[:k] == texts[:k]
        assert found[len(found) - len(rest) :] == rest


def test_bytes_removed_from_a_plain_archive() -> None:
    texts = [b"some prose", b"two\r\nlines", b"and more of it", b"the end"]
    sound = [wet(k, text) for k, text in enumerate(texts)]
    data = b"".join(sound)
    ends = [sum(map(len, sound[: k + 1])) for k in range(4)]
    for begin in range(0, len(data), 3):
        for size in (1, 7, 50):
            parts = read(data[:begin] + data[begin + size :])
            assert_accounted(data[:begin] + data[begin + size :], parts)
            whole = sum(end - 4 <= begin for end in ends)
            assert bodies(parts)[:whole] == texts[:whole]
