"""Stage 3: pages and the verdicts on their paragraphs become documents, and every loss gets its reason.

It goes by chunks of pages, kernel by kernel. What deduplication leaves is known without decoding a page
(survivors.py). All that survives is identified in one call, and the paragraphs of a page are grouped by language (a
page is one group where the document is the unit). Then the groups are scored for fluency, language by language: when
languages take turns, every text finds the models of another one in the processor's caches, which costs as much as
scoring. What is left becomes documents. Filters and the comparison with test files judge these (judges.py), and at last
they are masked.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from statistics import median_low

from msgspec import UNSET

from ccnet_pipeline.decontamination.table import RunTable
from ccnet_pipeline.dedup.copies import Counts
from ccnet_pipeline.dedup.duplicates import Verdicts
from ccnet_pipeline.documents import Document, Reject, domain_of
from ccnet_pipeline.filters import FilterJudge
from ccnet_pipeline.fluency import FluencyModels
from ccnet_pipeline.groups import Evidence, Group, Grouper, Paragraphs
from ccnet_pipeline.judges import CONTAMINATED, MASKED, Contamination, DocumentJudge, Filtered, FluencyJudge, Judged
from ccnet_pipeline.language import UNDETERMINED, Identifier
from ccnet_pipeline.ledger import Account, Tally
from ccnet_pipeline.masking.masker import Masker
from ccnet_pipeline.pages.page import Page
from ccnet_pipeline.pages.stored import Chunk
from ccnet_pipeline.recipe import Recipe
from ccnet_pipeline.survivors import Survivors, num_judged, survivors_of

_FURTHEST_LAST = ("empty", "blank", "repeated", "duplicate", "language_unsure", "not_language", "language_unwanted")
_WITHOUT_LANGUAGE = ("language_unsure", "not_language")


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A page of which something is still to be said, decoded."""

    page: Page  # its lines are read only where rejects are kept, or of a lost page
    sought: Paragraphs  # whose language is sought: the survivors; of a lost page, what tells its language
    reason: str  # the page's, if none of its groups gives a document
    num_paragraphs: int
    characters: int  # of all paragraphs, line breaks not counted
    records: Mapping[int, int]  # how many have each survivor, by its position; empty: not counted


