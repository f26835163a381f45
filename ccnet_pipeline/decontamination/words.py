"""Texts as runs of words, each run a number of 64 bits: many texts in one pass over arrays.

A word is as long as letters, digits and marks follow each other; all else parts words. It is compared in lower case and
NFC, without characters that show nothing. In scripts that are written without blanks every character is a word, and
weighs less. Weights are in fifteenths of a word, so that no sum is rounded:

    a word                                 15
    a character of Han, kana               10   1.5 a word: of XQuAD's contexts, 30 435 English words are 47 375 Han
    a code point of Thai, Lao, Burmese, Khmer   3   5 a word: our choice

A run that begins at a word is the shortest one from there on that weighs as much as N words. So a passage has the same
runs wherever it stands. Runs cross the lines of a text, and never leave it.

The number of a run is a polynomial of the numbers of its words, modulo 2^64, and that of a word one of its code points,
each stirred afterwards. Among n runs of test files, a run of another text is taken for one of theirs with probability
n / 2^64: 0.5 % for one in 10^11 words of corpus and 10^6 runs.
"""

import functools
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
import numpy.typing as npt

from ccnet_pipeline.characters.folding import CodePoints, characters, set_all, table_of
from ccnet_pipeline.characters.invisible import JOINERS, MARKS
from ccnet_pipeline.characters.marks import marks

Numbers = npt.NDArray[np.uint64]
Places = npt.NDArray[np.int64]
Codes = npt.NDArray[np.uint8] | npt.NDArray[np.uint32]

WORD = 15  # what a word weighs
_OF_KANA_AND_HAN, _OF_SOUTH_EAST_ASIA = 10, 3
# Scripts without blanks between words, of those that the languages of CC-100 are written in.
_KANA_AND_HAN = (
    (0x3005, 0x3008), (0x3040, 0x3100), (0x31F0, 0x3200), (0x3400, 0x4DC0), (0x4E00, 0xA000), (0xF900, 0xFB00),
    (0xFF66, 0xFFA0), (0x1AFF0, 0x1B170), (0x20000, 0x40000),
)  # fmt: skip
_SOUTH_EAST_ASIA = ((0x0E00, 0x0F00), (0x1000, 0x10A0), (0x1780, 0x1800), (0xA9E0, 0xAA00), (0xAA60, 0xAA80))
_HIDDEN = MARKS + JOINERS
_DELETED = 1  # no letter: it stands for what shows nothing inside a word
# The parts of a table's entry: the character, the weight, and what NFC may do.
_CODE, _WEIGHT, _WEIGHT_SHIFT = (1 << 24) - 1, 15 << 24, 24
_JOINS_NEXT, _JOINS_LAST, _IS_CHANGED = 1 << 28, 1 << 29, 1 << 30
_LINE_FEED = 10
# Where there are characters with a decomposition: Han and Hangul apart, which have none or a rule.
_NEVER_SIMPLE = (*range(0xA0, 0x3400), *range(0xA000, 0xAC00), *range(0xF900, 0x12000), *range(0x1D000, 0x1D200),
                 *range(0x2F800, 0x2FA20))  # fmt: skip
_FACTOR_OF_CODES, _FACTOR_OF_WORDS = 0x9E3779B97F4A7C15, 0xD1342543DE82EF95  # odd, so that there are inverses
_TEXT_AT_ONCE = 1 << 16  # code points: arrays of so many stay in the processor's cache


