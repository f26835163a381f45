"""A Content-Length that is wrong costs nothing but itself, as far as the bytes tell what it should have been."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from ccnet_pipeline.archive import Damage, Record, framer
from ccnet_pipeline.archive.patience import Patience
from tests.archive.accounts import WRONG, assert_accounted
from tests.archive.archives import bodies, damages, member, read, wet

MIB = 1 << 20
WORDS = b" ".join(b"%d words" % (k * k) for k in range(60))
TEXTS = [b"first\nof\n\nall", WORDS, b"", b"line\r\n\r\nWARC/1.0 is no line\r\n" + WORDS, b"last"]
RECORDS = [wet(k, text) for k, text in enumerate(TEXTS)]
ENDS_WITH_A_RECORD = re.compile(rb"[\r\n]*(WARC/|\Z)")
Packer = Callable[[bytes], bytes]
packed = pytest.mark.parametrize("pack", [bytes, member], ids=["plain", "in one member"])


def stating(record: bytes, length: int) -> bytes:
    return re.sub(rb"(?<=Content-Length: )\d+", b"%d" % length, record, count=1)


def response(number: int, body: bytes) -> bytes:
    """A record with CR LF inside the block, as those of web pages have."""
    block = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nServer: x\r\n\r\n" + body
    return wet(number, block).replace(b"conversion", b"response")


# --- too large: the block takes in the beginning of the next record


@packed
@pytest.mark.parametrize("k", range(4))
def test_every_length_that_is_a_little_too_large(k: int, pack: Packer) -> None:
    """Up to four bytes it takes line ends only; then it ends where the next record begins."""
    after = b"\r\n\r\n" + b"".join(RECORDS[k + 1 :])
    for more in range(1, 330):
        if more > 4 and ENDS_WITH_A_RECORD.match(after, more):
            continue  # nothing tells that it is wrong
        texts = [*RECORDS[:k], stating(RECORDS[k], len(TEXTS[k]) + more), *RECORDS[k + 1 :]]
        parts = read(pack(b"".join(texts)))
        body = TEXTS[k] + b"\r\n\r\n"[:more] if more < 5 else TEXTS[k]
        assert bodies(parts) == [*TEXTS[:k], body, *TEXTS[k + 1 :]], more
        assert [reason for reason, _, _ in damages(parts)] == [WRONG] * (more > 4)
        assert_accounted(pack(b"".join(texts)), parts)


@packed
def test_a_length_that_takes_in_several_records(pack: Packer) -> None:
    after = b"\r\n\r\n" + b"".join(RECORDS[2:])
    for more in range(340, len(after), 7):
        if ENDS_WITH_A_RECORD.match(after, more) is None:
            text = RECORDS[0] + stating(RECORDS[1], len(TEXTS[1]) + more)[:-4] + after
            assert bodies(read(pack(text))) == TEXTS, more


@packed
@pytest.mark.parametrize("length", [5000, MIB, 10**9, 9_999_999_999_999])
def test_a_length_beyond_the_end(length: int, pack: Packer) -> None:
    """Longer than any record may be is no reason to lose it."""
    text = RECORDS[0] + stating(RECORDS[1], length) + b"".join(RECORDS[2:])
    parts = read(pack(text))
    assert bodies(parts) == TEXTS
    assert [(p.reason, p.size) for p in parts if isinstance(p, Damage)] == [(WRONG, 0)]
    assert_accounted(pack(text), parts)


def test_offsets_are_those_of_the_records_found() -> None:
    text = b"".join([RECORDS[0], stating(RECORDS[1], len(TEXTS[1]) + 50), *RECORDS[2:]])
    begins = [text.index(b"WARC/1.0\r\nWARC-Type", sum(map(len, RECORDS[:k])) - 4 if k else 0) for k in range(5)]
    assert [p.offset for p in read(text) if isinstance(p, Record)] == begins
    assert [(p.offset, p.number) for p in read(member(text)) if isinstance(p, Record)] == [(0, k) for k in range(1, 6)]


@packed
def test_all_lengths_too_large(pack: Packer) -> None:
    texts = [stating(record, len(TEXTS[k]) + 5 + 40 * k) for k, record in enumerate(RECORDS)]
    parts = read(pack(b"".join(texts)))
    # In a plain archive nothing tells that the last one is not cut.
    assert bodies(parts) == (TEXTS[:-1] if pack is bytes else TEXTS)


def test_blocks_of_many_pieces() -> None:
    """Plain archives come in pieces of 256 KiB; what was put aside is gone back to."""
    sizes = [700_000, 300_000, 10, 262_144, 600_000]
    texts = [bytes([97 + k]) * size for k, size in enumerate(sizes)]
    records = [wet(k, text) for k, text in enumerate(texts)]
    for more in (5, 100, 300_000, 400_000):
        text = b"".join([stating(records[0], len(texts[0]) + more), *records[1:]])
        for most in (1000, 1 << 30):
            parts = read(text, most)
            assert bodies(parts) == texts
        assert_accounted(text, parts)


def test_a_block_that_is_passed_over() -> None:
    """Of a block that is too large to be kept its end is, and with it the record that it took in."""
    sizes, limit = [3 * MIB, 20, 30], MIB
    texts = [bytes([97 + k]) * size for k, size in enumerate(sizes)]
    records = [wet(k, text) for k, text in enumerate(texts)]
    for more in (5, 100, 400):
        data = stating(records[0], sizes[0] + more) + records[1] + records[2]
        parts = read(data, max_record_bytes=limit)
        assert [(p.oversized, p.body) for p in parts if isinstance(p, Record)] == [
            (True, b""),
            (False, texts[1]),
            (False, texts[2]),
        ]
        assert_accounted(data, parts)


def test_a_member_of_its_own_ends_what_its_length_does_not() -> None:
    whole, cut = stating(RECORDS[1], 9000), stating(RECORDS[1], 9000)[:-4]
    for after in (member(RECORDS[4]), b""):
        data = member(RECORDS[0]) + member(whole) + after
        assert bodies(read(data)) == [TEXTS[0], TEXTS[1], *([TEXTS[4]] if after else [])]
        assert [reason for reason, _, _ in damages(read(data))] == [WRONG]
        parts = read(member(RECORDS[0]) + member(cut) + after)
        assert bodies(parts) == [TEXTS[0], *([TEXTS[4]] if after else [])]
        assert damages(parts) == [("truncated_record", len(member(RECORDS[0])), len(member(cut)))]


def test_a_record_that_was_cut_and_the_next_behind_it() -> None:
    """Without the line ends that close it the block was cut; the next record need not begin a line."""
    for end in (b"", b"\r\n"):
        cut = RECORDS[1][: RECORDS[1].index(WORDS) + 100] + end
        text = RECORDS[0] + cut + b"".join(RECORDS[2:])
        parts = read(text)
        assert bodies(parts) == [TEXTS[0], *TEXTS[2:]]
        assert damages(parts) == [("truncated_record", len(RECORDS[0]), len(cut))]


# --- what is right stays right


NESTED = wet(7, b"an example") + wet(8, b"and another")


@packed
@pytest.mark.parametrize("body", [NESTED, b"As this:\r\n\r\n" + NESTED + WORDS, NESTED[:-4]])
@pytest.mark.parametrize("behind", [b"", b"junk\r\n", b"junk " * 20_000 + b"\n"])
def test_records_that_a_page_shows_are_its_text(body: bytes, behind: bytes, pack: Packer) -> None:
    text = RECORDS[0] + wet(1, body) + behind + RECORDS[4]
    parts = read(pack(text))
    assert bodies(parts) == [TEXTS[0], body, TEXTS[4]]
    assert [reason for reason, _, _ in damages(parts)] == ["no_warc_header"] * (behind != b"")


def test_of_a_plain_archive_cut_short_a_page_that_shows_records_is_cut() -> None:
    text = RECORDS[0] + wet(1, b"As this:\r\n\r\n" + NESTED + WORDS)
    inside = range(len(RECORDS[0]), text.index(WORDS[-20:]))
    ends = {text.index(end) + len(end) + k for end in (b"an example", b"and another") for k in range(5)}
    for cut in set(inside) - ends:  # there the row of records would end with the archive
        assert bodies(read(text[:cut])) == [TEXTS[0]], cut


def test_a_length_too_small_costs_the_rest_of_its_block() -> None:
    for less in range(1, 200):
        text = b"".join([RECORDS[0], stating(RECORDS[1], len(WORDS) - less), *RECORDS[2:]])
        parts = read(text)
        assert bodies(parts) == [TEXTS[0], WORDS[:-less], *TEXTS[2:]]
        assert [(reason, size) for reason, _, size in damages(parts)] == [("no_warc_header", less + 4)]


# --- archives whose line ends were made others


PAGES = [response(k, b"<p>one\r\ntwo\n<p>three\r\n" * k) for k in range(1, 9)]
ALL = [wet(0, b"isPartOf: x\r\nformat: y\r\n"), *PAGES, wet(9, b"text\nof\n\nlines\n")]
BLOCKS = bodies(read(b"".join(ALL)))


@packed
def test_cr_lf_made_lf(pack: Packer) -> None:
    """Every length that counts a CR is too large by all of them: the last record of a plain archive lacks as many."""
    text = b"".join(ALL).replace(b"\r\n", b"\n")
    parts = read(pack(text))
    assert bodies(parts) == [block.replace(b"\r\n", b"\n") for block in BLOCKS]
    assert {reason for reason, _, _ in damages(parts)} == {WRONG}
    assert_accounted(pack(text), parts)
    last = b"".join(PAGES).replace(b"\r\n", b"\n")
    assert len(bodies(read(pack(last)))) == len(PAGES)


def test_cr_lf_made_lf_and_then_cut_short() -> None:
    text = b"".join(PAGES[:2]).replace(b"\r\n", b"\n")
    for cut in range(text.index(b"three", len(PAGES[0])), len(text) - 1):
        assert len(bodies(read(text[:cut]))) == 1, cut


@packed
@pytest.mark.parametrize(
    "made",
    [
        (b"\r\n", b"\r\r\n"),  # CR LF only
        (b"\n", b"\r\n"),  # as a system does that makes CR LF of every LF
        (b"\n", b"\r\r\n"),  # twice
    ],
)
def test_cr_put_before_line_ends_is_taken_away(made: tuple[bytes, bytes], pack: Packer) -> None:
    text = b"".join(ALL).replace(*made)
    for most in (1, 7, 1 << 20):
        parts = read(pack(text), most)
        assert bodies(parts) == BLOCKS
        assert damages(parts) == []
    assert [part.headers for part in parts] == [part.headers for part in read(b"".join(ALL))]  # type: ignore[union-attr]
    assert_accounted(pack(text), parts)


def test_cr_put_before_line_ends_of_blocks_in_many_pieces() -> None:
    sound = wet(1, b"\r\n\n\r\nx\r" * 100_000) + wet(2, b"y\r\n" * 100_000) + wet(3, b"end")
    for made in ((b"\r\n", b"\r\r\n"), (b"\n", b"\r\n")):
        assert bodies(read(sound.replace(*made))) == bodies(read(sound))
        tiny = sound.replace(*made)[:3000]
        assert bodies(read(b"".join(member(tiny[k : k + 1]) for k in range(3000)))) == []
    short = wet(1, b"\r\n\n\r\nx\r" * 10) + wet(2, b"y\r\n" * 10)
    longer = short.replace(b"\n", b"\r\n")
    assert bodies(read(b"".join(member(longer[k : k + 1]) for k in range(len(longer))))) == bodies(read(short))


@pytest.mark.parametrize(
    "change",
    [
        (b"WARC/1.0\r\n", b"WARC/1.0\r\r\n"),
        (b"WARC/1.0\r\n", b"WARC/1.0" + b" " * 20 + b"\r\n"),
        (b"WARC/1.0\r\n", b"WARC/1.0\r"),
        (b"conversion\r\n", b"conversion\r\r\n"),
        (b"\r\n\r\n", b"\r\n\r\r\n"),
        (b"\r\n\r\n", b"\r\n \r\n"),
        (b"\r\n\r\n", b"\r\n\t\n"),
    ],
)
def test_odd_ends_of_single_lines(change: tuple[bytes, bytes]) -> None:
    """Each is read by warcio, or fastwarc, or both."""
    odd = wet(1, b"b\r\no\ndy").replace(*change, 1)
    parts = read(odd + RECORDS[4])
    assert bodies(parts) == [b"b\r\no\ndy", TEXTS[4]]
    assert damages(parts) == []
    assert [part.type for part in parts if isinstance(part, Record)] == ["conversion"] * 2


def test_a_byte_order_mark_costs_itself() -> None:
    parts = read(b"\xef\xbb\xbf" + RECORDS[0] + b"\xef\xbb\xbf" + RECORDS[1])
    assert bodies(parts) == TEXTS[:2]
    assert [(reason, size) for reason, _, size in damages(parts)] == [("no_warc_header", 3)] * 2


# --- work, counted


class _Work:
    """Counts the bytes that are gone through to find records in blocks, and those that are joined for it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.bytes = 0
        spend = Patience.spend

        def count(patience: Patience, size: int) -> None:
            self.bytes += size
            spend(patience, size)

        monkeypatch.setattr(Patience, "spend", count)


