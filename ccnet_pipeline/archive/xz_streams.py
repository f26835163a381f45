"""The xz coding: streams (The .xz File Format 1.2, section 2), as liblzma unpacks them.

Most archives so packed are one stream of many records. A stream has blocks with a check behind the text of each, but
only all of it together tells where they begin; most have one block. So their records are handed on as they come
(framer.py, rule 1), and a stream that breaks is a gap from there up to the next stream that begins with a record. What
the unpacker had in hand when it failed is lost, OUTPUT_BYTES of text at most.

Behind a stream zeros may stand, in fours (section 2.2).

Bounds. A stream that wants more than MAX_MEMORY_BYTES is broken; the largest preset of `xz` wants 65 MiB. For bombs see
bombs.py.
"""

from __future__ import annotations

from collections.abc import Generator
from lzma import FORMAT_XZ, LZMADecompressor, LZMAError

from ccnet_pipeline.archive.bombs import BombGuard
from ccnet_pipeline.archive.formats import MORE_BYTES, begins_record
from ccnet_pipeline.archive.pieces import RETAINED_BYTES, Broken, Piece
from ccnet_pipeline.archive.window import Window

MAX_MEMORY_BYTES = 128 << 20
FIRST_SLICE, LARGEST_SLICE = 4 << 10, 64 << 10  # as gzip_members.py has them, and why
OUTPUT_BYTES = 32 << 10
JOINED_BYTES = 256 << 10
_PADDING = 4


class XzStreams:
    """See `Coding`."""

    name = "xz"
    magic = b"\xfd7zXZ\0"

    def __init__(self) -> None:
        self._guard = BombGuard()

    def read(self, window: Window, at: int) -> Generator[Piece, None, Broken | None]:
        """Give the pieces of stream after stream; return the first that breaks."""
        while window.take(at, 1, at):
            padded = _behind_padding(window, at)
            if padded > at:
                # No text, but bytes that are accounted for.
                yield Piece(b"", at, at, padded, True, True)
                at = padded
                continue
            ended = yield from self._stream(window, at)
            if isinstance(ended, Broken):
                return ended
            at = ended
        return None

    def may_begin(self, head: bytes) -> bool:
        """Say whether these are the first bytes of a stream."""
        return head[: len(self.magic)] == self.magic[: len(head)]

    def find(self, window: Window, at: int) -> int:
        """Give where the next stream may begin."""
        return window.find(self.magic, at)

    def resumes(self, window: Window, at: int, keep: int) -> tuple[bool, int]:
        """Say whether a stream with a record begins here."""
        unpacker, fed = _unpacker(), bytes(window.take(at, FIRST_SLICE, keep))
        try:
            text = unpacker.decompress(fed, MORE_BYTES)
        except LZMAError:
            return False, 0
        return begins_record(text) is True, 0

    def _stream(self, window: Window, start: int) -> Generator[Piece, None, int | Broken]:
        """Give the pieces of one stream; return where it ends."""
        unpacker, at, given, held = _unpacker(), start, 0, bytearray()
        size, begin = FIRST_SLICE, start
        taken = start  # the unpacker is done with what is before
        cut = bomb = False
        try:
            while not (unpacker.eof or cut or bomb):
                fed = b""
                if unpacker.needs_input:
                    taken = at
                    fed = bytes(window.take(at, size, max(start, window.base, at - RETAINED_BYTES)))
                    cut, size = not fed, min(2 * size, LARGEST_SLICE)
                held += unpacker.decompress(fed, OUTPUT_BYTES)
                at += len(fed)
                if len(held) >= JOINED_BYTES and not unpacker.eof:
                    self._guard.give(len(held))
                    yield Piece(bytes(held), start, begin, taken, not given, False, False)
                    begin, given, held = taken, given + len(held), bytearray()
                    bomb = self._guard.is_bomb(given, start, at)
        except LZMAError:
            cut = False
        end = at - len(unpacker.unused_data)
        if unpacker.eof:
            self._guard.give(len(held))
            yield Piece(bytes(held), start, begin, end, not given, True)
            return end
        if held:
            yield Piece(bytes(held), start, begin, taken, not given, False, False)
        return Broken(start, max(at, start + 1), taken, not (given or held), cut)


def _unpacker() -> LZMADecompressor:
    return LZMADecompressor(FORMAT_XZ, MAX_MEMORY_BYTES)


def _behind_padding(window: Window, at: int) -> int:
    while True:
        head = bytes(window.take(at, LARGEST_SLICE, at))
        zeros = len(head) - len(head.lstrip(b"\0"))
        at += zeros - zeros % _PADDING
        if zeros < LARGEST_SLICE:
            return at
