"""The lines of a text, and how many of them it has several times."""

import re
from collections.abc import Sequence

_BLANK_LINES = re.compile(r"\n{2,}")


def lines_of(text: str) -> list[str]:
    """Return the lines of a text; blank ones between two are left out."""
    return (_BLANK_LINES.sub("\n", text) if "\n\n" in text else text).split("\n")


def paragraphs_of(text: str) -> list[str]:
    """Return what stands between blank lines."""
    text = text.strip()
    return _BLANK_LINES.split(text) if "\n\n" in text else [text]


def repeated(pieces: Sequence[str]) -> tuple[int, int]:
    """Return how many of some pieces stood there before, and how many characters they have.

    >>> repeated(["one", "two", "one", "one"])
    (2, 6)
    """
    different = set(pieces)
    if len(different) == len(pieces):
        return 0, 0
    return len(pieces) - len(different), sum(map(len, pieces)) - sum(map(len, different))
