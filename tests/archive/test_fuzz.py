"""Fuzzing of the archive reader: sound small archives, harmed at random, against what holds for every input.

A few seconds with the other tests; as long as one likes with

    python -m tests.archive.test_fuzz --minutes 10 --save failures
"""

from __future__ import annotations

import argparse
import random
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from ccnet_pipeline.archive import Damage, Record
from tests.archive.accounts import (
    ALL_CODECS,
    BZIP2,
    GZIP,
    VERSION_LINE,
    WRONG,
    XZ,
    ZSTD,
    assert_accounted,
    unit_at,
)
from tests.archive.archives import arc, arc_head, bodies, damages, member, read, wet

SLOW_S = 5.0
NOISE = random.Random(3).randbytes(20_000)
WORDS = b" ".join(NOISE[k : k + 3].hex().encode() for k in range(0, 9000, 3))
BODIES = (
    b"",
    b"a body",
    b"\r\n",
    WORDS[:700],
    WORDS[:30_000],
    NOISE[:300],
    NOISE,
    b"WARC/1.0\r\n" * 9,
    wet(7, b"inner") * 3,
    b"line\nWARC/1.0\nContent-Length: 3\n\nabc\n\n",
    b"x" * 300_000,
)
PACKINGS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": member,
    "gzip stored": lambda text: member(text, 0),
    "zstd": ZSTD.pack,
    "bzip2": BZIP2.pack,
    "xz": XZ.pack,
    "plain": lambda text: text,
}
CODECS = {"gzip": GZIP, "gzip stored": GZIP, "zstd": ZSTD, "bzip2": BZIP2, "xz": XZ}
MAGICS = tuple(codec.magic for codec in ALL_CODECS)
LINE_ENDS = ((b"\r\n", b"\n"), (b"\r\n", b"\r\r\n"), (b"\n", b"\r\n"))
LENGTHS: tuple[bytes, ...] = (
    b"",
    b"0",
    b"1",
    b"-1",
    b"+4",
    b"7",
    b"99",
    b"100000",
    b"9999999999999",
    b"10000000000000",
    b"0x9",
    b"1 2",
)
LENGTHS += (
    b"4.0",
    b"\xd9\xa3",
    b" 6 ",
    b"\t6\x0c",
    b"00006",
    b"6\r\nContent-Length: 9",
    b"\r\n 6",
    b"6\r\n 6",
    b"\xff6",
)
FIELDS: tuple[bytes, ...] = (
    b"WARC-Type: ",
    b"Content-Type:text/plain",
    b"no colon",
    b": nothing",
    b" folded",
    b"\tfolded",
    b"\xff\xfe: \x80",
)
FIELDS += (
    b"Content-Length: 5",
    b"content-length:5",
    b"A: " + b" " * 300 + b"x",
    b"WARC/1.0",
    b"",
    b"\r",
    b"B: \0\xc2\x85",
)
INSERTS: tuple[bytes, ...] = (
    GZIP.magic,
    ZSTD.magic,
    b"\x50\x2a\x4d\x18",
    b"\x5d\x2a\x4d\x18",
    b"\0",
    b"\xff\xff\xff",
    b"\r\n",
    b"WARC/1.0\r\n",
)
INSERTS += (
    b"\nWARC/1.0\r\n\r\n",
    wet(5, b"plain"),
    member(b"other"),
    ZSTD.pack(b"other"),
    member(wet(6, b"more"))[:-9],
)
INSERTS += (arc(b"http://x/", b"arc"), BZIP2.pack(b"other"), XZ.pack(wet(6, b"more")), b"\0\0\0\0")
INSERTS += (NOISE[:3000], member(b""), ZSTD.pack(b""), b"\x50\x2a\x4d\x18\x04\0\0\0abcd", b"<html>\n", b"\xef\xbb\xbf")


@dataclass(slots=True)
class Chunk:
    """Some bytes of an archive, and the body of the record that they are if they are just that, unharmed."""

    data: bytes
    body: bytes | None


@dataclass(slots=True)
class Case:
    """An archive, and what is known of it."""

    packing: str
    chunks: list[Chunk]
    arc: bool
    edited: int = 0  # not as CommonCrawl would write it, though nothing in it says that it is damaged
    harmed: int = 0  # times that bytes were changed
    sound: frozenset[bytes] = frozenset()  # bodies that were put in
    limit: int = 16 << 20
    mosts: list[int] = field(default_factory=list)

    @property
    def data(self) -> bytes:
        return b"".join(chunk.data for chunk in self.chunks)


