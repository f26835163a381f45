"""Files with a word and its tag a line, and a blank line after each sentence: CoNLL-2002/2003, WikiANN, MasakhaNER.

Columns are separated by tabs, or by spaces; the word is the first, the tag the last, and all lines have the same number
of columns. What is not of that form stops the reader with file and line. WikiANN has the language before each word
(`en:Paris`), PAN-X, which is XTREME's form of it, does not.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from model.errors import UserError
from model.finetune.files import fail, read_bytes
from model.finetune.iob import OUTSIDE, to_iob2

TYPES = ("PER", "ORG", "LOC", "MISC", "DATE")  # of all sets: MISC is CoNLL's alone, DATE MasakhaNER's
_TAGS = frozenset({OUTSIDE, *(f"{prefix}-{name}" for name in TYPES for prefix in "BI")})
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


@dataclass(slots=True)
class _Rows:
    """The first and last cells of consecutive lines."""

    line: int  # of the first, from 1
    words: list[str] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)


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
    width, groups = _cut(path, lines)
    if not groups:
        raise UserError(f"{path} has no sentence; is it whole?")
    if width > 2 and all(word.isdecimal() for group in groups[:5] for word in group.words):
        fail(path, groups[0].line, "the first column numbers the words; the words are wanted there")
    if width == 1:
        return ColumnFile([Sentence(tuple(group.words), (), path, group.line) for group in groups], False, notes)
    _drop_prefix(path, groups, language)
    notes += _check_tags(path, groups)
    sentences = [Sentence(tuple(group.words), to_iob2(group.tags), path, group.line) for group in groups]
    return ColumnFile(sentences, True, notes)


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


def _cut(path: Path, lines: Sequence[str]) -> tuple[int, list[_Rows]]:
    """Return the number of columns, and the rows of each sentence."""
    # str.split without an argument would cut at the no-break spaces that some words are or have.
    tabs = any("\t" in line for line in lines)
    groups: list[_Rows] = []
    first = width = 0  # line and columns of the first word
    inside = False
    for number, line in enumerate(lines, 1):
        cells = line.split("\t") if tabs else [cell for cell in line.split(" ") if cell]
        if not line.strip(" \t\r") or cells[0] == _DOCUMENT:
            inside = False
            continue
        if not width:
            first, width = number, len(cells)
        if len(cells) != width:
            fail(path, number, f"{len(cells)} column(s), and line {first} has {width}; all lines must be alike")
        if not cells[0]:
            fail(path, number, "no word before the tag")
        if not inside:
            groups.append(_Rows(number))
            inside = True
        groups[-1].words.append(cells[0])
        groups[-1].tags.append(cells[-1])
    return width, groups


def _drop_prefix(path: Path, groups: Sequence[_Rows], language: str) -> None:
    head, prefix = groups[0], f"{language}:"
    found = {match[0] if (match := _PREFIX.match(word)) else None for word in head.words}
    if prefix not in found:
        if len(head.words) > 1 and len(found) == 1 and None not in found:
            fail(path, head.line, f"words of {found.pop()!r} in a file of {language!r}")
        return
    for group in groups:
        for line, word in enumerate(group.words, group.line):
            if not word.startswith(prefix) or word == prefix:
                fail(path, line, f"{word!r} is no word after {prefix!r}, as other lines have it")
        group.words = [word.removeprefix(prefix) for word in group.words]


def _check_tags(path: Path, groups: Sequence[_Rows]) -> list[str]:
    """Check all tags; tell of a file whose tags are neither IOB1 nor IOB2 throughout."""
    iob1, odd = True, []  # lines on which an entity begins with I-
    for group in groups:
        before = OUTSIDE
        for line, tag in enumerate(group.tags, group.line):
            if tag not in _TAGS:
                fail(path, line, f"{tag!r} is no tag of these sets (O, or B- or I- with {', '.join(TYPES)})")
            follows = before[2:] == tag[2:]  # an entity of its type; of O this is empty
            if tag[0] == "I" and not follows:
                odd.append(line)
            elif tag[0] == "B" and not follows:
                iob1 = False
            before = tag
    if iob1 or not odd:
        return []
    what = f"{len(odd)} entities begin with I-, the first on line {odd[0]}"
    return [f"{path} is neither IOB1 nor IOB2: {what}; they are read as B-"]
