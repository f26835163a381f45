"""The normal form of a paragraph, by which it is compared with others.

Facts: cc_net's `text_normalizer`, as recorded in docs/method.md. What its paper says (all punctuation and accents
removed) is not what it does, and what it does is what counts here. Lower case is in the table; where it depends on the
neighbours (the final sigma), Python's own comes first.
"""

import functools

from ccnet_pipeline.characters.folding import (
    ASCII_CONTROLS,
    ASCII_FOLD,
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

_LINE_BREAK = ord("\n")
# Their lower case is not one character for one: that of sigma depends on its neighbours, i with a dot becomes two.
_SIGMA, _DOTTED_I = "Σ", "İ"
_ASCII_CONTROLS_BUT_LINE_BREAK = ASCII_CONTROLS.replace(b"\n", b"")


def for_dedup(text: str) -> str:
    r"""Return what two paragraphs must share to be duplicates; line breaks stay, so a whole page can be given.

    Each line: stripped, lower case, every decimal digit "0", the marks of `PUNCTUATION` and control characters deleted.
    Accents, ASCII punctuation, inner blanks and the NFC or NFD form stay as they are.

    Source: cc_net `normalize_for_dedup` (docs/method.md, Duplicates).

    >>> for_dedup("  Page 12 of “30”…\t\nÉTÉ!")
    'page 00 of 00\nété!'
    """
    return fold("\n".join([line.strip() for line in text.split("\n")])).decode("utf-8", "surrogatepass")


def fold(text: str) -> bytes:
    """Return the UTF-8 of what `for_dedup` gives for lines that are stripped already."""
    if text.isascii():
        return text.encode("ascii").translate(ASCII_FOLD, _ASCII_CONTROLS_BUT_LINE_BREAK)
    if _has_context(text):
        text = "\n".join([line.lower() if _has_context(line) else line for line in text.split("\n")])
    # Out of bytes NUL is taken several times as fast as out of text.
    return map_characters(text, _dedup_table()).encode("utf-8", "surrogatepass").replace(b"\0", b"")


def _has_context(text: str) -> bool:
    return _SIGMA in text or _DOTTED_I in text


@functools.cache
def _dedup_table() -> CodePoints:
    # In place of the dotted I, which is never looked up, anything of one character.
    table = fold_digits(table_of(characters().replace(_DOTTED_I, "i").lower()))
    # Digits come first: U+FF11 is already "0" here and must not be deleted with the marks.
    set_all(table, (ord(mark) for mark in PUNCTUATION if not mark.isdecimal()), DELETED)
    return set_all(table, (code for code in CONTROLS if code != _LINE_BREAK), DELETED)
