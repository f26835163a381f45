"""Stage 3: pages and the verdicts on their paragraphs become documents, and every loss gets its reason.

It goes by chunks of pages, kernel by kernel. What deduplication leaves is known without decoding a page
(survivors.py). All that survives is identified in one call, and the paragraphs of a page are grouped by language (a
page is one group where the document is the unit). Then the groups are scored for fluency, language by language: when
languages take turns, every text finds the models of another one in the processor's caches, which costs as much as
scoring. What is left is compared with test files, and at last, page by page, becomes documents.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from statistics import median_low

from msgspec import UNSET, UnsetType

from ccnet_pipeline.decontamination.findings import Finding
from ccnet_pipeline.decontamination.table import RunTable
from ccnet_pipeline.dedup.copies import Counts
from ccnet_pipeline.dedup.duplicates import Verdicts
from ccnet_pipeline.documents import Document, Reject, domain_of
from ccnet_pipeline.fluency import Bucket, FluencyModels, bucket_of
from ccnet_pipeline.groups import Evidence, Group, Grouper, Paragraphs
from ccnet_pipeline.language import UNDETERMINED, Identifier
from ccnet_pipeline.ledger import Account
from ccnet_pipeline.pages.page import Page
from ccnet_pipeline.pages.stored import Chunk
from ccnet_pipeline.recipe import Recipe
from ccnet_pipeline.survivors import Survivors, num_judged, survivors_of

_FURTHEST_LAST = ("empty", "blank", "repeated", "duplicate", "language_unsure", "not_language", "language_unwanted")
_WITHOUT_LANGUAGE = ("language_unsure", "not_language")
_CONTAMINATED = "contaminated"


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A page of which something is still to be said, decoded."""

    page: Page  # its lines are read only where rejects are kept, or of a lost page
    sought: Paragraphs  # whose language is sought: the survivors; of a lost page, what tells its language
    reason: str  # the page's, if none of its groups gives a document
    num_paragraphs: int
    characters: int  # of all paragraphs, line breaks not counted
    records: Mapping[int, int]  # how many have each survivor, by its position; empty: not counted


@dataclass(frozen=True, slots=True)
class _Judged:
    """A group after its last judge."""

    group: Group
    perplexity: float | None = None
    bucket: Bucket | None = None  # None: it left before
    reason: str | None = None  # why it is dropped; None: it is kept
    finding: Finding | UnsetType = UNSET  # what it shares with a test file


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
    test_runs: RunTable | None = None
    account: Account = field(default_factory=Account)
    _compared: int = 0  # documents, with test files
    _grouper: Grouper = field(init=False)

    def __post_init__(self) -> None:
        self._grouper = Grouper(self.recipe, self.identifier, keep_labels=self.keep_labels)

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
        self.account.contamination.check(self.segment, self._compared)

    def _mine(self, survivors: Survivors) -> Iterator[Document]:
        survivors.book(self.account.tally)
        candidates = list(self._candidates(survivors))
        groups_of_pages = self._grouper.groups_of([candidate.sought for candidate in candidates])
        go_on = []  # the groups of each page: none of one that is lost
        for candidate, groups in zip(candidates, groups_of_pages, strict=True):
            self._count_share(candidate.page, groups)
            go_on.append(groups if candidate.page.reason is None else [])
        for candidate, judged in zip(candidates, self._judge(go_on), strict=True):
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

    def _judge(self, groups_of_pages: Sequence[Sequence[Group]]) -> list[list[_Judged]]:
        """Score the groups that go on, and say what becomes of each."""
        groups = [group for of_page in groups_of_pages for group in of_page]
        judged = iter(
            self._compare([self._judged(*each) for each in zip(groups, self._perplexities(groups), strict=True)])
        )
        return [list(islice(judged, len(of_page))) for of_page in groups_of_pages]

    def _compare(self, judged: list[_Judged]) -> list[_Judged]:
        """Drop what shares a run of words with a test file: the last judge, which sees just what would be published."""
        if self.test_runs is None:
            return judged
        kept = [place for place, each in enumerate(judged) if each.reason is None]
        findings = self.test_runs.find(["\n".join(judged[place].group.texts) for place in kept])
        for place, finding in zip(kept, findings, strict=True):
            if finding is not None:
                judged[place] = replace(judged[place], reason=_CONTAMINATED, finding=finding)
                self.account.contamination.count(finding)
        self._compared += len(kept)
        return judged

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

    def _judged(self, group: Group, perplexity: float | None) -> _Judged:
        if group.reason is not None:
            return _Judged(group, reason=group.reason)
        model = self.models.get(group.language)
        bucket = bucket_of(perplexity, model.cutoffs if model else None)
        return _Judged(group, perplexity, bucket, None if bucket in self.recipe.keep_buckets else f"bucket_{bucket}")

    def _finish(self, candidate: _Candidate, judged: Sequence[_Judged]) -> Iterator[Document]:
        """Book the groups of a page, and yield what they give."""
        several = sum(each.bucket is not None for each in judged) > 1
        documents: list[Document] = []
        reasons = [candidate.reason]
        for each in judged:
            self._book(each)
            if each.reason is None:
                documents.append(self._document(candidate, each, several))
                continue
            reasons.append(each.reason)
            if each.bucket and self.keep_rejects:
                yield Reject.of(self._document(candidate, each, several), each.reason, each.finding)
        yield from documents
        if documents:
            self.account.tally.keep(1, 0, 0)
            return
        reason = max(reasons, key=_stage)
        self.account.tally.drop(reason, 1, 0, 0)
        if reason in _FURTHEST_LAST:
            yield from self._reject_page(candidate, reason)

    def _book(self, judged: _Judged) -> None:
        """Count a group, in all and in its language. A page's own record is counted once, by the caller."""
        group, reason = judged.group, judged.reason
        paragraphs, characters = len(group.texts), sum(map(len, group.texts))
        if reason is None:
            self.account.tally.keep(0, paragraphs, characters)
        else:
            self.account.tally.drop(reason, 0, paragraphs, characters)
        if group.reason in _WITHOUT_LANGUAGE:
            return
        language = self.account.language(group.language)
        language.read(1, paragraphs, characters)
        if reason is None:
            language.keep(1, paragraphs, characters)
        else:
            language.drop(reason, 1, paragraphs, characters)
        self.account.quality_of(group.language).count(group.score, judged.perplexity, judged.bucket)

    def _document(self, candidate: _Candidate, judged: _Judged, several: bool) -> Document:
        page, group, evidence = candidate.page, judged.group, judged.group.evidence
        records = [candidate.records[position] for position in group.positions] if candidate.records else []
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
        # Of what did not survive nothing is counted.
        yield Reject.of(self._document(replace(candidate, records={}), _Judged(whole), several=False), reason)


def _telling_of_lost(page: Page) -> Paragraphs:
    """Return what tells the language of a page that goes no further, if that is wanted: its title and what is there."""
    text = f"{page.title} {' '.join(page.lines)}"
    return Paragraphs([], []) if page.main_share is None else Paragraphs([0], [text])


def _stage(reason: str) -> tuple[int, str]:
    """Order reasons by how far a page got; the name decides between two buckets."""
    behind = len(_FURTHEST_LAST) + (reason == _CONTAMINATED)
    return (_FURTHEST_LAST.index(reason) if reason in _FURTHEST_LAST else behind), reason
