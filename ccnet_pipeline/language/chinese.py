"""One Chinese to the models, two to CC-100: told apart by characters that only one of the scripts has."""

import functools

import numpy as np
import numpy.typing as npt


def cc100_code(label: str, text: str) -> str:
    """Return the CC-100 code of a label of lid.176; a label that CC-100 lacks stays as it is.

    lid.176 knows one Chinese; CC-100 has two, told apart by the script of `text`.

    >>> cc100_code("zh", "汉语"), cc100_code("zh", "漢語"), cc100_code("ceb", "")
    ('zh-Hans', 'zh-Hant', 'ceb')
    """
    if label != "zh":
        return label
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4")
    return "zh-Hant" if int(_script_weights()[codes].sum(dtype=np.int64)) < 0 else "zh-Hans"


@functools.cache
def _script_weights() -> npt.NDArray[np.int8]:
    """Return +1 for characters of simplified Chinese only, -1 for traditional only, by code point."""
    from zhon import cedict

    weights = np.zeros(0x110000, np.int8)
    weights[[ord(character) for character in set(cedict.simplified) - set(cedict.traditional)]] = 1
    weights[[ord(character) for character in set(cedict.traditional) - set(cedict.simplified)]] = -1
    return weights
