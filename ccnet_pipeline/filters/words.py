r"""The words of a text, as far as filters count them, and what they are like.

Between blanks a text is divided once more (`dividing`), much as spaCy does it, so that thresholds that were published
for such words keep their meaning; docs/method.md says where ours differ. In English, contractions are two words.

In languages that are written without blanks (Chinese, Japanese, Thai, Lao, Khmer, Burmese) a character with its marks
is a word.

    >>> split("The end-of-line (so to speak) isn't...", "en")
    ['The', 'end', '-', 'of', '-', 'line', '(', 'so', 'to', 'speak', ')', 'is', "n't", '...']
"""

import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain

import numpy as np
import numpy.typing as npt

from ccnet_pipeline.filters.characters import LETTER, NOT_PUNCTUATION, WITHOUT_BLANKS, Flags, all_marks, flags
from ccnet_pipeline.filters.dividing import ENGLISH, OTHERS, Rules, divided

Numbers = npt.NDArray[np.int64]
Choice = npt.NDArray[np.bool_]

LANGUAGES_WITHOUT_BLANKS = frozenset(("zh-Hans", "zh-Hant", "ja", "th", "lo", "km", "my", "my_zaw"))

TEXTS_AT_ONCE = 64  # whose words are remembered, so that several filters in a row divide a text once
_BEGINS_ONE = re.compile(f"[{WITHOUT_BLANKS}]").match
_REMEMBERED, _LONGEST_REMEMBERED = 1 << 16, 40  # chunks; code points: what is longer hardly comes again


@dataclass(frozen=True)
class Words:
    """The words of a text, and an array of what each is like."""

    words: list[str]

    def __len__(self) -> int:
        """How many words there are."""
        return len(self.words)

    @functools.cached_property
    def text(self) -> str:
        """All words, joined without anything between them."""
        return "".join(self.words)

    @functools.cached_property
    def codes(self) -> npt.NDArray[np.uint32]:
        """The code points of `text`."""
        return np.frombuffer(self.text.encode("utf-32-le", "surrogatepass"), "<u4")

    @functools.cached_property
    def lengths(self) -> Numbers:
        """How many characters each word has."""
        return np.fromiter(map(len, self.words), np.int64, len(self.words))

    @functools.cached_property
    def bounds(self) -> Numbers:
        """Where each word begins in `text`, and last where the last one ends."""
        bounds = np.zeros(len(self.words) + 1, np.int64)
        np.cumsum(self.lengths, out=bounds[1:])
        return bounds

    @functools.cached_property
    def kinds(self) -> Flags:
        """Of each word the bits of `flags` that one of its characters has."""
        found: Flags = flags().take(self.codes, mode="clip")
        return np.bitwise_or.reduceat(found, self.bounds[:-1]) if len(self) else found

    @property
    def are_proper(self) -> Choice:
        """Of each word whether it is more than punctuation."""
        proper: Choice = self.kinds & NOT_PUNCTUATION != 0
        return proper

    @property
    def num_with_letter(self) -> int:
        """How many words have a letter."""
        return int(np.count_nonzero(self.kinds & LETTER))


@functools.lru_cache(TEXTS_AT_ONCE)
def words_of(text: str, language: str) -> Words:
    """Return the words of a text; several filters in a row ask for the same."""
    return Words(split(text, language))


def split(text: str, language: str) -> list[str]:
    """Return the words of a text in their order; nothing but blanks is left out.

    Args:
        text: any.
        language: CC-100 code.
    """
    if language in LANGUAGES_WITHOUT_BLANKS:
        return list(_by_character(text))
    parts = _IN_ENGLISH if language == "en" else _IN_OTHERS
    return list(chain.from_iterable(map(parts.__getitem__, text.split())))


class _Remembered(dict[str, tuple[str, ...]]):
    """The parts of chunks (what stands between blanks) that came before, which most do: four times as fast."""

    def __init__(self, rules: Rules) -> None:
        super().__init__()
        self._rules = rules

    def __missing__(self, chunk: str) -> tuple[str, ...]:
        parts = divided(chunk, self._rules)
        if len(chunk) <= _LONGEST_REMEMBERED:
            if len(self) >= _REMEMBERED:
                self.clear()
            self[chunk] = parts
        return parts


_IN_ENGLISH = _Remembered(ENGLISH)
_IN_OTHERS = _Remembered(OTHERS)


def _by_character(text: str) -> Iterator[str]:
    find = _characters().findall
    for chunk in text.split():
        for part in find(chunk):
            if _BEGINS_ONE(part):
                yield part
            else:
                yield from _IN_OTHERS[part]


@functools.cache
def _characters() -> re.Pattern[str]:
    """Return what finds a character of scripts without blanks with its marks, marks alone, and what is between them."""
    own_marks = "".join(re.findall(f"[{WITHOUT_BLANKS}]", "".join(sorted(all_marks()))))
    return re.compile(f"[{own_marks}]+|[{WITHOUT_BLANKS}][{own_marks}]*|[^{WITHOUT_BLANKS}]+")
