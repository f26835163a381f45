"""Stage 2: pages and the verdicts on their paragraphs become documents, and every loss gets its reason.

A page's surviving paragraphs are grouped by language (a page is one group where the document is the unit), each group
is scored for fluency, and a group whose bucket is wanted becomes a document.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from msgspec import UNSET

from ccnet_pipeline.dedup.duplicates import KEPT, REASONS, Verdicts
from ccnet_pipeline.documents import Document, Reject
from ccnet_pipeline.fluency import FluencyModels, bucket_of
from ccnet_pipeline.groups import Group, Grouper, Paragraphs
from ccnet_pipeline.language import UNDETERMINED, Identifier
from ccnet_pipeline.ledger import Account
from ccnet_pipeline.pages.page import Page
from ccnet_pipeline.recipe import Recipe

_FURTHEST_LAST = ("blank", "repeated", "duplicate", "language_unsure", "not_language", "language_unwanted")
_WITHOUT_LANGUAGE = ("language_unsure", "not_language")
# Of pages that are identified in one call: enough, and little memory.
_BATCH_CHARACTERS, _BATCH_PAGES = 1 << 16, 256


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A page before its language is known."""

    page: Page
    paragraphs: list[str]
    survivors: Paragraphs  # what is identified; of a page that goes no further, what tells its language
    reasons: set[str]  # for which other paragraphs left


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
    account: Account = field(default_factory=Account)
    _grouper: Grouper = field(init=False)

    def __post_init__(self) -> None:
        self._grouper = Grouper(self.recipe, self.identifier)

    def mine(self, pages: Iterable[Page], verdicts: Verdicts) -> Iterator[Document]:
        """Yield the documents of all pages in order; with keep_rejects also what was dropped, as `Reject`.

        Args:
            pages: all pages of the segment, as stage 1 gave them.
            verdicts: one a paragraph, over the pages that stage 1 let pass (`reason` None).
        """
        for batch in _batches(self._candidates(pages, verdicts)):
            groups_of_pages = self._grouper.groups_of([candidate.survivors for candidate in batch])
            for candidate, groups in zip(batch, groups_of_pages, strict=True):
                if candidate.page.reason is None:
                    yield from self._judge(candidate, groups)
                else:
                    yield from self._lose(candidate, candidate.page.reason, groups)

    def _candidates(self, pages: Iterable[Page], verdicts: Verdicts) -> Iterator[_Candidate]:
        position = 0
        for page in pages:
            paragraphs = page.paragraphs(title_is_paragraph=self.recipe.title_is_paragraph)
            if page.reason is not None:
                yield _Candidate(page, paragraphs, _telling_of_lost(page), set())
                continue
            of_page = verdicts[position : position + len(paragraphs)].tolist()
            position += len(paragraphs)
            survivors, reasons = self._after_dedup(paragraphs, of_page)
            yield _Candidate(page, paragraphs, survivors, reasons)
        if position != len(verdicts):
            raise ValueError(f"{self.segment}: {len(verdicts)} verdicts for {position} paragraphs")

    def _lose(self, candidate: _Candidate, reason: str, groups: list[Group]) -> Iterator[Reject]:
        """Book a page that goes no further."""
        paragraphs = candidate.paragraphs
        self.account.tally.drop(reason, 1, len(paragraphs), sum(map(len, paragraphs)))
        self._count_share(candidate.page, groups)
        yield from self._reject_page(candidate, reason)

    def _judge(self, candidate: _Candidate, groups: list[Group]) -> Iterator[Document]:
        self._count_share(candidate.page, groups)
        several = sum(group.reason is None for group in groups) > 1
        documents: list[Document] = []
        reasons = set(candidate.reasons)
        for group in groups:
            document, reason = self._judge_group(candidate, group, several)
            if document and reason is None:
                documents.append(document)
            elif reason:
                reasons.add(reason)
                if document and self.keep_rejects:
                    yield Reject.of(document, reason)
        yield from documents
        if documents:
            self.account.tally.keep(1, 0, 0)
            return
        reason = max(reasons, key=_stage, default="empty")
        self.account.tally.drop(reason, 1, 0, 0)
        if not reason.startswith("bucket_"):
            yield from self._reject_page(candidate, reason)

    def _count_share(self, page: Page, groups: list[Group]) -> None:
        """Count how much of all text the main text of a web page is, under the language of most paragraphs."""
        most = max(groups, key=lambda group: len(group.positions), default=None)
        if page.main_share is not None and most and most.reason not in _WITHOUT_LANGUAGE:
            self.account.main_text.count_share(most.language, page.main_share)

    def _after_dedup(self, paragraphs: list[str], verdicts: list[int]) -> tuple[Paragraphs, set[str]]:
        """Return the paragraphs that survive, and the reasons for which others left."""
        survivors: list[int] = []
        lost: dict[str, list[int]] = {}  # reason -> lengths; most paragraphs leave here, so they are booked by the page
        for position, (paragraph, verdict) in enumerate(zip(paragraphs, verdicts, strict=True)):
            if paragraph and verdict == KEPT:
                survivors.append(position)
            else:
                lost.setdefault(REASONS[verdict] if paragraph else "blank", []).append(len(paragraph))
        for reason, lengths in lost.items():
            self.account.tally.drop(reason, 0, len(lengths), sum(lengths))
        return Paragraphs(survivors, [paragraphs[position] for position in survivors]), set(lost)

    def _judge_group(self, candidate: _Candidate, group: Group, several: bool) -> tuple[Document | None, str | None]:
        """Return the group's document, if it got that far, and why it is dropped, if it is."""
        kept = [candidate.paragraphs[position] for position in group.positions]
        characters = sum(map(len, kept))
        document, reason = None, group.reason
        if reason is None:
            document = self._document(candidate, group, kept, several)
            reason = None if document.bucket in self.recipe.keep_buckets else f"bucket_{document.bucket}"
        tallies = [self.account.tally]
        if group.reason not in _WITHOUT_LANGUAGE:
            language = self.account.language(group.language)
            language.read(1, len(kept), characters)
            tallies.append(language)
            perplexity, bucket = (document.perplexity, document.bucket) if document else (None, None)
            self.account.quality_of(group.language).count(group.score, perplexity, bucket)
        for tally in tallies:
            records = 0 if tally is self.account.tally else 1  # a page's own record is counted once, by the caller
            if reason is None:
                tally.keep(records, len(kept), characters)
            else:
                tally.drop(reason, records, len(kept), characters)
        return document, reason

    def _document(self, candidate: _Candidate, group: Group, kept: list[str], several: bool) -> Document:
        page, paragraphs = candidate.page, candidate.paragraphs
        model = self.models.get(group.language)
        perplexity = None
        if model:
            perplexity = model.perplexity(["\n".join(kept)] if self.recipe.unit == "document" else kept)
        return Document(
            id=f"{page.id}/{group.language}" if several else page.id,
            text="\n".join(kept),
            language=group.language,
            language_score=round(group.score, 4),
            perplexity=perplexity,
            bucket=bucket_of(perplexity, model.cutoffs if model else None),
            url=page.url,
            domain=domain_of(page.url),
            title=page.title,
            date=page.date,
            dump=self.dump,
            segment=self.segment,
            offset=page.offset,
            digest=page.digest,
            paragraph_ids=group.positions,
            original_paragraphs=len(paragraphs),
            original_characters=len("\n".join(paragraphs)),
            languages=group.labels if self.keep_labels else UNSET,
            language_model=group.decided_by if self.keep_labels else UNSET,
        )

    def _reject_page(self, candidate: _Candidate, reason: str) -> Iterator[Reject]:
        """Yield a page that is dropped whole."""
        if not self.keep_rejects:
            return
        positions = [position for position, paragraph in enumerate(candidate.paragraphs) if paragraph]
        kept = [candidate.paragraphs[position] for position in positions]
        document = self._document(candidate, Group(UNDETERMINED, 0.0, positions), kept, several=False)
        yield Reject.of(document, reason)


