"""What fastText is shown of a paragraph to find its language: the same words, in a form that it can read.

It parts words at the blanks of ASCII alone, ends at a literal `</s>`, passes over what begins like a label, and its
models were trained on composed characters and hardly on capitals. What each of these costs, and what this form gives
back, was measured (docs/method.md, Language). Nothing of it reaches a document.

How: one look at all characters, as an array through a table of kinds, finds the few paragraphs that need anything at
all. It costs some 2 % of what fastText does with them.

Source: fastText 0.9.3, `Dictionary::readWord` and `Dictionary::getLine`.
"""

import codecs
import functools
import re
import unicodedata
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from ccnet_pipeline.characters.invisible import BLANKS, MARKS, WHITE_SPACE

LABEL = "__label__"  # begins every label; a word of a text that begins so is not read
_END_OF_TEXT = "</s>"  # a word at which reading ends
_ANY_MARKUP = re.compile(f"{_END_OF_TEXT}|{LABEL}")
_READ_AS_BLANKS = frozenset(" \r\t\v\f\0")  # a line feed, too, but there reading ends

_CONTROLS = map(chr, [*range(32), *range(127, 160)])  # C0, DEL, C1
_OTHER_BLANKS = "".join(sorted({*_CONTROLS, *WHITE_SPACE, *BLANKS} - _READ_AS_BLANKS))
_ANY_OTHER_BLANK, _ANY_MARK = re.compile(f"[{re.escape(_OTHER_BLANKS)}]"), re.compile(f"[{re.escape(MARKS)}]")
# Parts of letters that text in NFD has: diacritics, hamza and madda, parts of Hangul, voicing of kana. Not those of
# Indic scripts: these tell the language as they are, and stand in every word.
_PARTS_OF_LETTERS = "\u0300-\u036f\u0653-\u0655\u1100-\u11ff\u3099\u309a"
_ANY_PART_OF_A_LETTER = re.compile(f"[{_PARTS_OF_LETTERS}]")

_CHARACTERS_AT_ONCE = 1 << 16  # are looked at: their arrays stay in the processor's cache
_MIN_CAPITALS = 10  # of a paragraph in capitals; fewer are an abbreviation more often than a word
_CHEROKEE = slice(0x13A0, 0x13F6)  # its usual letters; to Unicode they are upper case

# The kinds of characters.
_CAPITAL, _OTHER_LETTER, _PART_OF_A_LETTER, _UNREADABLE, _OTHER = b"Cl~?."
_WORD, _WORD_IN_CAPITALS = re.compile(rb"[Cl~]+"), re.compile(rb"(?<![Cl~])[C~]{2,}(?![Cl~])")


