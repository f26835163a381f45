"""Gopher's rules of repetition: how much of a text are lines, paragraphs and runs of words that it has several times.

Source: Rae et al. 2021, arXiv 2112.11446, table A1. "Duplicate" is what stands there a second time or more.

Runs of words are first compared as numbers, all of a text at once: that gives no less than the rule counts, and settles
nearly all texts. The rest are counted run by run, so every verdict is exact.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ccnet_pipeline.decontamination.words import powers_of
from ccnet_pipeline.documents import Document
from ccnet_pipeline.filters.lines import lines_of, paragraphs_of, repeated
from ccnet_pipeline.filters.words import Numbers, Words, words_of

VERSION = "1"

_FACTOR = 0x9E3779B97F4A7C15  # odd, so that it has an inverse modulo 2^64
_BITS_OF_SIZE = 16
_LONGEST = (1 << _BITS_OF_SIZE) - 1
_ANY = 1 << 62  # more than any text has
_RUNS_AT_ONCE = 1 << 18  # so that arrays stay small
Limits = tuple[tuple[int, float], ...]  # (words in a run, the largest share of the characters of a text)


@dataclass(frozen=True, slots=True)
class GopherRepetition:
    """The thresholds, as shares; None: no such rule. The values are those of the paper."""

    dup_line_frac: float | None = 0.3  # of lines
    dup_para_frac: float | None = 0.3  # of paragraphs (lines between blank lines)
    dup_line_char_frac: float | None = 0.2  # of characters
    dup_para_char_frac: float | None = 0.2
    top_n_grams: Limits = ((2, 0.2), (3, 0.18), (4, 0.16))  # the most frequent run, all times that it occurs
    dup_n_grams: Limits = ((5, 0.15), (6, 0.14), (7, 0.13), (8, 0.12), (9, 0.11), (10, 0.1))  # all duplicate ones


PUBLISHED = GopherRepetition()


def verdicts(documents: Sequence[Document]) -> list[str | None]:
    """Return of each document why it goes; None: it stays."""
    return [reason(each.text, each.language) for each in documents]


def reason(text: str, language: str, rules: GopherRepetition = PUBLISHED) -> str | None:
    """Return the first rule that a text breaks; None: it keeps all.

    Args:
        text: its lines.
        language: CC-100 code, which says what a word is.
        rules: the thresholds.
    """
    if not text:
        return "empty"
    return _by_lines(text, rules) or _by_runs(text, words_of(text, language), rules)


def _by_lines(text: str, rules: GopherRepetition) -> str | None:
    for name, pieces, most_pieces, most_characters in (
        ("para", paragraphs_of(text), rules.dup_para_frac, rules.dup_para_char_frac),
        ("line", lines_of(text), rules.dup_line_frac, rules.dup_line_char_frac),
    ):
        duplicates, characters = repeated(pieces)
        if most_pieces is not None and duplicates / len(pieces) > most_pieces:
            return f"dup_{name}_frac"
        if most_characters is not None and characters / len(text) > most_characters:
            return f"dup_{name}_char_frac"
    return None


def _by_runs(text: str, words: Words, rules: GopherRepetition) -> str | None:
    at_most = _AtMost(words, [length for length, _ in (*rules.top_n_grams, *rules.dup_n_grams)])
    for length, most in rules.top_n_grams:
        if at_most.top(length) / len(text) > most and characters_of_top_run(words.words, length) / len(text) > most:
            return f"top_{length}_gram"
    for length, most in rules.dup_n_grams:
        if (
            at_most.duplicate(length) / len(text) > most
            and characters_of_duplicate_runs(words.words, length) / len(text) > most
        ):
            return f"duplicated_{length}_n_grams"
    return None


def characters_of_top_run(words: Sequence[str], length: int) -> int:
    """Return how many characters, blanks included, the most frequent run of words has in all places together.

    Of several that are as frequent it is the first one.
    """
    counts = Counter(" ".join(words[start : start + length]) for start in range(len(words) - length + 1))
    if not counts:
        return 0
    run, times = max(counts.items(), key=lambda item: item[1])
    return len(run) * times


def characters_of_duplicate_runs(words: Sequence[str], length: int) -> int:
    """Return how many characters, without blanks, stand in runs of words that stood there before.

    What was counted is not counted once more: behind a duplicate run the next one begins where it ends.
    """
    seen, count, start = set[str](), 0, 0
    while start <= len(words) - length:
        run = "".join(words[start : start + length])
        if run in seen:
            count += len(run)
            start += length
        else:
            seen.add(run)
            start += 1
    return count


class _AtMost:
    """Upper bounds of what the rules count, by the number of words in a run.

    A run is a number: its length in characters in the last bits, in front of it a hash of its characters. Equal runs
    are equal numbers; that unequal ones may be, and that words at the end of the text make runs that are too short,
    can only raise a bound.
    """

    def __init__(self, words: Words, lengths: Sequence[int]) -> None:
        self._places = {length: place for place, length in enumerate(lengths)}
        self._num_words = len(words)
        self._tops, self._duplicates = list[int](), list[int]()
        if not len(words):
            return
        together = max(1, _RUNS_AT_ONCE // len(words))
        for first in range(0, len(lengths), together):
            self._add(words, np.array(lengths[first : first + together]))

    def top(self, length: int) -> int:
        """Return the most characters that the most frequent run may have, blanks included."""
        return self._tops[self._places[length]] if self._num_words >= length else 0

    def duplicate(self, length: int) -> int:
        """Return the most characters that may stand in duplicate runs."""
        return self._duplicates[self._places[length]] if self._num_words >= length else 0

    def _add(self, words: Words, lengths: Numbers) -> None:
        runs, longest = _sorted_runs(words, lengths)
        same = runs[:, 1:] == runs[:, :-1]
        sizes = (runs & np.uint64(_LONGEST)).astype(np.int64)
        if longest >= _LONGEST:  # its length is not in its number
            self._tops += [_ANY] * len(lengths)
            self._duplicates += [_ANY] * len(lengths)
            return
        self._duplicates += (sizes[:, 1:] * same).sum(axis=1).tolist()
        for row, length in enumerate(lengths.tolist()):
            ends = np.append(np.flatnonzero(~same[row]), len(words) - 1)
            times = np.diff(ends, prepend=-1)
            self._tops.append(int((times * (sizes[row, ends] + length - 1)).max()))


def _sorted_runs(words: Words, lengths: Numbers) -> tuple[npt.NDArray[np.uint64], int]:
    """Return the runs of each length as a row of numbers in order, and how many characters the longest one has."""
    bounds = words.bounds
    powers, inverses = powers_of(_FACTOR, len(words.codes))
    sums = np.zeros(len(words) + 1, np.uint64)
    np.cumsum(np.add.reduceat(words.codes * powers[: len(words.codes)], bounds[:-1], dtype=np.uint64), out=sums[1:])
    ends = np.minimum(lengths[:, None] + np.arange(len(words)), len(words))
    hashes = (sums[ends] - sums[:-1]) * inverses[bounds[:-1]]
    sizes = bounds[ends] - bounds[:-1]
    runs = hashes << np.uint64(_BITS_OF_SIZE) | np.minimum(sizes, _LONGEST).astype(np.uint64)
    runs.sort(axis=1)
    return runs, int(sizes.max())
