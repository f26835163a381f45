"""Text -> records and damage: the layer of records.

Theory. An archive is a series of records: a head, which states the length of the block, the block, line ends. Only the
length tells where the block ends; what looks like a head inside it means nothing. How a head looks is the format's
affair (warc.py, arc.py); which format it is the first record of a member says, or of a plain archive. A `Framer` is fed
pieces of text and gaps and is always in one of four states:

    between   after a record: line ends, then the first line of the next, then the rest of its head
    block     inside the block of a record
    behind    the block is complete: does a record follow, or nothing?
    lost      no record can be told; what comes is counted until the next line that begins a record

Rules.

1.  A record is handed on when the member that it ends in has passed its check. (A member of gzip, a frame of zstd, a
    block of bzip2, a stream of xz.) So a member that fails its check gives no record. The records of a member of more
    than HELD_BYTES of text cannot be held so long, for the whole archive may be one member: from there on a record is
    handed on when the member goes on to a further one. Of a member that the archive ends in every whole record is
    given, for an archive cut short is the commonest damage; but not the last one if what follows it is neither a record
    nor nothing.
2.  A record without its whole block is never handed on: `truncated_record`. That is decided at the end of the archive,
    at a gap, or where a new member begins with a record although the block is not complete. (A block that goes on in
    a further member is complete otherwise.)
3.  A version line inside a head ends it: that record was cut, too.
4.  Without a usable length the state is `lost`. So it is with a head longer than MAX_HEADER_BYTES.
5.  The block of a record longer than `max_record_bytes` is passed over, not held, but for its end.
6.  A length is too large where neither a record nor nothing follows the block, and a record begins in the block and
    ends behind it. Then the block ends where that record begins, or the first of a row of records that leads up to it,
    and reading goes on there. Records that end inside the block are part of its text: a page may show some.
7.  So it is with a block that is not complete where no more text comes, if a row of records in it leads to the end of
    the text. That is asked where the text ends with a sound member, and at the end of a plain archive. (One that was
    cut short does not end with a record that ends.)
8.  A block that ends before a record (6, 7) or with a sound member, though its length says otherwise, is whole if the
    line ends that close a record stand there. The record is given, and counted in a damage of no bytes,
    `wrong_content_length`. Without those line ends it was cut: `truncated_record`. The last block of a plain archive is
    whole, too, if lines end with LF alone, and it lacks no more bytes than it has LF: they were CR LF once.
9.  Where all lines of a head end with CR CR LF, CR was put before every LF of the archive. In the block it is taken
    away, and does not count.
10. Every byte of the archive belongs to records or to exactly one damage, in order.

Bounds. What is read again, or searched, because a length is wrong is at most REREAD_RATIO times the text. Where that is
used up, the lengths stand as they are.

Reasons, besides those of members.py: `truncated_record`, `bad_content_length` (none, or none that can be used),
`wrong_content_length`, `header_too_long`, `no_warc_header` (text that is no record, of ARC neither),
`trailing_garbage` (the same, from the last record to the end of the archive).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from ccnet_pipeline.archive.blocks import MAX_LINE_ENDS, behind_line_ends, row_taken_in
from ccnet_pipeline.archive.formats import FORMATS, next_record
from ccnet_pipeline.archive.open_record import OpenRecord
from ccnet_pipeline.archive.output import Output
from ccnet_pipeline.archive.patience import Patience
from ccnet_pipeline.archive.pieces import PLAIN, Gap, Piece
from ccnet_pipeline.archive.records import MAX_HEADER_BYTES, CutHead, Damage, Format, Record
from ccnet_pipeline.archive.text import Text
from ccnet_pipeline.archive.warc import sole_record

HELD_BYTES = 1 << 20
REREAD_RATIO = 16
REREAD_FLOOR = 32 << 20

_LINE_ENDS = re.compile(rb"[\r\n]*")


class Framer:
    """Frames the records of one archive.

    Sans-I/O: whoever has pieces and gaps feeds them, in order, then calls `close`.
    """

    def __init__(self, max_record_bytes: int) -> None:
        self._max_record_bytes = max_record_bytes
        self._formats = FORMATS  # that a record may be of; one within a member, or a plain archive, once it has shown
        self._out = Output()
        self._unchecked = 0  # bytes of text since something is held back
        self._text = Text()
        self._read = 0  # bytes of text in all
        self._plain = False  # the archive is
        self._checked = False  # the text has passed its check
        self._sound = False  # and ends where its member ends
        self._over = False  # no more text comes of what is not complete
        self._state: Callable[[], bool] = self._between
        self._idle = True  # between records, with no text left
        self._open: OpenRecord | None = None
        self._held: tuple[Record, int, int] | None = None  # a record in doubt, where it begins and ends
        self._lost_since = 0
        self._lost_reason = ""
        self._last = (-1, 0)  # offset and number of the last record
        self._patience = Patience(REREAD_FLOOR, REREAD_RATIO)

    def feed(self, piece: Piece) -> Sequence[Record | Damage]:
        """Take the next text."""
        if piece.first and self._idle and piece.checked:
            record = sole_record(piece, self._max_record_bytes)
            if record is not None:
                self._out.records = True
                self._text.end = piece.end
                return (record,)
        if piece.first and not self._idle and self._begins_record(piece.text):
            self._decide()
            self._abandon(piece.start)
        if piece.first and not piece.checked:
            self._out.hold(*self._unfinished())
            self._unchecked = 0
        self._plain = piece.member == PLAIN
        if piece.first and not self._plain:
            self._formats = FORMATS
        self._checked = piece.checked
        self._sound = piece.checked and piece.last
        self._read += len(piece.text)
        self._text.load(piece)
        self._run()
        if piece.checked:
            self._release()
        self._unchecked += len(piece.text)
        if piece.checked or self._unchecked > HELD_BYTES:
            self._out.rely()
        return self._out.given()

    def skip(self, gap: Gap) -> Sequence[Record | Damage]:
        """Take notice of archive bytes that gave nothing, or nothing to rely on."""
        if gap.cut or self._checked:
            self._decide()
        if not gap.cut and self._out.take_back(gap.start):
            self._forget()
        elif self._held is not None and self._held[1] < gap.start:
            # It began in an earlier member.
            self._out.damage(self._held[1], gap.start, "truncated_record")
        self._held = None
        self._abandon(gap.start)
        self._out.rely()
        self._out.damage(gap.start, gap.end, gap.reason, gap.members)
        self._text.end = gap.end
        self._checked = self._sound = False
        return self._out.given()

    def close(self) -> Sequence[Record | Damage]:
        """Take notice of the end of the archive."""
        self._out.rely()
        self._decide()
        self._release()
        self._abandon(self._text.end, at_the_end=True)
        return self._out.given()

    # --- the states: deal with some text and say whether there may be more to do with what is left

    def _between(self) -> bool:
        text = self._text
        ends = _LINE_ENDS.match(text.data, text.at)
        text.at = at = ends.end() if ends else text.at
        if at == len(text.data):
            return False
        for form in self._formats:
            line = form.first_line.match(text.data, at)
            if line is not None:
                return self._begin(form, line)
        if any(form.may_begin(text.data, at) for form in self._formats):
            return False
        return self._lose(at, at, "no_warc_header")

    def _block(self) -> bool:
        record, text = self._open, self._text
        assert record is not None
        if record.is_complete(text, over=self._over):
            self._state = self._behind
            return True
        if self._over:
            return self._cut_off(record)
        record.put_aside(text, self._max_record_bytes)
        return False

    def _behind(self) -> bool:
        record, text = self._open, self._text
        assert record is not None
        end = text.at + record.size
        line = record.form.first_line.match(text.data, end)
        if line is None:
            at = behind_line_ends(text.data, end)
            if at - end < MAX_LINE_ENDS:
                if len(text.data) - at < MAX_HEADER_BYTES and not (self._sound or self._over):
                    return False
                if at < len(text.data) and not record.form.may_begin(text.data, at):
                    return self._go_back(record, complete=True) or self._doubt(record)
        elif record.took_line_ends(text, line.start(1)):
            return self._end_early(record, record.end_before(text, line.start(1)), line.start(1))
        place = text.place(end)
        self._out.give(self._record(record, end), place)
        text.at = end
        return self._begin(record.form, line) if line else True

    def _lost(self) -> bool:
        text = self._text
        found = next_record(self._formats, text.data, text.at)
        if found < 0:
            text.at = min(form.unseen(text.data, text.at) for form in self._formats)
            return False
        text.at = found
        self._release()
        self._out.damage(self._lost_since, text.place(found), self._lost_reason)
        self._state = self._between
        return True

    # --- what the states are made of

    def _run(self) -> None:
        while self._state():
            pass
        self._idle = self._state == self._between and self._text.at == len(self._text.data)

    def _decide(self) -> None:
        """Do with the text what can be done although no more of it comes."""
        self._over = True
        self._run()
        self._over = False

    def _begins_record(self, text: bytes) -> bool:
        lines = [form.first_line.match(text) for form in self._formats]
        return any(line is not None and line.start(1) == 0 for line in lines)

    def _begin(self, form: Format, line: re.Match[bytes]) -> bool:
        """Read the head of the record that begins with `line`."""
        text, begin = self._text, line.start(1)
        head = form.head(text.data, begin, line.end(), text.searched)
        if head is None:
            text.at = begin
            if len(text.data) - begin < MAX_HEADER_BYTES:
                text.searched = len(text.data)
                return False
            return self._lose(begin, line.end() - 1, "header_too_long")
        if isinstance(head, CutHead):
            self._out.damage(text.place(begin), text.place(head.end), "truncated_record")
            text.at = head.end
            return True
        if head.length is None:
            return self._lose(begin, head.end - 1, "bad_content_length")
        start = text.place(begin)
        offset = start if self._plain else text.member(begin)
        self._open = OpenRecord(form, head, offset, start, head.length, head.length)
        self._state = self._block
        text.at = head.end
        return True

    def _record(self, record: OpenRecord, end: int) -> Record:
        """Close the record whose block ends in the text at `end`."""
        block = record.block(self._text, end, self._max_record_bytes)
        fields, offset = record.head.fields, record.offset
        self._last = offset, self._last[1] + 1 if offset == self._last[0] else 1
        self._formats = (record.form,)
        self._open, self._state = None, self._between
        return Record(fields.get("warc-type", "").lower(), fields, block or b"", offset, block is None, self._last[1])

    def _go_back(self, record: OpenRecord, *, complete: bool) -> bool:
        """Go on at a record that the block took in, if there is one."""
        text = self._text
        if not self._patience.lasts(self._read):
            return False
        self._patience.spend(record.put_back(text))
        end = text.at + record.size if complete else None
        first, read = row_taken_in(text.data, text.at, end, record.form, sound=self._sound)
        self._patience.spend(read)
        if first is None:
            return False
        return self._end_early(record, record.end_before(text, first), first)

    def _cut_off(self, record: OpenRecord) -> bool:
        """Deal with a block that is not complete where no more of it comes; say whether anything could be done."""
        if not (self._sound or self._plain) or not self._patience.lasts(self._read):
            return False
        if self._go_back(record, complete=False):
            return True
        text = self._text
        end = record.end_before(text, len(text.data))
        if end is None or not (self._sound or record.lacks_returns(text, end)):
            return False
        return self._end_early(record, end, end)

    def _end_early(self, record: OpenRecord, end: int | None, at: int) -> bool:
        """End the block at `end`, not where its length says; None: it was cut. Go on at `at`."""
        text = self._text
        if end is None:
            self._out.damage(record.start, text.place(at), "truncated_record")
            self._open, self._state = None, self._between
        else:
            place = text.place(end)
            self._out.give(self._record(record, end), place)
            self._out.damage(place, place, "wrong_content_length")
        text.at = at
        return True

    def _doubt(self, record: OpenRecord) -> bool:
        """Hold a record that is followed by what is neither a record nor nothing."""
        text = self._text
        end = text.at + record.size
        self._held = self._record(record, end), record.start, text.place(end)
        at = behind_line_ends(text.data, end)
        return self._lose(at, at, "no_warc_header")

    def _release(self) -> None:
        if self._held is not None:
            self._out.give(self._held[0], self._held[2])
            self._held = None

    def _lose(self, begin: int, at: int, reason: str) -> bool:
        self._lost_since = self._text.place(begin)
        self._lost_reason = reason
        self._text.at = at
        self._state = self._lost
        return True

    def _abandon(self, end: int, *, at_the_end: bool = False) -> None:
        """Give up what is not complete: no more of it comes before the offset `end`."""
        start, reason = self._unfinished()
        self._forget()
        if at_the_end and self._out.records and reason == "no_warc_header":
            reason = "trailing_garbage"
        if start < end:
            self._out.damage(start, end, reason)

    def _unfinished(self) -> tuple[int, str]:
        """Give where what is not complete begins, and the reason if nothing more of it comes."""
        if self._open is not None:
            return self._open.start, "truncated_record"
        if self._state == self._lost:
            return self._lost_since, self._lost_reason
        text = self._text
        begun = any(form.first_line.match(text.data, text.at) for form in self._formats)
        return text.place(text.at), "truncated_record" if begun else "no_warc_header"

    def _forget(self) -> None:
        self._open, self._state = None, self._between
        self._text.clear()
        self._idle = True