@dataclass(slots=True)
class Miner:
    """Judges the pages of one segment. `account` holds what was kept and dropped."""

    segment: str
    dump: str
    recipe: Recipe
    identifier: Identifier
    models: FluencyModels
    keep_rejects: bool = False
    keep_labels: bool = False
    filters: FilterJudge | None = None
    test_runs: RunTable | None = None
    account: Account = field(default_factory=Account)
    _grouper: Grouper = field(init=False)
    _fluency: FluencyJudge = field(init=False)
    _contamination: Contamination | None = field(init=False)
    _masker: Masker | None = field(init=False)

    def __post_init__(self) -> None:
        self._grouper = Grouper(self.recipe, self.identifier, keep_labels=self.keep_labels)
        self._fluency = FluencyJudge(self.recipe, self.models)
        self._contamination = Contamination(self.test_runs, self.account.contamination) if self.test_runs else None
        self._masker = Masker(self.recipe.masks) if self.recipe.masks else None

    @property
    def _judges(self) -> Iterator[DocumentJudge]:
        """Give the judges of documents, in the order in which they are asked."""
        if self.filters is not None:
            yield Filtered(self.filters)
        if self._contamination is not None:
            yield self._contamination

    def mine(self, chunks: Iterable[Chunk], verdicts: Verdicts, records: Counts | None = None) -> Iterator[Document]:
        """Yield the documents of all pages in order; with keep_rejects also what was dropped, as `Reject`.

        Args:
            chunks: all pages of the segment, as stage 1 gave them.
            verdicts: one a paragraph, over the pages that stage 1 let pass (`reason` None).
            records: likewise, how many records of the scope have it; None: not counted.
        """
        position = 0
        for chunk in chunks:
            start, position = position, position + num_judged(chunk)
            if position <= len(verdicts):
                of_chunk = None if records is None else records[start:position]
                yield from self._mine(survivors_of(chunk, verdicts[start:position], of_chunk))
        if position != len(verdicts):
            raise ValueError(f"{self.segment}: {len(verdicts)} verdicts for {position} paragraphs")
        if self._contamination is not None:
            self._contamination.check(self.segment)

    def cutoffs(self) -> dict[str, tuple[float, float]]:
        """Return the cut-offs of the fluency models that scored a document so far: the most of head, and of middle."""
        models = {code: self.models.get(code) for code, found in self.account.quality.items() if found.perplexities}
        return {code: (model.cutoffs.head, model.cutoffs.middle) for code, model in models.items() if model}

    def _mine(self, survivors: Survivors) -> Iterator[Document]:
        survivors.book(self.account.tally)
        candidates = list(self._candidates(survivors))
        groups_of_pages = self._grouper.groups_of([candidate.sought for candidate in candidates])
        go_on = []  # the groups of each page: none of one that is lost
        for candidate, groups in zip(candidates, groups_of_pages, strict=True):
            self._count_share(candidate.page, groups)
            go_on.append(groups if candidate.page.reason is None else [])
        for candidate, judged in zip(candidates, self._judge(candidates, go_on), strict=True):
            yield from self._finish(candidate, judged) if judged else self._reject_page(candidate, candidate.reason)

    def _candidates(self, survivors: Survivors) -> Iterator[_Candidate]:
        """Yield the pages that have survivors, whose language is sought, or that are kept as rejects."""
        chunk = survivors.chunk
        numbers = range(len(chunk)) if self.keep_rejects else survivors.pages_to_read()
        for number in numbers:
            is_lost = chunk.reasons[number] is not None
            page = chunk.page(number) if is_lost or self.keep_rejects else chunk.head(number)
            positions = survivors.of_page(number)
            sought = _telling_of_lost(page) if is_lost else Paragraphs(positions, chunk.paragraphs(number, positions))
            yield _Candidate(
                page, sought, survivors.reasons[number], int(chunk.num_paragraphs[number]),
                survivors.characters[number], survivors.records_of_page(number),
            )  # fmt: skip

    def _count_share(self, page: Page, groups: Sequence[Group]) -> None:
        """Count how much of all text the main text of a web page is, under the language of most paragraphs."""
        if page.main_share is None or not groups:
            return
        most = max(groups, key=lambda group: len(group.positions))
        if most.reason not in _WITHOUT_LANGUAGE:
            self.account.main_text.count_share(most.language, page.main_share)

    def _judge(
        self, candidates: Sequence[_Candidate], groups_of_pages: Sequence[Sequence[Group]]
    ) -> list[list[Judged]]:
        """Say what becomes of the groups of each page."""
        judged = self._fluency([group for of_page in groups_of_pages for group in of_page])
        remaining = iter(judged)
        pages = [list(islice(remaining, len(of_page))) for of_page in groups_of_pages]
        for candidate, of_page in zip(candidates, pages, strict=True):
            self._make_documents(candidate, of_page)
        for judge in self._judges:
            kept = [(each, each.document) for each in judged if each.reason is None and each.document is not None]
            for (each, _), objection in zip(kept, judge([document for _, document in kept]), strict=True):
                if objection is not None:
                    each.reason, each.finding = objection
        if self._masker is not None:
            for each in judged:
                each.mask(self._masker)
        return pages

    def _make_documents(self, candidate: _Candidate, judged: Sequence[Judged]) -> None:
        """Give the groups of a page that are kept so far, or written as rejects, their documents."""
        several = sum(each.bucket is not None for each in judged) > 1
        for each in judged:
            if each.bucket is not None and (each.reason is None or self.keep_rejects):
                each.document = self._document(candidate, each, several)

    def _finish(self, candidate: _Candidate, judged: Sequence[Judged]) -> Iterator[Document]:
        """Book the groups of a page, and yield what they give."""
        documents: list[Document] = []
        reasons = [candidate.reason]
        for each in judged:
            self._book(each)
            if each.reason is not None:
                reasons.append(each.reason)
                if each.document and self.keep_rejects:
                    yield Reject.of(each.document, each.reason, each.finding)
            elif each.document:
                documents.append(each.document)
        yield from documents
        if documents:
            self.account.tally.keep(1, 0, 0)
            return
        reason = max(reasons, key=_stage)
        self.account.tally.drop(reason, 1, 0, 0)
        if reason in _FURTHEST_LAST:
            yield from self._reject_page(candidate, reason)

    def _book(self, judged: Judged) -> None:
        """Count a group, in all and in its language. A page's own record is counted once, by the caller."""
        group, reason = judged.group, judged.reason
        paragraphs, characters, masked = len(group.texts), sum(map(len, group.texts)), judged.num_masked
        _book(self.account.tally, reason, 0, paragraphs, characters, masked)
        if group.reason in _WITHOUT_LANGUAGE:
            return
        language = self.account.language(group.language)
        language.read(1, paragraphs, characters)
        _book(language, reason, 1, paragraphs, characters, masked)
        self.account.quality_of(group.language).count(group.score, judged.perplexity, judged.bucket)

    def _document(self, candidate: _Candidate, judged: Judged, several: bool) -> Document:
        page, group, evidence = candidate.page, judged.group, judged.group.evidence
        # A page that is dropped whole has no bucket, and paragraphs that were not counted.
        is_counted = judged.bucket is not None and candidate.records
        records = [candidate.records[position] for position in group.positions] if is_counted else []
        return Document(
            id=f"{page.id}/{group.language}" if several else page.id,
            text="\n".join(group.texts),
            language=group.language,
            language_score=round(group.score, 4),
            perplexity=judged.perplexity,
            bucket=judged.bucket or "all",
            url=page.url,
            domain=domain_of(page.url),
            title=page.title,
            date=page.date,
            dump=self.dump,
            segment=self.segment,
            offset=page.offset,
            digest=page.digest,
            paragraph_ids=group.positions,
            original_paragraphs=candidate.num_paragraphs,
            original_characters=candidate.characters + max(candidate.num_paragraphs - 1, 0),
            n_copies=median_low(records) if records else UNSET,
            languages=evidence.labels if evidence else UNSET,
            language_model=evidence.decided_by if evidence else UNSET,
        )

    def _reject_page(self, candidate: _Candidate, reason: str) -> Iterator[Reject]:
        """Yield a page that is dropped whole."""
        if not self.keep_rejects:
            return
        paragraphs = candidate.page.paragraphs(title_is_paragraph=self.recipe.title_is_paragraph)
        positions = [position for position, paragraph in enumerate(paragraphs) if paragraph]
        texts = [paragraphs[position] for position in positions]
        whole = Group(UNDETERMINED, 0.0, positions, texts, reason, Evidence("", []) if self.keep_labels else None)
        document = self._document(candidate, Judged(whole), several=False)
        yield Reject.of(self._masker.masked_document(document) if self._masker else document, reason)


def _book(tally: Tally, reason: str | None, records: int, paragraphs: int, characters: int, masked: int) -> None:
    """Count what is kept, less what is masked of it, or what is dropped."""
    if reason is None:
        tally.keep(records, paragraphs, characters - masked)
        tally.drop(MASKED, 0, 0, masked)
    else:
        tally.drop(reason, records, paragraphs, characters)


def _telling_of_lost(page: Page) -> Paragraphs:
    """Return what tells the language of a page that goes no further, if that is wanted: its title and what is there."""
    text = f"{page.title} {' '.join(page.lines)}"
    return Paragraphs([], []) if page.main_share is None else Paragraphs([0], [text])


def _stage(reason: str) -> tuple[int, str]:
    """Order reasons by how far a page got; the name decides between two buckets, and between two of filters."""
    if reason in _FURTHEST_LAST:
        return _FURTHEST_LAST.index(reason), reason
    is_of_filter = "." in reason
    return len(_FURTHEST_LAST) + (2 if reason == CONTAMINATED else is_of_filter), reason
