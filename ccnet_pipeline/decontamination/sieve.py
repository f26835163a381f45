"""Which texts may share a run of words with a test file: nearly all that do not are told here, at a third of the cost.

Of a run of N words, every part of M words is known from the test files. Of a text only some parts are looked at, so
near to each other that no run of N words is without one. They are known by their letters alone, in whatever order.
"""

import functools

import numpy as np

from ccnet_pipeline.decontamination.words import WORD, Numbers, Places, Runs, Words, stirred

# Of the first bits of a part, a bit tells whether any part begins so: few others pass. 16 MB at most.
_SPARE_BITS, _LEAST_BITS, _MOST_BITS = 4, 16, 27
_3, _7 = np.uint64(3), np.uint64(7)


class Sieve:
    """Finds the texts that have a part of a test file's run."""

    def __init__(self, num_words: int, least_words: int, parts: Numbers) -> None:
        """Take the sorted numbers of `parts_of`, of runs of so many words, and of lines of at least so many."""
        self._num_words, self._least_words, self._parts = num_words, least_words, parts
        num_bits = min(max(len(parts).bit_length() + _SPARE_BITS, _LEAST_BITS), _MOST_BITS)
        self._shift = np.uint64(64 - num_bits)
        bits = np.zeros(1 << num_bits, np.bool_)
        bits[parts >> self._shift] = True
        self._bits = np.packbits(bits, bitorder="little")

    def suspects(self, words: Words) -> Places:
        """Return the numbers of the texts that may have a run of a test file."""
        letters, before = _Letters(words), words.weight_before()
        starts = _looked_at(words, before, self._num_words)
        stops = np.searchsorted(before, before[starts] + part_words(self._num_words) * WORD)
        ends = words.of_texts[np.searchsorted(words.of_texts, starts, "right")]
        inside = stops <= ends
        weights = np.diff(before[words.of_lines])
        whole = np.flatnonzero((weights >= self._least_words * WORD) & (weights < self._num_words * WORD))
        starts = np.concatenate([starts[inside], words.of_lines[whole]])
        stops = np.concatenate([stops[inside], words.of_lines[whole + 1]])
        found = starts[self._are_known(letters.numbers(starts, stops))]
        return np.unique(np.searchsorted(words.of_texts, found, "right") - 1)

    def _are_known(self, parts: Numbers) -> Places:
        begins = parts >> self._shift
        passed = np.flatnonzero(self._bits.take(begins >> _3) >> (begins & _7).astype(np.uint8) & 1)
        some = parts[passed]
        known: Places = passed[self._parts.take(np.searchsorted(self._parts, some), mode="clip") == some]
        return known


def part_words(num_words: int) -> int:
    """Return how many words a part of a run has."""
    return (num_words + 3) // 2


def parts_of(words: Words, runs: Runs, num_words: int) -> Numbers:
    """Return the numbers of all parts of some runs; of one that is shorter than a run, as a whole."""
    letters, before = _Letters(words), words.weight_before()
    is_whole = before[runs.stops] - before[runs.starts] < num_words * WORD
    inside = np.zeros(len(words) + 1, np.int64)
    np.add.at(inside, runs.starts[~is_whole], 1)
    np.add.at(inside, runs.stops[~is_whole], -1)
    starts = np.flatnonzero(np.cumsum(inside) > 0)
    stops = np.searchsorted(before, before[starts] + part_words(num_words) * WORD)
    there = stops <= len(words)
    return np.concatenate(
        [
            letters.numbers(starts[there], stops[there]),
            letters.numbers(runs.starts[is_whole], runs.stops[is_whole]),
        ]
    )


def _looked_at(words: Words, before: Places, num_words: int) -> Places:
    """Return words at which parts begin, so near that every run of so many words has one of these parts in it."""
    spare = num_words - part_words(num_words)
    if words.weights is None:
        return np.arange(0, len(words), spare + 1)
    # One word begins in a step behind its first place, and its part is heavier than asked for, by 14 at most each.
    step = max(spare * WORD - 2 * (WORD - 1), 1)
    return np.flatnonzero(np.diff(before[:-1] // step, prepend=-1))


class _Letters:
    """The letters of texts as sums, from which the number of any part is known; nothing between words adds to them."""

    def __init__(self, words: Words) -> None:
        self._sums = np.zeros(len(words.codes) + 1, np.uint64)
        np.cumsum(_values().take(words.codes, mode="clip"), out=self._sums[1:])
        self._places = np.append(words.starts, len(words.codes))

    def numbers(self, starts: Places, stops: Places) -> Numbers:
        """Return the numbers of some parts, by their first word and the one behind the last."""
        return stirred(self._sums[self._places[stops]] - self._sums[self._places[starts]])


@functools.cache
def _values() -> Numbers:
    """Return of every code point a number by chance."""
    values = stirred(np.arange(0x110000, dtype=np.uint64))
    assert not values[0], "what is between words"
    return values
