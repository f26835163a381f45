"""What the normal forms of text share: folded digits, the marks of cc_net, and how characters are mapped.

ASCII goes through one `bytes.translate`. Other text is mapped as an array of code points through one table of 0x110000
entries, many lines at a time, which is ten times faster than a regular expression a rule.

Digits and lower case depend on the Unicode version of the interpreter, which is why a run's fingerprint contains it.
"""

import codecs
import re
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

CONTROLS = (*range(32), *range(127, 160))  # C0, DEL, C1
DELETED = 0  # NUL stands for a deleted character: a table that deletes any deletes NUL, too

ASCII_FOLD = bytes(48 if 48 <= code <= 57 else ord(chr(code).lower()) if code < 128 else code for code in range(256))
ASCII_CONTROLS = bytes([*range(32), 127])


def map_characters(text: str, table: CodePoints) -> str:
    """Return the text with every character mapped; a deleted one as NUL, for the caller to remove."""
    # Of the two ways of numpy to look up, `take` with "clip" costs half, as it checks nothing; no code point lies
    # outside of the table.
    return _text(table.take(_codes(text), mode="clip"))


def table_of(mapped: str) -> CodePoints:
    """Return a table from what every code point becomes, one character for one."""
    return _codes(mapped).astype(np.uint32)


def every_character() -> str:
    """Return all code points in their order, surrogates included."""
    return _text(np.arange(0x110000, dtype="<u4"))


def fold_digits(table: CodePoints) -> CodePoints:
    """Let every decimal digit become "0", and return the table."""
    return set_all(table, map(ord, re.findall(r"\d", every_character())), ord("0"))


def set_all(table: CodePoints, characters: Iterable[int], value: int) -> CodePoints:
    """Set the entries of some characters, and return the table."""
    table[list(characters)] = value
    return table


# The codecs called directly: by their names Python finds them anew each time.
def _codes(text: str) -> npt.NDArray[np.int32]:
    return np.frombuffer(codecs.utf_32_le_encode(text, "surrogatepass")[0], dtype="<i4")


def _text(codes: CodePoints) -> str:
    return codecs.utf_32_le_decode(codes.data, "surrogatepass")[0]
