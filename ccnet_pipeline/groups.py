"""Paragraphs of a page that are judged together: those of one language, or all of it where the document is the unit.

Many pages are identified in one call, which costs less than a call for each.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from ccnet_pipeline.documents import LanguageLabel
from ccnet_pipeline.language import (
    NOT_LANGUAGE,
    UNDETERMINED,
    Identification,
    Identifier,
    for_identification,
    wanted_languages,
    weighted_score,
)
from ccnet_pipeline.language.identifier import NUM_LABELS
from ccnet_pipeline.recipe import Recipe


@dataclass(frozen=True, slots=True)
class Group:
    """Paragraphs of one page that are judged together."""

    language: str  # CC-100 code; "und" if the models are not sure, "zxx" for what is no language
    score: float
    positions: list[int]
    reason: str | None = None  # why they leave; None: they go on
    decided_by: str = ""  # the model that said so of most of the text
    labels: list[LanguageLabel] = field(default_factory=list)  # what each model said; empty where that is not kept


@dataclass(frozen=True, slots=True)
class Paragraphs:
    """The paragraphs of a page whose language is sought."""

    positions: list[int]
    texts: list[str]


class Grouper:
    """Finds the groups of pages."""

    def __init__(self, recipe: Recipe, identifier: Identifier) -> None:
        self._identifier = identifier
        self._wanted = wanted_languages(recipe.languages)
        self._as_in_ccnet = recipe.normalization == "ccnet"
        self._by_document = recipe.unit == "document"

    def groups_of(self, pages: Sequence[Paragraphs]) -> list[list[Group]]:
        """Return the groups of each page, in the order of their first paragraphs; none for a page without any."""
        texts = [text for page in pages for text in page.texts]
        readable = iter(texts if self._as_in_ccnet else for_identification(texts))
        shown = [list(self._lines([next(readable) for _ in page.texts])) for page in pages]
        found = iter(self._identifier.identify([line for lines in shown for line in lines]))
        return [self._grouped(page, [next(found) for _ in lines]) for page, lines in zip(pages, shown, strict=True)]

    def _lines(self, readable: list[str]) -> Iterator[str]:
        """Yield what is identified in one go."""
        if not self._by_document:
            yield from readable
        elif readable:
            # cc_net deletes line breaks and so glues the words on either side (docs/method.md, Language).
            yield ("" if self._as_in_ccnet else " ").join(readable)

    def _grouped(self, page: Paragraphs, found: list[Identification]) -> list[Group]:
        if self._by_document:
            every = range(len(page.texts))
            return [self._group(each.language, page, [each] * len(every), every) for each in found]
        by_language: dict[str, list[int]] = {}
        for number, each in enumerate(found):
            by_language.setdefault(each.language, []).append(number)
        return [self._group(language, page, found, numbers) for language, numbers in by_language.items()]

    def _group(self, language: str, page: Paragraphs, found: Sequence[Identification], numbers: Sequence[int]) -> Group:
        members = [found[number] for number in numbers]
        lengths = [len(page.texts[number]) for number in numbers]
        return Group(
            language,
            members[0].score if self._by_document else weighted_score([each.score for each in members], lengths),
            [page.positions[number] for number in numbers],
            self._reason(language),
            _most(members, lengths),
            _mean_labels(members, lengths),
        )

    def _reason(self, language: str) -> str | None:
        if language == UNDETERMINED:
            return "language_unsure"
        if language == NOT_LANGUAGE:
            return "not_language"
        return None if self._wanted is None or language in self._wanted else "language_unwanted"


def _most(members: Sequence[Identification], lengths: Sequence[int]) -> str:
    """Return the model that decided on most of the code points; of two the one that came first."""
    decided: defaultdict[str, int] = defaultdict(int)
    for each, length in zip(members, lengths, strict=True):
        decided[each.decided_by] += length
    return max(decided, key=decided.__getitem__)


def _mean_labels(members: Sequence[Identification], lengths: Sequence[int]) -> list[LanguageLabel]:
    """Return the best labels of each model with their mean scores, weighted by code points."""
    by_model: dict[str, defaultdict[str, float]] = {}
    for each, length in zip(members, lengths, strict=True):
        for model, scored in each.labels:
            scores = by_model.setdefault(model, defaultdict(float))
            for label, score in scored:
                scores[label] += score * length
    total = sum(lengths)
    return [
        LanguageLabel(model, label, round(score / total, 4))
        for model, scores in by_model.items()
        for label, score in sorted(scores.items(), key=lambda item: (-item[1], item[0]))[:NUM_LABELS]
    ]
