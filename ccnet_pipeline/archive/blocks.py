"""Where a block ends when its length alone does not tell: functions of a text and of places in it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from ccnet_pipeline.archive.headers import parse_fields
from ccnet_pipeline.archive.records import MAX_HEADER_BYTES, CutHead, Format

MAX_LINE_ENDS = 64  # behind a block; what is behind more of them has nothing to do with it

_LINE_ENDS = re.compile(rb"[\r\n]{0,%d}" % MAX_LINE_ENDS)
_CR, _LF = b"\r\n"


def behind_line_ends(text: bytes, at: int) -> int:
    """Give the place behind the line ends at `at`; of a great many, behind some."""
    ends = _LINE_ENDS.match(text, at)
    return ends.end() if ends else at


def extent(text: bytes, at: int, missing: int, added: bytes, *, over: bool) -> tuple[int, int]:
    """Give how many bytes at `at` belong to a block that lacks `missing`, and how many they count as.

    Args:
        text: may end before the block does.
        at: where the block begins, or goes on.
        missing: bytes of the block, counted without the CR of `added`.
        added: as `Head.added`, not empty.
        over: no more text comes.
    """
    more = len(added) - 1
    size, wanted = 0, missing
    while size < wanted:
        size = wanted
        wanted = missing + more * text.count(added, at, at + size + more)
    if at + size < len(text):
        return size, missing
    size = min(size, len(text) - at)
    if not over:
        # Behind CR at the end of the text an LF may come.
        size -= min(more, size - len(text[at : at + size].rstrip(b"\r")))
    return size, min(missing, size - more * text.count(added, at, at + size))


def before_line_ends(text: bytes, begin: int, end: int, line_end: bytes, count: int) -> int | None:
    """Give where a block ends that line ends close.

    Args:
        text: with the block in it.
        begin: of the block.
        end: of the line ends behind it.
        line_end: as `Head.line_end`; LF alone will do, and so will CR LF.
        count: of line ends.

    Returns:
        None where so many do not stand there.
    """
    for _ in range(count):
        if end <= begin or text[end - 1] != _LF:
            return None
        end -= 1
        for _ in range(max(1, len(line_end) - 1)):
            end -= end > begin and text[end - 1] == _CR
    return end


def may_lack_returns(block: bytes, lacking: int) -> bool:
    """Say whether a block may lack so many bytes because CR LF was made LF."""
    return lacking <= block.count(b"\n") and b"\r\n" not in block


class Row(NamedTuple):
    """What was found of records that a block took in."""

    first: int | None  # where the first of those begins that lead out of the block; None: there are none
    read: int  # bytes that were gone through


def row_taken_in(text: bytes, begin: int, end: int | None, form: Format, *, sound: bool) -> Row:
    """Find the records that a block took in because its length is too large.

    Args:
        text: with the block in it, and something of what follows.
        begin: of the block, or of what is left of it.
        end: of the block; None: it is not complete, and no more text comes.
        form: the format of the archive.
        sound: nothing is missing at the end of the text.
    """
    stop = len(text) if end is None else end
    last = len(text.rstrip(b"\r\n")) if end is None else len(text) + 1
    first, reach, read = None, -1, 0
    for line, behind, block_end, more in _records(text, begin, stop, form):
        read = line - begin + more
        if line > reach:
            first = line
        reach = max(reach, behind_line_ends(text, block_end))
        if block_end <= stop:
            leads_out = reach >= last
        else:
            leads_out = end is not None or sound or text[behind - 2 : behind] != b"\r\n"
        if leads_out:
            return Row(first, read)
    return Row(None, stop - begin + read)


def _records(text: bytes, begin: int, end: int, form: Format) -> Iterator[tuple[int, int, int, int]]:
    """Give (begin, end of the first line, end of the block, more bytes gone through) of records in [begin, end)."""
    at = form.later(text, begin, end)
    while at >= 0:
        line = form.first_line.match(text, at)
        assert line is not None
        behind = next_at = line.end()
        head = form.head(text, at, behind, 0)
        if isinstance(head, CutHead):
            next_at = head.end
        elif head is None:
            # The text ends in it, or it is no head at all.
            fields = parse_fields(text[behind : at + MAX_HEADER_BYTES])
            if len(text) - at < MAX_HEADER_BYTES and {"warc-type", "content-length"} & fields.keys():
                yield at, behind, len(text) + 1, 0
        elif head.length is None:
            if head.end > end:
                yield at, behind, head.end, 0
        elif not head.added:
            yield at, behind, head.end + head.length, 0
        else:
            size, counted = extent(text, head.end, head.length, head.added, over=True)
            yield at, behind, head.end + size + head.length - counted, size
        at = form.later(text, next_at - 1, end)
