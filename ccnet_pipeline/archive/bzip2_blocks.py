"""The bzip2 coding: blocks, each with a magic number before it and a CRC-32 behind that.

A stream is `BZh` and a digit, blocks, and another magic number with a CRC-32 of all. There is no standard; this is what
bzip2 1.0.8 writes. Most archives so packed are one stream. But each block, of 900 kB of text at most, can be unpacked
and verified by itself, once it is shifted to the border of a byte and a stream is made of it. So a member is a block
here, the first one with the beginning of its stream: what breaks costs a block, and nothing is handed on that was not
verified.

A block ends at the next magic number, 48 bits that may begin at any bit; they do not stand in a block by chance.

Bounds. A block of MAX_BLOCK_BYTES: 900 000 symbols of 20 bits. Where its text is made of runs it may give 46 MB; such a
block is handed on in pieces, unverified, once there are RETAINED_BYTES of it. For bombs see bombs.py.
"""

from __future__ import annotations

from bz2 import BZ2Decompressor
from collections.abc import Generator, Iterator
from typing import NamedTuple

from ccnet_pipeline.archive.bombs import BombGuard
from ccnet_pipeline.archive.pieces import MAX_PIECE_BYTES, RETAINED_BYTES, Broken, Piece
from ccnet_pipeline.archive.window import Window

MAX_BLOCK_BYTES = 2_300_000
_BLOCK, _END = 0x314159265359, 0x177245385090
_MAGIC_BITS, _CRC_BITS = 48, 32
_MAGIC_BYTES = 7  # in which 48 bits lie, wherever they begin
_HEADER_BYTES = 4
_STEP = 256 << 10


