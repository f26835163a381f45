"""A table of scores for people: markdown, and a picture."""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.figure import Figure

from model.finetune.published import AVERAGE
from model.finetune.table import Cell, Row, average, columns_of, published_rows

_NAMES = {"xnli": "XNLI, accuracy", "glue": "GLUE, dev sets", "ner": "NER, span F1", "qa": "QA, F1/EM"}


def by_table(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """Return for each table of some rows these rows, after the published ones."""
    names = sorted({row.table for row in rows})
    return {name: [*published_rows(name), *(row for row in rows if row.table == name)] for name in names}


def to_markdown(rows: Sequence[Row]) -> str:
    """Return the tables of some rows, in percent, with their notes."""
    return "\n".join(_markdown(name, found) for name, found in by_table(rows).items())


def _markdown(name: str, rows: Sequence[Row]) -> str:
    columns = columns_of(rows)
    shown = {column: _metrics(column, rows) for column in columns}
    averaged = _averaged(rows, columns)
    lines = [
        f"## {_NAMES.get(name, name)}",
        "",
        "| " + " | ".join(["model", "trained on", *columns, f"{AVERAGE} ({len(averaged)})"]) + " |",
        "|" + "---|" * (len(columns) + 3),
    ]
    notes: list[str] = []
    for row in rows:
        cells = [_cell(row.cells.get(column, {}), shown[column]) for column in columns]
        mark = ""
        if row.ours:
            notes.append(_note(row, len(notes) + 1))
            mark = f" [{len(notes)}]"
        lines.append("| " + " | ".join([f"{row.model}{mark}", row.training, *cells, _average(row, averaged)]) + " |")
    sources = sorted({row.about for row in rows if not row.ours})
    return "\n".join([*lines, "", *notes, *([f"Published: {'; '.join(sources)}."] if sources else []), ""])


def _metrics(column: str, rows: Sequence[Row]) -> list[str]:
    """Return the metrics that a column shows: those of the published rows; where there is none, the first of ours."""
    found = list(dict.fromkeys(metric for row in rows if not row.ours for metric in row.cells.get(column, {})))
    return found or next(list(row.cells[column])[:1] for row in rows if column in row.cells)


def _averaged(rows: Sequence[Row], columns: Sequence[str]) -> list[str]:
    """Return the columns that the average is of: those that were published, if any."""
    known = {column for row in rows if not row.ours for column in row.cells}
    return [column for column in columns if column in known] or list(columns)


def _cell(metrics: Mapping[str, Cell], names: Sequence[str]) -> str:
    return "/".join(_percent(metrics[name]) for name in names if name in metrics)


def _percent(cell: Cell) -> str:
    deviation = "" if cell.deviation is None else f" ±{100 * cell.deviation:.1f}"
    return f"{100 * cell.mean:.1f}{deviation}"


def _average(row: Row, columns: Sequence[str]) -> str:
    found = average(row, columns)
    if not found:
        return ""
    names = [name for name in ("average", "accuracy", "f1", "exact_match") if name in found] or list(found)[:1]
    there = sum(column in row.cells for column in columns)
    few = "" if AVERAGE in row.cells or there == len(columns) else f" (of {there})"
    return "/".join(_percent(found[name]) for name in names) + few


def _note(row: Row, number: int) -> str:
    protocol = f"; not the paper's protocol: {'; '.join(row.partial)}" if row.partial else ""
    return f"[{number}] {row.about}{protocol}.\n"


def draw(name: str, rows: Sequence[Row]) -> Figure:
    """Return the picture of a table: a line a row, over the columns."""
    columns = columns_of(rows)
    figure = Figure(figsize=(max(7.0, 0.6 * len(columns) + 4), 5.5), layout="constrained")
    axes = figure.subplots()
    for row in rows:
        places = [place for place, column in enumerate(columns) if column in row.cells]
        first = [row.cells[columns[place]][_metrics(columns[place], rows)[0]] for place in places]
        style: dict[str, Any] = (
            {"linewidth": 2.5, "marker": "o"} if row.ours else {"linewidth": 1.0, "marker": ".", "alpha": 0.8}
        )
        label = f"{row.model}, {row.training}" + (" (not the paper's protocol)" if row.partial else "")
        errors = [100 * (cell.deviation or 0.0) for cell in first] if row.ours else None
        axes.errorbar(places, [100 * cell.mean for cell in first], errors, label=label, capsize=3, **style)
    axes.set_xticks(range(len(columns)), columns)
    axes.set(ylabel="percent", xlabel="GLUE's tasks" if name == "glue" else "languages, most text in CC-100 first")
    axes.set_title(_NAMES.get(name, name))
    axes.grid(alpha=0.3)
    figure.legend(loc="outside right center", fontsize="small")
    return figure
