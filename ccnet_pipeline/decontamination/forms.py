"""The texts of a test file, in the forms that test sets are published in.

    .json               every string in it, at whatever depth (SQuAD, XQuAD, MLQA, TyDiQA)
    .jsonl, .ndjson     the same of each line
    .csv                every cell, with quotation marks as spreadsheets write them
    .tsv                every cell (XNLI, PAWS-X, GLUE)
    columns of tokens   the sentences (CoNLL-2002/2003, PAN-X, MasakhaNER): told by what stands in the file
    all others          every line

Of JSON and of tables with a header, only some fields can be asked for. A file may be packed with gzip, xz or zstd.
"""

import csv
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import Any

import msgspec

from ccnet_pipeline.errors import UserError
from ccnet_pipeline.text_files import read_lines_of

_PACKINGS = (".gz", ".xz", ".zst")
_LOOKED_AT = 200  # lines, to tell columns of tokens
_LONGEST_CELL = 1 << 24
_TAG = re.compile(r"O|[BIESLUM]-\S+")
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[a-z]+)*:(?=\S)")
_Lines = Iterator[str]
_Texts = Iterator[str]


def texts_of(path: Path, name: str, fields: Collection[str]) -> _Texts:
    """Yield the texts of a test file.

    Args:
        path: of the file, on this machine.
        name: what to call it in messages.
        fields: keys of JSON, or columns of tables, that alone count; none: all.

    Raises:
        UserError: it cannot be read, is not in the form that its name says, or lacks the fields.
    """
    try:
        with path.open("rb") as stream:
            yield from _READERS.get(form_of(path.name), _lines)(read_lines_of(stream, name), name, fields)
    except OSError as error:
        raise UserError(f"{name} cannot be read: {error.strerror or error}") from error


def form_of(name: str) -> str:
    """Return the ending of a file's name, without that of its packing.

    >>> form_of("dev-v1.1.JSON.gz"), form_of("eng.testb")
    ('.json', '.testb')
    """
    plain = Path(name.lower())
    return Path(plain.stem).suffix if plain.suffix in _PACKINGS else plain.suffix


def _json(lines: _Lines, name: str, fields: Collection[str]) -> _Texts:
    try:
        value = msgspec.json.decode("\n".join(lines))
    except (msgspec.DecodeError, RecursionError) as error:
        raise UserError(f"{name} is no JSON: {error}; of a JSON value a line, the name ends with .jsonl") from error
    yield from _with_fields(_strings(value, fields), name, fields)


def _jsonl(lines: _Lines, name: str, fields: Collection[str]) -> _Texts:
    yield from _with_fields(_strings_of_lines(lines, name, fields), name, fields)


def _strings_of_lines(lines: _Lines, name: str, fields: Collection[str]) -> _Texts:
    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                value = msgspec.json.decode(line)
            except (msgspec.DecodeError, RecursionError) as error:
                raise UserError(f"{name}, line {number}: no JSON: {error}") from error
            yield from _strings(value, fields)


def _strings(value: Any, fields: Collection[str]) -> _Texts:
    """Yield the strings of a JSON value; with fields, only those that stand below one of these keys."""
    if isinstance(value, str):
        if not fields:
            yield value
    elif isinstance(value, list):
        for each in value:
            yield from _strings(each, fields)
    elif isinstance(value, dict):
        for key, each in value.items():
            yield from _strings(each, () if key in fields else fields)


def _with_fields(texts: _Texts, name: str, fields: Collection[str]) -> _Texts:
    """Yield texts, of which there must be one."""
    first = next(texts, None)
    if first is None and fields:
        raise UserError(f"{name}: there is no field {' or '.join(sorted(fields))} in it (--decontaminate_fields)")
    yield from chain([] if first is None else [first], texts)


def _tsv(lines: _Lines, name: str, fields: Collection[str]) -> _Texts:
    first = list(islice(lines, _LOOKED_AT))
    if _are_tokens(first):
        yield from _sentences(chain(first, lines), _prefix(first))
    else:
        yield from _cells((line.split("\t") for line in chain(first, lines)), name, fields)


def _csv(lines: _Lines, name: str, fields: Collection[str]) -> _Texts:
    csv.field_size_limit(_LONGEST_CELL)
    rows = csv.reader((f"{line}\n" for line in lines), strict=True)
    try:
        yield from _cells(rows, name, fields)
    except csv.Error as error:
        raise UserError(f"{name}, line {rows.line_num}: {error}") from error


def _cells(rows: Iterator[list[str]], name: str, fields: Collection[str]) -> _Texts:
    """Yield the cells of a table; with fields, those of the columns that its first row calls so."""
    if not fields:
        yield from chain.from_iterable(rows)
        return
    header = next(rows, [])
    places = [place for place, cell in enumerate(header) if cell.strip() in fields]
    if not places:
        raise UserError(f"{name}, line 1: no column {' or '.join(sorted(fields))} (--decontaminate_fields)")
    for row in rows:
        yield from (row[place] for place in places if place < len(row))


def _lines(lines: _Lines, name: str, fields: Collection[str]) -> _Texts:
    first = list(islice(lines, _LOOKED_AT))
    every = chain(first, lines)
    yield from _sentences(every, _prefix(first)) if _are_tokens(first) else every


def _are_tokens(lines: Sequence[str]) -> bool:
    """Tell whether lines are a token each: the last column is a tag; or there is one word, and blank lines between."""
    rows = [_columns(line) for line in lines if line.strip()]
    if not rows:
        return False
    if all(len(row) > 1 for row in rows):
        return all(_TAG.fullmatch(row[-1]) for row in rows)
    has_blank = any(not line.strip() for line in lines[: len(lines) - 1])
    return has_blank and all(len(row) == 1 for row in rows)


def _columns(line: str) -> list[str]:
    return line.rstrip("\t ").split("\t") if "\t" in line.rstrip("\t ") else line.split()


def _prefix(lines: Sequence[str]) -> str:
    """Return what WikiANN has before each token, as "en:" before "Paris"; nothing if not all lines have it."""
    found = {match[0] if (match := _LANGUAGE.match(line)) else "" for line in lines if line.strip()}
    return found.pop() if len(found) == 1 else ""


def _sentences(lines: _Lines, prefix: str) -> _Texts:
    """Yield what the first columns of lines between blank lines say together, less what stands before each token."""
    words: list[str] = []
    for line in chain(lines, [""]):
        if line and not line.isspace():
            words.append(line.split("\t" if "\t" in line else None, 1)[0].removeprefix(prefix))
        elif words:
            yield " ".join(words)
            words = []


_READERS: Mapping[str, Callable[[_Lines, str, Collection[str]], _Texts]] = {
    ".json": _json,
    ".jsonl": _jsonl,
    ".ndjson": _jsonl,
    ".csv": _csv,
    ".tsv": _tsv,
}
ENDINGS = (*_READERS, ".txt", ".conll", ".iob", ".bio")  # that are looked for in folders
