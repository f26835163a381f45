"""Archive bytes -> pieces of text and gaps: the layer of members, in one of the codings, or none in a plain file.

Theory. A compressed archive is a series of members; WARC 1.1, annex D.2 (gzip) and "Zstandard Compression for WARC
Files" 1.0 ask for one member a record, and not all writers keep to it. A coding reads members until one breaks;
what follows then is the same for every coding:

1.  A member that does not unpack, or fails its check, or ends with the archive, is a `Gap`, after the text up
    to the place where it breaks. What that text is worth the layer of records decides.
2.  Reading resumes at the next magic number behind the BEGINNING of the broken member whose member begins with a
    record; of bzip2 at the next block that is sound. (Behind the place where the unpacker stopped would be too late:
    when bytes are missing, it stops inside a later, sound member.)
3.  Pieces and gaps depend on the bytes of the archive only, not on how the stream cuts them.

Bounds. A piece holds at most MAX_PIECE_BYTES of text, whatever the ratio (a last one, saved from a broken member,
a little more). Of a long member the last RETAINED_BYTES are kept for stepping back. Bytes read twice are at most
REREAD_RATIO times the archive: an archive of members nested in members to make every step back long cannot make
the walk quadratic.

Reasons of a gap, for a coding `gzip` (or `zstd`, `bzip2`, `xz`): `bad_gzip` a member that does not unpack or fails its
check; `truncated_gzip` the archive ends inside a member; `not_gzip` bytes that are no member, before one;
`trailing_garbage` the same up to the end of the archive; `no_warc_header` no member in the whole archive.
"""

from __future__ import annotations

from collections.abc import Iterator
from operator import itemgetter

from ccnet_pipeline.archive.bzip2_blocks import Bzip2Blocks
from ccnet_pipeline.archive.formats import first_record
from ccnet_pipeline.archive.gzip_members import GzipMembers
from ccnet_pipeline.archive.patience import Patience
from ccnet_pipeline.archive.pieces import HEAD_BYTES, PLAIN, Broken, Coding, Gap, Piece
from ccnet_pipeline.archive.window import READ_BYTES, Window
from ccnet_pipeline.archive.xz_streams import XzStreams
from ccnet_pipeline.archive.zstd_frames import ZstdFrames

PLAIN_PIECE_BYTES = 256 << 10
REREAD_RATIO = 4
REREAD_FLOOR = 32 << 20


def walk(window: Window) -> Iterator[Piece | Gap]:
    """Give the text of an archive in pieces, plain or compressed, told apart by its first bytes.

    Where these tell nothing: what comes first within READ_BYTES, a member with a record or the first line of one;
    else the next gzip member with a record. No input raises an error.
    """
    codings = (GzipMembers(), ZstdFrames(), Bzip2Blocks(), XzStreams())
    head = window.take(0, READ_BYTES, 0)
    first = bytes(head[:HEAD_BYTES])
    for coding in codings:
        if len(first) >= len(coding.magic) and coding.may_begin(first):
            return _coded_pieces(window, coding)
    line = first_record(bytes(head))
    if line == 0:
        return _plain_pieces(window)
    stop = line if line > 0 else len(head)
    patience = Patience(REREAD_FLOOR, REREAD_RATIO)
    places = [(_next_member(window, coding, patience, 0, stop), coding) for coding in codings]
    found = [(place, coding) for place, coding in places if place is not None]
    if line > 0 and not found:
        return _plain_pieces(window)
    return _coded_pieces(window, min(found, key=itemgetter(0))[1] if found else codings[0])


def _plain_pieces(window: Window) -> Iterator[Piece]:
    at = 0
    while text := bytes(window.take(at, PLAIN_PIECE_BYTES, at)):
        yield Piece(text, PLAIN, at, at + len(text), at == 0, True, False)
        at += len(text)


def _coded_pieces(window: Window, coding: Coding) -> Iterator[Piece | Gap]:
    at, patience = 0, Patience(REREAD_FLOOR, REREAD_RATIO)
    while (broken := (yield from coding.read(window, at))) is not None:
        at = broken.start
        # What the search may drop from the window.
        head = bytes(window.take(at, HEAD_BYTES, window.base)) if at >= window.base else coding.magic
        patience.spend(2 * (broken.end - at))
        found = _next_member(window, coding, patience, at + 1 if patience.lasts(broken.end) else broken.end)
        end = window.end if found is None else found
        if broken.text:
            last = max(broken.begin, min(broken.end, end))
            yield Piece(broken.text, at, broken.begin, last, broken.first, False)
        yield _gap(coding, head, broken, found, end)
        at = end


def _gap(coding: Coding, head: bytes, broken: Broken, found: int | None, end: int) -> Gap:
    if coding.may_begin(head) if broken.begun is None else broken.begun:
        cut = broken.cut and found is None
        return Gap(broken.start, end, f"{'truncated' if cut else 'bad'}_{coding.name}", 1, cut)
    if found is not None:
        return Gap(broken.start, end, f"not_{coding.name}", 0)
    return Gap(broken.start, end, "trailing_garbage" if broken.start else "no_warc_header", 0)


def _next_member(window: Window, coding: Coding, patience: Patience, at: int, stop: int | None = None) -> int | None:
    """Find the first member at or behind `at` (before `stop`) that reading can go on with.

    The window forgets what it holds before the place of the search, unless there is a `stop`.
    """
    at = max(at, window.base)
    while True:
        found = coding.find(window, at)
        if stop is not None and not 0 <= found < stop:
            return None
        if found < 0:
            if window.ended:
                return None
            # A magic number may lie across the end of what the window holds.
            at = max(at, window.end - HEAD_BYTES + 1)
            window.take(at, READ_BYTES, at)
            continue
        resumes, cost = coding.resumes(window, found, found if stop is None else window.base)
        if resumes:
            return found
        patience.spend(cost)
        at = found + 1 if patience.lasts(found) else min(found + max(1, cost), window.end)
