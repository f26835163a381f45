"""Archives of zstd frames: with and without dictionary, sound, damaged, hostile."""

from __future__ import annotations

import io
import random
import tracemalloc
from collections.abc import Callable
from itertools import pairwise

import pytest
import zstandard
from fastwarc.warc import ArchiveIterator
from hypothesis import given, settings
from hypothesis import strategies as st

from ccnet_pipeline.archive import Damage, Record, bombs
from tests.archive.archives import assert_in_order, bodies, damages, frame, member, read, skippable, wet
from tests.archive.work import Work, assert_linear

RANDOM = random.Random(11)
WORDS = [bytes(RANDOM.choices(b"abcdefghijklmnop", k=RANDOM.randint(2, 9))) for _ in range(400)]
# The last two are of several blocks, and of more than one piece.
TEXTS = [b" ".join(RANDOM.choices(WORDS, k=k)) for k in (3, 60, 400, 2000, 9000, 400, 50_000, 250_000, 5)]
RECORDS = [wet(number, text) for number, text in enumerate(TEXTS)]
FRAMES = [frame(record) for record in RECORDS]
STARTS = [sum(map(len, FRAMES[:k])) for k in range(len(FRAMES))]
ARCHIVE = b"".join(FRAMES)
DICTIONARY = zstandard.train_dictionary(
    8000, [wet(number, b" ".join(RANDOM.choices(WORDS, k=60))) for number in range(1000)]
)
ANOTHER = zstandard.train_dictionary(8000, [RANDOM.randbytes(30) * 4 for _ in range(1000)])
ONE = frame(wet(1, b"one"))


def _with_dictionary(dictionary: zstandard.ZstdCompressionDict = DICTIONARY) -> list[bytes]:
    return [frame(record, dict_data=dictionary) for record in RECORDS]


def _dictionary_frame(compressed: bool) -> bytes:
    raw = DICTIONARY.as_bytes()
    return skippable(frame(raw) if compressed else raw, 0x5D)


def _replaced(k: int, broken: bytes) -> bytes:
    return b"".join([*FRAMES[:k], broken, *FRAMES[k + 1 :]])


@pytest.mark.parametrize("sizes", [True, False])
@pytest.mark.parametrize("check", [True, False])
@pytest.mark.parametrize("most", [1000, 1 << 30])
def test_frame_per_record(sizes: bool, check: bool, most: int) -> None:
    frames = [frame(record, write_content_size=sizes, write_checksum=check) for record in RECORDS]
    parts = read(b"".join(frames), most)
    assert bodies(parts) == TEXTS
    assert damages(parts) == []
    assert [part.offset for part in parts] == [sum(map(len, frames[:k])) for k in range(len(frames))]


@pytest.mark.parametrize("compressed", [True, False])
def test_dictionary(compressed: bool) -> None:
    data = _dictionary_frame(compressed) + b"".join(_with_dictionary())
    parts = read(data)
    assert bodies(parts) == TEXTS
    assert damages(parts) == []
    assert read(data, 999) == parts
    assert bodies(parts) == _fastwarc(data)


def test_fastwarc_reads_the_same() -> None:
    assert bodies(read(ARCHIVE)) == _fastwarc(ARCHIVE)


def _fastwarc(data: bytes) -> list[bytes]:
    return [record.reader.read() for record in ArchiveIterator(io.BytesIO(data), parse_http=False)]


