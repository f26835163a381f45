"""Text of an archive that is not dealt with yet, and where in the archive it is from."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from io import BytesIO
from operator import itemgetter
from typing import NamedTuple

from ccnet_pipeline.archive.pieces import Piece

MAX_CHUNKS = 4096  # whose borders are known each


class _Span(NamedTuple):
    """Where a piece of the text is from."""

    begin: int  # its place in the text, counted from the origin
    size: int
    start: int  # it came from the archive bytes [start, end)
    end: int
    member: int


class _Chunk(NamedTuple):
    """Text that was put aside."""

    text: bytes
    spans: list[_Span]  # counted from its beginning


class Text:
    """The text of some pieces, one behind the other.

    Where a coding hides the place of a byte of text, it is interpolated linearly inside the piece; the borders of
    members and all places in plain files are exact.
    """

    def __init__(self) -> None:
        self.data = b""
        self.at = 0  # what is before it is dealt with
        self.end = 0  # of the archive bytes that the text came from
        self.searched = 0  # place in `data`; for who reads it to use
        self._origin = 0  # of `data`; spans count from where there was no text left over
        self._spans: list[_Span] = []

    def load(self, piece: Piece) -> None:
        """Add a piece. What is dealt with is forgotten."""
        self.end = piece.end
        if not piece.text:
            return
        rest = self.data[self.at :]
        if rest:
            self._origin += self.at
            self.searched = max(0, self.searched - self.at)
            if len(self._spans) > 2 * len(rest):
                del self._spans[: self._index(0)]
            self.data = rest + piece.text
        else:
            self._origin = self.searched = 0
            self._spans = []
            self.data = piece.text
        self._spans.append(_Span(self._origin + len(rest), len(piece.text), piece.start, piece.end, piece.member))
        self.at = 0

    def clear(self) -> None:
        """Forget all text."""
        self.data, self.at, self.searched = b"", 0, 0

    def place(self, at: int) -> int:
        """Give the offset in the archive of a place in the text."""
        if at >= len(self.data):
            return self.end
        span = self._spans[self._index(at)]
        return span.start + (span.end - span.start) * (self._origin + at - span.begin) // span.size

    def member(self, at: int) -> int:
        """Give the offset of the member that a place in the text is from, or PLAIN."""
        return self._spans[self._index(at)].member

    def put_aside(self, until: int) -> _Chunk:
        """Take away what is not dealt with before the place `until`."""
        if self.at == until:
            return _Chunk(b"", [])
        first, last, zero = self._index(self.at), self._index(until - 1), self._origin + self.at
        spans = [span._replace(begin=span.begin - zero) for span in self._spans[first : last + 1]]
        chunk = _Chunk(self.data[self.at : until], spans)
        self.at = until
        return chunk

    def put_back(self, chunks: Iterable[_Chunk]) -> None:
        """Put what was taken away in front of what is not dealt with."""
        texts, spans, size = [], [], 0
        for text, own in [*chunks, self.put_aside(len(self.data))]:
            spans += [span._replace(begin=span.begin + size) for span in own]
            texts.append(text)
            size += len(text)
        self.data, self._origin, self._spans = b"".join(texts), 0, spans
        self.at = self.searched = 0

    def _index(self, at: int) -> int:
        if self._origin + at >= self._spans[-1].begin:  # nearly always
            return len(self._spans) - 1
        return bisect_right(self._spans, self._origin + at, key=itemgetter(0)) - 1


class Aside:
    """Text that was put aside, all of it or the last part, in bounded memory."""

    def __init__(self, most: int | None) -> None:
        """Keep all, or at least the last `most` bytes."""
        self.size = 0  # of what is kept
        self.whole = True  # nothing was dropped
        self._most = most
        self._chunks: list[_Chunk] = []
        self._fresh = 0  # chunks at the end that were not joined

    def add(self, chunk: _Chunk) -> None:
        """Put some more aside."""
        if not chunk.text:
            return
        self._chunks.append(chunk)
        self._fresh += 1
        self.size += len(chunk.text)
        if self._fresh > MAX_CHUNKS:
            self._join()
        while self._most is not None and self.size - len(self._chunks[0].text) >= self._most:
            self.size -= len(self._chunks.pop(0).text)
            self._fresh = min(self._fresh, len(self._chunks))
            self.whole = False

    def take(self) -> list[_Chunk]:
        """Give all that is kept, and keep it no longer."""
        chunks, self._chunks, self.size = self._chunks, [], 0
        return chunks

    def _join(self) -> None:
        """Make one chunk of many small ones, for each takes more memory than its text; places are interpolated."""
        many = self._chunks[-self._fresh :]
        first, last = many[0].spans[0], many[-1].spans[-1]
        text = b"".join(chunk.text for chunk in many)
        self._chunks[-self._fresh :] = [_Chunk(text, [_Span(0, len(text), first.start, last.end, first.member)])]
        self._fresh = 0


def joined(chunks: list[_Chunk], end: bytes) -> bytes:
    """Join texts, and forget them: large ones are never there twice."""
    text = BytesIO()
    chunks.reverse()
    while chunks:
        text.write(chunks.pop().text)
    text.write(end)
    return text.getvalue()