def _nested(count: int) -> bytes:
    """Each record's length leads to just before the end of the one around it; the last one's out of all."""
    head = len(wet(1, b"")) + 5
    made = [stating(wet(1, b""), head * 2 * (count - k)).ljust(head, b"\n") for k in range(count)]
    return b"".join(made) + stating(wet(1, b""), 10 * count * head) + b"x" * 100


@pytest.mark.parametrize(
    "make",
    [
        lambda n: stating(wet(1, b"x" * 40), 5000) * n + b"x" * 5000,
        lambda n: _nested(n) + b"junk" * 30_000,
        lambda n: stating(wet(1, b"x"), 400 * n) + b"WARC/1.0\r\n" * 40 * n + b"junk" * 30_000,
        lambda n: stating(wet(1, b"x"), 400 * n) + (b"WARC/1.0\r\nA: b\r\n" + b"c" * 50) * 6 * n + b"junk" * 30_000,
    ],
    ids=["over many", "one in another", "version lines", "heads"],
)
def test_work_is_within_bounds_however_records_lie(
    make: Callable[[int], bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    work = _Work(monkeypatch)
    monkeypatch.setattr(framer, "REREAD_FLOOR", 1 << 16)
    for n in (250, 1000):
        data, work.bytes = make(n), 0
        parts = read(data)
        if n == 250:
            assert_accounted(data, parts)  # reads on from each record: the square of their number
        # The last step that is taken may be as long as a record.
        assert work.bytes <= (framer.REREAD_RATIO + 2) * len(data) + (1 << 16)