def _edited(text: bytes, chance: random.Random) -> bytes:
    """A record with another header block."""
    head, blank, rest = text.partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    for _ in range(chance.randint(1, 3)):
        what = chance.randrange(8)
        at = chance.randrange(1, len(lines) + 1)
        if what <= 2:
            length = b"%d" % max(0, len(rest) - 4 + chance.choice([-30, -1, 1, 3, 5, 40, 400, 3000, 10**6]))
            length = chance.choice([length, chance.choice(LENGTHS)])
            lines = [b"Content-Length:" + length if b"ength:" in line else line for line in lines]
        elif what <= 4:
            lines.insert(at, chance.choice(FIELDS))
        elif what == 5:
            lines = lines[:1] + chance.sample(lines[1:], len(lines) - 1)
        elif what == 6:
            lines[0] = chance.choice(
                [b"WARC/1.1", b"warc/0.18", b"WARC/1.0 ", b"WARC/1", b"WARC/10.10\t", b"", b"\r\nWARC/1.0"]
            )
        else:
            blank = chance.choice([b"\n\n", b"\n\r\n", b"\r\n\n", b"\r\n", b"\r\r", b"\r\n \r\n"])
    return chance.choice([b"\r\n", b"\r\n", b"\n", b"\r"]).join(lines) + blank + rest


def _records(chance: random.Random, case: Case) -> list[Chunk]:
    """Give the texts of some records, nearly all sound."""
    made = [Chunk(arc_head(), None)] if case.arc else []
    for number in range(chance.randint(1, 6)):
        body = chance.choice(BODIES)
        text = arc(b"http://example.org/%d" % number, body) if case.arc else wet(number, body)
        if chance.randrange(4) == 0 and not case.arc:
            made.append(Chunk(_edited(text, chance), None))
            case.edited += 1
        else:
            made.append(Chunk(text, body))
    if chance.randrange(8) == 0:
        ends = chance.choice(LINE_ENDS)
        made = [Chunk(chunk.data.replace(*ends), None) for chunk in made]
        case.edited += 1
    return made


def _harm(case: Case, chance: random.Random) -> None:
    """Change some bytes of one chunk."""
    case.harmed += 1
    at = chance.randrange(len(case.chunks))
    chunk = case.chunks[at]
    data = chunk.data
    begin = chance.randrange(len(data) + 1)
    # Headers and trailers are small and matter most.
    begin = chance.choice([begin, min(len(data), chance.randrange(24)), max(0, len(data) - chance.randrange(16))])
    end = min(len(data), begin + chance.choice([1, 1, 2, 8, 100, 5000]))
    what = chance.randrange(10)
    if what <= 3:
        changed = bytes(byte ^ 1 << chance.randrange(8) for byte in data[begin : min(end, begin + 4)])
        data = data[:begin] + changed + data[begin + len(changed) :]
    elif what == 4:
        data = data[:begin] + data[end:]
    elif what == 5:
        data = data[:begin] + bytes(end - begin) + data[end:]
    elif what == 6:
        data = data[:begin] + chance.choice(INSERTS) + data[begin:]
    elif what == 7:
        data = data[:end] + data[begin:]
    elif what == 8:
        data = data[:begin]
    else:
        other = chance.choice(case.chunks).data
        data = data[:begin] + other[chance.randrange(len(other) + 1) :]
        case.edited += 1  # two archives spliced may be a sound one cut short
    case.chunks[at] = Chunk(data, None)


def _arrange(case: Case, chance: random.Random) -> None:
    """Put chunks in another order, twice, or things between them; none of them is harmed by that."""
    what = chance.randrange(6)
    at = chance.randrange(len(case.chunks) + 1)
    if what == 0:
        chance.shuffle(case.chunks)
    elif what == 1:
        case.chunks.insert(at, chance.choice(case.chunks))
    elif what == 2:
        case.chunks.insert(at, Chunk(chance.choice(INSERTS), None))
        case.harmed += 1


def make_case(chance: random.Random) -> Case:
    """Make an archive by chance."""
    case = Case(chance.choice(list(PACKINGS)), [], arc=chance.randrange(5) == 0)
    texts = _records(chance, case)
    case.sound = frozenset(chunk.body for chunk in texts if chunk.body is not None) | {*bodies(read(arc_head()))}
    pack = PACKINGS[case.packing]
    if case.packing != "plain" and chance.randrange(4) == 0:
        # Packed as no crawl is: records in one unit, or one record in some.
        text = b"".join(chunk.data for chunk in texts)
        size = chance.choice([100, 5000, len(text)])
        texts = [Chunk(text[k : k + size], None) for k in range(0, min(len(text), 40 * size), size)]
        case.edited += 1
    case.chunks = [Chunk(pack(chunk.data), chunk.body) for chunk in texts]
    _arrange(case, chance)
    for _ in range(chance.choice([0, 1, 1, 1, 2, 4])):
        _harm(case, chance)
    case.limit = chance.choice([16 << 20, 16 << 20, 10, 5000])
    case.mosts = [chance.choice([3, 7, 100]) if len(case.data) < 50_000 else 1000, chance.choice([4096, 100_000])]
    return case