@dataclass(frozen=True)
class Words:
    """The words of some texts, one behind the other."""

    weights: npt.NDArray[np.int64] | None  # of each; None: all weigh WORD
    of_texts: Places  # where the words of each text begin, and where the last ends
    of_lines: Places  # likewise of each line of all texts
    starts: Places  # of each word among the code points
    codes: Codes  # of all texts; 0 between words

    def __len__(self) -> int:
        """How many words there are."""
        return len(self.starts)

    @functools.cached_property
    def numbers(self) -> Numbers:
        """Of each word."""
        if not len(self):
            return np.zeros(0, np.uint64)
        powers, inverses = powers_of(_FACTOR_OF_CODES, len(self.codes))
        # What is between words adds 0.
        sums = np.add.reduceat(self.codes * powers[: len(self.codes)], self.starts, dtype=np.uint64)
        return stirred(sums * inverses[self.starts])

    def weight_before(self) -> Places:
        """Return what the words before each one weigh together, and last what all do."""
        if self.weights is None:
            return np.arange(len(self) + 1, dtype=np.int64) * WORD
        return np.concatenate([[0], np.cumsum(self.weights)])

    def written(self, start: int, stop: int) -> str:
        """Return some words as a text: blanks between words, none where a character is one."""
        text, had_blanks = "", False
        for number in range(start, stop):
            end = self.starts[number + 1] if number + 1 < len(self.starts) else None
            codes = self.codes[self.starts[number] : end]
            has_blanks = self.weights is None or self.weights[number] == WORD
            glue = " " if number > start and (has_blanks or had_blanks) else ""
            text += glue + "".join(chr(code) for code in codes.tolist() if code)
            had_blanks = has_blanks
        return text


@dataclass(frozen=True, slots=True)
class Runs:
    """Some runs of words."""

    numbers: Numbers
    starts: Places  # the first word of each
    stops: Places  # the one behind its last

    def __len__(self) -> int:
        return len(self.numbers)

    def some(self, are_wanted: npt.NDArray[np.bool_]) -> "Runs":
        """Return some of them."""
        return Runs(self.numbers[are_wanted], self.starts[are_wanted], self.stops[are_wanted])


def batches(texts: Sequence[str]) -> Iterator[list[int]]:
    """Yield the places of texts that are taken together: about as much as is fast, ASCII apart from others."""
    for is_ascii in (True, False):
        batch, size = list[int](), 0
        for place, text in enumerate(texts):
            if text.isascii() is is_ascii:
                batch.append(place)
                size += len(text)
                if size >= _TEXT_AT_ONCE:
                    yield batch
                    batch, size = [], 0
        if batch:
            yield batch


def words_of(texts: Sequence[str]) -> Words:
    """Return the words of some texts."""
    text = "\n".join(texts)
    if text.isascii():
        plain = text.encode("ascii")
        line_feeds = np.flatnonzero(np.frombuffer(plain, np.uint8) == _LINE_FEED)
        codes: Codes = np.frombuffer(plain.translate(_ascii_table()), np.uint8)
        starts, weights = _starts(codes != 0), None
    else:
        found = _found(text)
        line_feeds = np.flatnonzero(found == _LINE_FEED)
        weights_of_codes = found & _WEIGHT
        in_word = weights_of_codes != 0
        starts = _starts(in_word, in_word & (weights_of_codes != WORD << _WEIGHT_SHIFT))
        weights = _weights(weights_of_codes[starts] >> np.uint32(_WEIGHT_SHIFT))
        codes = (found & _CODE) * in_word
    num_lines = np.cumsum([0, *(each.count("\n") + 1 for each in texts)])
    of_lines = np.concatenate([[0], np.searchsorted(starts, line_feeds), [len(starts)]])
    return Words(weights, of_lines[num_lines], of_lines, starts, codes)


def runs_of(words: Words, num_words: int) -> Runs:
    """Return all runs that weigh as much as so many words: of every word that has one the run that begins there."""
    starts = np.arange(len(words), dtype=np.int64)
    stops = starts + num_words if words.weights is None else _stops(words, words.weights, num_words * WORD)
    ends = np.repeat(words.of_texts[1:], np.diff(words.of_texts))
    whole = np.flatnonzero(stops <= ends)
    return _runs(words, starts[whole], stops[whole])


