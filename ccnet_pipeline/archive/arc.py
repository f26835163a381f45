"""The ARC format (Internet Archive, versions 1 and 2), in which crawls were kept before WARC, CommonCrawl's until 2012.

A record is one line, then a block of as many bytes as the line says last, then a line end. Its words are those of the
`URL-record-definition` in the block of the first record, `filedesc://...`:

    1   URL IP-address Archive-date Content-type Archive-length
    2   URL IP-address Archive-date Content-type Result-code Checksum Location Offset Filename Archive-length

The first three, the type and the length stand at the same places in both, so each line is read by itself, also where
the first record is missing. A URL or a type may have blanks in it.

The fields of a record are given by the names that WARC has for them. It has no identifier of its own. The block of an
`http` URL is what the server sent, from the status line on; of another one (`dns:`) the result of the request.
"""

from __future__ import annotations

import re
from datetime import datetime

from ccnet_pipeline.archive.headers import block_length
from ccnet_pipeline.archive.records import MAX_HEADER_BYTES, Head

# Up to the date, which has 14 digits; a few writers added fractions of a second, or left out the seconds. The first one
# counts: nothing else is tried (the backreference), or a long line of dates would take the square of its length.
_URL = rb"[A-Za-z][A-Za-z0-9+.-]{0,30}:[^\r\n]{0,%d}?" % MAX_HEADER_BYTES
_UP_TO_DATE = rb"(?P<url>" + _URL + rb") (?P<address>\S{1,64}) (?P<date>\d{12,18})(?= )"
_REST = rb"(?: (?P<type>[^\r\n]*))? (?P<length>\S{1,20})[ \t]{0,32}\r{0,4}\n"
_LINE = rb"(?=(?P<head>" + _UP_TO_DATE + rb"))(?P=head)" + _REST
_LINE_ALONE = re.compile(_LINE)
# What crawlers wrote. Where something else than a record is expected the scheme has to tell: `ttp://...` is the rest of
# a URL, and a header has many lines that begin with a name and a colon.
_SCHEME = rb"(?i:https?|ftp|dns|whois|filedesc):"
_BEGIN_IN_TEXT = re.compile(rb"\n(?=" + _SCHEME + rb")")
_MAX_SCHEME_BYTES = 16
_BEGIN_OF_LINE = re.compile(rb"[A-Za-z][A-Za-z0-9+.-]{0,30}(?::[^\r\n]*\r{0,4})?\Z")
_FILE = "filedesc://"
_WORDS_OF_2 = 5  # between type and length: result, checksum, location, offset, file name


class Arc:
    """See `Format`."""

    # A block may have no line end behind it.
    first_line = re.compile(rb"[\r\n]*(?:(?<![^\n])|(?=" + _SCHEME + rb"))(" + _LINE + rb")")
    line_end, line_ends = b"\n", 1

    def may_begin(self, text: bytes, at: int) -> bool:
        """Say whether more text could make a record's line of what stands at `at`."""
        return len(text) - at < MAX_HEADER_BYTES and _BEGIN_OF_LINE.match(text, at) is not None

    def head(self, text: bytes, begin: int, line_end: int, seen: int) -> Head | None:
        """Give the fields of the line."""
        line = _LINE_ALONE.match(text, begin, line_end)
        if line is None:
            return None
        words = line.group("url", "address", "date", "type", "length")
        fields = _fields(*((word or b"").decode("utf-8", "replace") for word in words))
        end = text[begin:line_end]
        return Head(fields, line_end, block_length(fields), end[len(end.rstrip(b"\r\n")) :])

    def later(self, text: bytes, at: int, end: int) -> int:
        """Give the next line of a record."""
        for line_end in _BEGIN_IN_TEXT.finditer(text, max(0, at - 1), end + _MAX_SCHEME_BYTES):
            begin = line_end.end()
            if begin < end and _LINE_ALONE.match(text, begin, begin + MAX_HEADER_BYTES):
                return begin
        return -1

    def unseen(self, text: bytes, at: int) -> int:
        """Give where a line begins that may be a record's and ends after the text."""
        last = text.rfind(b"\n", max(at, len(text) - MAX_HEADER_BYTES))
        return last if last >= 0 and self.may_begin(text, last + 1) else len(text)


def _fields(url: str, address: str, date: str, kind: str, length: str) -> dict[str, str]:
    words = kind.split(" ")
    if len(words) > _WORDS_OF_2 and (words[-_WORDS_OF_2].isdigit() or words[-_WORDS_OF_2] == "-"):
        kind = " ".join(words[:-_WORDS_OF_2])
    fields = {"warc-type": "response", "warc-target-uri": url, "warc-ip-address": address, "warc-date": _date(date)}
    if url.startswith(_FILE):
        fields = {"warc-type": "warcinfo", "warc-filename": url.removeprefix(_FILE), "warc-date": _date(date)}
    elif url.lower().startswith(("http:", "https:")):
        kind = "application/http; msgtype=response"
    return {**fields, "content-type": kind.strip(), "content-length": length}


def _date(digits: str) -> str:
    """Return a date as WARC has it; "" for one that there is not.

    >>> _date("20080430204825")
    '2008-04-30T20:48:25Z'
    """
    try:
        return datetime.strptime(digits[:14].ljust(14, "0"), "%Y%m%d%H%M%S").strftime("%Y-%m-%dT%H:%M:%SZ")
    except ValueError:
        return ""
