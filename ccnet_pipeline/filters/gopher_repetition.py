"""Gopher's rules of repetition: how much of a text are lines, paragraphs and runs of words that it has several times.

Source: Rae et al. 2021, arXiv 2112.11446, table A1. "Duplicate" is what stands there a second time or more.

Runs of words are first compared as numbers, all of a text at once: that gives no less than the rule counts, and settles
nearly all texts. The rest are counted run by run, so every verdict is exact.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from operator import itemgetter

import numpy as np
import numpy.typing as npt

from ccnet_pipeline.decontamination.words import powers_of
from ccnet_pipeline.documents import Document
from ccnet_pipeline.filters.lines import lines_of, paragraphs_of, repeated
from ccnet_pipeline.filters.words import Numbers, Words, words_of

VERSION = "1"

_FACTOR = 0x9E3779B97F4A7C15  # odd, so that it has an inverse modulo 2^64
_BITS_OF_SIZE = 28  # a quarter of a billion characters: more than a page may have
_RUNS_AT_ONCE = 1 << 18  # so that arrays stay small
Runs = npt.NDArray[np.uint64]
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
    for (length, most), at_most in zip(rules.top_n_grams, _most_of_top_runs(words, rules.top_n_grams), strict=True):
        if at_most / len(text) > most and characters_of_top_run(words, length) / len(text) > most:
            return f"top_{length}_gram"
    for (length, most), at_most in zip(rules.dup_n_grams, _most_of_duplicates(words, rules.dup_n_grams), strict=True):
        if at_most / len(text) > most and characters_of_duplicate_runs(words, length) / len(text) > most:
            return f"duplicated_{length}_n_grams"
    return None


def characters_of_top_run(words: Words, length: int) -> int:
    """Return how many characters, blanks included, the most frequent run of words has in all places together.

    Of several that are as frequent it is the first one.
    """
    all_words = words.words
    counts = Counter(" ".join(all_words[start : start + length]) for start in range(len(all_words) - length + 1))
    if not counts:
        return 0
    run, times = max(counts.items(), key=itemgetter(1))
    return len(run) * times


def characters_of_duplicate_runs(words: Words, length: int) -> int:
    """Return how many characters, without blanks, stand in runs of words that stood there before.

    What was counted is not counted once more: behind a duplicate run the next one begins where it ends.
    """
    text, bounds = words.text, words.bounds.tolist()
    seen, count, start, last = set[str](), 0, 0, len(words) - length
    while start <= last:
        run = text[bounds[start] : bounds[start + length]]
        if run in seen:
            count += len(run)
            start += length
        else:
            seen.add(run)
            start += 1
    return count


def _most_of_top_runs(words: Words, limits: Limits) -> Iterator[int]:
    """Yield for each number of words in a run the most characters that the most frequent one may have."""
    for lengths, runs in _sorted_runs(words, limits):
        is_last = _is_last(runs)
        for length, numbers, is_last_of in zip(lengths, runs, is_last, strict=True):
            ends = np.flatnonzero(is_last_of)
            times = ends + 1
            times[1:] -= times[:-1].copy()
            yield int((times * (_sizes(numbers[ends]) + length - 1)).max()) if len(words) >= length else 0


def _most_of_duplicates(words: Words, limits: Limits) -> Iterator[int]:
    """Yield for each number of words in a run the most characters that may stand in duplicate ones."""
    for _, runs in _sorted_runs(words, limits):
        yield from (_sizes(runs) * ~_is_last(runs)).sum(axis=1).tolist()


def _sorted_runs(words: Words, limits: Limits) -> Iterator[tuple[list[int], Runs]]:
    """Yield some lengths of runs, and the runs of each in order, as a row of numbers.

    A number holds the run's length in characters in its last bits, in front of it a hash of its characters. Equal runs
    have equal numbers. That unequal ones may, too, and that words at the end of the text make runs that are too short,
    can only raise what is found.
    """
    if not len(words):
        yield [length for length, _ in limits], np.zeros((len(limits), 0), np.uint64)
        return
    bounds = words.bounds
    powers, inverses = powers_of(_FACTOR, len(words.codes))
    sums = np.zeros(len(words) + 1, np.uint64)
    np.cumsum(np.add.reduceat(words.codes * powers[: len(words.codes)], bounds[:-1], dtype=np.uint64), out=sums[1:])
    together = max(1, _RUNS_AT_ONCE // len(words))
    for first in range(0, len(limits), together):
        lengths = [length for length, _ in limits[first : first + together]]
        ends = np.minimum(np.array(lengths)[:, None] + np.arange(len(words)), len(words))
        sizes = bounds[ends] - bounds[:-1]
        hashes = (sums[ends] - sums[:-1]) * inverses[bounds[:-1]]
        runs = hashes << np.uint64(_BITS_OF_SIZE) | sizes.astype(np.uint64)
        runs.sort(axis=1)
        yield lengths, runs


def _is_last(runs: Runs) -> npt.NDArray[np.bool_]:
    """Tell of each run whether it is the last one of its number."""
    is_last = np.ones(runs.shape, np.bool_)
    np.not_equal(runs[:, 1:], runs[:, :-1], out=is_last[:, :-1])
    return is_last


def _sizes(runs: Runs) -> Numbers:
    return (runs & np.uint64((1 << _BITS_OF_SIZE) - 1)).astype(np.int64)
