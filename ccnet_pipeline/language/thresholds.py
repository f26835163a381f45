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
    """Return, by answer of the general model, the score from which on it is right.

    No language may lose more than a share `most_lost` of its texts to an answer above that score, which is at least
    `floor`. Answers that were not given are not in the result.
    """
    sizes = Counter(text.language for text in texts)
    wrong: defaultdict[str, defaultdict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    answers = set()
    for text in texts:
        if text.general:
            answer, score = text.general[0]
            answers.add(answer)
            if answer != text.language:
                wrong[answer][text.language].append(score)
    return {
        answer: max(
            (_least(scores, sizes[language], floor, most_lost) for language, scores in wrong[answer].items()),
            default=floor,
        )
        for answer in sorted(answers)
    }


def _least(scores: list[float], size: int, floor: float, most_lost: float) -> float:
    """Return the score above which a language of so many texts loses no more than the share, but for a single text."""
    if sum(score >= floor for score in scores) > max(1, _TRIED * size):
        return NEVER
    scores = sorted(scores, reverse=True)
    allowed = max(1, int(most_lost * size))
    return max(floor, math.nextafter(scores[allowed], NEVER)) if len(scores) > allowed else floor


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
