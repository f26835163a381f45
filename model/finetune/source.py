"""Text files of a task as they lie on the disk: plain, or compressed with gzip or zstd."""

import gzip
import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import zstandard

from model.errors import UserError

_COMPRESSED = (".gz", ".zst")
_BOM = "\N{ZERO WIDTH NO-BREAK SPACE}"


def fail(path: Path, line: int, what: str) -> NoReturn:
    """Raise UserError for a line, counted from 1."""
    raise UserError(f"{path}, line {line}: {what}")


def find(folder: Path, pattern: str) -> list[tuple[re.Match[str], Path]]:
    """Return the files below a folder whose name, less what compression adds, is wholly of a pattern, sorted by path.

    Raises:
        UserError: the folder is not there.
    """
    if not folder.is_dir():
        raise UserError(f"no folder {folder}; --data wants the folder with the files of the task")
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return [(match, path) for path in paths if (match := re.fullmatch(pattern, plain_name(path)))]


def plain_name(path: Path) -> str:
    """Return a file's name without what its compression adds.

    >>> plain_name(Path("panx/dev-en.tsv.zst"))
    'dev-en.tsv'
    """
    return path.stem if path.suffix in _COMPRESSED else path.name


def read_bytes(path: Path) -> bytes:
    """Return what a file holds, decompressed; UserError if it is cut off or damaged, or cannot be read."""
    try:
        data = path.read_bytes()
        if path.suffix == ".gz":
            return gzip.decompress(data)
        if path.suffix == ".zst":
            return b"".join(_zstd_frames(data))
    except (OSError, EOFError, zlib.error, zstandard.ZstdError) as error:
        raise UserError(f"{path} cannot be read ({error}); copy or fetch it again") from error
    return data


def _zstd_frames(data: bytes) -> Iterator[bytes]:
    while data:
        frame = zstandard.ZstdDecompressor().decompressobj()
        yield frame.decompress(data)
        if not frame.eof:  # the library's own readers take this for an end
            raise EOFError("it ends in mid-frame")
        data = frame.unused_data


def read_lines(path: Path) -> list[str]:
    """Return the lines of a UTF-8 file; UserError with file and line number for bytes that are none.

    Lines end at line feeds and nowhere else: U+2028, U+0085 and others, at which str.splitlines would cut, stand in the
    texts of several sets.
    """
    data = read_bytes(path)
    try:
        return cut_lines(data.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise UserError(
            f"{path}, line {line_at(data, error.start)} is no UTF-8 (byte {data[error.start]:#04x}); convert the file"
        ) from error


def cut_lines(text: str) -> list[str]:
    r"""Return the lines of a text, without a byte order mark, carriage returns before line feeds, and the last feed.

    >>> cut_lines("one\r\n\ntwo\n")
    ['one', '', 'two']
    """
    text = text.removeprefix(_BOM).replace("\r\n", "\n").removesuffix("\n")
    return text.split("\n") if text else []


def line_at(data: bytes, place: int) -> int:
    """Return the number of the line, from 1, that a byte stands in."""
    return data.count(b"\n", 0, place) + 1