def check(case: Case) -> None:
    """Assert what holds for every archive."""
    data = case.data
    parts = read(data, max_record_bytes=case.limit)
    assert_accounted(data, parts)
    wrong_length = any(isinstance(part, Damage) and part.reason == WRONG for part in parts)
    for part in _records_of(parts):
        stated = int(part.headers["content-length"])
        assert part.oversized == (stated > case.limit) or wrong_length
        assert len(part.body) <= case.limit
        assert part.oversized or len(part.body) == stated or wrong_length
    assert all(part.type == part.headers.get("warc-type", "").lower() for part in _records_of(parts))
    for most in case.mosts:
        assert read(data, most, max_record_bytes=case.limit) == parts
    if case.packing == "plain" and not case.arc:
        _check_plain(case, parts)
    elif case.packing != "plain" and data.startswith(CODECS[case.packing].magic):
        _check_packed(case, parts)


def _records_of(parts: list[Record | Damage]) -> list[Record]:
    return [part for part in parts if isinstance(part, Record)]


def _check_plain(case: Case, parts: list[Record | Damage]) -> None:
    """Without what is damage the same records are read, and no damage."""
    mended = bytearray(case.data)
    for part in reversed(parts):
        if isinstance(part, Damage):
            del mended[part.offset : part.offset + part.size]
    wrong_length = any(isinstance(part, Damage) and part.reason == WRONG for part in parts)
    if not wrong_length and VERSION_LINE.match(case.data) and VERSION_LINE.match(mended):
        again = read(bytes(mended), max_record_bytes=case.limit)
        if any(reason == WRONG for reason, _, _ in damages(again)):
            return  # lines end with LF, and without the damage a record lacks a line end
        assert damages(again) == []
        assert [(p.headers, p.body) for p in _records_of(again)] == [(p.headers, p.body) for p in _records_of(parts)]


def _check_packed(case: Case, parts: list[Record | Damage]) -> None:
    """What is not harmed is given, at its place; of what is harmed nothing that was not put in."""
    given = {(part.offset, part.oversized, part.body) for part in _records_of(parts)}
    lost = [(part.offset, part.offset + part.size) for part in parts if isinstance(part, Damage)]
    at = taken = 0
    for chunk in case.chunks:
        end = at + len(chunk.data)
        if chunk.body is not None and at >= taken:
            oversized = len(chunk.body) > case.limit
            assert (at, oversized, b"" if oversized else chunk.body) in given, f"record at {at} is missing"
            assert all(b <= at or end <= a for a, b in lost), f"record at {at} is counted as damage"
        if chunk.data.startswith(MAGICS):
            # A unit that lacks its last byte is sound again if the next one happens to begin with that byte.
            unit = unit_at(case.data, at, next(codec for codec in ALL_CODECS if chunk.data.startswith(codec.magic)))
            taken = unit.end if unit.state == "whole" else taken
        at = end
    # Of an archive cut short what looks whole is given: nothing tells a harmed last unit from one that is cut.
    cut = any(isinstance(part, Damage) and part.reason.startswith("truncated_") for part in parts)
    if case.harmed <= 1 and not case.edited and not cut:
        assert {body for _, oversized, body in given if not oversized} <= case.sound | {b"plain", b"more"}


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.integers(0, 1 << 64))
def test_any_archive(seed: int) -> None:
    check(make_case(random.Random(seed)))


@settings(max_examples=100, deadline=None, derandomize=True)
@given(
    st.binary(max_size=400),
    st.sampled_from([b"", GZIP.magic, ZSTD.magic, b"WARC/1.0\r\n", wet(1, b"x"), member(wet(1, b"x"))]),
)
def test_any_bytes(noise: bytes, begin: bytes) -> None:
    for data in (begin + noise, noise + begin, member(begin + noise), ZSTD.pack(begin + noise)):
        parts = read(data)
        assert_accounted(data, parts)
        assert read(data, 1) == parts


def _failure(seed: str, save: Path) -> str | None:
    """Check the case of this seed; save it if it fails, and say how."""
    case = make_case(random.Random(seed))
    began = time.process_time()
    try:
        check(case)
        if time.process_time() - began > SLOW_S:
            raise AssertionError(f"took {time.process_time() - began:.1f} s of CPU")
    except Exception as error:
        save.mkdir(parents=True, exist_ok=True)
        (save / f"{seed}.bin").write_bytes(case.data)
        (save / f"{seed}.txt").write_text(f"limit {case.limit}, packing {case.packing}\n{traceback.format_exc()}")
        return f"{seed}: {type(error).__name__}: {str(error)[:150]}"
    return None


def main() -> None:
    """Fuzz for some minutes, from a seed that is printed; say how many archives were read."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=time.time_ns(), help="by default another one every time")
    parser.add_argument("--save", type=Path, default=Path("fuzz-failures"), help="folder for archives that fail")
    options = parser.parse_args()
    began, count, failures = time.monotonic(), 0, 0
    while time.monotonic() - began < 60 * options.minutes:
        said = _failure(f"{options.seed}-{count}", options.save)
        count += 1
        if said is not None:
            failures += 1
            print(said, flush=True)
    seconds = time.monotonic() - began
    print(
        f"{count} archives in {seconds:.0f} s, {count / seconds:.0f} a second; {failures} failures; seed {options.seed}"
    )


if __name__ == "__main__":
    main()
