"""The language of texts: what one or two models say, and what is made of it.

1.  The general model says which language each text is in.
2.  Where there is a second model, it is asked for the texts of which the first is not sure, or whose language has
    neighbours, unless they are short; a rule decides between the two (combination.py).
3.  Below the least score of its language a text is in none that is sure: `und`. What the model takes for no language
    at all is `zxx`.
4.  `zh` is parted into zh-Hans and zh-Hant, `my` into my and my_zaw.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from ccnet_pipeline.errors import UserError
from ccnet_pipeline.language import zawgyi
from ccnet_pipeline.language.chinese import cc100_code
from ccnet_pipeline.language.codes import NOT_LANGUAGE, UNDETERMINED
from ccnet_pipeline.language.fasttext_model import Model, Scored
from ccnet_pipeline.language.labels import CHINESE

_MAY_BE_ZAWGYI = frozenset({zawgyi.BURMESE, UNDETERMINED, NOT_LANGUAGE})
# A second model is worth nothing on less text than this: of what the general one is not sure of it makes more wrong
# answers than right ones (docs/method.md, Language).
MIN_CHARACTERS = 40
# Less probable answers of the second model decide nothing; to leave them out is an eighth of its cost.
_LEAST_OF_SECOND = 0.001
LEAST_SCORE = 0.5  # of every language, where no rule has others
NUM_LABELS = 3  # of each model, where they are kept
_NOTHING: Scored = (UNDETERMINED, 0.0)

_Decided = tuple[str, float, str]  # language, score, the model that they are of
Labels = tuple[tuple[str, tuple[Scored, ...]], ...]  # model, its best labels with scores


class Identification(NamedTuple):
    """What was found out about the language of a text."""

    language: str  # CC-100 code, or another label as it stands; UNDETERMINED, NOT_LANGUAGE
    score: float  # in [0, 1], of the model that decided
    decided_by: str  # its name
    labels: Labels = ()  # only if asked for


class Identifier(Protocol):
    """What the stages need."""

    def identify(self, texts: Sequence[str]) -> list[Identification]:
        """Return the language of each text; a text is one line, in a form that fastText can read (readable.py)."""


class Rule(Protocol):
    """When a second model is asked, and who decides."""

    @property
    def max_characters(self) -> int:
        """So many of a text are shown to the second model."""

    @property
    def num_labels(self) -> int:
        """So many answers of each model are weighed."""

    @property
    def not_named(self) -> float:
        """Answers of the general model that are less probable than this are as good as none."""

    def must_ask(self, language: str, score: float) -> bool:
        """Return whether the second model is to be asked, by the best answer of the general one."""

    def decide(self, general: Sequence[Scored], added: Sequence[Scored]) -> tuple[str, float, bool]:
        """Return language and score, and whether they are the second model's; the best answers of both come first."""

    def least_score(self, language: str) -> float:
        """Return the score that the language needs."""


@dataclass(frozen=True, slots=True)
class Second:
    """A second model, and how it and the general one go together."""

    model: Model
    rule: Rule


@dataclass(frozen=True, slots=True)
class Judgement:
    """What is made of the answers of models."""

    least_score: float | None = None  # of every language; None: by the second model's rule, without one LEAST_SCORE
    rounds: bool = False  # scores to 2 decimals before the comparison, as cc_net does
    tells_zawgyi: bool = True
    # So many characters of a text the general model is shown where there is a second one; None: all of them.
    most_shown: int | None = None
    keeps_labels: bool = False  # all models are asked for all texts, and what they answer is handed on

    def __post_init__(self) -> None:
        if self.least_score is not None and not 0.0 <= self.least_score <= 1.0:
            raise UserError(f"--min_language_score must be in [0, 1], not {self.least_score}")


