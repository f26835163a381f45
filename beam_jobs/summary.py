"""What a run built, as tables for people."""

from collections.abc import Iterator
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

from beam_jobs import storage
from beam_jobs.elements import SHARDS, FinalFile, Ledger, Manifest, enumerated
from beam_jobs.layout import Layout
from ccnet_pipeline.fluency import BUCKETS
from ccnet_pipeline.ledger import Balance

_MOST_LANGUAGES = 40


@dataclass(slots=True)
class _Row:
    """One language of the table."""

    documents: int = 0
    paragraphs: int = 0
    characters: int = 0
    bytes: int = 0


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
        console.print(_languages_table(manifest.files))
        console.print(_losses_table(ledger))
    print(printed.get(), end="")
    for line in _remarks(ledger):
        print(line)
    return manifest.files


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
    if without := ledger.without_record():
        yield f"{len(without)} of {len(ledger.segments)} archives gave no record: {enumerated(without)}."


def _languages_table(files: list[FinalFile]) -> Table:
    main = [file for file in files if file.path.startswith(SHARDS)]
    formats = {file.format for file in main}
    one_format = [file for file in main if file.format == min(formats)]  # each format holds the same documents
    rows: dict[str, _Row] = {}
    buckets: dict[tuple[str, str], int] = {}
    for file in one_format:
        row = rows.setdefault(file.language, _Row())
        row.documents += file.documents
        row.paragraphs += file.paragraphs
        row.characters += file.characters
        row.bytes += file.bytes
        buckets[file.language, file.bucket] = buckets.get((file.language, file.bucket), 0) + file.documents
    shown = [bucket for bucket in BUCKETS if any(name == bucket for _, name in buckets)]
    table = Table(title="Documents kept", title_justify="left")
    table.add_column("language", no_wrap=True)
    for heading in ("documents", "paragraphs", "characters", "bytes", *shown):
        table.add_column(heading, justify="right")
    ordered = sorted(rows.items(), key=lambda item: (-item[1].characters, item[0]))
    for language, row in ordered[:_MOST_LANGUAGES]:
        by_bucket = [f"{buckets.get((language, bucket), 0):,}" for bucket in shown]
        table.add_row(
            language, f"{row.documents:,}", f"{row.paragraphs:,}", f"{row.characters:,}", f"{row.bytes:,}", *by_bucket
        )
    if len(ordered) > _MOST_LANGUAGES:
        table.add_row(f"and {len(ordered) - _MOST_LANGUAGES} more")
    sums = [
        sum(getattr(row, unit) for row in rows.values()) for unit in ("documents", "paragraphs", "characters", "bytes")
    ]
    table.add_section()
    table.add_row(f"all {len(rows)}", *(f"{total:,}" for total in sums))
    return table


def _losses_table(ledger: Ledger) -> Table:
    table = Table(title="The balance", title_justify="left")
    table.add_column("", no_wrap=True)
    balances: dict[str, Balance] = {
        "records": ledger.records,
        "paragraphs": ledger.paragraphs,
        "characters": ledger.characters,
    }
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
