"""Lines in zstd frames: each frame holds whole lines, so frames of different files can be joined byte by byte.

The frame is the unit in which documents travel: `regroup` concatenates frames and never compresses again.
Format: RFC 8878, section 3.1 (concatenated frames are one stream).
"""

from collections.abc import Iterable, Iterator
from typing import BinaryIO

import zstandard

SHARD_LEVEL = 3  # of zstd, of shards
FRAME_BYTES = 1 << 20  # of lines before compression: the line that reaches it is the frame's last


def compressor(level: int) -> zstandard.ZstdCompressor:
    """Return what makes frames of a level, each with a checksum."""
    return zstandard.ZstdCompressor(level=level, write_checksum=True)


class FrameBuilder:
    """Collects lines and gives back a compressed frame whenever enough have come.

    Builders of one thread can share a compressor: it holds about a megabyte from its first frame on.
    """

    def __init__(self, compressor: zstandard.ZstdCompressor) -> None:
        self._compress = compressor.compress
        self._lines: list[bytes] = []
        self._size = 0

    def add(self, line: bytes) -> bytes | None:
        """Take a line without its line feed; return a frame if it is full."""
        self._lines.append(line)
        self._size += len(line) + 1
        return self.flush() if self._size >= FRAME_BYTES else None

    def flush(self) -> bytes | None:
        """Return the frame of all lines that wait, or None if there are none."""
        if not self._lines:
            return None
        frame = self._compress(b"\n".join([*self._lines, b""]))
        self._lines, self._size = [], 0
        return frame


def write_lines(lines: Iterable[bytes], stream: BinaryIO, level: int) -> None:
    """Write all lines as frames."""
    builder = FrameBuilder(compressor(level))
    for line in lines:
        if frame := builder.add(line):
            stream.write(frame)
    if frame := builder.flush():
        stream.write(frame)


def read_lines(stream: BinaryIO) -> Iterator[bytes]:
    """Yield the lines of concatenated frames, without their line feeds.

    Raises:
        ValueError: the last frame, or the last line, is cut off.
    """
    rest = b""
    for block in _decompress(stream):
        lines = (rest + block).split(b"\n")
        rest = lines.pop()
        yield from lines
    if rest:
        raise ValueError("the last line has no line feed: the frames are cut off")


def read_frames(stream: BinaryIO) -> Iterator[bytes]:
    """Yield the contents of concatenated frames, each whole.

    Raises:
        ValueError: the last frame is cut off.
    """
    for _, content in read_stored_frames(stream):
        yield content


def read_stored_frames(stream: BinaryIO) -> Iterator[tuple[bytes, bytes]]:
    """Yield each of concatenated frames as it is stored, and its contents.

    Raises:
        ValueError: the last frame is cut off.
    """
    decompressor = zstandard.ZstdDecompressor()
    frame, stored, parts = None, list[bytes](), list[bytes]()
    while data := stream.read(FRAME_BYTES):
        while data:
            frame = frame or decompressor.decompressobj()
            parts.append(frame.decompress(data))
            rest = frame.unused_data if frame.eof else b""
            stored.append(data[: len(data) - len(rest)])
            if frame.eof:
                yield b"".join(stored), b"".join(parts)
                frame, stored, parts = None, [], []
            data = rest
    if frame is not None:
        raise ValueError("the last frame is cut off")


def _decompress(stream: BinaryIO) -> Iterator[bytes]:
    """Yield the contents of frames in blocks."""
    # Frame by frame, because a stream_reader takes the end of the data for the end of a frame.
    decompressor = zstandard.ZstdDecompressor()
    frame = None
    while data := stream.read(FRAME_BYTES):
        while data:
            frame = frame or decompressor.decompressobj()
            yield frame.decompress(data)
            data = b""
            if frame.eof:
                data, frame = frame.unused_data, None
    if frame is not None:
        raise ValueError("the last frame is cut off")
