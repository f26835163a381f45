"""How right an answer is that was cut out of a text: exact match and F1 over words, after normalisation.

Two rules. MLQA's knows the articles of seven languages, takes away all of Unicode's punctuation, and lets each Chinese
character be a word; of other languages it takes the punctuation only, which MLQA's own program does not score at all.
SQuAD 1.1's is English whatever the language, and is what XTREME reports for XQuAD and TyDiQA.
Sources: Rajpurkar et al. 2016 and evaluate-v1.1.py; Lewis et al. 2020 and mlqa_evaluation_v1.py.
"""

import re
import string
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from types import MappingProxyType

Normalise = Callable[[str], list[str]]  # text -> words

_ENGLISH = "a|an|the"
_ARTICLES = MappingProxyType(
    {
        "en": rf"\b({_ENGLISH})\b",
        "es": r"\b(un|una|unos|unas|el|la|los|las)\b",
        "vi": r"\b(của|là|cái|chiếc|những)\b",
        "de": r"\b(ein|eine|einen|einem|eines|einer|der|die|das|den|dem|des)\b",
        # Wherever it stands, within a word too: so it is in MLQA's program, whose other alternative never matches.
        "ar": "ال",
    }
)
_CHINESE = re.compile(r"([\u4e00-\u9fa5])")  # to the last character of Unicode 1.1, not to the end of the block


def mlqa_words(text: str, language: str) -> list[str]:
    """Return the words of an answer by MLQA's rule for the language that it is in.

    >>> mlqa_words("Die „Mauer“, eine Grenze", "de")
    ['mauer', 'grenze']
    >>> mlqa_words("在 2008 年。", "zh")
    ['在', '2008', '年']
    """
    bare = "".join(character for character in text.lower() if not _is_punctuation(character))
    if language in _ARTICLES:
        bare = re.sub(_ARTICLES[language], " ", bare)
    if language == "zh":
        bare = _CHINESE.sub(r" \1 ", bare)
    return bare.split()


def _is_punctuation(character: str) -> bool:
    # Of ASCII, what Unicode calls symbols as well: $ + < = > ^ ` | ~
    return character in string.punctuation or unicodedata.category(character).startswith("P")


def squad_words(text: str) -> list[str]:
    """Return the words of an answer by SQuAD 1.1's rule.

    >>> squad_words("The U.S. – a state")
    ['us', '–', 'state']
    """
    bare = "".join(character for character in text.lower() if character not in string.punctuation)
    return re.sub(rf"\b({_ENGLISH})\b", " ", bare).split()


def exact(answer: Sequence[str], truth: Sequence[str]) -> float:
    """Return 1 for the same words in the same order, else 0."""
    return float(list(answer) == list(truth))


def f1(answer: Sequence[str], truth: Sequence[str]) -> float:
    """Return the F1 of words, each counted as often as it stands.

    >>> f1(["new", "york", "city"], ["york", "city"])
    0.8
    """
    common = (Counter(answer) & Counter(truth)).total()
    return 2 * common / (len(answer) + len(truth)) if common else 0.0


def best(
    measure: Callable[[Sequence[str], Sequence[str]], float], answer: str, truths: Iterable[str], normalise: Normalise
) -> float:
    """Return the highest value of a measure over the answers that people gave."""
    words = normalise(answer)
    return max(measure(words, normalise(truth)) for truth in truths)
