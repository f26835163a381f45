"""Archives made to hurt: bombs, endless lines, a great many tiny things. Bounded memory, time linear in the archive."""

from __future__ import annotations

import resource
import subprocess
import sys
import zlib
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path

import pytest
import zstandard

from ccnet_pipeline.archive import Record, read_archive
from tests.archive.accounts import CODECS, GZIP, ZSTD, Codec
from tests.archive.archives import arc, bodies, damages, member, read, wet
from tests.archive.work import Work, assert_linear

KIB, MIB = 1 << 10, 1 << 20
LIMIT = 64 * KIB  # of a record
BOMB = 1000 * LIMIT
AFTER = wet(2, b"after")

by_codec = pytest.mark.parametrize("codec", CODECS, ids=lambda codec: codec.name)


def _repeated(codec: Codec, begin: bytes, line: bytes, size: int, end: bytes = b"") -> bytes:
    """One unit of `size` bytes of text, never held."""
    packer = zlib.compressobj(9, wbits=31) if codec is GZIP else zstandard.ZstdCompressor(3).compressobj()
    lines = line * (MIB // len(line))
    packed = [packer.compress(begin)]
    packed += [packer.compress(lines) for _ in range(size // len(lines))]
    return b"".join([*packed, packer.compress(end), packer.flush()])


def _bombs(codec: Codec) -> Iterator[tuple[str, bytes, int]]:
    """Give (name, unit, how many records it gives)."""
    size = BOMB // MIB * MIB
    huge = wet(1, b"").replace(b"Content-Length: 0", b"Content-Length: %d" % size)[:-4]
    yield "a record of 1000 times the limit", _repeated(codec, huge, b"x", size, b"\r\n\r\n"), 1
    yield "the same, shorter than it says", _repeated(codec, huge, b"x", size // 2), 0
    yield "a record that goes on behind its length", _repeated(codec, wet(1, b"body"), b"x", size), 1
    yield "no record", _repeated(codec, b"", b"0", size), 0
    yield "line ends", _repeated(codec, b"", b"\n", size // 4), 0
    yield "an endless header line", _repeated(codec, b"WARC/1.0\r\nX: ", b"x", size), 0
    yield "endless header lines", _repeated(codec, b"WARC/1.0\r\n", b"Name: value\r\n", size), 0
    yield "endless continuation lines", _repeated(codec, b"WARC/1.0\r\nName:", b" x\r\n", size // 4), 0
    yield "version lines", _repeated(codec, b"", b"WARC/1.0\r\n", size // 16), 0
    yield "half version lines", _repeated(codec, b"", b"\nWARC/", size // 4), 0


def _all_bombs(codec: Codec) -> int:
    """Read every bomb, sound and with its last byte harmed; give the growth of the resident memory in bytes."""
    made = [*_bombs(codec)]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for name, bomb, records in made:
        for unit in (bomb, bomb[:-1] + bytes([bomb[-1] ^ 0x55])):
            count = lost = 0
            last: Record | None = None
            for part in read_archive(BytesIO(unit + codec.pack(AFTER)), max_record_bytes=LIMIT):
                if isinstance(part, Record):
                    count, last = count + 1, part
                else:
                    lost += part.size
            assert last is not None, name
            assert last.body == b"after", name
            assert count == 1 + records if unit is bomb else count <= 1 + records, name
            assert lost == len(unit) or records or name == "line ends", name
    return (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024


@by_codec
def test_bombs(codec: Codec) -> None:
    """In a process of its own, whose memory is measured, native code included."""
    code = f"from tests.archive import test_hostile as t; print(t._all_bombs(t.{codec.name.upper()}))"
    root = Path(__file__).resolve().parents[2]
    command = [sys.executable, "-c", code]
    ran = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=300, check=False)
    assert ran.returncode == 0, ran.stderr
    assert int(ran.stdout) < 32 * MIB


def test_frame_that_says_it_is_huge() -> None:
    """RFC 8878, section 3.1.1.1: eight bytes of Frame_Content_Size, and a window of 2^41 bytes."""
    block = (len(AFTER) << 3 | 1).to_bytes(3, "little") + AFTER
    sound = ZSTD.pack(AFTER)
    says_content = ZSTD.magic + b"\xc0\x58" + (1 << 60).to_bytes(8, "little") + block
    says_window = ZSTD.magic + b"\x00\xf8" + block
    for frame in (says_content, says_window):
        parts = read(sound + frame + sound)
        assert bodies(parts) == [b"after"] * 2
        assert [(offset, size) for _, offset, size in damages(parts)] == [(len(sound), len(frame))]


def _tiny_members(n: int) -> bytes:
    return b"".join(member(b"Header: value\r\n"[k % 15 :][:1]) for k in range(15)) * (n // 15)


TINY = member(wet(1, b"x" * 60))
TINY_FRAME = ZSTD.pack(wet(1, b"x" * 60))
BROKEN = TINY[:-5] + b"\0\0\0\0\0"
NO_LENGTH = wet(1, b"x").replace(b"Content-Length: 1", b"")

# name -> (n -> archive, n -> records): what a multiple of n must cost no more than that multiple
GROWING: dict[str, tuple[Callable[[int], bytes], Callable[[int], int]]] = {
    "empty members": (lambda n: member(b"") * n * 20, lambda n: 0),
    "empty frames": (lambda n: ZSTD.pack(b"") * n * 20, lambda n: 0),
    "skippable frames": (lambda n: TINY_FRAME + b"\x50\x2a\x4d\x18\0\0\0\0" * n * 20, lambda n: 1),
    "members of one byte of a header": (lambda n: member(b"WARC/1.0\r\n") + _tiny_members(n * 12), lambda n: 0),
    "gaps of a byte": (lambda n: (TINY + b"\0") * n * 4, lambda n: n * 4),
    "gaps of a byte between frames": (lambda n: (TINY_FRAME + b"\0") * n * 4, lambda n: n * 4),
    "gaps that look like members": (lambda n: (TINY + b"\x1f\x8b\x08") * n * 4, lambda n: n * 4),
    "gaps that look like frames": (lambda n: (TINY_FRAME + ZSTD.magic) * n * 2, lambda n: n * 2),
    "every second member broken": (lambda n: (TINY + BROKEN) * n * 4, lambda n: n * 4),
    "members cut short": (lambda n: (TINY + TINY[:-20]) * n * 4, lambda n: n * 4),
    "magic numbers": (lambda n: GZIP.magic * n * 20, lambda n: 0),
    "magic numbers of zstd": (lambda n: ZSTD.magic * n * 20, lambda n: 0),
    "blanks in a header": (lambda n: b"WARC/1.0\r\nA: " + b" " * n * 10 + b"x\r\n y\r\n\r\n", lambda n: 0),
    "line ends": (lambda n: wet(1, b"") + b"\r\n" * n * 500, lambda n: 1),
    "version lines": (lambda n: b"WARC/1.0\r\n" * n * 40, lambda n: 0),
    "digits in a version line": (lambda n: b"x\nWARC/1." + b"1" * n * 100, lambda n: 0),
    "headers without a length": (lambda n: NO_LENGTH * n * 4, lambda n: 0),
    "lines of ARC": (lambda n: b"http://x/ 192.0.2.7 20200101000000 text/html -\n" * n * 8, lambda n: 0),
    "lines nearly of ARC": (lambda n: b"http://x/ 192.0.2.7 2020 text/html 5\n" * n * 8, lambda n: 0),
    "lines of ARC in WARC": (lambda n: wet(1, b"") + b"http://x/ 192.0.2.7 20200101000000 t 1\n" * n * 8, lambda n: 1),
    "junk between records of ARC": (lambda n: (arc(b"http://x/", b"x") + b"junk\n") * n * 4, lambda n: n * 4),
    "junk between plain records": (lambda n: (wet(1, b"x") + b"x\n") * n * 4, lambda n: n * 4),
}


@pytest.mark.parametrize("name", GROWING)
def test_work_is_linear(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    make, records = GROWING[name]

    def reading(n: int) -> Callable[[], None]:
        data = make(n)

        def do() -> None:
            parts = read(data)
            assert len(bodies(parts)) == records(n)
            assert sum(size for _, _, size in damages(parts)) <= len(data)

        return do

    assert_linear(Work(monkeypatch), reading, 120)


@by_codec
@pytest.mark.parametrize("gap", [b"\0", b"x\n", GZIP.magic, ZSTD.magic, b"WARC/1.0\r\n", bytes(40)])
def test_no_record_is_lost_to_a_great_many_gaps(codec: Codec, gap: bytes) -> None:
    sound = codec.pack(wet(1, b"x" * 60))
    for n in (10, 5000):
        parts = read((sound + gap) * n)
        assert len(bodies(parts)) == n
        assert sum(size for _, _, size in damages(parts)) == n * len(gap)


@by_codec
def test_no_record_is_lost_to_a_great_many_broken_units(codec: Codec) -> None:
    sound = codec.pack(wet(1, b"x" * 60))
    broken = sound[:-4] + bytes(4 * [sound[-4] ^ 0x55])
    for n in (10, 5000):
        parts = read((sound + broken) * n)
        assert len(bodies(parts)) == n
        assert sum(size for _, _, size in damages(parts)) == n * len(broken)
        assert sum(part.members for part in parts if hasattr(part, "members")) == n
