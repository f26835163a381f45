"""Normal forms of text: one for comparing paragraphs, two for the language model.

Facts of the first and second form: cc_net's `text_normalizer`, as recorded in docs/method.md. What its paper says of
them (all punctuation and accents removed) is not what it does, and what it does is what counts here.

How: ASCII goes through one `bytes.translate`. Other text is mapped as an array of code points through one table of
0x110000 entries, whole pages at a time, which is ten times faster than a regular expression a rule. Lower case is in
the table for comparing; where it depends on the neighbours (the final sigma), and for the language models, Python's
own comes first.

The forms depend on the Unicode version of the interpreter, which is why a run's fingerprint contains it.
"""

import codecs
import functools
import re
import unicodedata
from collections.abc import Iterable, Mapping

import numpy as np
import numpy.typing as npt

CodePoints = npt.NDArray[np.uint32]

# The marks that cc_net knows, and what its language models see instead. U+FF11, the fullwidth digit one, stands there
# by mistake (for a quotation mark); digits are folded before, so the mistake never shows.
PUNCTUATION: Mapping[str, str] = {
    "，": ",", "。": ".", "、": ",", "„": '"', "”": '"', "“": '"', "«": '"', "»": '"', "１": '"', "」": '"',
    "「": '"', "《": '"', "》": '"', "´": "'", "∶": ":", "：": ":", "？": "?", "！": "!", "（": "(", "）": ")",
    "；": ";", "–": "-", "—": " - ", "．": ". ", "～": "~", "’": "'", "…": "...", "━": "-", "〈": "<", "〉": ">",
    "【": "[", "】": "]", "％": "%", "►": "-",
}  # fmt: skip

_CONTROLS = [*range(32), *range(127, 160)]  # C0, DEL, C1
_LINE_BREAK = ord("\n")
# U+FFFFFFFF is no code point: it stands for a deleted character, so that NUL can be kept or mapped like any other.
_DELETED = 0xFFFFFFFF


def for_dedup(text: str) -> str:
    r"""Return what two paragraphs must share to be duplicates; line breaks stay, so a whole page can be given.

    Each line: stripped, lower case, every decimal digit "0", the marks of `PUNCTUATION` and control characters deleted.
    Accents, ASCII punctuation, inner blanks and the NFC or NFD form stay as they are.

    Source: cc_net `normalize_for_dedup` (docs/method.md, Duplicates).

    >>> for_dedup("  Page 12 of “30”…\t\nÉTÉ!")
    'page 00 of 00\nété!'
    """
    text = "\n".join([line.strip() for line in text.split("\n")])
    if text.isascii():
        return text.encode("ascii").translate(_ASCII_FOLD, _ASCII_CONTROLS_BUT_LINE_BREAK).decode("ascii")
    if any(character in text for character in _NOT_LOWERED_ALONE):
        text = text.lower()
    return _map(text, _dedup_table())


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
        return text.encode("ascii").translate(_ASCII_FOLD, _ASCII_CONTROLS).decode("ascii")
    return _map(_expand(unicodedata.normalize("NFD", text.lower())), _lm_ccnet_table())


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
    return _map(_expand(unicodedata.normalize("NFC", text.lower())), _lm_mended_table(), deletes=False).strip()


def _map(text: str, table: CodePoints, *, deletes: bool = True) -> str:
    # The codecs called directly: by their names Python finds them anew each time. And of the two ways of numpy to look
    # up, `take` with "clip" costs half, as it checks nothing; no code point lies outside of the table.
    encoded = codecs.utf_32_le_encode(text, "surrogatepass")[0]
    codes: CodePoints = table.take(np.frombuffer(encoded, dtype="<i4"), mode="clip")
    if deletes:
        codes = codes[codes != _DELETED]
    return codecs.utf_32_le_decode(codes.data, "surrogatepass")[0]


def _expand(text: str) -> str:
    """Replace the marks that become several characters; the table can only map one to one."""
    for mark, ascii_form in _LONG_MARKS:
        text = text.replace(mark, ascii_form)
    return text


# Their lower case is not one character for one: that of sigma depends on its neighbours, i with a dot becomes two.
_NOT_LOWERED_ALONE = ("Σ", "İ")
_LONG_MARKS = [(mark, ascii_form) for mark, ascii_form in PUNCTUATION.items() if len(ascii_form) > 1]
_ASCII_FOLD = bytes(48 if 48 <= code <= 57 else ord(chr(code).lower()) if code < 128 else code for code in range(256))
_ASCII_FOLD_BLANKS = bytes(32 if code in _CONTROLS else folded for code, folded in enumerate(_ASCII_FOLD))
_ASCII_CONTROLS = bytes([*range(32), 127])
_ASCII_CONTROLS_BUT_LINE_BREAK = _ASCII_CONTROLS.replace(b"\n", b"")


def _identity_with_digits_folded() -> CodePoints:
    table = np.arange(0x110000, dtype=np.uint32)
    every_character = table.astype("<u4").tobytes().decode("utf-32-le", "surrogatepass")
    table[[ord(digit) for digit in re.findall(r"\d", every_character)]] = ord("0")
    return table


def _set(table: CodePoints, characters: Iterable[int], value: int) -> CodePoints:
    table[list(characters)] = value
    return table


@functools.cache
def _dedup_table() -> CodePoints:
    table = _identity_with_digits_folded()
    for code, character in enumerate(map(chr, range(0x110000))):
        if (lower := character.lower()) != character and character not in _NOT_LOWERED_ALONE:
            table[code] = ord(lower)
    # Digits come first: U+FF11 is already "0" here and must not be deleted with the marks.
    _set(table, (ord(mark) for mark in PUNCTUATION if not mark.isdecimal()), _DELETED)
    return _set(table, (code for code in _CONTROLS if code != _LINE_BREAK), _DELETED)


def _lm_table() -> CodePoints:
    table = _identity_with_digits_folded()
    for mark, ascii_form in PUNCTUATION.items():
        if len(ascii_form) == 1 and not mark.isdecimal():
            table[ord(mark)] = ord(ascii_form)
    return table


@functools.cache
def _lm_ccnet_table() -> CodePoints:
    table = _set(_lm_table(), _CONTROLS, _DELETED)
    return _set(table, (code for code in range(0x110000) if unicodedata.category(chr(code)) == "Mn"), _DELETED)


@functools.cache
def _lm_mended_table() -> CodePoints:
    return _set(_lm_table(), _CONTROLS, ord(" "))
