"""Files of data sets: found by their names, read line by line; what is not of the form is named by file and line."""

import gzip
import re
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

import msgspec
import zstandard

from model.errors import UserError


def fail(path: Path, line: int, what: str) -> NoReturn:
    """Raise UserError for a line, counted from 1."""
    raise UserError(f"{path}, line {line}: {what}")


def plain_name(path: Path) -> str:
    """Return the name of a file without the ending that says how it is compressed."""
    return path.stem if path.suffix in _COMPRESSED else path.name


def find(folder: Path, pattern: str) -> list[tuple[re.Match[str], Path]]:
    """Return the files below a folder whose name, less .zst or .gz, is wholly of a pattern, sorted by path.

    Raises:
        UserError: the folder is not there.
    """
    if not folder.is_dir():
        raise UserError(f"no folder {folder}; --data wants the folder with the files of the task")
    paths = sorted(path for path in _below(folder, set()) if path.is_file())
    return [(match, path) for path in paths if (match := re.fullmatch(pattern, plain_name(path)))]


def _below(folder: Path, seen: set[Path]) -> Iterator[Path]:
    """Yield what is in a folder and in those in it, links among them: data sets are large, and linked to."""
    if (place := folder.resolve()) in seen:
        return
    seen.add(place)
    for path in sorted(folder.iterdir()):
        yield from _below(path, seen) if path.is_dir() else [path]


def read_bytes(path: Path) -> bytes:
    """Return the bytes of a file, plain or compressed with zstd or gzip; UserError if it is damaged or cut off."""
    data = path.read_bytes()
    try:
        return _COMPRESSED.get(path.suffix, bytes)(data)
    except (zstandard.ZstdError, OSError, EOFError, zlib.error) as error:
        raise UserError(f"{path} is damaged ({error}); copy it again") from error


def _unpack_zstd(data: bytes) -> bytes:
    parts = []
    while data:
        frame = zstandard.ZstdDecompressor().decompressobj()
        parts.append(frame.decompress(data))
        if not frame.eof:
            raise EOFError("it is cut off")
        data = frame.unused_data
    return b"".join(parts)


_COMPRESSED: Mapping[str, Callable[[bytes], bytes]] = {".zst": _unpack_zstd, ".gz": gzip.decompress}


def read_text(path: Path) -> str:
    """Return the text of a file, plain or compressed, without a byte order mark; UserError if it is not UTF-8."""
    data = read_bytes(path)
    try:
        return data.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        fail(path, data.count(b"\n", 0, error.start) + 1, f"not UTF-8 ({error.reason}); convert the file")


def read_lines(path: Path) -> Iterator[tuple[int, str]]:
    r"""Yield the lines of a file with their numbers, from 1, without the line's end (\n or \r\n).

    Nothing else ends a line: U+2028 and U+0085, which str.splitlines takes for ends, stand in sentences of XNLI.
    """
    lines = read_text(path).split("\n")
    if lines[-1] == "":
        lines.pop()
    for number, line in enumerate(lines, 1):
        yield number, line.removesuffix("\r")


def read_rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Yield the cells of tab-separated lines with the line's number.

    A quotation mark is text: the data sets of this field do not quote, and hold lines with one mark in a cell.
    """
    for number, line in read_lines(path):
        yield number, line.split("\t")


def read_table(
    path: Path, names: Sequence[Sequence[str]], *, odd: list[int] | None = None
) -> Iterator[tuple[int, list[str]]]:
    """Yield the cells of some columns, which the first line names, with the line's number.

    Args:
        path: a tab-separated file.
        names: for each column that is wanted, how it may be called.
        odd: takes the numbers of lines with another number of cells than the first; without it they are an error.

    Raises:
        UserError: a column is not named, a line has too many or too few cells, or there is no line after the first.
    """
    rows = read_rows(path)
    _, header = next(rows, (1, [""]))
    places = [_place(path, header, choice) for choice in names]
    number = 1
    for number, cells in rows:
        if len(cells) == len(header):
            yield number, [cells[place] for place in places]
        elif odd is None:
            fail(path, number, f"{len(cells)} columns, the first line has {len(header)}; copy the file again")
        else:
            odd.append(number)
    if number == 1:
        fail(path, 1, "no line after the names of the columns; copy the file again")


def _place(path: Path, header: Sequence[str], choice: Sequence[str]) -> int:
    for name in choice:
        if name in header:
            return header.index(name)
    found = ", ".join(header)[:80]
    fail(path, 1, f"no column {' or '.join(choice)} among {found!r}; the file is of another form")


def read_objects(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the objects of a file with one JSON object a line, with the line's number.

    Raises:
        UserError: a line is none, or there is no line.
    """
    number = 0
    for number, line in read_lines(path):
        try:
            value = msgspec.json.decode(line)  # json takes half a surrogate pair, which is no text
        except (msgspec.DecodeError, RecursionError) as error:
            fail(path, number, f"no JSON ({error}); copy the file again")
        if not isinstance(value, dict):
            fail(path, number, f"a JSON object is wanted, not {line[:40]!r}")
        yield number, value
    if not number:
        fail(path, 1, "the file is empty; copy it again")
