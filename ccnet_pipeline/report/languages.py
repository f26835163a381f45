"""What a report says of each language."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from ccnet_pipeline.fluency import BUCKETS
from ccnet_pipeline.language.codes import LANGUAGES
from ccnet_pipeline.report import charts, names, numbers
from ccnet_pipeline.report.reading import FileNotes, LanguageNotes, Run
from ccnet_pipeline.shards.published import SHARDS

_GIB = 2**30
_UNWANTED = {"language_unwanted"}  # all that a language lost its text to


@dataclass(slots=True)
class LanguageRow:
    """One language: what was kept of it, and what its documents are like."""

    code: str
    documents: int = 0
    paragraphs: int = 0
    characters: int = 0
    buckets: Counter[str] = field(default_factory=Counter)  # documents
    books: LanguageNotes | None = None

    @property
    def name(self) -> str:
        return names.name_of(self.code)

    @property
    def lost(self) -> int:
        """Characters of the language that were dropped once it was known."""
        return self.books.characters.read - self.books.characters.kept if self.books else 0

    @property
    def is_unwanted(self) -> bool:
        """Whether it was left out for no other reason than that it was not asked for."""
        dropped = self.books.characters.dropped if self.books else {}
        return not self.documents and {reason for reason, number in dropped.items() if number} == _UNWANTED

    @property
    def is_unscored(self) -> bool:
        """Whether all that was kept stands in the bucket of languages without a fluency model."""
        return bool(self.documents) and {bucket for bucket, number in self.buckets.items() if number} == {"all"}

    @property
    def share_kept(self) -> float | None:
        """Characters kept of those of the language; None where that is not known."""
        read = self.books.characters.read if self.books else 0
        return self.characters / read if read else None

    @property
    def published(self) -> float | None:
        """Bytes of text that XLM-R was trained on (Conneau et al. 2020, table 6)."""
        known = LANGUAGES.get(self.code)
        return known.xlmr_gib * _GIB if known and known.xlmr_gib else None


def rows_of(run: Run) -> list[LanguageRow]:
    """Return the languages of a run: those with most text first, those with none by what they lost."""
    rows: dict[str, LanguageRow] = {}
    for file in _main_files(run):
        row = rows.setdefault(file.language, LanguageRow(file.language))
        row.documents += file.documents
        row.paragraphs += file.paragraphs
        row.characters += file.characters
        row.buckets[file.bucket] += file.documents
    for code, books in (run.ledger.languages if run.ledger else {}).items():
        row = rows.setdefault(code, LanguageRow(code))
        row.books = books
        if run.manifest is None:  # a record of a language is one document
            row.documents, row.paragraphs, row.characters = (
                each.kept for each in (books.records, books.paragraphs, books.characters)
            )
    for code in run.observations.languages if run.observations else ():
        rows.setdefault(code, LanguageRow(code))
    return sorted(rows.values(), key=lambda row: (-row.characters, -row.documents, -row.lost, row.code))


def buckets_of(rows: Sequence[LanguageRow]) -> list[str]:
    """Return the buckets that some language has, the most fluent first."""
    found = {bucket for row in rows for bucket in row.buckets}
    return [bucket for bucket in BUCKETS if bucket in found] + sorted(found - set(BUCKETS))


def without_fluency_model(run: Run, rows: Sequence[LanguageRow]) -> str:
    """Return a sentence on the languages that have no fluency model; nothing if there are none, or it is not known."""
    kept = [row for row in rows if row.documents]
    unscored = [row.name for row in kept if row.is_unscored]
    if run.manifest is None or not unscored:
        return ""
    scored = [row.name for row in kept if not row.is_unscored]
    if not scored:
        which = "No language has a fluency model"
    elif len(scored) < len(unscored):
        which = f"No language but {', '.join(scored)} has a fluency model"
    else:
        which = f"No fluency model: {', '.join(unscored)}"
    return f"{which}. Documents without one all stand in the bucket “all”; none was dropped for how fluent it is."


def _main_files(run: Run) -> list[FileNotes]:
    """Return the files of shards of one format: each format holds the same documents."""
    files = [file for file in (run.manifest.files if run.manifest else []) if file.path.startswith(SHARDS)]
    chosen = min((file.format for file in files), default="")
    return [file for file in files if file.format == chosen]


@dataclass(frozen=True, slots=True)
class ComparedSize:
    """One row of the chart of sizes."""

    row: LanguageRow
    ours: str  # length of its bar
    theirs: str | None  # place of its mark


@dataclass(frozen=True, slots=True)
class SizeChart:
    """Sizes of languages beside those of CC-100, on a logarithmic axis."""

    ticks: list[charts.Tick]
    rows: list[ComparedSize]
    missing: list[str]  # names of languages of CC-100's table that the run has not, the largest first


def size_chart(rows: Sequence[LanguageRow]) -> SizeChart:
    """Return the chart of the languages of which something was kept."""
    kept = [row for row in rows if row.characters]
    scale = charts.LogScale.of([*(row.characters for row in kept), *(row.published or 0 for row in kept)])
    ours = {row.code for row in kept}
    others = sorted((code for code in LANGUAGES if code not in ours), key=lambda code: -(LANGUAGES[code].xlmr_gib or 0))
    return SizeChart(
        ticks=scale.ticks,
        rows=[
            ComparedSize(row, scale.place(row.characters), scale.place(row.published) if row.published else None)
            for row in kept
        ],
        missing=[names.name_of(code) for code in others if LANGUAGES[code].xlmr_gib],
    )


def published_size(row: LanguageRow) -> str:
    """Return the published size of a language as the table of the paper has it."""
    return f"{row.published / _GIB:g} GiB" if row.published else numbers.NONE
