"""What a run built, as tables for people."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from rich.console import Console
from rich.measure import Measurement
from rich.table import Table

from beam_jobs.elements import enumerated
from beam_jobs.layout import Layout
from ccnet_pipeline import storage
from ccnet_pipeline.fluency import BUCKETS
from ccnet_pipeline.ledger import Balance
from ccnet_pipeline.shards.published import SHARDS, FinalFile, LanguageBooks, Ledger, Manifest

_MOST_LANGUAGES = 40
_NO_WIDTH = 1000
_MANY_DOCUMENTS = 100  # for one phrase of a test file
_UNITS = ("documents", "paragraphs", "characters", "bytes")
# Heading -> its field in ledger.json, and how it is shown.
_QUALITIES = {
    "score": ("mean_score", ".2f"),
    "perplexity": ("median_perplexity", ",g"),
    "in head": ("head_share", ".0%"),
}
# What a narrow terminal goes without, first to last.
_LESS_IMPORTANT = ("bytes", "paragraphs", "all", "characters", "middle", "head", "tail", "documents")
_LESS_IMPORTANT_LOSSES = ("paragraphs", "characters")


@dataclass(slots=True)
class _Row:
    """One language of the table."""

    documents: int = 0
    paragraphs: int = 0
    characters: int = 0
    bytes: int = 0
    buckets: Counter[str] = field(default_factory=Counter)  # documents


def print_summary(layout: Layout) -> list[FinalFile]:
    """Print what `manifest.json` and `ledger.json` say; return the files of the manifest."""
    manifest = storage.read_json(layout.manifest_file, Manifest)
    ledger = storage.read_json(layout.ledger_file, Ledger)
    if manifest is None or ledger is None:
        raise FileNotFoundError(layout.manifest_file)
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = 140  # a log has no width; 80 would cut the columns
    with console.capture() as printed:  # rich itself would end the program where the reader has left
        console.print(_languages_table(console, _rows_by_language(manifest.files), ledger))
        console.print(_losses_table(console, ledger))
    print(printed.get(), end="")
    for line in _remarks(ledger):
        print(line)
    return manifest.files


def where_it_lies(output: str, files: Sequence[FinalFile]) -> str:
    """Return where a run directory has its shards, if it has any, and its ledger: some lines."""
    rest = f"Where the rest went: {storage.join(output, 'ledger.json')}"
    if not any(file.path.startswith(SHARDS) for file in files):
        return f"No document was kept, so there are no shards.\n{rest}"
    manifest = storage.join(output, "manifest.json")
    return f"Shards: {storage.join(output, 'shards')}   every file with its sha256: {manifest}\n{rest}"


def _remarks(ledger: Ledger) -> Iterator[str]:
    """Yield what there is to say of archives that gave less than they should."""
    if ledger.damage.reasons:
        reasons = ", ".join(f"{reason} {count}" for reason, count in sorted(ledger.damage.reasons.items()))
        yield f"Damage: {ledger.damage.bytes:,} bytes of the archives could not be read ({reasons})."
    if ledger.main_text:
        for language, (share, others) in ledger.main_text.poor_languages().items():
            yield (
                f"Main text of {language}: half of its pages give about {share:.0%} of their text or less, in other "
                f"languages {others:.0%}; perhaps the extractor cannot read it, see --extractor."
            )
    if ledger.contamination:
        files = ledger.contamination.files
        yield (
            f"Contaminated: {sum(files.values()):,} documents share words with "
            f"{enumerated([f'{name} ({count:,})' for name, count in files.items()])}."
        )
        words, count = next(iter((ledger.contamination.words or {}).items()), ("", 0))
        if count >= _MANY_DOCUMENTS:
            yield (
                f"{count:,} of them because of {words!r}; if that is a phrase of many pages, name it with "
                "--decontaminate_except (ledger.json has the next ones)."
            )
    if again := ledger.index_duplicates_published:
        yield (
            f"{again:,} paragraphs that were no duplicates in earlier runs have come again: they are dropped here; "
            "what was published of them there stays."
        )
    if count := ledger.num_without_record:
        yield f"{count} of {ledger.num_segments} archives gave no record: {enumerated(ledger.without_record, count)}."


def _rows_by_language(files: list[FinalFile]) -> dict[str, _Row]:
    """Return the languages of the shards, those with most text first."""
    main = [file for file in files if file.path.startswith(SHARDS)]
    formats = {file.format for file in main}
    rows: dict[str, _Row] = {}
    for file in main:
        if file.format != min(formats):  # each format holds the same documents
            continue
        row = rows.setdefault(file.language, _Row())
        row.documents += file.documents
        row.paragraphs += file.paragraphs
        row.characters += file.characters
        row.bytes += file.bytes
        row.buckets[file.bucket] += file.documents
    return dict(sorted(rows.items(), key=lambda item: (-item[1].characters, item[0])))


def _languages_table(console: Console, rows: dict[str, _Row], ledger: Ledger) -> Table:
    """Return a table that is no wider than the terminal, if need be without its less important columns."""
    buckets = [bucket for bucket in BUCKETS if any(row.buckets[bucket] for row in rows.values())]
    columns = [*_UNITS, *buckets, *_QUALITIES]
    for column in ("", *_LESS_IMPORTANT):
        columns = [each for each in columns if each != column]
        table = _table_of(columns, rows, ledger)
        if _fits(console, table):
            break
    return table


def _fits(console: Console, table: Table) -> bool:
    return Measurement.get(console, console.options.update_width(_NO_WIDTH), table).maximum <= console.width


def _table_of(columns: list[str], rows: dict[str, _Row], ledger: Ledger) -> Table:
    table = Table(title="Documents kept", title_justify="left")
    table.add_column("language", no_wrap=True)
    for heading in columns:
        table.add_column(heading, justify="right", no_wrap=True)
    for language, row in list(rows.items())[:_MOST_LANGUAGES]:
        books = ledger.languages.get(language)
        table.add_row(language, *(_cell(column, row, books) for column in columns))
    if len(rows) > _MOST_LANGUAGES:
        table.add_row(f"and {len(rows) - _MOST_LANGUAGES} more")
    table.add_section()
    sums = {unit: f"{sum(getattr(row, unit) for row in rows.values()):,}" for unit in _UNITS}
    table.add_row(f"all {len(rows)}", *(sums.get(column, "") for column in columns))
    return table


def _cell(column: str, row: _Row, books: LanguageBooks | None) -> str:
    if column in _UNITS:
        return f"{getattr(row, column):,}"
    if column not in _QUALITIES:
        return f"{row.buckets[column]:,}"
    value = getattr(books, _QUALITIES[column][0]) if books else None
    return "" if value is None else format(value, _QUALITIES[column][1])


def _losses_table(console: Console, ledger: Ledger) -> Table:
    """Return a table that is no wider than the terminal, if need be without paragraphs or characters."""
    balances: dict[str, Balance] = {
        "records": ledger.records,
        "paragraphs": ledger.paragraphs,
        "characters": ledger.characters,
    }
    for unit in ("", *_LESS_IMPORTANT_LOSSES):
        balances = {each: balance for each, balance in balances.items() if each != unit}
        table = _losses_of(balances)
        if _fits(console, table):
            break
    return table


def _losses_of(balances: Mapping[str, Balance]) -> Table:
    table = Table(title="The balance", title_justify="left")
    table.add_column("", no_wrap=True)
    for unit in balances:
        table.add_column(unit, justify="right")
        table.add_column("%", justify="right")
    reasons = sorted({reason for balance in balances.values() for reason in balance.dropped})
    lines = [("read", [b.read for b in balances.values()]), ("kept", [b.kept for b in balances.values()])]
    lines += [(f"dropped: {reason}", [b.dropped.get(reason, 0) for b in balances.values()]) for reason in reasons]
    for label, counts in lines:
        cells: list[str] = []
        for count, balance in zip(counts, balances.values(), strict=True):
            cells += [f"{count:,}", f"{100 * count / balance.read:.1f}" if balance.read else ""]
        table.add_row(label, *cells)
    return table
