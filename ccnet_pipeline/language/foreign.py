"""What of a pool of text is not in the language of its name.

Translated manuals keep English paragraphs, and other pools are not what they are called. A classifier that is trained
on them learns that English is Korean. Left out are

1.  of a pool in another script, the paragraphs with more Latin letters than others;
2.  of a pool that the general model knows the language of, the paragraphs that it takes for English.

A pool of which a large share is taken for one other language, and surely, is named in a warning and stays as it is: the
general model may be wrong.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ccnet_pipeline.language.chinese import cc100_code
from ccnet_pipeline.language.codes import LANGUAGES, UNDETERMINED
from ccnet_pipeline.language.fasttext_model import Model, Scored
from ccnet_pipeline.language.labels import code_of
from ccnet_pipeline.language.pools import Pool
from ccnet_pipeline.language.readable import for_identification

_ENGLISH = "en"
_ENGLISH_SCORE = 0.5
_SURE = 0.8  # score
_MUCH = 0.25  # of the characters that are surely taken for one other language
_KNOWN = 0.5  # of the paragraphs that are taken for the language, so that the general model counts as knowing it
_LATIN_SCRIPT = 0.3  # of the letters; of Serbian pools both scripts have a part
_LATIN = re.compile("[A-Za-zÀ-ɏ]")
_LETTER = re.compile(r"[^\W\d_]")
_LOOKED_AT = 200_000  # characters, to find the script


@dataclass(frozen=True, slots=True)
class Sifted:
    """A pool without what is not its language."""

    pool: Pool
    left_out: int  # paragraphs
    taken_for: str = ""  # another language, if much of the pool is
    share: float = 0.0  # of the characters

    def warning(self) -> str | None:
        """Return a line for the user where the pool may be of another language."""
        if not self.taken_for:
            return None
        return f"{self.pool.path}: {self.share:.0%} of it is identified as {self.taken_for}; is it {self.pool.code}?"


def sift(pool: Pool, general: Model) -> Sifted:
    """Return a pool without what is surely in another language, and what it may be instead."""
    paragraphs = list(pool.paragraphs())
    answers = answers_of(paragraphs, general)
    knows_it = sum(language == pool.code for language, _ in answers) >= _KNOWN * len(answers)
    is_latin = _latin_share("".join(paragraphs)[:_LOOKED_AT]) > _LATIN_SCRIPT
    foreign = {
        text
        for text, (language, score) in zip(paragraphs, answers, strict=True)
        if (knows_it and pool.code != _ENGLISH == language and score >= _ENGLISH_SCORE)
        or (not is_latin and _latin_share(text) > 0.5)
    }
    documents = (tuple(text for text in document if text not in foreign) for document in pool.documents)
    kept = replace(pool, documents=tuple(filter(None, documents)))
    taken_for, share = mostly_another(pool.code, paragraphs, answers)
    left_out = sum(text in foreign for text in paragraphs)
    return Sifted(kept if kept.documents else pool, left_out, taken_for, share)


def answers_of(paragraphs: Sequence[str], general: Model) -> list[Scored]:
    """Return what a model takes each paragraph for, and how surely."""
    scored = general.top(for_identification(paragraphs), 1)
    best = (scores[0] if scores else (UNDETERMINED, 0.0) for scores in scored)
    return [(cc100_code(label, text), score) for (label, score), text in zip(best, paragraphs, strict=True)]


def mostly_another(code: str, paragraphs: Sequence[str], answers: Sequence[Scored]) -> tuple[str, float]:
    """Return which other language much of a text is surely taken for, and how much; a neighbour does not count."""
    characters: Counter[str] = Counter()
    for text, (language, score) in zip(paragraphs, answers, strict=True):
        if score >= _SURE and language != code:
            characters[language] += len(text)
    [(language, most)] = characters.most_common(1) or [("", 0)]
    share = most / max(1, sum(map(len, paragraphs)))
    return (language, share) if share >= _MUCH and not _are_neighbours(code, language) else ("", 0.0)


def _are_neighbours(code: str, other: str) -> bool:
    pairs = ((code, other), (other, code))
    return any(second in map(code_of, LANGUAGES[first].neighbours) for first, second in pairs if first in LANGUAGES)


def _latin_share(text: str) -> float:
    letters = len(_LETTER.findall(text))
    return len(_LATIN.findall(text)) / letters if letters else 0.0
