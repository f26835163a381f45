"""Figures as tables for people, no wider than the terminal."""

import shlex
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence

from rich.console import Console
from rich.measure import Measurement
from rich.padding import Padding
from rich.table import Table

from ccnet_pipeline.fluency import BUCKETS
from ccnet_pipeline.ledger import Balance
from ccnet_pipeline.reasons import reason_of
from ccnet_pipeline.stats.figures import Figures, LanguageFigures
from ccnet_pipeline.terminal import output_console, printed

_NO_WIDTH = 1000
_LEAST_LABEL = 20  # letters of a line's name: where there is less room, a column goes
_INDENT = 2
# Heading -> its field.
_UNITS = {"documents": "documents", "paragraphs": "paragraphs", "characters": "characters", "file bytes": "bytes"}
# Heading -> its field, and how it is shown.
_QUALITIES = {
    "score": ("mean_score", ".2f"),
    "perplexity": ("median_perplexity", ",g"),
    "in head": ("head_share", ".0%"),
}
# What a narrow terminal goes without, first to last.
_LESS_IMPORTANT = (
    "file bytes", "paragraphs", "all", "in head", "perplexity", "score", "characters", "middle", "head", "tail",
    "documents",
)  # fmt: skip
_LESS_IMPORTANT_LOSSES = ("paragraphs", "characters")


def shown(figures: Figures, most_languages: int | None = None) -> str:
    """Return the figures as lines for people.

    Args:
        figures: of a run.
        most_languages: so many at most, those with most text; None: all.
    """
    return "\n".join(_parts(output_console(), figures, most_languages))


def _parts(console: Console, figures: Figures, most_languages: int | None) -> Iterator[str]:
    yield from figures.unfinished
    if figures.languages or figures.complete:
        yield from _languages_table(console, figures.languages, most_languages)
    if most_languages is not None and (more := len(figures.languages) - most_languages) > 0:
        yield f"and {more} more: python -m ccnet_pipeline.stats {shlex.quote(figures.output)}"
    balances = {"records": figures.records, "paragraphs": figures.paragraphs, "characters": figures.characters}
    if known := {unit: balance for unit, balance in balances.items() if balance is not None}:
        yield from _losses_table(console, known)
        yield from _on_records(figures, known)
    yield from figures.remarks


def _on_records(figures: Figures, balances: Mapping[str, Balance]) -> Iterator[str]:
    """Yield why records and documents do not add up, where somebody may wonder."""
    documents = sum(row.documents for row in figures.languages.values())
    kept = figures.records.kept if figures.records else 0
    dropped = "record counts as dropped only if nothing of it is left."
    if documents > kept:
        yield (
            f"A page can give a document in each of its languages, so {kept:,} records gave {documents:,} documents; "
            f"a {dropped}"
        )
    elif any(reason_of(name).step == "filters" for balance in balances.values() for name in balance.dropped):
        yield f"A {dropped}"


def _languages_table(console: Console, rows: Mapping[str, LanguageFigures], most: int | None) -> Iterator[str]:
    first = dict(list(rows.items())[:most])
    buckets = [bucket for bucket in BUCKETS if any(row.buckets.get(bucket) for row in first.values())]
    qualities = [
        heading
        for heading, (name, _) in _QUALITIES.items()
        if any(getattr(row, name) is not None for row in first.values())
    ]
    sums = {heading: f"{sum(getattr(row, name) for row in rows.values()):,}" for heading, name in _UNITS.items()}
    labels = ["language", *first, f"all {len(rows)}"]

    def of(columns: Sequence[str], label_width: int | None) -> Table:
        table = Table(title="Documents kept", title_justify="left")
        table.add_column("language", overflow="fold", max_width=label_width)
        for heading in columns:
            table.add_column(heading, justify="right", no_wrap=True)
        for language, row in first.items():
            table.add_row(language, *(_cell(column, row) for column in columns))
        table.add_section()
        table.add_row(labels[-1], *(sums.get(column, "") for column in columns))
        return table

    columns = [*_UNITS, *buckets, *qualities]
    left = yield from _narrowed(console, columns, _LESS_IMPORTANT, max(map(len, labels)), of)
    if before := [column for column in left if column in _QUALITIES]:
        yield f"{', '.join(before)}: of documents before any is dropped for its bucket"


def _narrowed(
    console: Console,
    columns: Sequence[str],
    less_important: Sequence[str],
    widest: int,
    make: Callable[[Sequence[str], int | None], Table],
) -> Generator[str, None, list[str]]:
    """Yield the table of as many columns as the terminal has room for, and what it goes without; return the columns.

    Args:
        console: what it goes to.
        columns: their headings, without that of the lines' names.
        less_important: columns to go without, first to last.
        widest: letters of the longest name of a line. Long ones are folded before a column goes.
        make: makes the table of columns and the most letters of the names.
    """
    left = list(columns)
    for column in ("", *less_important):
        left = [each for each in left if each != column]
        wide = Measurement.get(console, console.options.update_width(_NO_WIDTH), make(left, None)).maximum
        room = widest + console.width - wide
        if room >= min(widest, _LEAST_LABEL):
            break
    yield printed(console, make(left, None if room >= widest else max(room, _LEAST_LABEL)))
    if without := [column for column in columns if column not in left]:
        yield f"(narrow terminal: without {', '.join(without)})"
    return left


def _cell(column: str, row: LanguageFigures) -> str:
    if column in _UNITS:
        return f"{getattr(row, _UNITS[column]):,}"
    if column not in _QUALITIES:
        return f"{row.buckets.get(column, 0):,}"
    name, form = _QUALITIES[column]
    value = getattr(row, name)
    return "" if value is None else format(value, form)


def _losses_table(console: Console, balances: Mapping[str, Balance]) -> Iterator[str]:
    reasons = sorted({reason for balance in balances.values() for reason in balance.dropped})
    widest = max([len("dropped"), *(_INDENT + len(reason) for reason in reasons)])

    def of(columns: Sequence[str], label_width: int | None) -> Table:
        chosen = [balances[unit] for unit in columns]
        table = Table(title="The balance", title_justify="left")
        table.add_column("", overflow="fold", max_width=label_width)
        for unit in columns:
            table.add_column(unit, justify="right", no_wrap=True)
            table.add_column("%", justify="right", no_wrap=True)
        table.add_row("read", *_shares((balance, balance.read) for balance in chosen))
        table.add_row("kept", *_shares((balance, balance.kept) for balance in chosen))
        table.add_row("dropped", *_shares((balance, sum(balance.dropped.values())) for balance in chosen))
        for reason in reasons:
            counts = ((balance, balance.dropped.get(reason, 0)) for balance in chosen)
            table.add_row(Padding(reason, (0, 0, 0, _INDENT)), *_shares(counts))
        return table

    yield from _narrowed(console, list(balances), _LESS_IMPORTANT_LOSSES, widest, of)


def _shares(counts: Iterable[tuple[Balance, int]]) -> Iterator[str]:
    """Yield each count, and how much that is of what was read."""
    for balance, count in counts:
        yield f"{count:,}"
        yield f"{100 * count / balance.read:.1f}" if balance.read else ""
