"""The normal forms of text for language models: cc_net's, the same mended, and running text.

A model must be shown the form that it was trained on; cutoffs.csv names it (docs/method.md, Fluency).

How: lower case, composition and marks are one table, character for character. Where that is not the whole truth (the
lower case of sigma, marks that change places or join a letter, Hangul) the table says so, and Python's own do the work.
"""

import functools
import unicodedata
from collections.abc import Iterator
from typing import Literal

from ccnet_pipeline.characters.folding import (
    ASCII_CONTROLS,
    ASCII_FOLD,
    BY_CONTEXT,
    CONTROLS,
    DELETED,
    PUNCTUATION,
    CodePoints,
    characters,
    fold_digits,
    map_characters,
    set_all,
    table_of,
)
from ccnet_pipeline.characters.marks import marks

_Composition = Literal["NFC", "NFD"]

_ASCII_FOLD_BLANKS = bytes(32 if code in CONTROLS else folded for code, folded in enumerate(ASCII_FOLD))
_LONG_MARKS = [(mark, ascii_form) for mark, ascii_form in PUNCTUATION.items() if len(ascii_form) > 1]
_SEPARATORS = ",;|/·•،؛"  # of the items of a list, with a blank behind: 1,000 and and/or stay
_SIGMA, _DOTTED_I = "Σ", "İ"
# The syllables, and of what they are made behind the first part: vowels and last consonants (Unicode, section 3.12).
_HANGUL, _PARTS_OF_HANGUL = slice(0xAC00, 0xD7A4), (*range(0x1161, 0x1176), *range(0x11A7, 0x11C3))
_BLOCK = 256  # characters that are asked at once whether any is decomposed


def for_lm_ccnet(text: str) -> str:
    r"""Return the text as cc_net's published language models want it, bit for bit; the result is one line.

    Stripped, lower case, NFD without combining marks (category Mn), digits "0", `PUNCTUATION` mapped to ASCII, control
    characters deleted, line breaks among them: words on either side of one are glued. It stays NFD, so Hangul is jamo;
    vowel signs of Brahmic scripts and Thai, kana voicing and Vietnamese tones are lost.

    Source: cc_net `normalize` with its defaults (docs/method.md, Fluency).

    >>> for_lm_ccnet(" Été 2018 — fin\nÇa va… ")
    'ete 0000  -  finca va...'
    """
    text = text.strip()
    if text.isascii():
        return text.encode("ascii").translate(ASCII_FOLD, ASCII_CONTROLS).decode("ascii")
    return _mapped(text, "NFD").replace("\0", "")


def for_lm_mended(text: str) -> str:
    r"""Return the text for language models of our own: as `for_lm_ccnet`, without what harms scripts and words.

    Stripped, lower case, NFC, digits "0", `PUNCTUATION` mapped to ASCII; control characters and line breaks become
    blanks; accents, vowel signs and tones stay.

    >>> for_lm_mended(" Été 2018 — fin\nÇa va… ")
    'été 0000  -  fin ça va...'
    """
    text = text.strip()
    if text.isascii():
        return text.encode("ascii").translate(_ASCII_FOLD_BLANKS).decode("ascii").strip()
    return _mapped(text, "NFC").strip()


def for_lm_running(text: str) -> str:
    """Return the text as `for_lm_mended` does, without the marks that part the items of a list.

    A comma is the cheapest piece there is, and may stand behind any word. In a list of words every second piece is one,
    so that per piece the list seems more fluent than prose; without commas it is words that do not go together.

    >>> for_lm_running("Hotels, flights; 1,000 beds | cheap")
    'hotels flights 0,000 beds  cheap'
    """
    text = for_lm_mended(text)
    for mark in _SEPARATORS:
        if mark in text:  # most are not; with one regular expression this cost more than twice as much
            text = text.replace(f"{mark} ", " ")
    return text.rstrip(f"{_SEPARATORS} ")


def _mapped(text: str, composition: _Composition) -> str:
    """Return the text in lower case, composed or decomposed, its marks and digits mapped; the deleted ones are NUL."""
    try:
        return map_characters(_expand(text), _one_for_one(composition))
    except UnicodeDecodeError:
        return map_characters(_expand(unicodedata.normalize(composition, text.lower())), _marks_mapped(composition))


def _expand(text: str) -> str:
    """Replace the marks that become several characters; the table can only map one to one."""
    for mark, ascii_form in _LONG_MARKS:
        text = text.replace(mark, ascii_form)
    return text


@functools.cache
def _one_for_one(composition: _Composition) -> CodePoints:
    """Return what becomes of each character that stands among others of which none has to do with it."""
    last = _marks_mapped(composition)
    # One for one: the dotted I, whose lower case is two characters, comes below.
    table = last[table_of(characters().replace(_DOTTED_I, "i").lower())]
    joins = {mark for mark in marks() if unicodedata.combining(mark)}  # or changes places
    joins.update(map(chr, _PARTS_OF_HANGUL))
    for character in (_DOTTED_I, *_decomposed()):
        joins.update(unicodedata.normalize("NFD", character)[1:])
        form = unicodedata.normalize(composition, character.lower())
        mapped = [code for code in last[list(map(ord, form))].tolist() if code != DELETED]
        table[ord(character)] = mapped[0] if len(mapped) == 1 else BY_CONTEXT if mapped else DELETED
    if composition == "NFD":
        table[_HANGUL] = BY_CONTEXT
    codes = [ord(mark) for mark in joins]
    table[codes] = [DELETED if code == DELETED else BY_CONTEXT for code in last[codes].tolist()]
    return set_all(table, [ord(_SIGMA)], BY_CONTEXT)


def _decomposed() -> Iterator[str]:
    """Yield every character that is another one in NFD, but for the syllables of Hangul."""
    text = characters()
    for start in range(0, len(text), _BLOCK):
        block = text[start : start + _BLOCK]
        if not (_HANGUL.start <= start < _HANGUL.stop or unicodedata.is_normalized("NFD", block)):
            yield from (character for character in block if not unicodedata.is_normalized("NFD", character))


@functools.cache
def _marks_mapped(composition: _Composition) -> CodePoints:
    """Return a table for text that is in lower case and composed, or decomposed, already."""
    table = fold_digits(table_of(characters()))
    for mark, ascii_form in PUNCTUATION.items():
        if len(ascii_form) == 1 and not mark.isdecimal():
            table[ord(mark)] = ord(ascii_form)
    if composition == "NFC":
        return set_all(table, CONTROLS, ord(" "))
    set_all(table, CONTROLS, DELETED)
    return set_all(table, (ord(mark) for mark in marks() if unicodedata.category(mark) == "Mn"), DELETED)