class ModelIdentifier:
    """An `Identifier` of one model or two."""

    def __init__(self, general: Model, second: Second | None, judgement: Judgement) -> None:
        self._general = general
        self._second = second
        self._judgement = judgement
        self._least_score = _least_score(second, judgement)
        self._may_be_zawgyi = _MAY_BE_ZAWGYI if judgement.tells_zawgyi else frozenset[str]()

    def identify(self, texts: Sequence[str]) -> list[Identification]:
        """Return the language of each text."""
        general = self._ask_general(texts)
        name = self._general.name
        decided: list[_Decided] = [(*scored[0], name) if scored else (*_NOTHING, name) for scored in general]
        has_a_say = self._where_second_has_a_say(texts, decided)
        keeps_labels = self._judgement.keeps_labels
        second = self._ask_second(texts, range(len(texts)) if keeps_labels else has_a_say)
        for number in has_a_say:
            decided[number] = self._decide(general[number], second[number])
        found = list(map(self._judge, texts, decided))
        if not keeps_labels:
            return found
        return [
            each._replace(labels=self._labels(scored, second.get(number)))
            for number, (each, scored) in enumerate(zip(found, general, strict=True))
        ]

    def _ask_general(self, texts: Sequence[str]) -> list[list[Scored]]:
        if self._second:
            shown = [text[: self._judgement.most_shown] for text in texts]
            return self._general.top(shown, self._second.rule.num_labels, self._second.rule.not_named)
        return self._general.top(texts, NUM_LABELS if self._judgement.keeps_labels else 1)

    def _where_second_has_a_say(self, texts: Sequence[str], decided: Sequence[_Decided]) -> list[int]:
        """Return the numbers of the texts on which the second model decides, too, by what the general one says."""
        if self._second is None:
            return []
        must_ask = self._second.rule.must_ask
        return [
            number
            for number, (language, score, _) in enumerate(decided)
            if must_ask(language, score) and len(texts[number]) >= MIN_CHARACTERS
        ]

    def _ask_second(self, texts: Sequence[str], numbers: Sequence[int]) -> dict[int, list[Scored]]:
        """Return what the second model says of some texts, by their number."""
        if self._second is None:
            return {}
        rule = self._second.rule
        shown = [texts[number][: rule.max_characters] for number in numbers]
        answers = self._second.model.top(shown, rule.num_labels, _LEAST_OF_SECOND)
        return dict(zip(numbers, answers, strict=True))

    def _decide(self, general: Sequence[Scored], second: Sequence[Scored]) -> _Decided:
        """Return what both models say together."""
        assert self._second
        language, score, is_of_second = self._second.rule.decide(general, second)
        return language, score, self._second.model.name if is_of_second else self._general.name

    def _judge(self, text: str, decided: _Decided) -> Identification:
        language, score, decided_by = decided
        # Scaled, then half to even, as NumPy does it: cc_net's 0.495 is 0.5, Python's own round() would give 0.49.
        score = round(score * 100) / 100 if self._judgement.rounds else score if score < 1.0 else 1.0
        if score < self._least_score(language):
            language = UNDETERMINED
        elif language == CHINESE:
            language = cc100_code(language, text)
        if language in self._may_be_zawgyi:
            probability = self._zawgyi(language, text)
            if probability is not None:
                is_enough = probability >= self._least_score(zawgyi.ZAWGYI)
                language, score = zawgyi.ZAWGYI if is_enough else UNDETERMINED, probability
                decided_by = zawgyi.NAME
        return Identification(language, score, decided_by)

    def _zawgyi(self, language: str, text: str) -> float | None:
        asked = language == zawgyi.BURMESE or zawgyi.is_mostly_burmese(text)
        return zawgyi.probability_of_zawgyi(text) if asked else None

    def _labels(self, general: Sequence[Scored], second: Sequence[Scored] | None) -> Labels:
        answers = [(self._general.name, general)]
        if self._second and second is not None:
            answers.append((self._second.model.name, second))
        return tuple(
            (name, tuple((label, min(score, 1.0)) for label, score in scored[:NUM_LABELS])) for name, scored in answers
        )


def _least_score(second: Second | None, judgement: Judgement) -> Callable[[str], float]:
    """Return what tells the score that a language needs."""
    if judgement.least_score is None and second:
        return second.rule.least_score
    least = LEAST_SCORE if judgement.least_score is None else judgement.least_score
    return lambda _: least


def weighted_score(scores: Sequence[float], lengths: Sequence[int]) -> float:
    """Return the mean of the scores of paragraphs, weighted by their code points."""
    return sum(score * length for score, length in zip(scores, lengths, strict=True)) / sum(lengths)
