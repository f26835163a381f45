"""How what stands between blanks is divided into words.

What is in front of a word and behind it comes off mark by mark (quotation marks, commas, a full stop, the unit of a
number); then the middle is parted where something joins two words (a hyphen, a slash, a full stop without a blank). An
address, a face of punctuation, and what a language has of its own (`Rules.exceptions`) stay as they are.

Source: what spaCy documents of its tokenizers (https://spacy.io/usage/linguistic-features#tokenization), and the
characters and units that they know.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from ccnet_pipeline.filters import english
from ccnet_pipeline.filters.characters import all_marks

_DIGITS = frozenset("0123456789")
_QUOTES = frozenset("'\"”“`‘´’‚,„»«「」『』（）〔〕【】《》〈〉⟦⟧")
_MARKS = _QUOTES | frozenset("…:;!?¿؟¡()[]{}<>_#*&。？！，、；：～·।،۔؛٪")
_CURRENCIES = frozenset("$£€¥฿₽﷼₴₠₡₢₣₤₥₦₧₨₩₪₫₭₮₯₰₱₲₳₵₶₷₸₹₺₻₼₾₿")
_UNITS = frozenset(
    (
        "km km² km³ m m² m³ dm dm² dm³ cm cm² cm³ mm mm² mm³ ha µm nm yd in ft kg g mg µg t lb oz m/s km/h kmh mph hPa "
        "Pa mbar mb kb gb tb MB KB GB TB T G M K % км км² км³ м м² м³ дм дм² дм³ см см² см³ мм мм² мм³ нм кг г мг м/с "
        "км/ч кПа Па мбар Кб КБ кб Мб МБ мб Гб ГБ гб Тб ТБ тб"
    ).split()
)
_LONGEST_UNIT = max(map(len, _UNITS))
# Arrows, signs, emoji: inside [] of a pattern.
_SYMBOLS = "\u2190-\u21ff\u2300-\u23ff\u2460-\u27bf\u2900-\u297f\u2b00-\u2bff\U0001f000-\U0001faff©®°¦№™\ufffd"
_IS_SYMBOL = re.compile(f"[{_SYMBOLS}]").match
_IN_FRONT = re.compile(
    rf"\.\.+|[§%=—–{re.escape(''.join(sorted(_MARKS)))}{_SYMBOLS}]|\+(?!\d)"
    rf"|(?:US|C|A)\$|[{re.escape(''.join(sorted(_CURRENCIES)))}]"
)
_BEHIND = _MARKS | frozenset("—–")
_BEFORE_FULL_STOP = _MARKS | _DIGITS | frozenset("%²-+")
_POSSESSIVES = ("'s", "'S", "’s", "’S")
_JOINT = re.compile(
    rf"(?P<alone>\.\.+|[…{_SYMBOLS}])|(?P<number>(?<=[0-9])[+\-*^](?=[0-9-]))"
    r"|(?P<joint>---?|——?|[-–~,:<>=/])|(?P<stop>\.)"
)
_ADDRESS = re.compile(
    r"(?:[\w+.\-]{2,}://)?(?:\S+@)?"
    r"(?:(?:[^\W_](?:[\w-]{0,62}[^\W_])?\.)+(?P<top>[^\W\d_]{2,63})|\d{1,3}(?:\.\d{1,3}){3})"
    r"(?::\d{2,5})?(?:[/?#]\S*)?"
)
_LONGEST_ADDRESS = 2000  # code points: what is longer is none, and a pattern must not be tried on a book
# Faces, and what else is not divided in any language.
_AS_IT_IS = re.compile(
    r":-?(?:\){1,3}|\({1,3}|[]}/|PpOo0Xx>3*D])|:1|:'-?[()]|:\(\)|:o\)|\(o:|>:[o(]|=[()\]/|3D]|[(\[]=|\]="
    r"|;-?\)|;D|8-?[)D]|\(-?[:;]|\(-8|\)-?:|\[-?:|\^_{1,3}\^|-__?-|>\.[<>]|<\.<|([oO0])[_.]\1|([vV])[_.]\2|[@;.]_[@;.]"
    r"|<3{1,3}|</3|C\+\+|''|'|[a-zäöü]\."
)
_LONGEST_AS_IT_IS = 16


@dataclass(frozen=True)
class Rules:
    """How words are divided in a language."""

    exceptions: Callable[[str], tuple[str, ...] | None]  # the parts of a word that is not divided by rule
    joining_after_digit: frozenset[str]  # what parts a digit from a letter


ENGLISH = Rules(english.parts_of, frozenset("-–—~:<>=/"))
OTHERS = Rules(lambda _: None, frozenset(":<>=/"))


def divided(chunk: str, rules: Rules) -> tuple[str, ...]:
    """Return the parts of what stands between blanks, which are its words."""
    if chunk.isalpha():  # most are
        return rules.exceptions(chunk) or (chunk,)
    parts = _taken_apart(chunk, rules)
    return parts if len(parts) == 1 else tuple(_put_together(parts, rules))


def _put_together(parts: Sequence[str], rules: Rules) -> Iterator[str]:
    """Yield the parts; those that make together what is not divided by rule, as "Mrs" and "." do, as that."""
    place = 0
    while place < len(parts):
        for count in (3, 2):
            some = parts[place : place + count]
            together = "".join(some)
            if len(some) < count or together.isalnum():
                continue
            if whole := _as_it_is(together, 0, len(together), rules):
                yield from whole
                place += count
                break
        else:
            yield parts[place]
            place += 1


def _taken_apart(chunk: str, rules: Rules) -> tuple[str, ...]:
    """Return what is in front, the middle, or its parts, and what is behind."""
    front, behind, start, end = list[str](), list[str](), 0, len(chunk)
    while start < end:
        if whole := _as_it_is(chunk, start, end, rules):
            return (*front, *whole, *reversed(behind))
        in_front = _IN_FRONT.match(chunk, start, end)
        if in_front:
            front.append(in_front[0])
            start = in_front.end()
            if start < end and (whole := _as_it_is(chunk, start, end, rules)):
                return (*front, *whole, *reversed(behind))
        if length := _length_behind(chunk, start, end) if start < end else 0:
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
    return (word,) if _AS_IT_IS.fullmatch(word) else rules.exceptions(word)


def _length_behind(chunk: str, start: int, end: int) -> int:
    """Return how long what stands behind a word is; 0: nothing stands there."""
    last = chunk[end - 1]
    if last == ".":
        place = end - 1
        while place > start and chunk[place - 1] == ".":
            place -= 1
        if end - place > 1:
            return end - place
        return int(place > start and _may_end(chunk[max(0, place - 2) : place]))
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
        return len(before) == 2 and (before[0].isupper() or before[0] == "°")
    return _is_letter(last) or last in _BEFORE_FULL_STOP


def _middle(word: str, rules: Rules) -> Iterator[str]:
    """Yield a word, or the parts of one that is joined of several, and what joins them."""
    if _is_address(word):
        yield word
        return
    begin = 0
    for joint in _JOINT.finditer(word):
        place, end = joint.span()
        if place and _joins(joint, rules):
            if begin < place:
                yield word[begin:place]
            yield joint[0]
            begin = end
    if begin < len(word):
        yield word[begin:]


def _is_address(word: str) -> bool:
    """Tell whether a word is the URL of a page, the name of a host, or the address of a mailbox."""
    if "." not in word or len(word) > _LONGEST_ADDRESS:
        return False
    found = _ADDRESS.fullmatch(word)
    return found is not None and not any(map(str.isupper, found["top"] or ""))


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
    may_be_in_front = _is_letter(before) or (before in _DIGITS and joint[0][0] in rules.joining_after_digit)
    return may_be_in_front and _is_letter(after)


def _is_letter(character: str) -> bool:
    return character.isalpha() or character in all_marks()
