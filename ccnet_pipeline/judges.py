"""What becomes of paragraphs whose language is known: a bucket by their fluency, then judges of whole documents.

Judges of documents see just what would be published, one after the other; each sees only what those before it let pass,
so the first reason counts. They are, in this order:

    filters            --filters
    contamination      --decontaminate

Nothing that they see is masked: a test file has the addresses and numbers that its texts have, and so have the corpora
that filters were made for. Masking (masking/) comes behind all of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from msgspec import UNSET, UnsetType

from ccnet_pipeline.decontamination.findings import ContaminationTally, Finding
from ccnet_pipeline.decontamination.table import RunTable
from ccnet_pipeline.documents import Document
from ccnet_pipeline.filters import FilterJudge
from ccnet_pipeline.fluency import Bucket, FluencyModels, bucket_of
from ccnet_pipeline.groups import Group
from ccnet_pipeline.masking.masker import Masker
from ccnet_pipeline.recipe import Recipe

CONTAMINATED = "contaminated"
MASKED = "masked"  # characters that a kept text has less than what was read


@dataclass(slots=True)
class Judged:
    """A group on its way past the judges."""

    group: Group
    perplexity: float | None = None
    bucket: Bucket | None = None  # None: it left before
    reason: str | None = None  # why it is dropped; None: it is kept
    finding: Finding | UnsetType = UNSET  # what it shares with a test file
    document: Document | None = None  # what judges of documents see, and what is published
    num_masked: int = 0  # characters that it has less than the group, for its masks

    def mask(self, masker: Masker) -> None:
        """Put placeholders into the document, if there is one."""
        if self.document is not None:
            masked = masker.masked_document(self.document)
            self.num_masked, self.document = len(self.document.text) - len(masked.text), masked


class Objection(NamedTuple):
    """Why a document is dropped."""

    reason: str
    finding: Finding | UnsetType = UNSET


class DocumentJudge(Protocol):
    """Says of documents what speaks against each, if anything does."""

    def __call__(self, documents: Sequence[Document], /) -> list[Objection | None]: ...


@dataclass(frozen=True, slots=True)
class FluencyJudge:
    """Scores groups for fluency, language by language, and puts them into buckets."""

    recipe: Recipe
    models: FluencyModels

    def __call__(self, groups: Sequence[Group]) -> list[Judged]:
        """Say of each group what its bucket is; one that has a reason already leaves with it."""
        return [self._judged(*each) for each in zip(groups, self._perplexities(groups), strict=True)]

    def _perplexities(self, groups: Sequence[Group]) -> list[float | None]:
        """Return the perplexity of each group; None where it leaves before, or its language has no model."""
        of_language: dict[str, list[int]] = {}
        for number, group in enumerate(groups):
            if group.reason is None:
                of_language.setdefault(group.language, []).append(number)
        perplexities: list[float | None] = [None] * len(groups)
        for language, numbers in of_language.items():
            if model := self.models.get(language):
                scored = model.perplexities([self._lines(groups[number].texts) for number in numbers])
                for number, perplexity in zip(numbers, scored, strict=True):
                    perplexities[number] = perplexity
        return perplexities

    def _lines(self, texts: list[str]) -> list[str]:
        return ["\n".join(texts)] if self.recipe.unit == "document" else texts

    def _judged(self, group: Group, perplexity: float | None) -> Judged:
        if group.reason is not None:
            return Judged(group, reason=group.reason)
        model = self.models.get(group.language)
        bucket = bucket_of(perplexity, model.cutoffs if model else None)
        return Judged(group, perplexity, bucket, None if bucket in self.recipe.keep_buckets else f"bucket_{bucket}")


@dataclass(frozen=True, slots=True)
class Filtered:
    """Drops what a filter has a reason for."""

    judge: FilterJudge

    def __call__(self, documents: Sequence[Document], /) -> list[Objection | None]:
        return [None if reason is None else Objection(reason) for reason in self.judge.reasons(documents)]


@dataclass(slots=True)
class Contamination:
    """Drops what shares a run of words with a test file."""

    runs: RunTable
    tally: ContaminationTally
    _compared: int = 0  # documents

    def __call__(self, documents: Sequence[Document], /) -> list[Objection | None]:
        self._compared += len(documents)
        return [self._objection(finding) for finding in self.runs.find([each.text for each in documents])]

    def _objection(self, finding: Finding | None) -> Objection | None:
        if finding is None:
            return None
        self.tally.count(finding)
        return Objection(CONTAMINATED, finding)

    def check(self, segment: str) -> None:
        """See that no run alone drops much of a segment, which has been judged (UserError)."""
        self.tally.check(segment, self._compared)
