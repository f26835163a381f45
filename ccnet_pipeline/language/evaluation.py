"""How right language identification is: precision, recall and F1 by language, and what is taken for what.

Three averages of F1, all of them over languages alike:

    cc100       over the codes of CC-100 that the texts have
    gold        over all languages that the texts have (the metric of CommonLID and of other tests of 2024 to 2026)
    everything  also over languages that were only answered, which count 0
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from ccnet_pipeline.language.codes import CC100_CODES, UNDETERMINED


@dataclass(frozen=True, slots=True)
class Quality:
    """Of one language. Shares are 0 where there is nothing to divide by."""

    texts: int
    answers: int  # that named it
    right: int

    @property
    def precision(self) -> float:
        return self.right / self.answers if self.answers else 0.0

    @property
    def recall(self) -> float:
        return self.right / self.texts if self.texts else 0.0

    @property
    def f1(self) -> float:
        return 2 * self.right / (self.texts + self.answers) if self.texts + self.answers else 0.0


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Of a set of texts."""

    languages: Mapping[str, Quality]  # those of the texts, and those that were answered
    confusions: Mapping[tuple[str, str], int]  # (is, was taken for); without UNDETERMINED

    def macro_f1(self, average: str) -> float:
        """Return the mean of F1: `cc100`, `gold` or `everything`; see the head of this module."""
        of_texts = {language: quality for language, quality in self.languages.items() if quality.texts}
        chosen = {
            "cc100": [quality.f1 for language, quality in of_texts.items() if language in CC100_CODES],
            "gold": [quality.f1 for quality in of_texts.values()],
            "everything": [quality.f1 for quality in self.languages.values()],
        }[average]
        return fmean(chosen) if chosen else 0.0

    def worst_confusions(self, count: int) -> list[tuple[str, str, int]]:
        """Return (is, was taken for, texts), those with the largest share of a language's texts first."""
        most = sorted(self.confusions.items(), key=lambda item: (-item[1] / self.languages[item[0][0]].texts, item[0]))
        return [(language, answer, number) for (language, answer), number in most[:count]]


def evaluate(languages: Sequence[str], answers: Sequence[str]) -> Evaluation:
    """Compare the languages of texts with what was answered. UNDETERMINED is no answer.

    >>> evaluate(["sw", "sw", "en"], ["sw", "en", "und"]).macro_f1("cc100")
    0.3333333333333333
    """
    texts, answered = Counter(languages), Counter(answers)
    del answered[UNDETERMINED]
    pairs = Counter(zip(languages, answers, strict=True))
    return Evaluation(
        {
            language: Quality(texts[language], answered[language], pairs[language, language])
            for language in sorted(texts | answered)
        },
        {pair: number for pair, number in pairs.items() if pair[1] not in (pair[0], UNDETERMINED)},
    )


def merged(languages: Sequence[str], groups: Sequence[Sequence[str]]) -> list[str]:
    """Return languages with those of a group under the name of the group.

    >>> merged(["bs", "en"], [("bs", "hr", "sr")])
    ['bs+hr+sr', 'en']
    """
    name_of = {language: "+".join(group) for group in groups for language in group}
    return [name_of.get(language, language) for language in languages]
