"""The WARC format (WARC 1.1, section 4): a version line, named fields, a blank line, the block, two line ends.

Looser than the standard where archives are. The version line may be in any case (RFC 2234: quoted strings of a grammar
match in any case), with blanks behind it, and end with CR alone. Lines end with CR LF, LF, or several CR and LF, as
where text was taken for text of another system. A blank line may have blanks in it.
"""

from __future__ import annotations

import re

from ccnet_pipeline.archive.headers import block_length, parse_fields, parse_usual_head
from ccnet_pipeline.archive.pieces import PLAIN, Piece
from ccnet_pipeline.archive.records import MAX_HEADER_BYTES, CutHead, Head, Record

_EOL = rb"[ \t]{0,32}\r{0,4}\n"
_NUMBER = rb"/\d{1,4}\.\d{1,4}"
_VERSION_LINE = rb"(?i:WARC)" + _NUMBER + rb"(?:" + _EOL + rb"|\r(?=[A-Za-z]))"
_MAX_VERSION_BYTES = 64
_LINE_IN_TEXT = re.compile(rb"\n(" + _VERSION_LINE + rb")")
# Behind a record that was cut no line end need stand, nor behind a byte order mark; then the first field has to tell.
_LINE_BEHIND_TEXT = re.compile(rb"(WARC" + _NUMBER + _EOL + rb")(?:WARC|Content)-[A-Za-z-]{2,40}:")
_MAX_UNSEEN_BYTES = 128
# A blank line or a further version line, whichever is first.
_HEAD_END = re.compile(rb"\n(?:(?P<blank>" + _EOL + rb")|(?=" + _VERSION_LINE + rb"))")


class Warc:
    """See `Format`."""

    first_line = re.compile(rb"[\r\n]*(" + _VERSION_LINE + rb")")
    line_end, line_ends = b"\r\n", 2

    def may_begin(self, text: bytes, at: int) -> bool:
        """Say whether more text could make a version line of what stands at `at`."""
        rest = text[at : at + _MAX_VERSION_BYTES]
        return len(rest) < _MAX_VERSION_BYTES and b"\n" not in rest and b"WARC/".startswith(rest[:5].upper())

    def head(self, text: bytes, begin: int, line_end: int, seen: int) -> Head | CutHead | None:
        """Give version line and fields; a further version line ends them (as the record was cut)."""
        at = max(line_end - 1, seen - _MAX_VERSION_BYTES)
        end = _HEAD_END.search(text, at, begin + MAX_HEADER_BYTES)
        if end is None:
            return None
        if end["blank"] is None:
            return CutHead(end.end())
        fields = parse_usual_head(text[begin : end.start()].removesuffix(b"\r"))
        if fields is None:
            fields = parse_fields(text[line_end : end.start()])
        return Head(fields, end.end(), block_length(fields), _line_end(text, begin, line_end, end.end()))

    def later(self, text: bytes, at: int, end: int) -> int:
        """Give the next version line at the beginning of a line, or with a field behind it."""
        line = _LINE_IN_TEXT.search(text, max(0, at - 1), end + _MAX_VERSION_BYTES)
        found = line.start(1) if line else end
        line = _LINE_BEHIND_TEXT.search(text, at, found + _MAX_UNSEEN_BYTES)
        found = min(found, line.start()) if line else found
        return found if found < end else -1

    def unseen(self, text: bytes, at: int) -> int:
        """Give where a version line may begin that ends, with the field behind it, after the text."""
        return max(at, len(text) - _MAX_UNSEEN_BYTES)


def _line_end(text: bytes, begin: int, first: int, end: int) -> bytes:
    """Give what ends all lines of [begin, end), of which the first ends at `first`."""
    if text[first - 2] == 13 != text[first - 3]:
        return b"\r\n"
    line = text[begin:first]
    line_end = line[len(line.rstrip(b"\r\n")) :]
    head = text[begin:end]
    same = head.count(line_end) == head.count(b"\n") and (line_end != b"\n" or b"\r" not in head)
    return line_end if same else b"\r\n"


def sole_record(piece: Piece, max_record_bytes: int) -> Record | None:
    """Give the record of a member that holds one, written as nearly all are; else None.

    What this function does not take `Framer` takes, with the same result.
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
