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

_CODE_POINTS = 0x110000
_PLANES_WITH_LETTERS = 0x40000

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
BY_CONTEXT = 0xFFFFFFFF  # no code point: it stands for "not known without the neighbours"

ASCII_FOLD = bytes(48 if 48 <= code <= 57 else ord(chr(code).lower()) if code < 128 else code for code in range(256))
ASCII_CONTROLS = bytes([*range(32), 127])


def map_characters(text: str, table: CodePoints) -> str:
    """Return the text with every character mapped; a deleted one as NUL, for the caller to remove.

    Raises:
        UnicodeDecodeError: what becomes of one is `BY_CONTEXT`.
    """
    # Of the two ways of numpy to look up, `take` with "clip" costs half, as it checks nothing; no code point lies
    # outside of the table.
    return _text(table.take(_codes(text), mode="clip"))


def characters() -> str:
    """Return the code points of planes 0 to 3, in order.

    Of the others Unicode uses only plane 14 and for private use the last two: they have no letter and no digit.
    """
    return _text(np.arange(_PLANES_WITH_LETTERS, dtype="<u4"))


def table_of(mapped: str) -> CodePoints:
    """Return a table from what each of `characters` becomes, one for one; all others stay."""
    table = np.arange(_CODE_POINTS, dtype=np.uint32)
    table[: len(mapped)] = _codes(mapped)
    return table


def fold_digits(table: CodePoints) -> CodePoints:
    """Let every decimal digit become "0", and return the table."""
    return set_all(table, map(ord, re.findall(r"\d", characters())), ord("0"))


def set_all(table: CodePoints, characters: Iterable[int], value: int) -> CodePoints:
    """Set the entries of some characters, and return the table."""
    table[list(characters)] = value
    return table


# The codecs called directly: by their names Python finds them anew each time.
def _codes(text: str) -> npt.NDArray[np.int32]:
    return np.frombuffer(codecs.utf_32_le_encode(text, "surrogatepass")[0], dtype="<i4")


def _text(codes: CodePoints) -> str:
    return codecs.utf_32_le_decode(codes.data, "surrogatepass")[0]
