"""Paragraphs of a page that are judged together: those of one language, or all of it where the document is the unit.

Many pages are identified in one call, which costs less than a call for each.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

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
class Evidence:
    """What the models said of the language of a group."""

    decided_by: str  # the model that decided on most of the text
    labels: list[LanguageLabel]  # the best of each model


@dataclass(frozen=True, slots=True)
class Group:
    """Paragraphs of one page that are judged together."""

    language: str  # CC-100 code; "und" if the models are not sure, "zxx" for what is no language
    score: float
    positions: list[int]
    texts: list[str]
    reason: str | None = None  # why they leave; None: they go on
    evidence: Evidence | None = None  # only if it is kept


@dataclass(frozen=True, slots=True)
class Paragraphs:
    """The paragraphs of a page whose language is sought."""

    positions: list[int]
    texts: list[str]


class Grouper:
    """Finds the groups of pages."""

    def __init__(self, recipe: Recipe, identifier: Identifier, *, keep_labels: bool = False) -> None:
        self._identifier = identifier
        self._wanted = wanted_languages(recipe.languages)
        self._as_in_ccnet = recipe.normalization == "ccnet"
        self._by_document = recipe.unit == "document"
        self._keep_labels = keep_labels

    def groups_of(self, pages: Sequence[Paragraphs]) -> list[list[Group]]:
        """Return the groups of each page, in the order of their first paragraphs; none for a page without any."""
        texts = [text for page in pages for text in page.texts]
        readable = texts if self._as_in_ccnet else for_identification(texts)
        if self._by_document:
            return self._of_documents(pages, readable)
        found = iter(self._identifier.identify(readable))
        return [self._by_language(page, list(islice(found, len(page.texts)))) for page in pages]

    def _of_documents(self, pages: Sequence[Paragraphs], readable: Sequence[str]) -> list[list[Group]]:
        # cc_net deletes line breaks and so glues the words on either side (docs/method.md, Language).
        glue, lines = "" if self._as_in_ccnet else " ", iter(readable)
        joined = [glue.join(islice(lines, len(page.texts))) for page in pages if page.texts]
        found = iter(self._identifier.identify(joined))
        return [[self._of_document(page, next(found))] if page.texts else [] for page in pages]

    def _of_document(self, page: Paragraphs, found: Identification) -> Group:
        reason, evidence = self._reason(found.language), None
        if self._keep_labels:
            labels = _mean_labels([found] * len(page.texts), list(map(len, page.texts)))
            evidence = Evidence(found.decided_by, labels)
        return Group(found.language, found.score, page.positions, page.texts, reason, evidence)

    def _by_language(self, page: Paragraphs, found: Sequence[Identification]) -> list[Group]:
        numbers_of: dict[str, list[int]] = {}
        for number, each in enumerate(found):
            numbers_of.setdefault(each.language, []).append(number)
        return [self._group(language, page, found, numbers) for language, numbers in numbers_of.items()]

    def _group(self, language: str, page: Paragraphs, found: Sequence[Identification], numbers: Sequence[int]) -> Group:
        texts = [page.texts[number] for number in numbers]
        lengths = list(map(len, texts))
        members = [found[number] for number in numbers]
        return Group(
            language,
            weighted_score([each.score for each in members], lengths),
            [page.positions[number] for number in numbers],
            texts,
            self._reason(language),
            Evidence(_most(members, lengths), _mean_labels(members, lengths)) if self._keep_labels else None,
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
