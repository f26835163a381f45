"""Archive bytes -> pieces of text and gaps: the layer of members, gzip or zstd, or none in a plain file.

Theory. A compressed archive is a series of members; WARC 1.1, annex D.2 (gzip) and "Zstandard Compression for WARC
Files" 1.0 ask for one member a record, and not all writers keep to it. A coding reads members until one breaks;
what follows then is the same for every coding:

1.  A member that does not inflate, or fails its check, or ends with the archive, is a `Gap`, after the text up
    to the place where it breaks. What that text is worth the WARC layer decides.
2.  Reading resumes at the next magic number behind the BEGINNING of the broken member whose member inflates to
    `WARC/`. (Behind the place where the inflater stopped would be too late: when bytes are missing, it stops
    inside a later, sound member.)
3.  Pieces and gaps depend on the bytes of the archive only, not on how the stream cuts them.

Bounds. A piece holds at most MAX_PIECE_BYTES of text, whatever the ratio (a last one, saved from a broken member,
a little more). Of a long member the last RETAINED_BYTES are kept for stepping back. Bytes read twice are at most
REREAD_RATIO times the archive: an archive of members nested in members to make every step back long cannot make
the walk quadratic.

Reasons of a gap, for a coding `gzip` (or `zstd`): `bad_gzip` a member that does not inflate or fails its check;
`truncated_gzip` the archive ends inside a member; `not_gzip` bytes that are no member, before one;
`trailing_garbage` the same up to the end of the archive; `no_warc_header` no member in the whole archive.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ccnet_pipeline.archive.gzip_members import GzipMembers
from ccnet_pipeline.archive.pieces import PLAIN, Broken, Coding, Gap, Piece
from ccnet_pipeline.archive.window import READ_BYTES, Window
from ccnet_pipeline.archive.zstd_frames import ZstdFrames

PLAIN_PIECE_BYTES = 256 << 10
REREAD_RATIO = 4
REREAD_FLOOR = 32 << 20
_MAGIC_BYTES = 4  # the longest magic number

_RECORD_LINE = re.compile(rb"(?:\A(?:\xef\xbb\xbf)?|[\r\n])(?i:WARC)/\d+\.\d+[ \t]*\r?\n")


class _Patience:
    """Counts bytes read again, or for a search only, until there are too many of them."""

    def __init__(self) -> None:
        self._spent = 0

    def spend(self, size: int, at: int) -> bool:
        """Take notice of `size` bytes more; say whether there were not too many before the offset `at`."""
        self._spent += size
        return self._spent <= REREAD_FLOOR + REREAD_RATIO * at


def walk(window: Window) -> Iterator[Piece | Gap]:
    """Give the text of an archive in pieces, plain, gzip or zstd, told apart by its first bytes.

    Where these tell nothing: what comes first within READ_BYTES, a member with a record or a version line; else
    the next gzip member with a record. No input raises an error.
    """
    gzip, zstd = GzipMembers(), ZstdFrames()
    head = window.take(0, READ_BYTES, 0)
    first = bytes(head[:_MAGIC_BYTES])
    if first[:2] == gzip.magic[:2]:
        return _coded_pieces(window, gzip)
    if len(first) == _MAGIC_BYTES and zstd.may_begin(first):
        return _coded_pieces(window, zstd)
    line = _RECORD_LINE.search(head)
    if line is not None and line.start() == 0:
        return _plain_pieces(window)
    stop = len(head) if line is None else line.start()
    found: list[tuple[int, Coding]] = []
    for coding in (gzip, zstd):
        place = _next_member(window, coding, _Patience(), 0, stop)
        if place is not None:
            found.append((place, coding))
    if line is not None and not found:
        return _plain_pieces(window)
    return _coded_pieces(window, min(found, key=lambda each: each[0])[1] if found else gzip)


def _plain_pieces(window: Window) -> Iterator[Piece]:
    at = 0
    while text := bytes(window.take(at, PLAIN_PIECE_BYTES, at)):
        yield Piece(text, PLAIN, at, at + len(text), at == 0, True)
        at += len(text)


def _coded_pieces(window: Window, coding: Coding) -> Iterator[Piece | Gap]:
    at, patience = 0, _Patience()
    while (broken := (yield from coding.read(window, at))) is not None:
        at = broken.start
        # What the search may drop from the window.
        head = bytes(window.take(at, _MAGIC_BYTES, window.base)) if at >= window.base else coding.magic
        patient = patience.spend(2 * (broken.end - at), broken.end)
        found = _next_member(window, coding, patience, at + 1 if patient else broken.end)
        end = window.end if found is None else found
        if broken.text:
            last = max(broken.begin, min(broken.end, end))
            yield Piece(broken.text, at, broken.begin, last, broken.first, False)
        yield _gap(coding, head, broken, found, end)
        at = end


def _gap(coding: Coding, head: bytes, broken: Broken, found: int | None, end: int) -> Gap:
    if coding.may_begin(head):
        cut = broken.cut and found is None
        return Gap(broken.start, end, f"{'truncated' if cut else 'bad'}_{coding.name}", 1, cut)
    if found is not None:
        return Gap(broken.start, end, f"not_{coding.name}", 0)
    return Gap(broken.start, end, "trailing_garbage" if broken.start else "no_warc_header", 0)


def _next_member(window: Window, coding: Coding, patience: _Patience, at: int, stop: int | None = None) -> int | None:
    """Find the first member at or behind `at` (before `stop`) that begins with a WARC record.

    The window forgets what it holds before the place of the search, unless there is a `stop`.
    """
    at = max(at, window.base)
    while True:
        found = window.find(coding.magic, at)
        if stop is not None and not 0 <= found < stop:
            return None
        if found < 0:
            if window.ended:
                return None
            # A magic number may lie across the end of what the window holds.
            at = max(at, window.end - len(coding.magic) + 1)
            window.take(at, READ_BYTES, at)
            continue
        text, cost = coding.probe(window, found, found if stop is None else window.base)
        if text.lstrip(b"\r\n")[:5].upper() == b"WARC/":
            return found
        at = found + 1 if patience.spend(cost, found) else min(found + max(1, cost), window.end)
