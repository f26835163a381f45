"""Figures as tables for people, no wider than the terminal."""

import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence

from rich.console import Console
from rich.measure import Measurement
from rich.table import Table

from ccnet_pipeline.fluency import BUCKETS
from ccnet_pipeline.ledger import Balance
from ccnet_pipeline.stats.figures import Figures, LanguageFigures
from ccnet_pipeline.terminal import output_console, printed

_NO_WIDTH = 1000
_UNITS = ("documents", "paragraphs", "characters", "bytes")
# Heading -> its field, and how it is shown.
_QUALITIES = {
    "score": ("mean_score", ".2f"),
    "perplexity": ("median_perplexity", ",g"),
    "in head": ("head_share", ".0%"),
}
# What a narrow terminal goes without, first to last.
_LESS_IMPORTANT = ("bytes", "paragraphs", "all", "characters", "middle", "head", "tail", "documents")
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
        yield printed(console, _languages_table(console, figures, most_languages))
    if most_languages is not None and (more := len(figures.languages) - most_languages) > 0:
        yield f"and {more} more: python -m ccnet_pipeline.stats {shlex.quote(figures.output)}"
    balances = {"records": figures.records, "paragraphs": figures.paragraphs, "characters": figures.characters}
    if known := {unit: balance for unit, balance in balances.items() if balance is not None}:
        yield printed(console, _losses_table(console, known))
    yield from figures.remarks


def _languages_table(console: Console, figures: Figures, most: int | None) -> Table:
    """Return a table that is no wider than the terminal, if need be without its less important columns."""
    buckets = [bucket for bucket in BUCKETS if any(row.buckets.get(bucket) for row in figures.languages.values())]
    columns = [*_UNITS, *buckets, *_QUALITIES]
    return _narrowed(console, columns, _LESS_IMPORTANT, lambda left: _table_of(left, figures, most))


def _narrowed(
    console: Console, columns: Sequence[str], less_important: Sequence[str], make: Callable[[Sequence[str]], Table]
) -> Table:
    """Return the table of as many columns as the terminal has room for."""
    for column in ("", *less_important):
        columns = [each for each in columns if each != column]
        table = make(columns)
        if Measurement.get(console, console.options.update_width(_NO_WIDTH), table).maximum <= console.width:
            break
    return table


def _table_of(columns: Sequence[str], figures: Figures, most: int | None) -> Table:
    rows = figures.languages
    table = Table(title="Documents kept", title_justify="left")
    table.add_column("language", no_wrap=True)
    for heading in columns:
        table.add_column(heading, justify="right", no_wrap=True)
    for language, row in list(rows.items())[:most]:
        table.add_row(language, *(_cell(column, row) for column in columns))
    table.add_section()
    sums = {unit: f"{sum(getattr(row, unit) for row in rows.values()):,}" for unit in _UNITS}
    table.add_row(f"all {len(rows)}", *(sums.get(column, "") for column in columns))
    return table


def _cell(column: str, row: LanguageFigures) -> str:
    if column in _UNITS:
        return f"{getattr(row, column):,}"
    if column not in _QUALITIES:
        return f"{row.buckets.get(column, 0):,}"
    name, form = _QUALITIES[column]
    value = getattr(row, name)
    return "" if value is None else format(value, form)


def _losses_table(console: Console, balances: Mapping[str, Balance]) -> Table:
    """Return a table that is no wider than the terminal, if need be without paragraphs or characters."""
    return _narrowed(
        console,
        list(balances),
        _LESS_IMPORTANT_LOSSES,
        lambda left: _losses_of({unit: balances[unit] for unit in left}),
    )


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
