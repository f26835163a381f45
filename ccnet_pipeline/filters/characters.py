"""What the filters know of characters: which are punctuation, which end a sentence, which scripts have no blanks."""

import functools
import re
from itertools import chain

import numpy as np
import numpy.typing as npt

from ccnet_pipeline.characters.folding import CONTROLS, PUNCTUATION, characters
from ccnet_pipeline.characters.marks import marks

Flags = npt.NDArray[np.uint8]

_CODE_POINTS = 0x110000
NOT_PUNCTUATION, LETTER = 1, 2  # bits of `flags`

# Those with Unicode's property Sentence_Terminal, of version 16 (PropList.txt), and U+FF0E.
_TERMINAL = (
    0x21, 0x2E, 0x3F, 0x589, (0x61D, 0x61F), 0x6D4, (0x700, 0x702), 0x7F9, 0x837, 0x839, (0x83D, 0x83E), (0x964, 0x965),
    (0x104A, 0x104B), 0x1362, (0x1367, 0x1368), 0x166E, (0x1735, 0x1736), (0x17D4, 0x17D6), (0x17D9, 0x17DA), 0x1803,
    0x1809, (0x1944, 0x1945), (0x1AA8, 0x1AAB), (0x1B5A, 0x1B5B), (0x1B5E, 0x1B5F), (0x1B7D, 0x1B7E), (0x1C3B, 0x1C3C),
    (0x1C7E, 0x1C7F), (0x203C, 0x203D), (0x2047, 0x2049), 0x2E2E, 0x2E3C, (0x2E53, 0x2E54), 0x3002, 0xA4FF,
    (0xA60E, 0xA60F), 0xA6F3, 0xA6F7, (0xA876, 0xA877), (0xA8CE, 0xA8CF), 0xA92F, (0xA9C8, 0xA9C9), (0xAA5D, 0xAA5F),
    (0xAAF0, 0xAAF1), 0xABEB, 0xFE52, (0xFE56, 0xFE57), 0xFF01, 0xFF0E, 0xFF1F, 0xFF61, (0x10A56, 0x10A57),
    (0x10F55, 0x10F59), (0x10F86, 0x10F89), (0x11047, 0x11048), (0x110BE, 0x110C1), (0x11141, 0x11143),
    (0x111C5, 0x111C6), 0x111CD, (0x111DE, 0x111DF), (0x11238, 0x11239), (0x1123B, 0x1123C), 0x112A9,
    (0x1144B, 0x1144C), (0x115C2, 0x115C3), (0x115C9, 0x115D7), (0x11641, 0x11642), (0x1173C, 0x1173E), 0x11944,
    0x11946, (0x11A42, 0x11A43), (0x11A9B, 0x11A9C), (0x11C41, 0x11C42), (0x11EF7, 0x11EF8), (0x11F43, 0x11F44),
    (0x16A6E, 0x16A6F), 0x16AF5, (0x16B37, 0x16B38), 0x16B44, 0x16E98, 0x1BC9F, 0x1DA88,
)  # fmt: skip
# In these scripts words are not parted: Han, kana; Thai and Lao, Burmese, Khmer.
_WITHOUT_BLANKS = (
    (0x3005, 0x3007), (0x3041, 0x3096), (0x309D, 0x309F), (0x30A1, 0x30FA), (0x30FC, 0x30FF), (0x31F0, 0x31FF),
    (0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF), (0xFF66, 0xFF9F), (0x20000, 0x323AF), (0x0E01, 0x0E3A),
    (0x0E40, 0x0E4E), (0x0E81, 0x0ECD), (0x0EDC, 0x0EDF), (0x1000, 0x103F), (0x104C, 0x108F), (0xA9E0, 0xA9EF),
    (0xAA60, 0xAA7F), (0x1780, 0x17D3),
)  # fmt: skip


def _each(ranges: tuple[int | tuple[int, int], ...]) -> frozenset[str]:
    pairs = ((each, each) if isinstance(each, int) else each for each in ranges)
    return frozenset(map(chr, chain.from_iterable(range(first, last + 1) for first, last in pairs)))


TERMINAL = _each(_TERMINAL)
# ASCII's, control characters without U+000A and U+0009, and the marks that cc_net knows.
PUNCTUATION_MARKS = (
    TERMINAL
    | frozenset("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~")
    | frozenset(map(chr, CONTROLS)) - frozenset("\t\n")
    | frozenset(PUNCTUATION)
)
WITHOUT_BLANKS = "".join(f"{chr(first)}-{chr(last)}" for first, last in _WITHOUT_BLANKS)  # inside [] of a pattern


@functools.cache
def flags() -> Flags:
    """Return of every code point whether it is no punctuation, and whether it is a letter (`str.isalpha`)."""
    table = np.full(_CODE_POINTS, NOT_PUNCTUATION, np.uint8)
    table[[ord(mark) for mark in PUNCTUATION_MARKS]] = 0
    letters = np.array([ord(each) for each in re.findall(r"[^\W\d_]", characters()) if each.isalpha()])
    table[letters] |= LETTER
    return table


@functools.cache
def all_marks() -> frozenset[str]:
    """Return the combining marks of all scripts."""
    return frozenset(marks())
