"""What fastText is shown of a paragraph to find its language: the same words, in a form that it can read.

It parts words at the blanks of ASCII alone, ends at a literal `</s>`, passes over what begins like a label, and its
models were trained on composed characters and hardly on capitals. What each of these costs, and what this form gives
back, was measured (docs/method.md, Language). Nothing of it reaches a document.

How: one look at all characters of a page, as an array through a table of kinds, finds the few paragraphs that need
anything at all. It costs some 3 % of what fastText does with the page.

Source: fastText 0.9.3, `Dictionary::readWord` and `Dictionary::getLine`.
"""

import codecs
import functools
import re
import unicodedata
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ccnet_pipeline.characters.invisible import BLANKS, MARKS, WHITE_SPACE

LABEL = "__label__"  # begins every label; a word of a text that begins so is not read
_END_OF_TEXT = "</s>"  # a word at which reading ends
_READ_AS_BLANKS = frozenset(" \r\t\v\f\0")  # a line feed, too, but there reading ends

_CONTROLS = map(chr, [*range(32), *range(127, 160)])  # C0, DEL, C1
_OTHER_BLANKS = "".join(sorted({*_CONTROLS, *WHITE_SPACE, *BLANKS} - _READ_AS_BLANKS))
_ANY_OTHER_BLANK, _ANY_MARK = re.compile(f"[{re.escape(_OTHER_BLANKS)}]"), re.compile(f"[{re.escape(MARKS)}]")
# Parts of letters that text in NFD has: diacritics, hamza and madda, parts of Hangul, voicing of kana. Not those of
# Indic scripts: these tell the language as they are, and stand in every word.
_PARTS_OF_LETTERS = "\u0300-\u036f\u0653-\u0655\u1100-\u11ff\u3099\u309a"
_ANY_PART_OF_A_LETTER = re.compile(f"[{_PARTS_OF_LETTERS}]")

_MIN_CAPITALS = 10  # of a paragraph in capitals; fewer are an abbreviation more often than a word
_CHEROKEE = slice(0x13A0, 0x13F6)  # its usual letters; to Unicode they are upper case

# The kinds of characters.
_CAPITAL, _OTHER_LETTER, _PART_OF_A_LETTER, _UNREADABLE, _OTHER = b"Cl~?."
_WORD, _WORD_IN_CAPITALS = re.compile(rb"[Cl~]+"), re.compile(rb"(?<![Cl~])[C~]{2,}(?![Cl~])")


def for_identification(paragraphs: Sequence[str]) -> list[str]:
    r"""Return what fastText is to be shown of each paragraph. Give all of a page at once: a call has its price.

    Characters are composed (NFC). Other blanks, controls, `</s>` and `__label__` become blanks; marks that show nothing
    inside a word are left out. A paragraph in capitals becomes lower case.

    >>> for_identification(["</s>\u00a0Ein Do\u00adkument", "ALLE RECHTE VORBEHALTEN", "Tie\u0302\u0301ng Việt, NATO"])
    ['  Ein Dokument', 'alle rechte vorbehalten', 'Tiếng Việt, NATO']
    """
    text = "".join(paragraphs)
    kinds = _kinds_of(text)
    if _PART_OF_A_LETTER in kinds:
        paragraphs = list(map(_composed, paragraphs))
        kinds = _kinds_of("".join(paragraphs))
    is_unreadable = _UNREADABLE in kinds
    # Of a search for one character Python makes next to nothing.
    has_markup = ("<" in text and _END_OF_TEXT in text) or ("_" in text and LABEL in text)
    readable, end = [], 0
    for paragraph in paragraphs:
        start, end = end, end + len(paragraph)
        capitals = kinds.count(_CAPITAL, start, end)
        in_capitals = 3 * capitals >= len(paragraph) and capitals >= _MIN_CAPITALS and _is_in_capitals(kinds[start:end])
        shown = _lower(paragraph) if in_capitals else paragraph
        if is_unreadable and _UNREADABLE in kinds[start:end]:
            shown = _ANY_MARK.sub("", _ANY_OTHER_BLANK.sub(" ", shown))
        if has_markup or shown is not paragraph:  # last: lower case or a mark less may have made it what it looks like
            shown = shown.replace(_END_OF_TEXT, " ").replace(LABEL, " ")
        readable.append(shown)
    return readable


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
