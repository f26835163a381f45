r"""The words of a text, as far as filters count them, and what they are like.

Between blanks a text is divided once more: what stands before and behind a word, such as quotation marks and full
stops, is a word of its own, and so is what joins two, as hyphens do. In English, contractions are two words. The rules
are those that spaCy documents for its tokenizers of languages (https://spacy.io/usage/linguistic-features#tokenization),
so that thresholds that were published for such words keep their meaning; docs/method.md says where ours differ.

In languages that are written without blanks (Chinese, Japanese, Thai, Lao, Khmer, Burmese) a character with its marks
is a word.

    >>> split("The end-of-line (so to speak) isn't...", "en")
    ['The', 'end', '-', 'of', '-', 'line', '(', 'so', 'to', 'speak', ')', 'is', "n't", '...']
"""

import functools
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain

import numpy as np
import numpy.typing as npt

from ccnet_pipeline.characters.marks import marks
from ccnet_pipeline.filters import english
from ccnet_pipeline.filters.characters import LETTER, NOT_PUNCTUATION, WITHOUT_BLANKS, Flags, all_marks, flags

Numbers = npt.NDArray[np.int64]

LANGUAGES_WITHOUT_BLANKS = frozenset(("zh-Hans", "zh-Hant", "ja", "th", "lo", "km", "my", "my_zaw"))

_MARKS = "…,:;!?¿؟¡()[]{}<>_#*&。？！，、；：～·।،۔؛٪'\"”“`‘´’‚„»«「」『』（）〔〕【】《》〈〉⟦⟧"
_CURRENCIES = "$£€¥฿₽﷼₴₠₡₢₣₤₥₦₧₨₩₪₫₭₮₯₰₱₲₳₵₶₷₸₹₺₻₼₾₿"
_UNITS = frozenset((
    "km km² km³ m m² m³ dm dm² dm³ cm cm² cm³ mm mm² mm³ ha µm nm yd in ft kg g mg µg t lb oz m/s km/h kmh mph hPa Pa "
    "mbar mb kb gb tb MB KB GB TB T G M K % км км² км³ м м² м³ дм дм² дм³ см см² см³ мм мм² мм³ нм кг г мг м/с км/ч кПа "
    "Па мбар Кб КБ кб Мб МБ мб Гб ГБ гб Тб ТБ тб"
).split())
_SYMBOLS = r"\u2190-\u21FF\u2300-\u23FF\u2460-\u27BF\u2900-\u297F\u2B00-\u2BFF\U0001F000-\U0001FAFF©®°¦№™�"
_IN_FRONT = re.compile(
    rf"\.\.+|[§%=—–{re.escape(_MARKS)}{_SYMBOLS}]|\+(?!\d)|(?:US|C|A)\$|[{re.escape(_CURRENCIES)}]"
)
_LONGEST_UNIT = max(map(len, _UNITS))
_QUOTES = frozenset("'\"”“`‘´’‚,„»«「」『』（）〔〕【】《》〈〉⟦⟧")
_DIGITS = frozenset("0123456789")
_BEFORE_FULL_STOP = _DIGITS | frozenset("%²-+") | frozenset(_MARKS)
_BEHIND = frozenset(_MARKS) | frozenset("—–")
_IS_SYMBOL = re.compile(f"[{_SYMBOLS}]").match
_POSSESSIVES = ("'s", "'S", "’s", "’S")
_JOINING = re.compile(
    rf"(?P<alone>\.\.+|[…{_SYMBOLS}])|(?P<number>(?<=[0-9])[+\-*^](?=[0-9-]))|(?P<joint>---?|——?|[-–~,:<>=/])|(?P<stop>\.)"
)
_ADDRESS = re.compile(
    r"(?:[\w+.\-]{2,}://)?(?:\S+@)?(?:[^\W_](?:[\w-]{0,62}[^\W_])?\.)+(?P<top>[^\W\d_]{2,63})(?::\d{2,5})?(?:[/?#]\S*)?"
    r"|(?:[\w+.\-]{2,}://)?\d{1,3}(?:\.\d{1,3}){3}(?::\d{2,5})?(?:[/?#]\S*)?"
)
_LONGEST_ADDRESS = 2000  # code points: what is longer is none, and a pattern must not be tried on a book
# Faces, and what else of one's own is not divided, in all languages.
_AS_THEY_ARE = re.compile(
    r"[:;=][-'o]?[()\[\]{}|/DPpOo03Xx*>]{1,3}|8-?[)D]|\(-?[:;8=]|\)-?[:8]|\[[-=:]|[xX]D+|\^_+\^|-_+-|([oO0vV._])[_.]\1|<[/]?3+"
    r"|C\+\+|''|'|[a-zäöü]\."
)
_LONGEST_AS_IT_IS = 16
_MARKS_WITHOUT_BLANKS = "".join(each for each in re.findall(f"[{WITHOUT_BLANKS}]", "".join(marks())))
_CHARACTERS = re.compile(
    rf"(?![{_MARKS_WITHOUT_BLANKS}])[{WITHOUT_BLANKS}][{_MARKS_WITHOUT_BLANKS}]*|[{_MARKS_WITHOUT_BLANKS}]+|[^{WITHOUT_BLANKS}]+"
)
_BEGINS_ONE = re.compile(f"[{WITHOUT_BLANKS}]").match
_REMEMBERED, _LONGEST_REMEMBERED = 1 << 16, 40  # chunks; code points: what is longer hardly comes again


