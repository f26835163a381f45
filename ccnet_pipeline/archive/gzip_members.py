"""The gzip coding: members (RFC 1952, section 2.2) of deflate, each with a CRC-32 and a length behind it.

Nothing says how long a member is: one finds its end by inflating it. The inflater verifies CRC and length, in
isal as in zlib. A member is fed in slices that begin where it begins, small ones first: what the inflater leaves
of a slice it copies (`unused_data`), and a slice of the whole remaining buffer makes a file of n members cost n
squared. What the slices give is joined to pieces of JOINED_BYTES, because a member that comes in one piece
is read fastest; the joining costs less.
"""

from __future__ import annotations

import zlib
from collections.abc import Generator
from typing import Any, cast

from isal import isal_zlib

from ccnet_pipeline.archive.formats import FEW_BYTES, MORE_BYTES, begins_record
from ccnet_pipeline.archive.pieces import MAX_PIECE_BYTES, RETAINED_BYTES, Broken, Piece
from ccnet_pipeline.archive.window import Window

GZIP = 31
FIRST_SLICE = 8 << 10
LARGEST_SLICE = 64 << 10
JOINED_BYTES = 256 << 10
SALVAGE_STEP = 32
PROBE_BYTES = 4 << 10

# The stubs of isal call its error class an instance.
_INFLATE_ERRORS: tuple[type[Exception], ...] = (cast(type[Exception], isal_zlib.error), zlib.error)


class GzipMembers:
    """See `Coding`."""

    name = "gzip"
    magic = b"\x1f\x8b\x08"

    def read(self, window: Window, at: int) -> Generator[Piece, None, Broken | None]:
        """Give the pieces of member after member; return the first that breaks."""
        while head := window.take(at, FIRST_SLICE, at):
            inflater = isal_zlib.decompressobj(wbits=GZIP)
            try:
                text = inflater.decompress(head, MAX_PIECE_BYTES)
            except _INFLATE_ERRORS:
                return _salvaged(window, Broken(at, at + len(head), at, True, False), 0)
            if inflater.eof:
                end = at + len(head) - len(inflater.unused_data)
                yield Piece(text, at, at, end, True, True)
                at = end
                continue
            ended = yield from _long_member(window, at, head, inflater, text)
            if isinstance(ended, Broken):
                return ended
            at = ended
        return None

    def may_begin(self, head: bytes) -> bool:
        """Say whether these are the first bytes of a member."""
        return head[:3] == self.magic[: len(head)]

    def find(self, window: Window, at: int) -> int:
        """Give where the next member may begin."""
        return window.find(self.magic, at)

    def resumes(self, window: Window, at: int, keep: int) -> tuple[bool, int]:
        """Say whether a member with a record begins here."""
        inflater = zlib.decompressobj(GZIP)
        try:
            text = inflater.decompress(window.take(at, PROBE_BYTES, keep), FEW_BYTES)
            known = begins_record(text)
            if known is None:
                known = begins_record(text + inflater.decompress(inflater.unconsumed_tail, MORE_BYTES))
        except zlib.error:
            return False, 0
        return known is True, 0


def _long_member(
    window: Window, start: int, head: memoryview, inflater: Any, text: bytes
) -> Generator[Piece, None, int | Broken]:
    """Give the pieces of a member that is longer than its first slice; return where it ends."""
    at = begin = start
    fed, given, size, held = head, 0, FIRST_SLICE, b""
    try:
        if not text and bytes(head[3:4]) != b"\0":
            # The header alone fills the slice. isal 1.9.1 loses its place in a header with name or comment
            # that spans two calls; zlib does not.
            inflater = zlib.decompressobj(GZIP)
            text = inflater.decompress(head, MAX_PIECE_BYTES)
        while True:
            if held and len(held) + len(text) > JOINED_BYTES:
                yield Piece(held, start, begin, at, not given, False)
                begin, given, held = at, given + len(held), b""
            held = held + text if held else text
            at += len(fed) - len(inflater.unused_data if inflater.eof else inflater.unconsumed_tail)
            if inflater.eof:
                yield Piece(held, start, begin, at, not given, True)
                return at
            size = min(2 * size, LARGEST_SLICE)
            fed = window.take(at, size, max(start, window.base, at - RETAINED_BYTES))
            text = inflater.decompress(fed, MAX_PIECE_BYTES)
            if not fed and not text and not inflater.eof:
                break
    except _INFLATE_ERRORS:
        broken = Broken(start, at + len(fed), at, not (given or held), False)
    else:
        broken = Broken(start, at, at, not (given or held), True)
    if held:
        yield Piece(held, start, begin, at, not given, False)
    return broken if broken.cut else _salvaged(window, broken, given + len(held))


def _salvaged(window: Window, broken: Broken, given: int) -> Broken:
    """Add the text of a broken member behind the first `given` bytes of it, up to where it breaks, and that place.

    An inflater that fails keeps what it had from the slice to itself, and does not say how far it came; so the
    member is inflated again, in small steps. At most about MAX_PIECE_BYTES come of it, and nothing of a member whose
    beginning the window no longer holds.
    """
    salvaged = bytearray()
    if window.base > broken.start:
        return broken
    inflater, at, seen, end = zlib.decompressobj(GZIP), broken.start, 0, broken.end
    try:
        while len(salvaged) < MAX_PIECE_BYTES and not inflater.eof:
            near = at + 4 * LARGEST_SLICE > window.end or seen + 4 * MAX_PIECE_BYTES > given
            fed = window.take(at, SALVAGE_STEP if near else LARGEST_SLICE, window.base)
            end = at + len(fed)
            text = inflater.decompress(fed, MAX_PIECE_BYTES)
            at += len(fed) - len(inflater.unconsumed_tail)
            salvaged += text[max(0, given - seen) :]
            seen += len(text)
            if not fed and not text:
                break
    except zlib.error:
        # The place is exact to a step. Without it, many small gaps would cost the walker its patience.
        broken = broken._replace(end=max(broken.begin, end))
    return broken._replace(text=bytes(salvaged))
