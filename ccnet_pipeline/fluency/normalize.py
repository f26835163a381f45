"""The normal forms of text for language models: cc_net's, the same mended, and running text.

A model must be shown the form that it was trained on; cutoffs.csv names it (docs/method.md, Fluency).
"""

import functools
import unicodedata

from ccnet_pipeline.characters.folding import (
    ASCII_CONTROLS,
    ASCII_FOLD,
    CONTROLS,
    DELETED,
    PUNCTUATION,
    CodePoints,
    every_character,
    fold_digits,
    map_characters,
    set_all,
    table_of,
)

_ASCII_FOLD_BLANKS = bytes(32 if code in CONTROLS else folded for code, folded in enumerate(ASCII_FOLD))
_LONG_MARKS = [(mark, ascii_form) for mark, ascii_form in PUNCTUATION.items() if len(ascii_form) > 1]
_SEPARATORS = ",;|/·•،؛"  # of the items of a list, with a blank behind: 1,000 and and/or stay


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
    return map_characters(_expand(unicodedata.normalize("NFD", text.lower())), _lm_ccnet_table()).replace("\0", "")


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
    composed = unicodedata.normalize("NFC", text.lower())
    return map_characters(_expand(composed), _lm_mended_table()).strip()


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


def _expand(text: str) -> str:
    """Replace the marks that become several characters; the table can only map one to one."""
    for mark, ascii_form in _LONG_MARKS:
        text = text.replace(mark, ascii_form)
    return text


def _lm_table() -> CodePoints:
    table = fold_digits(table_of(every_character()))
    for mark, ascii_form in PUNCTUATION.items():
        if len(ascii_form) == 1 and not mark.isdecimal():
            table[ord(mark)] = ord(ascii_form)
    return table


@functools.cache
def _lm_ccnet_table() -> CodePoints:
    table = set_all(_lm_table(), CONTROLS, DELETED)
    return set_all(table, (code for code in range(0x110000) if unicodedata.category(chr(code)) == "Mn"), DELETED)


@functools.cache
def _lm_mended_table() -> CodePoints:
    return set_all(_lm_table(), CONTROLS, ord(" "))