@dataclass(frozen=True)
class Rules:
    """How words are divided in a language."""

    exceptions: Callable[[str], tuple[str, ...] | None]  # the parts of a word that is not divided by rule
    joining_after_digit: frozenset[str]  # what parts a digit from a letter


ENGLISH = Rules(english.parts_of, frozenset("-–—~:<>=/"))
OTHERS = Rules(lambda _: None, frozenset(":<>=/"))


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
    def are_proper(self) -> npt.NDArray[np.bool_]:
        """Of each word whether it is more than punctuation."""
        return self.kinds & NOT_PUNCTUATION != 0

    @property
    def num_with_letter(self) -> int:
        """How many words have a letter."""
        return int(np.count_nonzero(self.kinds & LETTER))


@functools.lru_cache(64)
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
        parts = _divided(chunk, self._rules)
        if len(chunk) <= _LONGEST_REMEMBERED:
            if len(self) >= _REMEMBERED:
                self.clear()
            self[chunk] = parts
        return parts


_IN_ENGLISH = _Remembered(ENGLISH)
_IN_OTHERS = _Remembered(OTHERS)


def _by_character(text: str) -> Iterator[str]:
    for chunk in text.split():
        for part in _CHARACTERS.findall(chunk):
            if _BEGINS_ONE(part):
                yield part
            else:
                yield from _IN_OTHERS[part]


def _divided(chunk: str, rules: Rules) -> tuple[str, ...]:
    """Return the parts of what stands between blanks: what is in front, the middle, what is behind."""
    front, behind, start, end = list[str](), list[str](), 0, len(chunk)
    while start < end:
        if whole := _as_it_is(chunk, start, end, rules):
            return (*front, *whole, *reversed(behind))
        in_front = _IN_FRONT.match(chunk, start, end)
        if in_front:
            front.append(in_front[0])
            start = in_front.end()
            if start == end or (whole := _as_it_is(chunk, start, end, rules)):
                return (*front, *(whole or ()), *reversed(behind))
        if length := _length_behind(chunk, start, end):
            behind.append(chunk[end - length : end])
            end -= length
        elif not in_front:
            return (*front, *_middle(chunk[start:end], rules), *reversed(behind))
    return (*front, *reversed(behind))


def _as_it_is(chunk: str, start: int, end: int, rules: Rules) -> tuple[str, ...] | None:
    """Return the parts of what is not divided by rule; None: it is nothing of the kind."""
    if end - start > _LONGEST_AS_IT_IS:
        return None
    word = chunk[start:end]
    return (word,) if _AS_THEY_ARE.fullmatch(word) else rules.exceptions(word)


def _length_behind(chunk: str, start: int, end: int) -> int:
    """Return how long what stands behind a word is; 0: nothing stands there."""
    last = chunk[end - 1]
    if last == ".":
        place = end - 1
        while place > start and chunk[place - 1] == ".":
            place -= 1
        if end - place > 1:
            return end - place
        return int(place > start and _may_end(chunk[max(start, place - 2) : place]))
    if last in "sS" and chunk.endswith(_POSSESSIVES, start, end):
        return 2
    if last in _BEHIND or _IS_SYMBOL(last):
        return 1
    return _length_behind_number(chunk, start, end) if end - start > 1 else 0


def _length_behind_number(chunk: str, start: int, end: int) -> int:
    if chunk[end - 1] in _CURRENCIES or chunk[end - 1] == "+":
        return int(chunk[end - 2] in _DIGITS)
    for length in range(min(_LONGEST_UNIT, end - start - 1), 0, -1):
        if chunk[end - length - 1] in _DIGITS and chunk[end - length : end] in _UNITS:
            return length
    return 0


def _may_end(before: str) -> bool:
    """Tell by the last two characters before a full stop whether it is one, and no part of an initial (J.)."""
    last = before[-1]
    if last.isupper():
        return len(before) == 2 and before[0].isupper()
    return _is_letter(last) or last in _BEFORE_FULL_STOP


def _middle(word: str, rules: Rules) -> Iterator[str]:
    """Yield a word, or the parts of one that is joined of several, and what joins them."""
    if "." in word and len(word) <= _LONGEST_ADDRESS and (found := _ADDRESS.fullmatch(word)):
        if not any(map(str.isupper, found["top"] or "")):
            yield word
            return
    begin = 0
    for joint in _JOINING.finditer(word):
        place, end = joint.span()
        if place and _joins(joint, rules):
            if begin < place:
                yield word[begin:place]
            yield joint[0]
            begin = end
    if begin < len(word):
        yield word[begin:]


def _joins(joint: re.Match[str], rules: Rules) -> bool:
    """Tell whether what was found inside a word parts it."""
    word, (place, end) = joint.string, joint.span()
    if joint.lastgroup in ("alone", "number"):
        return True
    if end == len(word):
        return False
    before, after = word[place - 1], word[end]
    if joint.lastgroup == "stop":
        return (before in _QUOTES or (_is_letter(before) and not before.isupper())) and (
            after in _QUOTES or (_is_letter(after) and not after.islower())
        )
    return _is_letter(after) and (_is_letter(before) or (before in _DIGITS and joint[0][0] in rules.joining_after_digit))


def _is_letter(character: str) -> bool:
    return character.isalpha() or character in all_marks()
