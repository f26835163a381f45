"""From which score on an answer is believed, measured on text that the models were not trained on.

Every language counts alike here, however much text it has: what a small language loses to a large one would not show
among the texts of the large one.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ccnet_pipeline.language.combination import Rule
from ccnet_pipeline.language.fasttext_model import Scored

NEVER = 1.01  # above every score
_TRIED = 0.1  # a language that loses this share to an answer is confused with it: the answer is never believed alone


@dataclass(frozen=True, slots=True)
class Answered:
    """A text of a known language, and what the models say of it, best first."""

    language: str
    general: Sequence[Scored]
    added: Sequence[Scored]


def believed_scores(texts: Sequence[Answered], *, floor: float, most_lost: float) -> dict[str, float]:
    """Return, by answer of the general model, the score from which on it is right, where that is above `floor`.

    No language may lose more than a share `most_lost` of its texts to an answer above that score.
    """
    believed = {}
    for answer, scores_of in _lost(texts, floor, most_lost).items():
        believed[answer] = max(_least(scores, size, most_lost) for scores, size in scores_of.values())
    return believed


def confused_languages(texts: Sequence[Answered], *, floor: float, most_lost: float) -> dict[str, frozenset[str]]:
    """Return, by answer of the general model, the languages that lose more than the share to it from `floor` on."""
    return {answer: frozenset(scores_of) for answer, scores_of in _lost(texts, floor, most_lost).items()}


def _lost(texts: Sequence[Answered], floor: float, most_lost: float) -> dict[str, dict[str, tuple[list[float], int]]]:
    """Return, by answer and language, the scores of texts in the language that get the answer, and how many it has.

    Only of languages that lose more than the share to scores of `floor` and above; a single text is no evidence.
    """
    sizes = Counter(text.language for text in texts)
    wrong: defaultdict[str, defaultdict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for text in texts:
        answer, score = text.general[0] if text.general else ("", 0.0)
        if answer != text.language and score >= floor:
            wrong[answer][text.language].append(score)
    return {
        answer: found
        for answer, scores_of in sorted(wrong.items())
        if (
            found := {
                language: (sorted(scores, reverse=True), sizes[language])
                for language, scores in sorted(scores_of.items())
                if len(scores) > _allowed(sizes[language], most_lost)
            }
        )
    }


def _allowed(size: int, most_lost: float) -> int:
    return max(1, int(most_lost * size))


def _least(scores: Sequence[float], size: int, most_lost: float) -> float:
    """Return the score above which a language of so many texts loses no more than the share."""
    return NEVER if len(scores) > max(1, _TRIED * size) else math.nextafter(scores[_allowed(size, most_lost)], NEVER)


def least_scores(
    texts: Iterable[Answered], rule: Rule, *, otherwise: float, floor: float, kept: float
) -> dict[str, float]:
    """Return, by language, the least score at which a share `kept` of the texts that are rightly named stay.

    Only of languages for which that is below `otherwise`, and none below `floor`; to two decimals.
    """
    scores: defaultdict[str, list[float]] = defaultdict(list)
    for text in texts:
        if text.general and not rule.must_ask(*text.general[0]):
            continue  # the general model is believed, whose score is high
        language, score, _ = rule.decide(text.general, text.added)
        if language == text.language:
            scores[language].append(score)
    found = {}
    for language, of_language in sorted(scores.items()):
        score = sorted(of_language)[int((1 - kept) * len(of_language))]
        if score < otherwise:
            found[language] = max(floor, math.floor(score * 100) / 100)
    return found


def share_asked(texts: Sequence[Answered], believed: Mapping[str, float], otherwise: float) -> float:
    """Return the share of the texts that the added model is asked of."""
    asked = sum(not text.general or text.general[0][1] < believed.get(text.general[0][0], otherwise) for text in texts)
    return asked / len(texts)
