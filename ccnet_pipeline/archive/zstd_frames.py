"""The zstd coding: frames (RFC 8878, section 3.1), as in "Zstandard Compression for WARC Files" 1.0 of the IIPC.

A frame is a header, blocks, each with its size before it, and a checksum if the header says so. So the end of a
frame can be found without decompressing it, and a block gives at most MAX_BLOCK_BYTES of text: both make reading
in bounded memory simple. A frame of few blocks is decompressed in one go; another, or one that breaks, block by
block, so that what comes before the damage is given.

Skippable frames (section 3.1.2) are passed over, except those with the magic number of a dictionary: such a frame,
the first of an archive, holds what the frames behind it were compressed with, itself compressed or not. A frame whose
dictionary is not there, or wrong, does not decompress.

Bounds. A window of at most MAX_WINDOW_BYTES, what `zstd` itself decompresses by default: a frame that wants more is
broken. A dictionary of at most MAX_DICTIONARY_BYTES. A block of four bytes may give 128 KiB: for bombs see bombs.py.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from io import BytesIO
from itertools import islice
from typing import NamedTuple

from zstandard import (
    DICT_TYPE_AUTO,
    ZstdCompressionDict,
    ZstdDecompressor,
    ZstdError,
    frame_header_size,
    get_frame_parameters,
)

from ccnet_pipeline.archive.bombs import BombGuard
from ccnet_pipeline.archive.formats import begins_record
from ccnet_pipeline.archive.pieces import MAX_PIECE_BYTES, RETAINED_BYTES, Broken, Piece
from ccnet_pipeline.archive.window import Window

DICTIONARY_MAGIC = b"\x5d\x2a\x4d\x18"
MAX_WINDOW_BYTES = 128 << 20
MAX_DICTIONARY_BYTES = 16 << 20
MAX_BLOCK_BYTES = 128 << 10

_HEADER_BYTES = 18  # at most
_BLOCK_HEADER_BYTES = 3
_SKIPPABLE_HEADER_BYTES = 8
_CHECKSUM_BYTES = 4
_PROBE_BLOCKS = 4
_SKIP_STEP = 64 << 10
_RAW, _RLE, _COMPRESSED = range(3)


class _CutError(Exception):
    """The archive ends inside a frame."""


class _Step(NamedTuple):
    """What a block gave."""

    text: bytes
    end: int
    last: bool  # the frame ends here and has passed its check


class ZstdFrames:
    """See `Coding`."""

    name = "zstd"
    magic = b"\x28\xb5\x2f\xfd"

    def __init__(self) -> None:
        self._decompressor = ZstdDecompressor(max_window_size=MAX_WINDOW_BYTES)
        self._guard = BombGuard()

    def read(self, window: Window, at: int) -> Generator[Piece, None, Broken | None]:
        """Give the pieces of frame after frame; return the first that breaks."""
        while first := bytes(window.take(at, 4, at)):
            if first[1:] == DICTIONARY_MAGIC[1:] and self.may_begin(first):
                ended = self._dictionary(window, at) if first == DICTIONARY_MAGIC else self._skip(window, at)
                if not isinstance(ended, Broken):
                    # No text, but bytes that are accounted for.
                    yield Piece(b"", at, at, ended, True, True)
            else:
                ended = yield from self._frame(window, at)
            if isinstance(ended, Broken):
                return ended
            at = ended
        return None

    def may_begin(self, head: bytes) -> bool:
        """Say whether these are the first bytes of a frame, skippable ones included."""
        size = min(len(head), len(self.magic))
        skippable = 0x50 <= head[0] <= 0x5F and head[1:size] == DICTIONARY_MAGIC[1:size]
        return skippable or head[:size] == self.magic[:size]

    def find(self, window: Window, at: int) -> int:
        """Give where the next frame with text may begin."""
        return window.find(self.magic, at)

    def resumes(self, window: Window, at: int, keep: int) -> tuple[bool, int]:
        """Say whether a frame with a record begins here."""
        text, cost = b"", 0
        try:
            for step in islice(self._steps(window, at, keep, checked=False), _PROBE_BLOCKS):
                text, cost = text + step.text, step.end - at + len(text) + len(step.text)
                if text.strip(b"\r\n"):
                    break
        except (ZstdError, _CutError):
            cost += MAX_BLOCK_BYTES  # a block may break at its very end
        return begins_record(text) is True, cost

    # --- frames with text

    def _frame(self, window: Window, start: int) -> Generator[Piece, None, int | Broken]:
        """Give the pieces of one frame; return where it ends."""
        end = _end_of_short_frame(window, start)
        if end is not None:
            try:
                inflater = self._decompressor.decompressobj()
                text = inflater.decompress(window.take(start, end - start, start))
                if inflater.eof and not inflater.unused_data:
                    self._guard.give(len(text))
                    yield Piece(text, start, start, end, True, True)
                    return end
            except ZstdError:
                pass
        at, given = start, 0
        try:
            for step in self._steps(window, start, start):
                given += len(step.text)
                if step.text or step.last:
                    yield Piece(step.text, start, at, step.end, at == start, step.last)
                    at = step.end
                self._guard.give(len(step.text))
                if self._guard.is_bomb(given, start, step.end):
                    break
                if step.last:
                    return step.end
        except _CutError:
            return Broken(start, max(window.end, start + 1), at, at == start, True)
        except ZstdError:
            pass
        return Broken(start, max(at, start + 1), at, at == start, False)

    def _steps(self, window: Window, start: int, keep: int, *, checked: bool = True) -> Iterator[_Step]:
        """Decompress a frame, its header and one block at a time, with or without its checksum.

        Raises:
            ZstdError: it does not decompress, or fails its check.
            _CutError: the archive ends before it does.
        """
        inflater = self._decompressor.decompressobj()
        at, last = start, False
        size, checksum = _header(window, start, keep)
        while True:
            kept = max(keep, window.base, at - RETAINED_BYTES)
            fed = window.take(at, size, kept)
            text = inflater.decompress(fed)
            at += len(fed)
            yield _Step(text, at, inflater.eof)
            if inflater.eof:
                return
            if len(fed) < size:
                raise _CutError
            if last:
                raise ZstdError("blocks end before the frame does")
            size, last = _block(window, at, kept, checksum * checked)

    # --- frames without text

    def _skip(self, window: Window, start: int) -> int | Broken:
        """Pass over a skippable frame; return where it ends.

        A size that is wrong would swallow frames without a trace: it is believed if a frame follows, or nothing.
        """
        head = window.take(start, _SKIPPABLE_HEADER_BYTES, start)
        at, end = start + len(head), start + _SKIPPABLE_HEADER_BYTES + int.from_bytes(head[4:], "little")
        while at < end:
            passed = window.take(at, min(end - at, _SKIP_STEP), max(start, window.base, at - RETAINED_BYTES))
            if not passed:
                return Broken(start, at, start, True, True)
            at += len(passed)
        behind = bytes(window.take(end, len(self.magic), max(start, window.base, end - RETAINED_BYTES)))
        if behind and not self.may_begin(behind):
            return Broken(start, end, start, True, False)
        return end

    def _dictionary(self, window: Window, start: int) -> int | Broken:
        """Take a dictionary for the frames behind it; return where its frame ends."""
        head = window.take(start, _SKIPPABLE_HEADER_BYTES, start)
        size = int.from_bytes(head[4:], "little")
        if size > MAX_DICTIONARY_BYTES:
            return self._skip(window, start)
        end = start + _SKIPPABLE_HEADER_BYTES + size
        content = bytes(window.take(start + _SKIPPABLE_HEADER_BYTES, size, start))
        if len(head) < _SKIPPABLE_HEADER_BYTES or len(content) < size:
            return Broken(start, max(window.end, start + 1), start, True, True)
        try:
            if content.startswith(self.magic):
                content = self._decompressed(content)
            wanted = ZstdCompressionDict(content, dict_type=DICT_TYPE_AUTO)
            self._decompressor = ZstdDecompressor(dict_data=wanted, max_window_size=MAX_WINDOW_BYTES)
        except ZstdError:
            return Broken(start, end, start, True, False)
        return end

    def _decompressed(self, frame: bytes) -> bytes:
        text = bytearray()
        try:
            for step in self._steps(Window(BytesIO(frame)), 0, 0):
                text += step.text
                if len(text) > MAX_DICTIONARY_BYTES:
                    raise ZstdError("dictionary too large")
        except _CutError as error:
            raise ZstdError("dictionary cut short") from error
        return bytes(text)


def _header(window: Window, start: int, keep: int) -> tuple[int, int]:
    """Give the sizes of a frame's header and of its checksum (RFC 8878, section 3.1.1.1)."""
    head = window.take(start, _HEADER_BYTES, keep)
    try:
        return frame_header_size(head), _CHECKSUM_BYTES * get_frame_parameters(head).has_checksum
    except ZstdError as error:
        if len(head) < _HEADER_BYTES:
            raise _CutError from error
        raise


def _block(window: Window, at: int, keep: int, checksum: int) -> tuple[int, bool]:
    """Give the size of the block at `at`, header and checksum included, and whether it is the last (3.1.1.2)."""
    head = window.take(at, _BLOCK_HEADER_BYTES, keep)
    if len(head) < _BLOCK_HEADER_BYTES:
        raise _CutError
    field = int.from_bytes(head, "little")
    last, kind, size = bool(field & 1), field >> 1 & 3, field >> 3
    if kind not in (_RAW, _RLE, _COMPRESSED) or size > MAX_BLOCK_BYTES:
        raise ZstdError("bad block")
    return _BLOCK_HEADER_BYTES + (1 if kind == _RLE else size) + checksum * last, last


def _end_of_short_frame(window: Window, start: int) -> int | None:
    """Give the end of a frame with at most MAX_PIECE_BYTES of text; None of another, a broken one or a cut one."""
    try:
        size, checksum = _header(window, start, start)
        at = start + size
        for _ in range(MAX_PIECE_BYTES // MAX_BLOCK_BYTES):
            size, last = _block(window, at, start, checksum)
            at += size
            if last:
                return at
    except (ZstdError, _CutError):
        pass
    return None
