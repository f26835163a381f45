"""The text that an extractor gives -> lines, each of which is a paragraph.

Paragraphs are what is compared and scored, so a line should be the same whichever way its page was read. The measure is
CommonCrawl's own text (WET): there tabs and no-break spaces are blanks, runs of blanks are one, and a row of a table is
one line, its cells parted by a blank. Other blanks of Unicode that stand alone, such as U+3000 and U+2003, stay.

Pages that are laid out by tables have whole paragraphs in a row side by side: cells are lines of their own where one of
the row is LONG_CELL or longer.

trafilatura marks rows (`| a | b |`), the line under a heading (`|---|`) and items of lists (`- `): marks that no page
has.
"""

from __future__ import annotations

import re
from collections.abc import Callable

LONG_CELL = 100  # chars

_BETWEEN_CELLS = "\t\t"  # resiliparse, in a row
_BLANKS = re.compile("[ \t\x0b\x0c\xa0\u1680\u2000-\u200a\u202f\u205f\u3000]{2,}|[\t\x0b\x0c\xa0]")
_RULE = re.compile(r"^\|(?:-{3,}\|)+$\n?", re.M)
_ROW = re.compile(r"^\|(.*?)\|?$", re.M)
_ITEM = re.compile(r"^- ", re.M)


def lines_of(text: str, strip: Callable[[str], str]) -> list[str]:
    r"""Return the lines that are not blank, stripped, with single blanks.

    >>> lines_of("a \t b\n\n year\t\t 1979", str.strip)
    ['a b', 'year 1979']
    """
    text = text.replace("\r", "\n")
    if _BETWEEN_CELLS in text:
        text = "\n".join(_row(line.split(_BETWEEN_CELLS)) for line in text.split("\n"))
    return [line for line in map(strip, _BLANKS.sub(" ", text).split("\n")) if line]


def without_marks(text: str) -> str:
    r"""Return the text of trafilatura without the marks of lists and tables; cells are parted as resiliparse does.

    >>> without_marks("- one\n| a | b |\n|---|---|\n| c | d |")
    'one\na\t\tb\nc\t\td'
    """
    text = _RULE.sub("", _ITEM.sub("", text))
    return _ROW.sub(lambda row: _BETWEEN_CELLS.join(cell.strip() for cell in row[1].split(" | ")), text)


def _row(cells: list[str]) -> str:
    return ("\n" if any(len(cell) >= LONG_CELL for cell in cells) else " ").join(cells)
