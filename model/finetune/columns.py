"""Files with a word and its tag a line, and a blank line after each sentence: CoNLL-2002/2003, WikiANN, MasakhaNER.

Columns are separated by tabs, or by spaces; the word is the first, the tag the last, and all lines have the same number
of columns. What is not of that form stops the reader with file and line. WikiANN has the language before each word
(`en:Paris`), PAN-X, which is XTREME's form of it, does not.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from model.errors import UserError
from model.finetune.files import fail, read_bytes
from model.finetune.iob import OUTSIDE, begins, to_iob2, type_of

TYPES = ("PER", "ORG", "LOC", "MISC", "DATE")  # of all sets: MISC is CoNLL's alone, DATE MasakhaNER's
_DOCUMENT = "-DOCSTART-"
_PREFIX = re.compile(r"[a-z]{2,3}(-[a-z]+)*:")
_CONLL_U = re.compile(r"# ?(sent_id|text|newdoc|newpar|global)\b")
_OTHER_SEPARATOR = re.compile(r".+([,;|])(O|[BI]-[A-Z]+)")


@dataclass(frozen=True, slots=True)
class Sentence:
    """Words and, unless the file has none, their tags in IOB2."""

    words: tuple[str, ...]
    tags: tuple[str, ...]
    file: Path
    line: int  # of the first word, from 1


@dataclass(frozen=True, slots=True)
class ColumnFile:
    """What a file holds, and what is to be said of it."""

    sentences: Sequence[Sentence]
    tagged: bool
    notes: Sequence[str]


@dataclass(frozen=True, slots=True)
class _Row:
    line: int
    cells: list[str]


def read_columns(path: Path, language: str, *, latin_1: bool = False) -> ColumnFile:
    """Read a file of words and tags.

    Args:
        path: of the file; .gz and .zst are decompressed.
        language: its code as the file's name has it, for the prefix of WikiANN's first form.
        latin_1: whether it may be in ISO 8859-1, as the files of CoNLL-2002 and the German ones of CoNLL-2003 are.

    Raises:
        UserError: with file and line: no sentence, another number of columns, an unknown tag, another format.
    """
    text, notes = _decode(path, latin_1)
    lines = text.removeprefix("\N{ZERO WIDTH NO-BREAK SPACE}").replace("\r\n", "\n").split("\n")
    _refuse_neighbours(path, lines)
    groups = [list(group) for group in _groups(lines)]
    if not groups:
        raise UserError(f"{path} has no sentence; is it whole?")
    _check_columns(path, groups)
    tagged = len(groups[0][0].cells) > 1
    if tagged:
        _drop_prefix(path, groups, language)
        notes += _scheme_notes(path, groups)
    return ColumnFile([_sentence(path, group, tagged) for group in groups], tagged, notes)


def _decode(path: Path, latin_1: bool) -> tuple[str, list[str]]:
    data = read_bytes(path)
    try:
        return data.decode("utf-8"), []
    except UnicodeDecodeError as error:
        # Text in ISO 8859-1 has next to nothing that is UTF-8 too; damaged UTF-8 has much of it.
        characters = data.decode("utf-8", errors="replace")
        damaged = characters.count("\N{REPLACEMENT CHARACTER}")
        whole = sum(character > "\x7f" for character in characters) - damaged
        if not latin_1 or whole > damaged:
            line = data.count(b"\n", 0, error.start) + 1
            fail(path, line, f"not UTF-8 ({error.reason}); convert the file")
        return data.decode("iso-8859-1"), [f"{path} is read as ISO 8859-1: it is no UTF-8"]


def _refuse_neighbours(path: Path, lines: Sequence[str]) -> None:
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        if _CONLL_U.match(line) or line.count("\t") == 9:
            fail(path, number, "this is CoNLL-U; a word and its tag a line are wanted")
        if line[0] in "{[" and line[-1] in "}],{[" and (len(line) > 1 or "\t" not in line):
            fail(path, number, "this is JSON; a word and its tag a line are wanted")
        if (other := _OTHER_SEPARATOR.fullmatch(line)) and " " not in line:
            fail(path, number, f"the columns are separated by {other[1]!r}; tabs or spaces are wanted")
        return


def _groups(lines: Sequence[str]) -> Iterator[list[_Row]]:
    """Yield the rows of each sentence."""
    # str.split without an argument would cut at the no-break spaces that some words are or have.
    tabs = any("\t" in line for line in lines)
    group: list[_Row] = []
    for number, line in enumerate(lines, 1):
        cells = line.split("\t") if tabs else [cell for cell in line.split(" ") if cell]
        blank = not line.strip(" \t\r")
        if blank or cells[0] == _DOCUMENT:
            if group:
                yield group
            group = []
        else:
            group.append(_Row(number, cells))
    if group:
        yield group


def _check_columns(path: Path, groups: Sequence[Sequence[_Row]]) -> None:
    first = groups[0][0]
    for group in groups:
        for row in group:
            if len(row.cells) != len(first.cells):
                found = f"{len(row.cells)} column(s), and line {first.line} has {len(first.cells)}"
                fail(path, row.line, f"{found}; all lines must be alike")
            if not row.cells[0]:
                fail(path, row.line, "no word before the tag")
    if len(first.cells) > 2 and all(row.cells[0].isdecimal() for group in groups[:5] for row in group):
        fail(path, first.line, "the first column numbers the words; the words are wanted there")


def _drop_prefix(path: Path, groups: Sequence[Sequence[_Row]], language: str) -> None:
    found = {match[0] if (match := _PREFIX.match(row.cells[0])) else None for row in groups[0]}
    prefix = f"{language}:"
    if prefix not in found:
        if len(groups[0]) > 1 and len(found) == 1 and None not in found:
            fail(path, groups[0][0].line, f"words of {found.pop()!r} in a file of {language!r}")
        return
    for group in groups:
        for row in group:
            if not row.cells[0].startswith(prefix) or row.cells[0] == prefix:
                fail(path, row.line, f"{row.cells[0]!r} is no word after {prefix!r}, as other lines have it")
            row.cells[0] = row.cells[0].removeprefix(prefix)


def _scheme_notes(path: Path, groups: Sequence[Sequence[_Row]]) -> list[str]:
    """Check all tags; tell of a file whose tags are neither IOB1 nor IOB2 throughout."""
    iob1, odd = True, []  # lines on which an entity begins with I-
    for group in groups:
        tags = [_checked(path, row) for row in group]
        for place, (row, tag) in enumerate(zip(group, tags, strict=True)):
            if tag == OUTSIDE or not begins(tags, place):
                continue
            if tag.startswith("I-"):
                odd.append(row.line)
            elif not place or tags[place - 1][2:] != tag[2:]:
                iob1 = False
    if iob1 or not odd:
        return []
    what = f"{len(odd)} entities begin with I-, the first on line {odd[0]}"
    return [f"{path} is neither IOB1 nor IOB2: {what}; they are read as B-"]


def _checked(path: Path, row: _Row) -> str:
    tag = row.cells[-1]
    try:
        if type_of(tag) in (None, *TYPES):
            return tag
    except ValueError:
        pass
    wanted = f"O, or B- or I- with {', '.join(TYPES)}"
    fail(path, row.line, f"{tag!r} is no tag of these sets ({wanted})")


def _sentence(path: Path, group: Sequence[_Row], tagged: bool) -> Sentence:
    tags = to_iob2([row.cells[-1] for row in group]) if tagged else ()
    return Sentence(tuple(row.cells[0] for row in group), tags, path, group[0].line)
