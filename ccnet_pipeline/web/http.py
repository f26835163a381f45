r"""The block of a `response` record -> an HTTP response (RFC 9112), whoever wrote it.

Looser than the standard where archives are: a status line of any version, in any case, without version (`HTTP 200`),
without reason phrase, of SHOUTcast (`ICY 200 OK`); line ends CRLF or LF; a field that goes on in lines that begin with
a blank (section 5.2). Fields without a colon are passed over.

Chunks. CommonCrawl stores bodies joined, and has left the field `Transfer-Encoding: chunked` as it was, or renamed it
(`X-Crawl-Transfer-Encoding`, which means nothing here). So the field is a hint:

1.  A body that does not begin with a line `<hexadecimal>[;extension]` is not chunked.
2.  Nor is one whose first chunk is not followed by a line end although more follows: a page may begin with a number.
3.  A later chunk that is cut, or not followed by a line end and a length, ends the body: `bad_chunking`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

# No server sends as much; Apache and nginx take 8 kB a line.
MAX_HEAD_BYTES = 256 << 10

_STATUS_LINE = re.compile(rb"[\r\n]{0,8}(?:HTTP(?:/[0-9]{1,4}(?:\.[0-9]{1,4})?)?|ICY)[ \t]+([0-9]{3})(?![0-9])", re.I)
_HEAD_END = re.compile(rb"\n\r?\n")
# RFC 9112, section 7.1; blanks before and after the length occur.
_CHUNK_LINE = re.compile(rb"[ \t]{0,32}([0-9a-fA-F]{1,15})[ \t]{0,32}(?:;[^\r\n]{0,4096})?\r?\n")
_LINE_END = re.compile(rb"\r?\n")


@dataclass(frozen=True, slots=True)
class Response:
    """A response, its body as stored."""

    status: int
    fields: dict[str, list[str]]  # values by name in lower case, in order; stripped
    body: bytes

    def tokens(self, name: str) -> list[str]:
        """Return the elements of a list field over all its lines, in lower case (RFC 9110, section 5.6.1)."""
        elements = ",".join(self.fields.get(name, ())).lower().split(",")
        return [element for element in map(str.strip, elements) if element]


def parse_response(block: bytes) -> Response | None:
    r"""Return the response; None where there is no status line, or a head without end.

    >>> parse_response(b"HTTP/1.1 200 OK\r\nServer: x\r\n\r\nbody")
    Response(status=200, fields={'server': ['x']}, body=b'body')
    """
    status = _STATUS_LINE.match(block)
    if status is None:
        return None
    end = _HEAD_END.search(block, status.end(), MAX_HEAD_BYTES)
    if end is None and len(block) > MAX_HEAD_BYTES:
        return None
    head = block[status.end() : end.start() if end else len(block)]
    return Response(int(status[1]), _fields(head.decode("latin-1")), block[end.end() :] if end else b"")


def _fields(head: str) -> dict[str, list[str]]:
    fields: dict[str, list[str]] = {}
    # The first line is what is left of the status line: the reason phrase.
    for line in (_unfolded(head) if "\n " in head or "\n\t" in head else head.split("\n"))[1:]:
        name, colon, value = line.partition(":")
        if colon:
            fields.setdefault(name.strip().lower(), []).append(value.strip())
    return fields


def _unfolded(head: str) -> list[str]:
    lines: list[list[str]] = []
    for line in head.split("\n"):
        if line[:1] in (" ", "\t") and lines:
            lines[-1].append(line.strip())
        else:
            lines.append([line.rstrip("\r")])
    return [" ".join(parts) for parts in lines]


def join_chunks(body: bytes) -> tuple[bytes, bool]:
    """Return the body without the lengths of its chunks, and whether all was well; a body not chunked as it is."""
    chunks: list[bytes] = []
    at = 0
    while line := _CHUNK_LINE.match(body, at):
        size = int(line[1], 16)
        if size == 0:
            # The trailer fields behind it are of no use here.
            return b"".join(chunks), True
        begin, end = line.end(), line.end() + size
        after = _LINE_END.match(body, end)
        if after is None and end < len(body) and not chunks:
            return body, True
        chunks.append(body[begin:end])
        if after is None:
            return b"".join(chunks), False
        at = after.end()
    return (b"".join(chunks), False) if chunks else (body, True)