class Bzip2Blocks:
    """See `Coding`."""

    name = "bzip2"
    magic = b"BZh"

    def __init__(self) -> None:
        self._guard = BombGuard()
        self._magics = _Magics()

    def read(self, window: Window, at: int) -> Generator[Piece, None, Broken | None]:
        """Give the pieces of block after block; return the first that breaks."""
        while window.take(at, 1, at):
            ended = yield from self._stream(window, at)
            if isinstance(ended, Broken):
                return ended
            at = ended
        return None

    def may_begin(self, head: bytes) -> bool:
        """Say whether these are the first bytes of a stream or a block."""
        return head[: len(self.magic)] == self.magic[: len(head)] or _shift_of(_BLOCK, head) is not None

    def find(self, window: Window, at: int) -> int:
        """Give where the next stream or block may begin."""
        stream = window.find(self.magic, at)
        block = self._magics.next(window, 8 * at, window.end if stream < 0 else stream)
        return stream if block is None else block // 8

    def resumes(self, window: Window, at: int, keep: int) -> tuple[bool, int]:
        """Say whether a sound block begins here."""
        begin = _first_block(window, at, keep)
        end = None if begin is None else self._end_of_block(window, begin, keep)
        if begin is None or end is None:
            return False, 0 if begin is None else _STEP
        try:
            return any(last for _, last in _unpacked(window, begin, end, keep)), (end - begin) // 8
        except OSError:
            return False, (end - begin) // 8

    def _stream(self, window: Window, start: int) -> Generator[Piece, None, int | Broken]:
        """Give the pieces of a stream, or of what there is of one from a block on; return where it ends."""
        bit, begin, checks = _first_block(window, start, start), start, 0
        if bit is None:
            size = len(window.take(start, _HEADER_BYTES + _MAGIC_BYTES, start))
            return Broken(start, start + size, start, True, size < _HEADER_BYTES + _MAGIC_BYTES)
        whole = bit == 8 * (start + _HEADER_BYTES)
        while _bits(window, bit, _MAGIC_BITS, begin) == _BLOCK:
            end = self._end_of_block(window, bit, begin)
            cut = end is None and window.ended and window.end < begin + MAX_BLOCK_BYTES
            check = _bits(window, bit + _MAGIC_BITS, _CRC_BITS, begin) or 0
            sound = yield from self._block(window, bit, end, begin, first=begin == start)
            if end is None or not sound:
                return Broken(begin, window.end if end is None else end // 8, begin, not sound, cut, begun=True)
            checks = (checks << 1 & 0xFFFFFFFF | checks >> 31) ^ check
            bit, begin = end, end // 8
        check_of_all = _bits(window, bit + _MAGIC_BITS, _CRC_BITS, begin)
        end = -(-(bit + _MAGIC_BITS + _CRC_BITS) // 8)
        if check_of_all is None or (whole and check_of_all != checks):
            return Broken(begin, min(end, window.end), begin, True, check_of_all is None, begun=True)
        yield Piece(b"", begin, begin, end, begin == start, True)
        return end

    def _block(
        self, window: Window, bit: int, end: int | None, begin: int, *, first: bool
    ) -> Generator[Piece, None, bool]:
        """Give the pieces of one block, which ends with the archive if nowhere before; return whether it is sound."""
        held: list[bytes] = []
        given = 0
        if end is None and begin + MAX_BLOCK_BYTES <= window.end:
            return False
        end_byte = window.end if end is None else end // 8
        try:
            for text, last in _unpacked(window, bit, end, begin):
                held.append(text)
                given += len(text)
                self._guard.give(len(text))
                if self._guard.is_bomb(given, begin, end_byte):
                    return False
                while held and (last or given > RETAINED_BYTES):
                    sound = last and len(held) == 1
                    yield Piece(held.pop(0), begin, begin, end_byte if sound else begin, first, sound, False)
                    first = False
        except OSError:
            return False
        return True

    def _end_of_block(self, window: Window, bit: int, keep: int) -> int | None:
        """Give the bit that the block at `bit` ends before, if it ends among the bytes that it may have."""
        start, size, at = bit // 8, _STEP, bit + _MAGIC_BITS
        while True:
            window.take(start, size, keep)
            until = min(window.end, start + size)
            found = self._magics.next(window, at, until)
            if found is not None or window.end < start + size or size > MAX_BLOCK_BYTES:
                return found
            at, size = 8 * (until - _MAGIC_BYTES), size + _STEP


class _Magic(NamedTuple):
    """A magic number that begins at one of the eight bits of a byte."""

    number: int
    shift: int
    inner: bytes  # those bytes that are all of it


class _Magics:
    """Finds magic numbers. The one found last is looked for first: then the others are not looked for far away."""

    def __init__(self) -> None:
        self._all = [_Magic(number, 0, number.to_bytes(6, "big")) for number in (_BLOCK, _END)]
        for shift in range(1, 8):
            for number in (_BLOCK, _END):
                self._all.append(_Magic(number, shift, (number >> shift & 0xFFFFFFFFFF).to_bytes(5, "big")))

    def next(self, window: Window, bit: int, end: int) -> int | None:
        """Give the bit where the next one begins, at or behind `bit`, all of it before the byte `end`."""
        best: int | None = None
        for magic in [*self._all]:
            place = window.find(magic.inner, bit // 8, end)
            while place >= 0:
                found = 8 * place if magic.shift == 0 else 8 * (place - 1) + magic.shift
                if found >= bit and _bits(window, found, _MAGIC_BITS, window.base) == magic.number:
                    best, end = found, place + len(magic.inner)
                    self._all.remove(magic)
                    self._all.insert(0, magic)
                    break
                place = window.find(magic.inner, place + 1, end)
        return best


def _first_block(window: Window, at: int, keep: int) -> int | None:
    """Give the bit where the first magic number of a stream begins, or of a block in the midst of one."""
    head = bytes(window.take(at, _HEADER_BYTES + _MAGIC_BYTES, keep))
    if head[:3] == Bzip2Blocks.magic and head[3:4] in (b"1", b"2", b"3", b"4", b"5", b"6", b"7", b"8", b"9"):
        number = int.from_bytes(head[_HEADER_BYTES : _HEADER_BYTES + _MAGIC_BITS // 8], "big")
        return 8 * (at + _HEADER_BYTES) if number in (_BLOCK, _END) else None
    shift = _shift_of(_BLOCK, head)
    return None if shift is None else 8 * at + shift


def _shift_of(number: int, head: bytes) -> int | None:
    """Give the bit of the first byte where a magic number begins."""
    bits = int.from_bytes(head[:_MAGIC_BYTES].ljust(_MAGIC_BYTES, b"\0"), "big")
    shifts = (shift for shift in range(8) if bits >> (8 - shift) & (1 << _MAGIC_BITS) - 1 == number)
    return next(shifts, None)


def _bits(window: Window, bit: int, size: int, keep: int) -> int | None:
    """Give bits as a number; None where the archive ends before."""
    begin, end = bit // 8, -(-(bit + size) // 8)
    held = window.take(begin, end - begin, keep)
    if len(held) < end - begin:
        return None
    return int.from_bytes(held, "big") >> (-(bit + size) % 8) & (1 << size) - 1


def _unpacked(window: Window, bit: int, end: int | None, keep: int) -> Iterator[tuple[bytes, bool]]:
    """Unpack a block, as all of a stream; give its text in pieces, and with each whether it was the last.

    An unpacker gives nothing of a block before it has all of it, and verifies it before it asks for more. So a block
    that nothing follows can be unpacked, too.

    Args:
        window: of the archive.
        bit: where the block begins.
        end: where the next magic number begins; None: the archive ends before one does.
        keep: what the window keeps.

    Raises:
        OSError: it does not unpack, fails its check, or is not complete.
    """
    # Of bits that fill no byte no more are known where the archive ends.
    size = end - bit if end is not None else (8 * window.end - bit) // 8 * 8
    block = _bits(window, bit, size, keep) or 0
    if size < _MAGIC_BITS + _CRC_BITS:
        raise OSError("no block is so short")
    if end is not None:
        check = block >> (size - _MAGIC_BITS - _CRC_BITS) & 0xFFFFFFFF
        block = (block << _MAGIC_BITS | _END) << _CRC_BITS | check
        size += _MAGIC_BITS + _CRC_BITS
    unpacker = BZ2Decompressor()
    text = unpacker.decompress(b"BZh9" + (block << (-size % 8)).to_bytes(-(-size // 8), "big"), MAX_PIECE_BYTES)
    # It gives little at a time, once it has all input.
    while not unpacker.eof and (more := unpacker.decompress(b"", MAX_PIECE_BYTES)):
        if len(text) + len(more) > MAX_PIECE_BYTES:
            yield text, False
            text = b""
        text += more
    if not text or (end is not None and not unpacker.eof):
        raise OSError("not all of a block")
    yield text, True
