"""Burmese in the encoding of the Zawgyi font, which uses the characters of Unicode's Burmese for other letters.

The models have one label for both, `my`; CC-100 has `my` and `my_zaw`. Which of the two a text is in, myanmartools
tells by its pairs of characters (docs/method.md, Language).
"""

import functools
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from myanmartools import ZawgyiDetector

BURMESE, ZAWGYI = "my", "my_zaw"
NAME = "zawgyi"  # as that which decided on a language
_LEAST_PROBABILITY = 0.9
_MOST_CHARACTERS = 120  # that are looked at; more of them change no answer
_MOST_WEIGHED = 1000  # of a text, to tell whether it is mostly Burmese
_LETTER = re.compile("[\u1000-\u109f]")  # the block Myanmar


def probability_of_zawgyi(text: str) -> float | None:
    """Return how probable it is that a text is in Zawgyi; None where it is not, or has no letter that would tell.

    >>> probability_of_zawgyi("မ္း") is None, probability_of_zawgyi("မြန်မာ"), probability_of_zawgyi("Burma")
    (False, None, None)
    """
    first = _LETTER.search(text)
    if first is None:
        return None
    probability = _detector().get_zawgyi_probability(text[first.start() : first.start() + _MOST_CHARACTERS])
    return probability if probability >= _LEAST_PROBABILITY else None


def is_mostly_burmese(text: str) -> bool:
    """Return whether more than half of the beginning of a text, blanks left out, is of the block Myanmar."""
    if text.isascii():  # as most texts are that no model is sure of
        return False
    beginning = text[:_MOST_WEIGHED]
    return 2 * len(_LETTER.findall(beginning)) > len("".join(beginning.split()))


@functools.cache
def _detector() -> "ZawgyiDetector":
    from myanmartools import ZawgyiDetector

    return ZawgyiDetector()
