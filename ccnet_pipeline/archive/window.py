"""A sliding window over a byte stream, addressed by offset in the archive.

A damaged gzip member is noticed only some way behind the place of the damage, and may have swallowed the
beginning of the next member; so the reader steps back. The stream need not seek: the window keeps the bytes
that may be wanted again.
"""

from __future__ import annotations

from typing import Protocol

READ_BYTES = 256 << 10


class ByteStream(Protocol):
    """All that is asked of a file."""

    def read(self, size: int, /) -> bytes:
        """Give 1 to `size` bytes; none at the end."""


class Window:
    """The bytes `[base, end)` of an archive."""

    def __init__(self, stream: ByteStream) -> None:
        self.base = 0
        self.end = 0
        self.ended = False
        self._stream = stream
        self._data = b""
        self._view = memoryview(b"")

    def take(self, at: int, size: int, keep: int) -> memoryview:
        """Give `size` bytes from offset `at`: fewer at the end of the archive, none behind it.

        Bytes before `keep` (at most `at`, at least `base`) are not wanted any more. What is given does not
        depend on how many bytes the stream gives at a time.
        """
        if at + size > self.end and not self.ended:
            self._read(at + size, keep)
        begin = at - self.base
        return self._view[begin : begin + size]

    def find(self, pattern: bytes, at: int, end: int | None = None) -> int:
        """Give the offset of the first `pattern` in [at, end) among the bytes held, or -1."""
        found = self._data.find(pattern, at - self.base, None if end is None else end - self.base)
        return found + self.base if found >= 0 else -1

    def _read(self, until: int, keep: int) -> None:
        # Much at once even from a stream that gives little at a time: every call copies what is kept.
        wanted = max(until - self.end, READ_BYTES)
        chunks: list[bytes | memoryview] = [self._view[keep - self.base :]]
        while wanted > 0:
            chunk = self._stream.read(wanted)
            if not chunk:
                self.ended = True
                break
            chunks.append(chunk)
            wanted -= len(chunk)
            self.end += len(chunk)
        self._data = b"".join(chunks)
        self._view = memoryview(self._data)
        self.base = keep