def for_identification(paragraphs: Sequence[str]) -> list[str]:
    r"""Return what fastText is to be shown of each paragraph. Give many at once: a call has its price.

    Characters are composed (NFC). Other blanks, controls, `</s>` and `__label__` become blanks; marks that show nothing
    inside a word are left out. A paragraph in capitals becomes lower case.

    >>> for_identification(["</s>\u00a0Ein Do\u00adkument", "ALLE RECHTE VORBEHALTEN", "Tie\u0302\u0301ng Việt, NATO"])
    ['  Ein Dokument', 'alle rechte vorbehalten', 'Tiếng Việt, NATO']
    """
    readable = list(paragraphs)
    ends = np.cumsum([len(paragraph) + 1 for paragraph in paragraphs], dtype=np.int64)
    cuts = np.flatnonzero(np.diff(ends // _CHARACTERS_AT_ONCE)) + 1
    for start, end in pairwise([0, *cuts.tolist(), len(readable)]):
        for number in _doubtful(paragraphs[start:end]):
            readable[start + number] = _readable(paragraphs[start + number])
    return readable


def _doubtful(paragraphs: Sequence[str]) -> list[int]:
    """Return the numbers of the paragraphs of which something may have to be changed."""
    text = " ".join(paragraphs)
    kinds = np.frombuffer(_kinds_of(text), np.uint8)
    lengths = np.array(list(map(len, paragraphs)), np.int64)
    ends = np.cumsum(lengths + 1) - 1

    def count(positions: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
        """Return how many of these positions lie in each paragraph."""
        return np.searchsorted(positions, ends) - np.searchsorted(positions, ends - lengths)

    capitals = count(np.flatnonzero(kinds == _CAPITAL))
    is_doubtful = (capitals >= _MIN_CAPITALS) & (3 * capitals >= lengths)
    is_doubtful |= count(np.flatnonzero((kinds == _UNREADABLE) | (kinds == _PART_OF_A_LETTER))) > 0
    # Of a search for one character Python makes next to nothing; the regular expression costs as much as all the rest.
    if ("<" in text and _END_OF_TEXT in text) or ("_" in text and LABEL in text):
        is_doubtful |= count(np.array([match.start() for match in _ANY_MARKUP.finditer(text)], np.intp)) > 0
    return np.flatnonzero(is_doubtful).tolist()


def _readable(paragraph: str) -> str:
    shown = _composed(paragraph)
    kinds = _kinds_of(shown)
    capitals = kinds.count(_CAPITAL)
    is_unreadable = _UNREADABLE in kinds
    if 3 * capitals >= len(shown) and capitals >= _MIN_CAPITALS and _is_in_capitals(kinds):
        shown = _lower(shown)
    if is_unreadable:
        shown = _ANY_MARK.sub("", _ANY_OTHER_BLANK.sub(" ", shown))
    # Last: lower case or a mark less may have made it what it looks like.
    return shown.replace(_END_OF_TEXT, " ").replace(LABEL, " ")


def _composed(text: str) -> str:
    return unicodedata.normalize("NFC", text) if _ANY_PART_OF_A_LETTER.search(text) else text


def _is_in_capitals(kinds: bytes) -> bool:
    """Return whether more than half of the letters stand in words of two or more that are all capitals.

    To count capitals alone would not do: in text decoded wrongly, such as `ÐŸÐ¾ÑÐ»Ðµ`, every other letter is one.
    """
    in_capitals = sum(map(len, _WORD_IN_CAPITALS.findall(kinds)))
    return 2 * in_capitals > sum(map(len, _WORD.findall(kinds)))


def _lower(text: str) -> str:
    # Where a dotted capital I stands, the other one is the dotless of Turkish and its like. Python's lower case of the
    # dotted one is two characters, which the models do not know.
    return (text.replace("İ", "i").replace("I", "ı") if "İ" in text else text).lower()


def _kinds_of(text: str) -> bytes:
    """Return one byte a character: its kind."""
    if text.isascii():
        return text.encode().translate(_kinds_of_ascii())
    codes = np.frombuffer(codecs.utf_32_le_encode(text, "surrogatepass")[0], dtype="<i4")
    return _kinds().take(codes, mode="clip").tobytes()


@functools.cache
def _kinds_of_ascii() -> bytes:
    return _kinds()[:256].tobytes()


@functools.cache
def _kinds() -> npt.NDArray[np.uint8]:
    """Return the kind of each code point."""
    every_character = np.arange(0x110000, dtype="<u4").tobytes().decode("utf-32-le", "surrogatepass")
    is_letter, is_capital = (
        np.frombuffer(bytes(map(test, every_character)), np.bool_) for test in (str.isalpha, str.isupper)
    )
    kinds = np.where(is_capital, _CAPITAL, np.where(is_letter, _OTHER_LETTER, _OTHER)).astype(np.uint8)
    kinds[_CHEROKEE] = _OTHER_LETTER
    kinds[[ord(character) for character in _ANY_PART_OF_A_LETTER.findall(every_character)]] = _PART_OF_A_LETTER
    kinds[[ord(character) for character in _OTHER_BLANKS + MARKS]] = _UNREADABLE
    return kinds
