"""Archive bytes -> pieces of text and gaps: the gzip layer.

Theory. A gzip file is a series of members (RFC 1952, section 2.2), each with a header that begins 1f 8b 08
(2.3.1) and a trailer of CRC-32 and length (2.3.1 again); WARC 1.1, annex D.2 asks for one member a record.
Nothing says how long a member is: one finds its end by inflating it. So the walker inflates member after
member, and

1.  feeds a member in slices that begin where the member begins. Small ones first: what the inflater leaves
    of a slice it copies (`unused_data`), and a slice of the whole remaining buffer makes a file of n
    members cost n squared.
2.  The inflater verifies CRC and length, in isal as in zlib. A member that does not inflate, or fails the
    check, or ends with the archive, is a `Gap`, after the text up to the place where it breaks. What that
    text is worth the WARC layer decides.
3.  Reading resumes at the next 1f 8b 08 behind the BEGINNING of the broken member that inflates to `WARC/`.
    (Behind the place where the inflater stopped would be too late: when bytes are missing, it stops inside
    a later, sound member.)
4.  Slices, hence pieces and gaps, depend on the bytes of the archive only, not on how the stream cuts them.

Bounds. A piece holds at most MAX_PIECE_BYTES of text, whatever the ratio. Of a long member the last
RETAINED_BYTES are kept for stepping back. Bytes read twice are at most REREAD_RATIO times the archive: an
archive of members nested in members to make every step back long cannot make the walk quadratic.

Reasons of a gap: `bad_gzip` a member that does not inflate or fails its check; `truncated_gzip` the archive
ends inside a member; `not_gzip` bytes that are no member, before one; `trailing_garbage` the same up to the
end of the archive.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Generator, Iterator
from enum import Enum, auto
from typing import Any, NamedTuple, cast

from isal import isal_zlib

from ccnet_pipeline.archive.window import READ_BYTES, Window

MAGIC = b"\x1f\x8b\x08"
GZIP = 31
FIRST_SLICE = 8 << 10
NEXT_SLICE = 64 << 10
MAX_PIECE_BYTES = 1 << 20
SALVAGE_STEP = 32
PLAIN_PIECE_BYTES = 256 << 10
RETAINED_BYTES = 4 << 20
REREAD_RATIO = 4
REREAD_FLOOR = 32 << 20
PROBE_BYTES = 4 << 10

PLAIN = -1
# The stubs of isal call its error class an instance.
_INFLATE_ERRORS: tuple[type[Exception], ...] = (cast(type[Exception], isal_zlib.error), zlib.error)
MEMBER_REASONS = ("bad_gzip", "truncated_gzip")
_RECORD_LINE = re.compile(rb"(?:\A(?:\xef\xbb\xbf)?|[\r\n])(?i:WARC)/\d+\.\d+[ \t]*\r?\n")


class Piece(NamedTuple):
    """Text of the archive, in order."""

    text: bytes
    member: int  # offset of the gzip member that it is from; PLAIN in a plain file
    start: int  # the text came from the archive bytes [start, end)
    end: int
    first: bool  # of its member
    checked: bool  # the member ends here and has passed its check (plain files have nothing to check)


class Gap(NamedTuple):
    """The archive bytes [start, end) gave nothing that can be relied on."""

    start: int
    end: int
    reason: str
    members: int


class _State(Enum):
    WHOLE = auto()
    BROKEN = auto()
    CUT = auto()


class _Member(NamedTuple):
    state: _State
    end: int  # how far the archive was read
    begin: int  # and from where on it gave no text
    given: int  # bytes of text that came before that


def walk(window: Window) -> Iterator[Piece | Gap]:
    """Give the text of an archive in pieces, plain or gzip, told apart by its first bytes.

    Where these tell nothing: what comes first within READ_BYTES, a gzip member with a record or a version
    line; else the next such member. No input raises an error.
    """
    if window.take(0, READ_BYTES, 0)[:2] == MAGIC[:2]:
        return _gzip_pieces(window, 0)
    line = _RECORD_LINE.search(window.take(0, READ_BYTES, 0))
    if line is not None and (line.start() == 0 or _next_member(window, 0, line.start()) is None):
        return _plain_pieces(window)
    return _gzip_pieces(window, 0)


def _plain_pieces(window: Window) -> Iterator[Piece]:
    at = 0
    while text := bytes(window.take(at, PLAIN_PIECE_BYTES, at)):
        yield Piece(text, PLAIN, at, at + len(text), at == 0, True)
        at += len(text)


def _gzip_pieces(window: Window, at: int) -> Iterator[Piece | Gap]:
    reread = 0
    while head := window.take(at, FIRST_SLICE, at):
        inflater = isal_zlib.decompressobj(wbits=GZIP)
        try:
            text = inflater.decompress(head, MAX_PIECE_BYTES)
        except _INFLATE_ERRORS:
            member = _Member(_State.BROKEN, at + len(head), at, 0)
        else:
            if inflater.eof:
                end = at + len(head) - len(inflater.unused_data)
                yield Piece(text, at, at, end, True, True)
                at = end
                continue
            member = yield from _long_member(window, at, head, inflater, text)
        if member.state is _State.WHOLE:
            at = member.end
            continue
        text = _salvage(window, at, member.given) if member.state is _State.BROKEN else b""
        reread += 2 * (member.end - at)
        patient = reread <= REREAD_FLOOR + REREAD_RATIO * member.end
        found = _next_member(window, at + 1 if patient else member.end)
        end = window.end if found is None else found
        if text:
            yield Piece(
                text, at, member.begin, max(member.begin, min(member.end, end)), not member.given, False
            )
        reason = _reason(at, bytes(head[:3]), member.state, found)
        yield Gap(at, end, reason, int(reason in MEMBER_REASONS))
        at = end


def _long_member(
    window: Window, start: int, head: memoryview, inflater: Any, text: bytes
) -> Generator[Piece, None, _Member]:
    """Give the pieces of a member that is longer than its first slice, and return how it ended."""
    at, begin, fed, given = start, start, head, 0
    try:
        if not text and bytes(head[3:4]) != b"\0":
            # The header alone fills the slice. isal 1.9.1 loses its place in a header with name or comment
            # that spans two calls; zlib does not.
            inflater = zlib.decompressobj(GZIP)
            text = inflater.decompress(head, MAX_PIECE_BYTES)
        while True:
            at += len(fed) - len(inflater.unused_data if inflater.eof else inflater.unconsumed_tail)
            if text or inflater.eof:
                yield Piece(text, start, begin, at, not given, inflater.eof)
                begin, given = at, given + len(text)
            if inflater.eof:
                return _Member(_State.WHOLE, at, begin, given)
            fed = window.take(at, NEXT_SLICE, max(start, window.base, at - RETAINED_BYTES))
            text = inflater.decompress(fed, MAX_PIECE_BYTES)
            if not fed and not text and not inflater.eof:
                return _Member(_State.CUT, at, begin, given)
    except _INFLATE_ERRORS:
        return _Member(_State.BROKEN, at + len(fed), begin, given)


def _salvage(window: Window, start: int, given: int) -> bytes:
    """Give the text of a broken member behind the first `given` bytes of it, up to where it breaks.

    An inflater that fails keeps what it had from the slice to itself; so the member is inflated again, in
    small steps. At most about MAX_PIECE_BYTES come of it, and nothing of a member whose beginning the
    window no longer holds.
    """
    salvaged = bytearray()
    if window.base > start:
        return b""
    inflater, at, seen = zlib.decompressobj(GZIP), start, 0
    try:
        while len(salvaged) < MAX_PIECE_BYTES and not inflater.eof:
            near = at + 4 * NEXT_SLICE > window.end or seen + 4 * MAX_PIECE_BYTES > given
            fed = window.take(at, SALVAGE_STEP if near else NEXT_SLICE, window.base)
            text = inflater.decompress(fed, MAX_PIECE_BYTES)
            at += len(fed) - len(inflater.unconsumed_tail)
            salvaged += text[max(0, given - seen) :]
            seen += len(text)
            if not fed and not text:
                break
    except zlib.error:
        pass
    return bytes(salvaged)


def _reason(start: int, magic: bytes, state: _State, found: int | None) -> str:
    if magic == MAGIC[: len(magic)]:
        return "truncated_gzip" if state is _State.CUT and found is None else "bad_gzip"
    if found is not None:
        return "not_gzip"
    return "trailing_garbage" if start else "no_warc_header"


def _next_member(window: Window, at: int, stop: int | None = None) -> int | None:
    """Find the first gzip member at or behind `at` (before `stop`) that begins with a WARC record.

    The window forgets what it holds before the place of the search, unless there is a `stop`.
    """
    at = max(at, window.base)
    while True:
        found = window.find(MAGIC, at)
        if stop is not None and not 0 <= found < stop:
            return None
        if found < 0:
            if window.ended:
                return None
            # A magic number may lie across the end of what the window holds.
            at = max(at, window.end - len(MAGIC) + 1)
            window.take(at, READ_BYTES, at)
        elif _begins_record(window.take(found, PROBE_BYTES, window.base if stop else found)):
            return found
        else:
            at = found + 1


def _begins_record(member: memoryview) -> bool:
    try:
        text = zlib.decompressobj(GZIP).decompress(member, 16)
    except zlib.error:
        return False
    return text.lstrip(b"\r\n").upper().startswith(b"WARC/")
