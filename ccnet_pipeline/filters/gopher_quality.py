"""Gopher's rules of quality: how many words, how long, how many of them are symbols, and how lines begin and end.

Source: Rae et al. 2021, arXiv 2112.11446, appendix A.1.1, "Quality Filtering". A symbol or a full stop is no word where
words are counted and measured, and is one in all other shares. The rules are those of English; for other languages see
`fineweb2`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from ccnet_pipeline.documents import Document
from ccnet_pipeline.filters.words import Words, words_of

VERSION = "1"

_ELLIPSES = ("...", "…")
_BULLETS = ("•", "-")


@dataclass(frozen=True, slots=True)
class GopherQuality:
    """The thresholds; None: no such rule. The values are those of the paper."""

    min_words: int | None = 50
    max_words: int | None = 100_000
    min_mean_word_length: float | None = 3  # characters
    max_mean_word_length: float | None = 10
    max_symbols_per_word: float | None = 0.1  # of # and of ellipses
    max_bullet_lines: float | None = 0.9  # share of lines
    max_ellipsis_lines: float | None = 0.3
    min_words_with_letter: float | None = 0.8  # share of words
    min_stop_words: int | None = 2  # different ones
    stop_words: frozenset[str] = frozenset(("the", "be", "to", "of", "and", "that", "have", "with"))


ENGLISH = GopherQuality()


def verdicts(documents: Sequence[Document]) -> list[str | None]:
    """Return of each document why it goes; None: it stays."""
    return [reason(each.text, each.language) for each in documents]


def reason(text: str, language: str, rules: GopherQuality = ENGLISH) -> str | None:
    """Return the first rule that a text breaks; None: it keeps all.

    Args:
        text: its lines.
        language: CC-100 code, which says what a word is.
        rules: the thresholds.
    """
    words = words_of(text, language)
    return (
        _by_number_and_length(words, rules)
        or _by_symbols(text, len(words), rules)
        or _by_lines(text.splitlines(), rules)
        or _by_kinds(words, rules)
    )


def _by_number_and_length(words: Words, rules: GopherQuality) -> str | None:
    are_proper = words.are_proper
    count = int(are_proper.sum())
    if count < max(rules.min_words or 0, 1):
        return "short_doc"
    if rules.max_words is not None and count > rules.max_words:
        return "long_doc"
    mean = int(words.lengths[are_proper].sum()) / count
    if rules.min_mean_word_length is not None and mean < rules.min_mean_word_length:
        return "below_avg_threshold"
    if rules.max_mean_word_length is not None and mean > rules.max_mean_word_length:
        return "above_avg_threshold"
    return None


def _by_symbols(text: str, num_words: int, rules: GopherQuality) -> str | None:
    if rules.max_symbols_per_word is None:
        return None
    if text.count("#") / num_words > rules.max_symbols_per_word:
        return "too_many_hashes"
    if sum(map(text.count, _ELLIPSES)) / num_words > rules.max_symbols_per_word:
        return "too_many_ellipsis"
    return None


def _by_lines(lines: Sequence[str], rules: GopherQuality) -> str | None:
    if rules.max_bullet_lines is not None:
        bullets = sum(line.lstrip().startswith(_BULLETS) for line in lines)
        if bullets / len(lines) > rules.max_bullet_lines:
            return "too_many_bullets"
    if rules.max_ellipsis_lines is not None:
        ellipses = sum(line.rstrip().endswith(_ELLIPSES) for line in lines)
        if ellipses / len(lines) > rules.max_ellipsis_lines:
            return "too_many_end_ellipsis"
    return None


def _by_kinds(words: Words, rules: GopherQuality) -> str | None:
    if rules.min_words_with_letter is not None and words.num_with_letter / len(words) < rules.min_words_with_letter:
        return "below_alpha_threshold"
    if rules.min_stop_words is not None and len(rules.stop_words.intersection(words.words)) < rules.min_stop_words:
        return "too_few_stop_words"
    return None
