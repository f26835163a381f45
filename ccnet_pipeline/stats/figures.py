"""The figures of a run directory, as far as its files are there."""

from dataclasses import dataclass, field

from ccnet_pipeline import storage
from ccnet_pipeline.ledger import Balance, DamageTally
from ccnet_pipeline.shards.published import SHARDS, FinalFile, LanguageBooks, Ledger, Manifest
from ccnet_pipeline.shards.published_run import LEDGER_FILE, MANIFEST_FILE, read_part, read_run_file
from ccnet_pipeline.stats.remarks import remarks_on
from ccnet_pipeline.stats.unfinished import unfinished_of

VERSION = 1  # of the JSON form


@dataclass(slots=True, kw_only=True)
class LanguageFigures:
    """What was kept of a language. Its quality is that of its documents before any is dropped for its bucket."""

    documents: int = 0
    paragraphs: int = 0
    characters: int = 0  # code points of paragraphs, line breaks not counted
    bytes: int = 0  # of its files, of one format
    buckets: dict[str, int] = field(default_factory=dict)  # documents
    mean_score: float | None = None
    median_perplexity: float | None = None
    head_share: float | None = None  # in head, middle and tail

    def add(self, file: FinalFile) -> None:
        self.documents += file.documents
        self.paragraphs += file.paragraphs
        self.characters += file.characters
        self.bytes += file.bytes
        self.buckets[file.bucket] = self.buckets.get(file.bucket, 0) + file.documents

    def describe(self, books: LanguageBooks) -> None:
        """Take over the quality that the ledger has."""
        self.mean_score = books.mean_score
        self.median_perplexity = books.median_perplexity
        self.head_share = books.head_share


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What `python -m ccnet_pipeline.stats OUT --json` prints (docs/operations.md, What a run has built)."""

    version: int = VERSION
    output: str  # without secrets
    complete: bool
    unfinished: list[str]  # sentences: what is not finished, and what to do
    segments: int  # archives
    languages: dict[str, LanguageFigures]  # those with most characters first
    records: Balance | None  # None: the run has no ledger yet
    paragraphs: Balance | None
    characters: Balance | None
    damage: DamageTally | None
    remarks: list[str]  # sentences


def figures_of(output: str) -> Figures:
    """Return the figures of a run directory; a run that is not finished has fewer.

    Raises:
        UserError: it is none, or one of its files is damaged.
    """
    run = read_run_file(output)
    manifest = read_part(storage.join(output, MANIFEST_FILE), Manifest)
    ledger = read_part(storage.join(output, LEDGER_FILE), Ledger)
    unfinished = list(unfinished_of(output, run, has_manifest=manifest is not None, has_ledger=ledger is not None))
    return Figures(
        output=storage.shown(output),
        complete=not unfinished,
        unfinished=unfinished,
        segments=len(run.inputs),
        languages=languages_of(manifest.files if manifest else [], ledger),
        records=ledger.records if ledger else None,
        paragraphs=ledger.paragraphs if ledger else None,
        characters=ledger.characters if ledger else None,
        damage=ledger.damage if ledger else None,
        remarks=list(remarks_on(ledger)) if ledger else [],
    )


def languages_of(files: list[FinalFile], ledger: Ledger | None) -> dict[str, LanguageFigures]:
    """Return the languages of the shards, those with most text first."""
    main = [file for file in files if file.path.startswith(SHARDS)]
    formats = {file.format for file in main}
    found: dict[str, LanguageFigures] = {}
    for file in main:
        if file.format == min(formats):  # each format holds the same documents
            found.setdefault(file.language, LanguageFigures()).add(file)
    for language, figures in found.items():
        if ledger and (books := ledger.languages.get(language)):
            figures.describe(books)
    return dict(sorted(found.items(), key=lambda item: (-item[1].characters, item[0])))
