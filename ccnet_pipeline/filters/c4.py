"""C4's rules: what remains of a page when lines that are no sentences are left out.

Source: Raffel et al. 2020, arXiv 1910.10683, section 2.2, and what its code does besides (c4_utils.py of TensorFlow
Datasets): policy lines and overlong words. A document goes where it has "lorem ipsum" or a curly bracket in a line that
would stay, or too few sentences in all that would. Its text is not changed: what stays, stays whole. The list of bad
words is not part of it.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from ccnet_pipeline.documents import Document
from ccnet_pipeline.filters.characters import TERMINAL
from ccnet_pipeline.filters.words import split

VERSION = "1"

_CITATION = re.compile(r"\[\d*]|\[edit]|\[citation needed]")
_ENDS = (".", "?", "!", '"', "'")
_POLICIES = (
    "terms of use", "privacy policy", "cookie policy", "uses cookies", "use of cookies", "use cookies",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class C4:
    """The thresholds. The values are those of the paper and its code."""

    min_sentences: int = 5
    min_words_a_line: int = 3  # between blanks
    max_word_length: int = 1000  # characters


PUBLISHED = C4()


def verdicts(documents: Sequence[Document]) -> list[str | None]:
    """Return of each document why it goes; None: it stays."""
    return [reason(each.text, each.language) for each in documents]


def reason(text: str, language: str, rules: C4 = PUBLISHED) -> str | None:
    """Return why a document goes; None: it stays.

    Args:
        text: its lines.
        language: CC-100 code, which says what a word is, and so where sentences end.
        rules: the thresholds.
    """
    num_sentences = 0
    for line in text.splitlines():
        kept = _kept(line, rules)
        if kept is None:
            continue
        in_lower_case = kept.lower()
        if "lorem ipsum" in in_lower_case:
            return "lorem_ipsum"
        if "javascript" in in_lower_case:
            continue
        if "{" in kept:
            return "curly_bracket"
        if any(policy in in_lower_case for policy in _POLICIES):
            continue
        if num_sentences < rules.min_sentences:
            num_sentences += count_sentences(kept, language)
    return "too_few_sentences" if num_sentences < rules.min_sentences else None


def _kept(line: str, rules: C4) -> str | None:
    """Return a line without its citations; None: it is left out for its end, or for its words."""
    line = line.strip()
    words = line.split()
    if len(words) < rules.min_words_a_line or len(max(words, key=len)) > rules.max_word_length:
        return None
    if "[" in line:
        line = _CITATION.sub("", line)
    return line if line.endswith(_ENDS) and not line.endswith("...") else None


def count_sentences(line: str, language: str) -> int:
    """Return how many sentences a line has: a new one begins with the first word behind a mark that ends one.

    >>> count_sentences("It rains. Does it? (Yes!) So it does.", "en")
    4
    """
    count, has_ended = 1, False
    for word in split(line, language):
        if word in TERMINAL:
            has_ended = True
        elif has_ended and not all(unicodedata.category(each).startswith("P") for each in word):
            count, has_ended = count + 1, False
    return count