def _batches(candidates: Iterable[_Candidate]) -> Iterator[list[_Candidate]]:
    """Yield the pages in order, as many at a time as are identified in one call."""
    batch: list[_Candidate] = []
    characters = 0
    for candidate in candidates:
        batch.append(candidate)
        characters += len(candidate.page.text or "")
        if characters >= _BATCH_CHARACTERS or len(batch) >= _BATCH_PAGES:
            yield batch
            batch, characters = [], 0
    yield batch


def _telling_of_lost(page: Page) -> Paragraphs:
    """Return what tells the language of a page that goes no further, if that is wanted: its title and what is there."""
    text = f"{page.title} {page.text or ''}".replace("\n", " ")
    return Paragraphs([], []) if page.main_share is None else Paragraphs([0], [text])


def domain_of(url: str) -> str:
    """Return the host of a URL with its port, without a user; "" if it has none that can be read.

    >>> domain_of("http://www.example.com:8080/a?b=c"), domain_of("http://[bad/")
    ('www.example.com:8080', '')
    """
    try:
        return urlsplit(url).netloc.rpartition("@")[2]
    except ValueError:
        return ""


def _stage(reason: str) -> tuple[int, str]:
    """Order reasons by how far a page got; the name decides between two buckets."""
    return (_FURTHEST_LAST.index(reason) if reason in _FURTHEST_LAST else len(_FURTHEST_LAST)), reason
