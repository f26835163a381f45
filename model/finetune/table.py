"""Runs of fine-tuning as rows of a table, beside those of the papers."""

import logging
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from statistics import mean, stdev

from model.errors import UserError
from model.finetune.plan import EACH, RUN, SCORES, Plan, Scores, read_plan, read_scores
from model.finetune.published import AVERAGE, column_of, in_order, published, table_of
from model.finetune.recipes import RECIPES, Recipe

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Cell:
    """One metric in one column: a value a seed, or the one that was published."""

    values: tuple[float, ...]  # fractions

    @property
    def mean(self) -> float:
        return mean(self.values)

    @property
    def deviation(self) -> float | None:
        """The standard deviation of the sample; None where there is one value."""
        return stdev(self.values) if len(self.values) > 1 else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A model that was trained in one way."""

    table: str
    model: str
    training: str
    about: str  # of ours: selection, recipe, seeds; of a published one: its source
    ours: bool
    cells: Mapping[str, Mapping[str, Cell]]  # by column, then by metric
    partial: tuple[str, ...] = ()  # why it is not the paper's protocol


def find_runs(folders: Iterable[Path]) -> list[Path]:
    """Return the finished runs in and below some folders; UserError if there is none."""
    by_place = {path.resolve(): path.parent for folder in folders for path in folder.rglob(RUN)}
    found = sorted(by_place.values())
    for folder in found:
        if not (folder / SCORES).exists():
            _log.info("%s: not finished, left out", folder)
    finished = [folder for folder in found if (folder / SCORES).exists()]
    if not finished:
        raise UserError(f"no finished run below {', '.join(map(str, folders))}; python -m model.finetune makes one")
    return finished


def collect(folders: Iterable[Path], scores: Mapping[Path, Scores] | None = None) -> list[Row]:
    """Return a row for each way in which a model was trained; runs that differ by the seed alone share one.

    So do the languages of "each", and the tasks of GLUE.

    Args:
        folders: runs, or what holds some.
        scores: of some runs, in the place of those that they have kept.
    """
    runs = {folder: read_plan(folder) for folder in find_runs(folders)}
    groups: dict[tuple[object, ...], list[Path]] = defaultdict(list)
    times: Counter[tuple[object, ...]] = Counter()  # the same run a second time, in another folder, is no other seed
    for folder, plan in runs.items():
        key, choices = _key(plan), plan.choices
        run = *key, choices.task, choices.train, choices.seed
        groups[(*key, times[run])].append(folder)
        times[run] += 1
    rows = []
    for group in groups.values():
        found = {folder: (scores or {}).get(folder) or read_scores(folder) for folder in group}
        rows.append(_row([runs[folder] for folder in group], list(found.values())))
    return rows


def _key(plan: Plan) -> tuple[object, ...]:
    choices = plan.choices
    changes = _changes(plan)
    return (
        table_of(choices.task), plan.model, plan.model_digest, choices.training, choices.selection,
        choices.recipe_name, changes, choices.precision, _data(plan),
    )  # fmt: skip


def _data(plan: Plan) -> str:
    """Return what tells the data of a row from others; the tasks of GLUE have data of their own."""
    task = plan.choices.task
    return plan.data_sha256 if table_of(task) == task else ""


def _changes(plan: Plan) -> tuple[str, ...]:
    """Return what a run has otherwise than its recipe.

    The tasks of GLUE have recipes of their own; that all were given the same values makes them one row.
    """
    choices = plan.choices
    if table_of(choices.task) != choices.task:
        return choices.overrides
    given = RECIPES.get(choices.task, {}).get(choices.recipe_name)
    names = [field.name for field in fields(Recipe) if given and field.name != "source"]
    pairs = [(name, getattr(choices.recipe, name), getattr(given, name)) for name in names]
    return tuple(f"{name} {value}" for name, value, wanted in pairs if value != wanted)


def _row(plans: Sequence[Plan], scores: Sequence[Scores]) -> Row:
    values: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for plan, one in zip(plans, scores, strict=True):
        task, train = plan.choices.task, plan.choices.train
        own = {language: one.languages[language] for language in train if language in one.languages}
        for language, metrics in (own if plan.choices.training == EACH else one.languages).items():
            for metric, value in metrics.items():
                values[column_of(task, language)][metric].append(value)
    first = plans[0]
    choices = first.choices
    seeds = len({plan.choices.seed for plan in plans})
    parts = [f"selection {choices.selection}", f"recipe {choices.recipe_name}", *_changes(first)]
    return Row(
        table=table_of(choices.task),
        model=Path(first.model).name or first.model,
        training=choices.training,
        about=", ".join([*parts, f"{seeds} seed{'s' * (seeds > 1)}"]),
        ours=True,
        cells={
            column: {metric: Cell(tuple(numbers)) for metric, numbers in metrics.items()}
            for column, metrics in values.items()
        },
        partial=tuple(
            dict.fromkeys(text for plan, one in zip(plans, scores, strict=True) for text in _partial(plan, one))
        ),
    )


def _partial(plan: Plan, scores: Scores) -> Iterator[str]:
    task = plan.choices.task
    yield from (text if table_of(task) == task else f"{task}: {text}" for text in scores.partial)


def published_rows(table: str) -> list[Row]:
    """Return the rows that others have published for a table, as their papers order them."""
    found: dict[tuple[str, str], dict[str, dict[str, Cell]]] = defaultdict(lambda: defaultdict(dict))
    sources = {}
    for figure in published():
        if table_of(figure.task) == table:
            cells = found[figure.model, figure.training][column_of(figure.task, figure.language)]
            cells[figure.metric] = Cell((figure.value,))
            sources[figure.model, figure.training] = figure.source
    return [
        Row(table=table, model=model, training=training, about=sources[model, training], ours=False, cells=cells)
        for (model, training), cells in found.items()
    ]


def average(row: Row, columns: Sequence[str]) -> dict[str, Cell]:
    """Return the mean of the first metric of each column by the metric's name, and of others that all columns have.

    A published row has it as it was printed. Of several seeds each has a mean of its own.
    """
    if AVERAGE in row.cells:
        return dict(row.cells[AVERAGE])
    there = [row.cells[column] for column in columns if column in row.cells]
    if not there:
        return {}
    shared = [metric for metric in there[0] if all(metric in cells for cells in there)]
    picked = {metric: [cells[metric] for cells in there] for metric in shared}
    if not picked:
        picked = {"average": [next(iter(cells.values())) for cells in there]}
    seeds = {metric: min(len(cell.values) for cell in cells) for metric, cells in picked.items()}
    return {
        metric: Cell(tuple(mean(cell.values[seed] for cell in cells) for seed in range(seeds[metric])))
        for metric, cells in picked.items()
    }


def columns_of(rows: Sequence[Row]) -> list[str]:
    """Return the columns of a table in order, without the average."""
    return in_order({column for row in rows for column in row.cells if column != AVERAGE})


def to_json(rows: Sequence[Row]) -> list[dict[str, object]]:
    """Return rows as they stand in table.json: values of seeds, mean and deviation of each cell, as fractions."""
    return [
        {
            "table": row.table,
            "model": row.model,
            "training": row.training,
            "about": row.about,
            "ours": row.ours,
            "partial": list(row.partial),
            "cells": _plain(row.cells),
        }
        for row in rows
    ]


def _plain(cells: Mapping[str, Mapping[str, Cell]]) -> dict[str, dict[str, dict[str, object]]]:
    return {
        column: {
            metric: {"mean": cell.mean, "deviation": cell.deviation, "values": list(cell.values)}
            for metric, cell in metrics.items()
        }
        for column, metrics in cells.items()
    }
