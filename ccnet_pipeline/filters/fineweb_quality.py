"""FineWeb's rules of quality: how lines end, how short they are, how often they repeat, how many there are.

Source: Penedo et al. 2024, arXiv 2406.17557, section 3.6, and datatrove 0.10, whose default values these are. For other
languages than English see `fineweb2`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from ccnet_pipeline.documents import Document
from ccnet_pipeline.filters.characters import TERMINAL
from ccnet_pipeline.filters.lines import repeated
from ccnet_pipeline.filters.words import words_of

VERSION = "1"


@dataclass(frozen=True, slots=True)
class FineWebQuality:
    """The thresholds; None: no such rule."""

    min_lines_with_stop: float | None = 0.12  # share of lines that end with a mark that ends a sentence
    max_short_lines: float | None = 0.67  # share of lines
    short_line: int = 30  # characters, at most
    max_duplicate_characters: float | None = 0.01  # share of the characters that stand in lines that stood there before
    max_lines_per_word: float | None = 0.3  # line breaks


ENGLISH = FineWebQuality()


def verdicts(documents: Sequence[Document]) -> list[str | None]:
    """Return of each document why it goes; None: it stays."""
    return [reason(each.text, each.language) for each in documents]


def reason(text: str, language: str, rules: FineWebQuality = ENGLISH) -> str | None:
    """Return the first rule that a text breaks; None: it keeps all.

    Args:
        text: its lines.
        language: CC-100 code, which says what a word is.
        rules: the thresholds.
    """
    lines = [line for line in text.split("\n") if line and not line.isspace()]
    if not lines:
        return "empty"
    if rules.min_lines_with_stop is not None and share_with_stop(lines) < rules.min_lines_with_stop:
        return "line_punct_ratio"
    if rules.max_short_lines is not None and share_short(lines, rules.short_line) > rules.max_short_lines:
        return "short_line_ratio"
    num_breaks = text.count("\n")
    if rules.max_duplicate_characters is not None and (
        repeated(lines)[1] / (len(text) - num_breaks) > rules.max_duplicate_characters
    ):
        return "char_dup_ratio"
    if rules.max_lines_per_word is not None and (num_breaks / len(words_of(text, language)) > rules.max_lines_per_word):
        return "list_ratio"
    return None


def share_with_stop(lines: Sequence[str]) -> float:
    """Return the share of lines, none of them blank, that end with a mark that ends a sentence."""
    return sum(line[-1] in TERMINAL for line in lines) / len(lines)


def share_short(lines: Sequence[str], most: int) -> float:
    """Return the share of lines that have at most so many characters."""
    return sum(len(line) <= most for line in lines) / len(lines)
