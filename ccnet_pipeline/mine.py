"""Stage 2: pages and the verdicts on their paragraphs become documents, and every loss gets its reason.

A page's surviving paragraphs are grouped by language (a page is one group where the document is the unit), each group
is scored for fluency, and a group whose bucket is wanted becomes a document.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from urllib.parse import urlsplit

from ccnet_pipeline.dedup import KEPT, REASONS, Verdicts
from ccnet_pipeline.documents import Document, Reject
from ccnet_pipeline.fluency import FluencyModels, bucket_of
from ccnet_pipeline.language import UNDETERMINED, LanguageScorer, cc100_code, wanted_languages, weighted_score
from ccnet_pipeline.language.readable import for_identification
from ccnet_pipeline.ledger import Account
from ccnet_pipeline.pages import Page
from ccnet_pipeline.recipe import Recipe

_FURTHEST_LAST = ("blank", "repeated", "duplicate", "language_unsure", "language_unwanted")


@dataclass(frozen=True, slots=True)
class Group:
    """Paragraphs of one page that are judged together."""

    language: str  # CC-100 code; "und" if the model is not sure
    score: float
    positions: list[int]
    reason: str | None = None  # why they leave; None: they go on


@dataclass(slots=True)
class Miner:
    """Judges the pages of one segment. `account` holds what was kept and dropped."""

    segment: str
    dump: str
    recipe: Recipe
    scorer: LanguageScorer
    models: FluencyModels
    keep_rejects: bool = False
    account: Account = field(default_factory=Account)
    _wanted: frozenset[str] | None = field(init=False)

    def __post_init__(self) -> None:
        self._wanted = wanted_languages(self.recipe.languages)

    def mine(self, pages: Iterable[Page], verdicts: Verdicts) -> Iterator[Document]:
        """Yield the documents of all pages in order; with keep_rejects also what was dropped, as `Reject`.

        Args:
            pages: all pages of the segment, as stage 1 gave them.
            verdicts: one a paragraph, over the pages that stage 1 let pass (`reason` None).
        """
        position = 0
        for page in pages:
            paragraphs = page.paragraphs(title_is_paragraph=self.recipe.title_is_paragraph)
            if page.reason is None:
                of_page = verdicts[position : position + len(paragraphs)].tolist()
                position += len(paragraphs)
                yield from self._judge(page, paragraphs, of_page)
            else:
                self.account.tally.drop(page.reason, 1, len(paragraphs), sum(map(len, paragraphs)))
                if page.main_share is not None:
                    self._count_share(page, self._language_of_lost(page))
                yield from self._reject_page(page, paragraphs, page.reason)
        if position != len(verdicts):
            raise ValueError(f"{self.segment}: {len(verdicts)} verdicts for {position} paragraphs")

    def _judge(self, page: Page, paragraphs: list[str], verdicts: list[int]) -> Iterator[Document]:
        survivors, reasons = self._after_dedup(paragraphs, verdicts)
        groups = self._identify(paragraphs, survivors)
        most = max(groups, key=lambda group: len(group.positions), default=None)
        self._count_share(page, most.language if most else UNDETERMINED)
        several = sum(group.reason is None for group in groups) > 1
        documents: list[Document] = []
        for group in groups:
            document, reason = self._judge_group(page, paragraphs, group, several)
            if document and reason is None:
                documents.append(document)
            elif reason:
                reasons.add(reason)
                if document and self.keep_rejects:
                    yield Reject(**asdict(document), reason=reason)
        yield from documents
        if documents:
            self.account.tally.keep(1, 0, 0)
            return
        reason = max(reasons, key=_stage, default="empty")
        self.account.tally.drop(reason, 1, 0, 0)
        if not reason.startswith("bucket_"):
            yield from self._reject_page(page, paragraphs, reason)

    def _count_share(self, page: Page, language: str) -> None:
        """Count how much of all text the main text of a web page is."""
        if page.main_share is not None and language != UNDETERMINED:
            self.account.main_text.count_share(language, page.main_share)

    def _language_of_lost(self, page: Page) -> str:
        """Return the language of a page that goes no further, by its title and what there is of text."""
        text = f"{page.title} {page.text or ''}".replace("\n", " ")
        readable = text if self.recipe.normalization == "ccnet" else for_identification([text])[0]
        return self._language_of(readable, text)[0]

    def _after_dedup(self, paragraphs: list[str], verdicts: list[int]) -> tuple[list[int], set[str]]:
        """Return the positions that survive, and the reasons for which others left."""
        survivors: list[int] = []
        lost: dict[str, list[int]] = {}  # reason -> lengths; most paragraphs leave here, so they are booked by the page
        for position, (paragraph, verdict) in enumerate(zip(paragraphs, verdicts, strict=True)):
            if paragraph and verdict == KEPT:
                survivors.append(position)
            else:
                lost.setdefault(REASONS[verdict] if paragraph else "blank", []).append(len(paragraph))
        for reason, lengths in lost.items():
            self.account.tally.drop(reason, 0, len(lengths), sum(lengths))
        return survivors, set(lost)

    def _identify(self, paragraphs: list[str], survivors: list[int]) -> list[Group]:
        if not survivors:
            return []
        texts = [paragraphs[position] for position in survivors]
        readable = texts if self.recipe.normalization == "ccnet" else for_identification(texts)
        if self.recipe.unit == "document":
            # cc_net deletes line breaks and so glues the words on either side (docs/method.md, Language).
            line_break = "" if self.recipe.normalization == "ccnet" else " "
            language, score, reason = self._language_of(line_break.join(readable), "".join(texts))
            return [Group(language, score, survivors, reason)]
        by_language: dict[tuple[str, str | None], tuple[list[int], list[float]]] = {}
        for position, text, original in zip(survivors, readable, texts, strict=True):
            language, score, reason = self._language_of(text, original)
            positions, scores = by_language.setdefault((language, reason), ([], []))
            positions.append(position)
            scores.append(score)
        return [
            Group(language, weighted_score(scores, [paragraphs[p] for p in positions]), positions, reason)
            for (language, reason), (positions, scores) in by_language.items()
        ]

    def _language_of(self, readable: str, text: str) -> tuple[str, float, str | None]:
        """Return (language, score, why the text leaves or None) of a text that fastText reads as `readable`."""
        label, score = self.scorer.best(readable)
        # Scaled, then half to even, as NumPy does it: cc_net's 0.495 is 0.5, Python's own round() would give 0.49.
        score = round(score * 100) / 100 if self.recipe.normalization == "ccnet" else min(score, 1.0)
        if not label or score < self.recipe.min_language_score:
            return UNDETERMINED, score, "language_unsure"
        language = cc100_code(label, text)
        wanted = self._wanted is None or language in self._wanted
        return language, score, None if wanted else "language_unwanted"

    def _judge_group(
        self, page: Page, paragraphs: list[str], group: Group, several: bool
    ) -> tuple[Document | None, str | None]:
        """Return the group's document, if it got that far, and why it is dropped, if it is."""
        kept = [paragraphs[position] for position in group.positions]
        characters = sum(map(len, kept))
        tallies = [self.account.tally]
        if group.reason != "language_unsure":
            language = self.account.language(group.language)
            language.read(1, len(kept), characters)
            tallies.append(language)
        document, reason = None, group.reason
        if reason is None:
            document = self._document(page, paragraphs, group, kept, several)
            reason = None if document.bucket in self.recipe.keep_buckets else f"bucket_{document.bucket}"
        for tally in tallies:
            records = 0 if tally is self.account.tally else 1  # a page's own record is counted once, by the caller
            if reason is None:
                tally.keep(records, len(kept), characters)
            else:
                tally.drop(reason, records, len(kept), characters)
        return document, reason

    def _document(
        self, page: Page, paragraphs: Sequence[str], group: Group, kept: list[str], several: bool
    ) -> Document:
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
        )

    def _reject_page(self, page: Page, paragraphs: list[str], reason: str) -> Iterator[Reject]:
        if not self.keep_rejects:
            return
        positions = [position for position, paragraph in enumerate(paragraphs) if paragraph]
        group = Group(UNDETERMINED, 0.0, positions)
        kept = [paragraphs[position] for position in positions]
        document = self._document(page, paragraphs, group, kept, several=False)
        yield Reject(**asdict(document), reason=reason)


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
