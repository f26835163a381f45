"""Text files as people have them: packed or not, UTF-8 or UTF-16, with any line ends. Whole, or a clear error."""

import codecs
import io
import lzma
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO

import zstandard

from ccnet_pipeline.errors import UserError

BYTE_ORDER_MARK = "\ufeff"
_CHUNK_BYTES = 64 << 10
_GZIP = 31
_PLAIN = (".txt", ".json", ".jsonl")
# By the ending of the name: what unpacks one member (of gzip), stream (of xz) or frame (of zstd).
_UNPACKERS: Mapping[str, Callable[[], Any]] = {
    ".gz": lambda: zlib.decompressobj(_GZIP),
    ".xz": lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ),
    ".zst": lambda: zstandard.ZstdDecompressor().decompressobj(),
}
_FIRST_BYTES: Mapping[bytes, str] = {b"\x1f\x8b": ".gz", b"\xfd7zXZ\0": ".xz", b"\x28\xb5\x2f\xfd": ".zst"}


def encoding_of(begin: bytes) -> str:
    """Return the encoding of text by its first bytes: utf-16, with or without byte order mark, else utf-8."""
    if begin.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    # Text has no NUL in it.
    return "utf-16-le" if begin[1:2] == b"\0" else "utf-16-be" if begin[:1] == b"\0" else "utf-8"


def read_lines(path: Path) -> Iterator[str]:
    """Yield the lines of a text file, by its name .txt, .gz, .xz or .zst, without line ends and byte order marks.

    Raises:
        UserError: it is absent, not whole, or no text; with the place.
    """
    try:
        with path.open("rb") as raw:
            if path.suffix not in (*_PLAIN, *_UNPACKERS):
                raise UserError(f"{path}: unknown ending {path.suffix!r}; want .txt, .txt.zst, .txt.xz or .txt.gz")
            yield from _unpacked_lines(str(path), raw, path.suffix)
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}") from error


def read_lines_of(stream: io.BufferedReader, name: str) -> Iterator[str]:
    """Yield the lines of a stream, as `read_lines` does those of a file; its first bytes tell how it is packed.

    Raises:
        UserError: it is not whole, or no text; `name` is what to call it.
    """
    first = stream.peek(6)
    ending = next((ending for begin, ending in _FIRST_BYTES.items() if first.startswith(begin)), "")
    yield from _unpacked_lines(name, stream, ending)


def read_documents(path: Path) -> Iterator[list[str]]:
    """Yield the documents of a text file: the lines between blank lines."""
    return documents_of(read_lines(path))


def documents_of(lines: Iterable[str], most: int | None = None) -> Iterator[list[str]]:
    """Yield the documents of a text: the lines between blank lines. One of more than `most` lines comes in parts."""
    document: list[str] = []
    for line in chain(lines, [""]):
        if line.strip():
            document.append(line)
        if document and (not line.strip() or len(document) == most):
            yield document
            document = []


def _unpacked_lines(name: str, raw: io.BufferedReader, ending: str) -> Iterator[str]:
    """Yield the lines of a stream that is packed as an ending says; another than those of `_UNPACKERS`: not at all."""
    try:
        unpacker = _UNPACKERS.get(ending)
        yield from _lines(name, io.BufferedReader(_Unpacked(raw, unpacker)) if unpacker else raw)
    except (EOFError, zlib.error, lzma.LZMAError, zstandard.ZstdError) as error:
        raise UserError(f"{name} is not whole, or not what its ending says: {error}") from error


def _lines(name: str, stream: io.BufferedReader) -> Iterator[str]:
    encoding, number = encoding_of(stream.peek(4)), 0
    # As bytes, UTF-8 can be parted into lines, so that one knows which is bad.
    lines: Iterable[bytes | str] = stream if encoding == "utf-8" else io.TextIOWrapper(stream, encoding, newline="\n")
    try:
        for number, line in enumerate(lines, 1):  # noqa: B007 - the last is wanted below
            text = line.decode() if isinstance(line, bytes) else line
            yield text.removesuffix("\n").removesuffix("\r").removeprefix(BYTE_ORDER_MARK)
    except UnicodeDecodeError as error:
        # Not the words of the error: it holds the text.
        if encoding != "utf-8":
            raise UserError(f"{name}, behind line {number}: not {encoding.upper()}, though it begins so") from error
        byte, remedy = error.object[error.start], "convert the file to UTF-8, or leave the line out"
        raise UserError(f"{name}, line {number}: byte 0x{byte:02x} is not UTF-8; {remedy}") from error


class _Unpacked(io.RawIOBase):
    """The text of packed members, one behind the other, with or without zeros for padding between them."""

    def __init__(self, raw: BinaryIO, new_member: Callable[[], Any]) -> None:
        self._raw = raw
        self._new_member = new_member
        self._member: Any = None  # the one that is being read
        self._text = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        while not self._text and (packed := self._raw.read(_CHUNK_BYTES)):
            self._text = memoryview(b"".join(self._unpack(packed)))
        if not self._text and self._member is not None:
            raise EOFError("it ends in the middle")
        size = min(len(buffer), len(self._text))
        buffer[:size], self._text = self._text[:size], self._text[size:]
        return size

    def _unpack(self, packed: bytes) -> Iterator[bytes]:
        while packed:
            if self._member is None:
                packed = packed.lstrip(b"\0")
                self._member = self._new_member() if packed else None
            if self._member is not None:
                yield self._member.decompress(packed)
                packed = self._member.unused_data
                self._member = None if self._member.eof else self._member
