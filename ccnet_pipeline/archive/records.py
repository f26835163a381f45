"""Text -> records and damage: the WARC layer.

Theory. An archive is a series of records: a version line, named fields, a blank line, a block of
Content-Length bytes, two line ends (WARC 1.1, section 4). Only the length tells where the block ends; a
line `WARC/1.0` inside it means nothing. A `Framer` is fed pieces of text and gaps and is always in one of
three states:

    between   after a record: line ends, then a version line, then the header block
    block     inside the block of a record
    lost      no record can be told; what comes is counted until the next line that is a version line

Rules.

1.  A record is handed on when the member (of gzip, or frame of zstd) that it ends in has passed its check. So a
    member that fails its check gives no record. The records of a member of more than HELD_BYTES of text cannot be held
    so long, for the whole archive may be one member: from there on a record is handed on when the member goes on to a
    further one. Of a member that the archive ends in every whole record is given, for an archive cut short is the
    commonest damage; but not the last one if what follows it is neither a record nor nothing.
2.  A record without its whole block is never handed on: `truncated_record`. That is decided at the end of
    the archive, at a gap, or where a new member begins with a version line although the block is not
    complete: then the record was cut, or its length wrong, and the member counts for more. (A block that
    goes on in a further member is complete otherwise.)
3.  A version line inside a header block ends it: that record was cut, too.
4.  Without a usable Content-Length the state is `lost`. So it is with a header block longer than
    MAX_HEADER_BYTES.
5.  The block of a record longer than `max_record_bytes` is passed over, not held.
6.  Every byte of the archive belongs to records or to exactly one damage, in order. Where a coding hides the
    place of a byte of text, it is interpolated linearly inside the piece; the borders of members and all
    places in plain files are exact.

Reasons, besides those of members.py: `truncated_record`, `bad_content_length`, `header_too_long`,
`no_warc_header` (text that is no record), `trailing_garbage` (the same, from the last record to the end of
the archive).
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from io import BytesIO
from operator import itemgetter
from typing import NamedTuple

from ccnet_pipeline.archive.headers import block_length, parse_fields, parse_usual_head
from ccnet_pipeline.archive.pieces import PLAIN, Gap, Piece

MAX_HEADER_BYTES = 64 << 10
HELD_BYTES = 1 << 20

# RFC 2234: quoted strings of a grammar match in any case, and there are archives with "warc/1.0".
_VERSION = rb"(?i:WARC)/\d{1,4}\.\d{1,4}[ \t]{0,8}\r?\n"
_VERSION_LINE = re.compile(_VERSION)
_NEXT_RECORD = re.compile(rb"[\r\n]*(" + _VERSION + rb")")
_LATER_RECORD = re.compile(rb"\n(?=" + _VERSION + rb")")
_LINE_ENDS = re.compile(rb"[\r\n]*")
# A blank line or a further version line, whichever is first.
_HEAD_END = re.compile(rb"\n(?:(?P<blank>\r?\n)|(?=" + _VERSION + rb"))")
_MAX_VERSION_BYTES = 32


@dataclass(frozen=True, slots=True)
class Record:
    """A whole record."""

    type: str  # WARC-Type in lower case; "" where the field is absent
    headers: dict[
        str, str
    ]  # by name in lower case; of a field given twice the first; values stripped, else as they are
    body: bytes  # the block; b"" if oversized
    offset: int  # in the archive: of the member that the record begins in; in a plain file of the record
    oversized: bool = False  # the block is longer than max_record_bytes, and was passed over


@dataclass(frozen=True, slots=True)
class Damage:
    """Bytes of the archive that belong to no record."""

    offset: int
    size: int  # bytes of the archive, as stored
    reason: str
    members: int = 0  # members of gzip or frames of zstd that could not be read to their end


@dataclass(slots=True)
class _Open:
    """A record of which the block is not complete."""

    headers: dict[str, str]
    offset: int
    start: int
    missing: int
    block: BytesIO | None


@dataclass(frozen=True, slots=True)
class _Mark:
    """What there was when a member began that has not passed its check."""

    num_parts: int  # in the output
    accounted: int
    records: bool
    unfinished: int  # where what was not complete begins
    reason: str  # why that would be lost


class _Span(NamedTuple):
    """Where a piece in the text is from."""

    begin: int  # its place in the text, counted from the origin
    size: int
    start: int  # it came from the archive bytes [start, end)
    end: int
    member: int


class Framer:
    """Frames the records of one archive.

    Sans-I/O: whoever has pieces and gaps feeds them, in order, then calls `close`.
    """

    def __init__(self, max_record_bytes: int) -> None:
        self._max_record_bytes = max_record_bytes
        self._out: list[Record | Damage] = []
        self._text = b""
        self._at = 0  # text before it is dealt with
        self._end = 0  # of the archive bytes that the text came from
        self._origin = 0  # of the text; places in all text since there was none left over count from there
        self._spans: list[_Span] = []  # of the pieces in the text
        self._searched = 0  # such a place: a header block that was begun does not end before it
        self._state: Callable[[], bool] = self._between
        self._open: _Open | None = None
        self._lost_since = 0
        self._lost_reason = ""
        self._held: Record | None = None
        self._held_start = 0
        self._held_end = 0
        self._mark: _Mark | None = None  # nothing is handed on as long as there is one
        self._unchecked = 0  # bytes of text since the mark
        self._accounted = 0  # archive bytes before it belong to what was handed on
        self._records = False
        self._idle = True  # between records, with no text left

    def feed(self, piece: Piece) -> Sequence[Record | Damage]:
        """Take the next text."""
        if self._idle and piece.first and piece.checked:
            record = _sole_record(piece, self._max_record_bytes)
            if record is not None:
                self._end = piece.end
                self._records = True
                return (record,)
        if piece.first and _VERSION_LINE.match(piece.text):
            self._abandon(piece.start)
        if piece.first and not piece.checked:
            self._mark = _Mark(len(self._out), self._accounted, self._records, *self._unfinished())
            self._unchecked = 0
        self._load(piece)
        while self._state():
            pass
        if piece.checked:
            self._release()
        self._unchecked += len(piece.text)
        if piece.checked or self._unchecked > HELD_BYTES:
            self._mark = None
        self._idle = self._at == len(self._text) and self._state == self._between
        return self._given()

    def skip(self, gap: Gap) -> Sequence[Record | Damage]:
        """Take notice of archive bytes that gave nothing, or nothing to rely on."""
        if gap.cut and self._state != self._lost:
            self._release()
        elif self._mark is not None and not gap.cut:
            self._take_back(self._mark, gap.start)
        elif self._held is not None and self._held_start < gap.start:
            # It began in an earlier member.
            self._damage(self._held_start, gap.start, "truncated_record")
        self._mark = self._held = None
        self._abandon(gap.start)
        self._damage(gap.start, gap.end, gap.reason, gap.members)
        self._end = gap.end
        return self._given()

    def close(self) -> Sequence[Record | Damage]:
        """Take notice of the end of the archive."""
        self._mark = None
        self._release()
        self._abandon(self._end, at_the_end=True)
        return self._given()

    # --- the states: deal with some text and say whether there may be more to do with what is left

    def _between(self) -> bool:
        line = _NEXT_RECORD.match(self._text, self._at)
        if line is None:
            return self._no_version_line()
        begin = line.start(1)
        if self._held is not None:
            self._release()
        seen = max(line.end() - 1, self._searched - self._origin - _MAX_VERSION_BYTES)
        blank = _HEAD_END.search(self._text, seen, begin + MAX_HEADER_BYTES)
        if blank is not None and blank["blank"] is None:
            self._damage(self._place(begin), self._place(blank.end()), "truncated_record")
            self._at = blank.end()
            return True
        if blank is None:
            self._at = begin
            if len(self._text) - begin < MAX_HEADER_BYTES:
                self._searched = self._origin + len(self._text)
                return False
            return self._lose(begin, line.end() - 1, "header_too_long")
        headers = parse_fields(self._text[line.end() : blank.start()])
        length = block_length(headers)
        if length is None:
            return self._lose(begin, blank.end() - 1, "bad_content_length")
        self._at = blank.end()
        member = self._span_at(begin).member
        start = self._place(begin)
        block = BytesIO() if length <= self._max_record_bytes else None
        self._open = _Open(headers, start if member == PLAIN else member, start, length, block)
        self._state = self._block
        return True

    def _no_version_line(self) -> bool:
        ends = _LINE_ENDS.match(self._text, self._at)
        self._at = ends.end() if ends else self._at
        rest = self._text[self._at : self._at + _MAX_VERSION_BYTES]
        begun = b"WARC/".startswith(rest[:5].upper()) and b"\n" not in rest
        if not rest or (begun and len(rest) < _MAX_VERSION_BYTES):
            return False
        return self._lose(self._at, self._at, "no_warc_header")

    def _block(self) -> bool:
        record = self._open
        assert record is not None
        size = min(record.missing, len(self._text) - self._at)
        if record.block is not None:
            record.block.write(memoryview(self._text)[self._at : self._at + size])
        self._at += size
        record.missing -= size
        if record.missing:
            return False
        body = record.block.getvalue() if record.block is not None else b""
        kind = record.headers.get("warc-type", "").lower()
        self._held = Record(kind, record.headers, body, record.offset, record.block is None)
        self._held_start, self._held_end = record.start, self._place(self._at)
        self._open = None
        self._state = self._between
        return True

    def _lost(self) -> bool:
        line = _LATER_RECORD.search(self._text, self._at)
        if line is None:
            # The last line may be the beginning of a version line.
            last = self._text.rfind(b"\n", max(self._at, len(self._text) - _MAX_VERSION_BYTES))
            self._at = last if last >= 0 else len(self._text)
            return False
        self._at = line.end()
        self._release()
        self._damage(self._lost_since, self._place(self._at), self._lost_reason)
        self._state = self._between
        return True

    # --- what the states are made of

    def _load(self, piece: Piece) -> None:
        rest = self._text[self._at :]
        if rest:
            self._origin += self._at
            if len(self._spans) > 2 * len(rest):
                del self._spans[: self._spans.index(self._span_at(0))]
            self._text = rest + piece.text
        else:
            self._origin = self._searched = 0
            self._spans = []
            self._text = piece.text
        self._end = piece.end
        self._spans.append(_Span(self._origin + len(rest), len(piece.text), piece.start, piece.end, piece.member))
        self._at = 0

    def _span_at(self, at: int) -> _Span:
        """Give the piece that a place in the text is from."""
        return self._spans[bisect_right(self._spans, self._origin + at, key=itemgetter(0)) - 1]

    def _place(self, at: int) -> int:
        """Give the offset in the archive of a place in the text."""
        if at >= len(self._text):
            return self._end
        span = self._span_at(at)
        return span.start + (span.end - span.start) * (self._origin + at - span.begin) // span.size

    def _lose(self, begin: int, at: int, reason: str) -> bool:
        self._lost_since = self._place(begin)
        self._lost_reason = reason
        self._at = at
        self._state = self._lost
        return True

    def _abandon(self, end: int, *, at_the_end: bool = False) -> None:
        """Give up what is not complete: no more of it comes before the offset `end`."""
        start, reason = self._unfinished()
        self._open = None
        self._state = self._between
        self._text, self._at = b"", 0
        self._idle = True
        if at_the_end and self._records and reason == "no_warc_header":
            reason = "trailing_garbage"
        if start < end:
            self._damage(start, end, reason)

    def _unfinished(self) -> tuple[int, str]:
        """Give where what is not complete begins, and the reason if nothing more of it comes."""
        if self._open is not None:
            return self._open.start, "truncated_record"
        if self._state == self._lost:
            return self._lost_since, self._lost_reason
        header = _VERSION_LINE.match(self._text, self._at)
        return self._place(self._at), "truncated_record" if header else "no_warc_header"

    def _take_back(self, mark: _Mark, end: int) -> None:
        """Undo what was made of a member that failed its check; what was not complete before is lost at `end`."""
        del self._out[mark.num_parts :]
        self._accounted, self._records = mark.accounted, mark.records
        self._open, self._state = None, self._between
        self._text, self._at = b"", 0
        if mark.unfinished < end:
            self._damage(mark.unfinished, end, mark.reason)

    def _damage(self, start: int, end: int, reason: str, members: int = 0) -> None:
        # A broken member may have given records before it broke.
        start = max(start, self._accounted)
        self._out.append(Damage(start, max(0, end - start), reason, members))
        self._accounted = max(start, end)

    def _release(self) -> None:
        if self._held is not None:
            self._out.append(self._held)
            self._held = None
            self._accounted = max(self._accounted, self._held_end)
            self._records = True

    def _given(self) -> Sequence[Record | Damage]:
        if self._mark is not None:
            return ()
        out, self._out = self._out, []
        return out


def _sole_record(piece: Piece, max_record_bytes: int) -> Record | None:
    """Give the record of a member that holds one, written as nearly all are; else None.

    What this function does not take the states of `Framer` take, with the same result.
    """
    text = piece.text
    end = text.find(b"\r\n\r\n", 0, MAX_HEADER_BYTES)
    if end < 0 or piece.member == PLAIN:
        return None
    headers = parse_usual_head(text[:end])
    if headers is None:
        return None
    length = block_length(headers)
    if length is None or length > max_record_bytes:
        return None
    if end + length + 8 != len(text) or not text.endswith(b"\r\n\r\n"):
        return None
    return Record(headers.get("warc-type", "").lower(), headers, text[end + 4 : -4], piece.member)
