"""Fault injection in plain archives: nothing but lengths and version lines tells where a record is."""

from __future__ import annotations

import random

import pytest

from tests.archive.accounts import assert_accounted
from tests.archive.archives import bodies, damages, read, wet


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


def test_every_byte_of_a_plain_archive_flipped() -> None:
    """It costs its own record at most."""
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
        found, rest = bodies(parts), texts[k + 1 :]
        assert found[:k] == texts[:k]
        assert found[len(found) - len(rest) :] == rest


def test_bytes_removed_from_a_plain_archive() -> None:
    """They cost the records that they are from, and no other."""
    texts = [b"some prose", b"two\r\nlines", b"and more of it", b"the end"]
    sound = [wet(k, text) for k, text in enumerate(texts)]
    data = b"".join(sound)
    ends = [sum(map(len, sound[: k + 1])) for k in range(4)]
    for begin in range(0, len(data), 3):
        for size in (1, 7, 50):
            parts = read(data[:begin] + data[begin + size :])
            assert_accounted(data[:begin] + data[begin + size :], parts)
            whole = sum(end - 4 <= begin for end in ends)
            rest = [
                text for text, record, end in zip(texts, sound, ends, strict=True) if end - len(record) >= begin + size
            ]
            found = bodies(parts)
            assert found[:whole] == texts[:whole]
            assert found[len(found) - len(rest) :] == rest
