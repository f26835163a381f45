"""The lines of main text without the frame of the page before and behind them.

resiliparse leaves menus, dates and notices in: short lines, of which those in front of the first paragraph and behind
the last are taken off. A headline, by which a text begins, is known by the title of the page. What reads like a
paragraph is long, or ends as a sentence does; where nothing does, as in lists and tables, all lines stay,
and so they do where most of the text would go, or all but FEW_CHARS.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from ccnet_pipeline.web.fallback import FEW_CHARS
from ccnet_pipeline.web.lines import LONG_CELL

_HEADLINE = 10  # chars; a shorter line stands in many a title
_FROM_HEADLINE = 0.8  # of the text, behind a headline that has a paragraph before it
_NEAR = 200  # lines in which a headline is looked for
# Thai and Lao mark no end of a sentence.
_SENTENCE = re.compile(r"(?:[.!?…。！？।؟:;»”\"]\W*|[\u0e01-\u0eff])$")
# Characters of scripts without blanks say about as much as three letters.
_DENSE = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")


def without_frame(lines: Sequence[str], title: str) -> list[str]:
    """Return the lines from the headline or the first paragraph to the last paragraph.

    Args:
        lines: of main text.
        title: of the page.
    """
    first = next((number for number, line in enumerate(lines) if _is_paragraph(line)), None)
    if first is None:
        return list(lines)
    last = next(number for number in reversed(range(len(lines))) if _is_paragraph(lines[number]))
    size = sum(map(len, lines))
    headline = _headline(lines, title)
    if headline is not None and (headline < first or sum(map(len, lines[headline:])) > _FROM_HEADLINE * size):
        first = headline
    inside = lines[first : last + 1]
    return list(inside if sum(map(len, inside)) >= max(FEW_CHARS, size / 2) else lines)


def _headline(lines: Sequence[str], title: str) -> int | None:
    title = title.lower()
    for number, line in enumerate(lines[:_NEAR]):
        if _HEADLINE <= len(line) <= len(title) and line.lower() in title:
            return number
    return None


def _is_paragraph(line: str) -> bool:
    length = len(line)
    if length < LONG_CELL and not line.isascii():
        length += 2 * len(_DENSE.findall(line))
    return length >= LONG_CELL or (2 * length >= LONG_CELL and _SENTENCE.search(line) is not None)