def _stops(words: Words, weights: npt.NDArray[np.int64], least: int) -> Places:
    """Return where the run from each word on ends. Most are of words of one weight, and need not be searched for."""
    starts, before = np.arange(len(weights), dtype=np.int64), words.weight_before()
    changes = np.append(np.flatnonzero(np.diff(weights)) + 1, len(weights))
    same_until = np.repeat(changes, np.diff(changes, prepend=0))
    stops = starts + -(-least // weights)
    mixed = np.flatnonzero(stops > same_until)
    stops[mixed] = np.searchsorted(before, before[mixed] + least)
    return stops


def whole_runs(words: Words, bounds: Places, least: int, below: int) -> Runs:
    """Return as one run each whole text, or line, that weighs at least so many words, and less than so many.

    Args:
        words: of some texts.
        bounds: `of_texts` or `of_lines`.
        least: in words.
        below: likewise.
    """
    before = words.weight_before()
    weights = np.diff(before[bounds])
    some = np.flatnonzero((weights >= least * WORD) & (weights < below * WORD))
    return _runs(words, bounds[some], bounds[some + 1])


def num_different(words: Words, runs: Runs) -> Places:
    """Return how many different words with a letter, of any script, each run has."""
    counts = np.zeros(len(runs), np.int64)
    if not len(runs):
        return counts
    order = np.argsort(words.numbers, kind="stable")
    in_order = words.numbers[order]
    last = np.full(len(order), -1, np.int64)  # where the same word stood last
    same = in_order[1:] == in_order[:-1]
    last[order[1:][same]] = order[:-1][same]
    has_letter = _has_letter(words)
    for step in range(int((runs.stops - runs.starts).max())):
        at = np.minimum(runs.starts + step, len(last) - 1)
        counts += (runs.starts + step < runs.stops) & has_letter[at] & (last[at] < runs.starts)
    return counts


def _weights(of_words: CodePoints) -> npt.NDArray[np.int64] | None:
    return None if (of_words == WORD).all() else of_words.astype(np.int64)


def _has_letter(words: Words) -> npt.NDArray[np.bool_]:
    is_letter = _letters()[words.codes.astype(np.int64)]
    if not len(words.starts):
        return np.zeros(0, np.bool_)
    return np.logical_or.reduceat(is_letter, words.starts)


def _runs(words: Words, starts: Places, stops: Places) -> Runs:
    count = len(words)
    powers, inverses = powers_of(_FACTOR_OF_WORDS, count)
    sums = np.zeros(count + 1, np.uint64)
    np.cumsum(words.numbers * powers[:count], out=sums[1:])
    return Runs(stirred((sums[stops] - sums[starts]) * inverses[starts]), starts, stops)


def _starts(in_word: npt.NDArray[np.bool_], alone: npt.NDArray[np.bool_] | None = None) -> Places:
    """Return where words begin, by which characters are in one, and which are one by themselves."""
    begins = in_word.copy()
    if alone is None:
        begins[1:] &= ~in_word[:-1]
    else:
        begins[1:] &= ~in_word[:-1] | alone[1:] | alone[:-1]
    return np.flatnonzero(begins)


def stirred(numbers: Numbers) -> Numbers:
    """Return numbers of which every bit depends on all bits of those given. Source: the finaliser of MurmurHash3."""
    numbers ^= numbers >> np.uint64(33)
    numbers *= np.uint64(0xFF51AFD7ED558CCD)
    numbers ^= numbers >> np.uint64(33)
    numbers *= np.uint64(0xC4CEB9FE1A85EC53)
    numbers ^= numbers >> np.uint64(33)
    return numbers


def powers_of(factor: int, count: int) -> tuple[Numbers, Numbers]:
    """Return at least so many powers of a factor, from the first on, and of its inverse, modulo 2^64."""
    return _so_many_powers(factor, max(1 << (count - 1).bit_length() if count else 1, 2 * _TEXT_AT_ONCE))


@functools.lru_cache(4)
def _so_many_powers(factor: int, count: int) -> tuple[Numbers, Numbers]:
    inverse = pow(factor, -1, 1 << 64)
    first, second = (np.multiply.accumulate(np.full(count, each, np.uint64)) for each in (factor, inverse))
    return first, second


def _found(text: str) -> CodePoints:
    """Return the table's entries of all characters of a text in NFC, without those that show nothing."""
    found = _table().take(_codes(text), mode="clip")
    if len(places := _may_change(found)):
        found = _table().take(_codes(_in_nfc(text, np.flatnonzero(found == _LINE_FEED), places)), mode="clip")
    hidden = found == _DELETED
    return found[~hidden] if hidden.any() else found


def _codes(text: str) -> CodePoints:
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), "<u4")