def test_frame_of_many_records_and_record_of_many_frames() -> None:
    text = b"".join(RECORDS)
    parts = read(frame(text) + ONE)
    assert bodies(parts) == [*TEXTS, b"one"]
    assert [part.offset for part in parts] == [0] * len(TEXTS) + [len(frame(text))]
    cuts = [0, 5, 300, 2000, 9000, len(text) // 2, len(text)]
    split = [frame(text[a:b]) for a, b in pairwise(cuts)]
    assert bodies(read(b"".join(split))) == TEXTS
    assert damages(read(b"".join(split))) == []


def test_skippable_frames_are_no_damage() -> None:
    for magic in range(0x50, 0x60):
        if magic != 0x5D:
            skipped = skippable(b"hello", magic)
            parts = read(skipped + ONE + skipped + skippable(b"") + ONE + skipped)
            assert bodies(parts) == [b"one"] * 2
            assert damages(parts) == []
    large = skippable(bytes(9 << 20))
    assert [part.offset for part in read(ONE + large + ONE)] == [0, len(ONE + large)]


def test_skippable_frame_with_a_wrong_size_swallows_nothing() -> None:
    wrong = skippable(b"hello", size=20)
    parts = read(ONE + wrong + ONE + ONE)
    assert bodies(parts) == [b"one"] * 3
    assert damages(parts) == [("bad_zstd", len(ONE), len(wrong))]
    endless = skippable(b"hello", size=0xFFFFFFFF)
    parts = read(ONE + endless + ONE)
    assert bodies(parts) == [b"one"] * 2
    assert damages(parts) == [("bad_zstd", len(ONE), len(endless))]


@pytest.mark.parametrize("dictionary", ["none", "another", "damaged", "cut", "no-frame"])
def test_dictionary_missing_or_wrong(dictionary: str) -> None:
    frames = b"".join(_with_dictionary())
    compressed = bytearray(_dictionary_frame(True))
    compressed[20] ^= 0x55
    front = {
        "none": b"",
        "another": skippable(ANOTHER.as_bytes(), 0x5D),
        "damaged": bytes(compressed),
        "cut": skippable(frame(DICTIONARY.as_bytes())[:-20], 0x5D),
        "no-frame": skippable(b"", 0x5D),
    }[dictionary]
    parts = read(front + frames)
    assert bodies(parts) == []
    ((reason, offset, size),) = damages(parts)
    assert reason == "bad_zstd"
    assert offset + size == len(front + frames)
    assert offset == (len(front) if dictionary in ("another", "no-frame") else 0)
    assert [part.members for part in parts if isinstance(part, Damage)] == [1]


def test_frames_without_the_dictionary_that_is_there() -> None:
    parts = read(_dictionary_frame(False) + ARCHIVE)
    assert bodies(parts) == TEXTS


@settings(max_examples=150, deadline=None)
@given(k=st.integers(0, 8), place=st.floats(0, 1, exclude_max=True), bits=st.integers(1, 255))
def test_flipped_byte_costs_its_frame(k: int, place: float, bits: int) -> None:
    broken = bytearray(FRAMES[k])
    at = int(place * len(broken))
    broken[at] ^= bits
    try:
        if zstandard.ZstdDecompressor().decompress(bytes(broken), 4 << 20) == RECORDS[k]:
            return
    except zstandard.ZstdError:
        pass
    parts = read(_replaced(k, bytes(broken)))
    assert bodies(parts) == [text for j, text in enumerate(TEXTS) if j != k]
    # A flip in the header's magic may make a skippable frame of it, and of the sizes anything.
    assert damages(parts)[0][1] == STARTS[k]
    assert sum(size for _, _, size in damages(parts)) == len(FRAMES[k])
    assert {reason for reason, _, _ in damages(parts)} <= {"bad_zstd", "not_zstd", "trailing_garbage", "truncated_zstd"}


@settings(max_examples=100, deadline=None)
@given(k=st.integers(0, 7), place=st.floats(0, 1, exclude_max=True))
def test_cut_frame_costs_itself(k: int, place: float) -> None:
    cut = int(place * (len(FRAMES[k]) - 1)) + 1
    parts = read(_replaced(k, FRAMES[k][:cut]))
    assert bodies(parts) == [text for j, text in enumerate(TEXTS) if j != k]
    assert damages(parts)[0][1] == STARTS[k]
    assert sum(size for _, _, size in damages(parts)) == cut


@settings(max_examples=100, deadline=None)
@given(cut=st.integers(4, len(ARCHIVE)))
def test_archive_cut_short(cut: int) -> None:
    whole = sum(start + len(each) <= cut for start, each in zip(STARTS, FRAMES, strict=True))
    parts = read(ARCHIVE[:cut])
    assert bodies(parts)[:whole] == TEXTS[:whole]
    rest = cut - (STARTS[whole] if whole < len(STARTS) else cut)
    if rest:
        ((reason, offset, size),) = damages(parts)
        assert reason == "truncated_zstd"
        assert offset + size == cut
        # Only the checksum may lack for the record to be given.
        assert len(bodies(parts)) == whole + (rest >= len(FRAMES[whole]) - 4)
    else:
        assert damages(parts) == []


def test_what_comes_before_the_damage_in_a_frame_of_many_records() -> None:
    text = b"".join(wet(number, RANDOM.randbytes(30_000)) for number in range(60))
    broken = bytearray(frame(text))
    broken[len(broken) // 2 + 9000] ^= 1
    broken[-1] ^= 1
    parts = read(bytes(broken) + ONE)
    found = bodies(parts)
    assert found[-1] == b"one"
    assert 25 <= len(found) <= 60  # raw blocks have no check of their own; the last may be what broke
    assert [reason for reason, _, _ in damages(parts)] == ["bad_zstd"]
    cut = read(frame(text)[: len(text) // 2])
    assert len(bodies(cut)) >= 25
    assert [reason for reason, _, _ in damages(cut)] == ["truncated_zstd"]


def test_a_short_frame_that_fails_its_check_gives_nothing() -> None:
    text = b"".join(wet(number, RANDOM.randbytes(30_000)) for number in range(20))
    broken = frame(text)[:-1] + bytes([frame(text)[-1] ^ 1])
    found = bodies(read(broken + ONE))
    assert found == [b"one"]  # what fails its check is not handed on
    assert damages(read(broken + ONE))[0][0] == "bad_zstd"


def test_garbage_between_and_behind() -> None:
    junk = RANDOM.randbytes(5000)
    parts = read(ONE + junk + ONE + junk)
    assert bodies(parts) == [b"one"] * 2
    assert damages(parts) == [
        ("not_zstd", len(ONE), 5000),
        ("trailing_garbage", 2 * len(ONE) + 5000, 5000),
    ]
    assert damages(read(junk + ONE + ONE)) == [("not_zstd", 0, 5000)]
    assert damages(read(b"\0" + ARCHIVE)) == [("not_zstd", 0, 1)]
    assert bodies(read(junk + ONE + member(wet(2, b"gzip")))) == [b"one"]
    assert bodies(read(junk + member(wet(2, b"gzip")) + ONE)) == [b"gzip"]


def test_window_that_is_too_large() -> None:
    parameters = zstandard.ZstdCompressionParameters(window_log=28, write_content_size=0)
    wide = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    data = wide.compress(wet(2, b"wide")) + wide.flush()
    parts = read(ONE + data + ONE)
    assert bodies(parts) == [b"one"] * 2
    assert damages(parts) == [("bad_zstd", len(ONE), len(data))]


def _bomb(blocks: int) -> bytes:
    """A frame of blocks of 4 bytes that give 128 KiB each; window 2 MiB, no content size, no checksum."""
    block = ((128 << 10) << 3 | 2).to_bytes(3, "little") + b"a"
    return b"\x28\xb5\x2f\xfd\x00\x58" + block * (blocks - 1) + bytes([block[0] | 1]) + block[1:]


def test_bomb_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bombs, "BOMB_FLOOR", 64 << 20)
    bomb = _bomb(10_000)  # 1.3 GB of text
    tracemalloc.start()
    try:
        with Work(monkeypatch) as counts:
            parts = read(ONE + bomb + ONE)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert counts["given"] < 2 * (bombs.BOMB_FLOOR + bombs.BOMB_RATIO * len(bomb))
    assert peak < 8 << 20
    assert bodies(parts) == [b"one"] * 2
    assert sum(size for _, _, size in damages(parts)) == len(bomb)
    assert "bad_zstd" in [reason for reason, _, _ in damages(parts)]


def test_long_record_is_passed_over() -> None:
    record = wet(1, bytes(20 << 20))
    parts = read(frame(record) + ONE)
    assert [(part.oversized, part.body) for part in parts if isinstance(part, Record)] == [(True, b""), (False, b"one")]
    assert damages(parts) == []


def test_magic_numbers_everywhere_take_linear_work(monkeypatch: pytest.MonkeyPatch) -> None:
    # Every few bytes a frame that decompresses to 128 KiB, and to no record.
    begin = b"\x28\xb5\x2f\xfd\x00\x58" + _bomb(2)[6:10]

    def reading(n: int) -> Callable[[], None]:
        def do() -> None:
            parts = read(begin * n)
            assert bodies(parts) == []
            assert sum(size for _, _, size in damages(parts)) == len(begin) * n

        return do

    assert_linear(Work(monkeypatch), reading, 4000)


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.binary(max_size=40),
            st.sampled_from(
                [b"\x28\xb5\x2f\xfd", b"WARC/1.0\r\n", b"\x5d\x2a\x4d\x18", b"\x53\x2a\x4d\x18", b"\r\n\r\n"]
            ),
            st.sampled_from(
                [ONE, ONE[:30], ONE[20:], frame(b""), skippable(b"x" * 9), skippable(b"y", 0x5D), _bomb(2)]
            ),
        ),
        max_size=12,
    ),
    st.sampled_from([1, 3, 1 << 20]),
)
def test_no_bytes_raise_and_all_are_counted_once(chunks: list[bytes], most: int) -> None:
    data = b"".join([ONE, *chunks])
    parts = read(data, most)
    assert parts == read(data)
    assert bodies(parts)[0] == b"one"
    assert_in_order(parts, len(data))