def _may_change(found: CodePoints) -> Places:
    """Return where NFC may change a text. `unicodedata.is_normalized` takes 20 times as long, most of all for й or ா."""
    may = found & _IS_CHANGED != 0
    may[1:] |= (found[1:] & _JOINS_LAST != 0) & (found[:-1] & _JOINS_NEXT != 0)
    return np.flatnonzero(may)


def _in_nfc(text: str, line_feeds: Places, places: Places) -> str:
    """Return a text of which the lines that have one of these places are in NFC."""
    lines = text.split("\n")
    for number in np.unique(np.searchsorted(line_feeds, places)).tolist():
        lines[number] = unicodedata.normalize("NFC", lines[number])
    return "\n".join(lines)


@functools.cache
def _table() -> CodePoints:
    """Return of every code point its lower case, its weight, 0 if it is in no word, and what NFC may do with it."""
    lower = table_of(characters().replace("İ", "i").lower())
    lower[ord("ς")] = ord("σ")
    table = np.zeros_like(lower)
    members = [*re.findall(r"[^\W_]", characters()), *marks()]
    in_word = np.array(list(map(ord, members)), np.int64)
    table[in_word] = lower[in_word] | WORD << _WEIGHT_SHIFT
    for ranges, weight in ((_KANA_AND_HAN, _OF_KANA_AND_HAN), (_SOUTH_EAST_ASIA, _OF_SOUTH_EAST_ASIA)):
        codes = np.fromiter(chain.from_iterable(range(*each) for each in ranges), np.int64)
        codes = codes[table[codes] != 0]
        table[codes] = lower[codes] | weight << _WEIGHT_SHIFT
    _set_all_joins(table)
    table[_LINE_FEED] = _LINE_FEED
    return set_all(table, map(ord, _HIDDEN), _DELETED)


def _set_all_joins(table: CodePoints) -> None:
    """Note which characters NFC changes, and which two it may join or let change places.

    Source: UAX 15, section 9: without such, a text is in NFC.
    """
    table[[code for code in _NEVER_SIMPLE if unicodedata.normalize("NFC", chr(code)) != chr(code)]] |= _IS_CHANGED
    for code in _NEVER_SIMPLE:
        parts = unicodedata.decomposition(chr(code)).split()
        if len(parts) == 2 and parts[0][0] != "<":
            table[int(parts[0], 16)] |= _JOINS_NEXT
            table[int(parts[1], 16)] |= _JOINS_LAST
    table[[ord(mark) for mark in marks() if unicodedata.combining(mark)]] |= _JOINS_NEXT | _JOINS_LAST
    table[0x1100:0x1113] |= _JOINS_NEXT  # Hangul, by its rule: leading consonants, and syllables without a last one
    table[0xAC00:0xD7A4:28] |= _JOINS_NEXT
    table[0x1161:0x1176] |= _JOINS_LAST
    table[0x11A8:0x11C3] |= _JOINS_LAST


@functools.cache
def _ascii_table() -> bytes:
    return bytes(int(entry) & _CODE if entry & _WEIGHT else 0 for entry in _table()[:128]).ljust(256, b"\0")


@functools.cache
def _letters() -> npt.NDArray[np.bool_]:
    """Return of every code point whether it is a letter."""
    table = np.zeros(0x110000, np.bool_)
    table[[ord(each) for each in re.findall(r"[^\W\d_]", characters()) if each.isalpha()]] = True
    return table
