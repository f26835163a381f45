"""Figures that others have published, and how much text CC-100 has of each language.

published.csv has a line a figure, in percent, with its source: Conneau et al. 2020 (XLM-R), tables 1 to 4. The language
"avg" is the average as it is printed there. Those of XLM-100's two rows are not the means of these rows: each is that
of the other. cc100.csv is table 6 of that paper.
"""

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib import resources

AVERAGE = "avg"
_GLUE = ("mnli", "qnli", "qqp", "sst-2", "mrpc", "sts-b", "cola", "rte")  # as in the paper's table, then the others
_NAMES = {"zh": "zh-Hans"}  # as data sets call it, and as CC-100 does


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A published figure."""

    task: str
    model: str
    training: str  # languages of the training data: "en", "each", "all", "translate-test"
    language: str
    metric: str
    value: float  # a fraction
    source: str


@cache
def published() -> tuple[Figure, ...]:
    """Return all figures, in the order of the papers' tables."""
    rows = csv.DictReader(_lines("published.csv"))
    return tuple(
        Figure(
            task=row["task"],
            model=row["model"],
            training=row["training"],
            language=row["language"],
            metric=row["metric"],
            value=round(float(row["value"]) / 100, 5),
            source=row["source"],
        )
        for row in rows
    )


@cache
def _sizes() -> dict[str, float]:
    return {row["language"]: float(row["gib"]) for row in csv.DictReader(_lines("cc100.csv"))}


def _lines(name: str) -> Iterator[str]:
    yield from resources.files(__package__).joinpath(name).read_text("utf-8").splitlines()


def table_of(task: str) -> str:
    """Return the table that a task stands in: GLUE's tasks share one.

    >>> table_of("qnli"), table_of("xnli")
    ('glue', 'xnli')
    """
    return "glue" if task in _GLUE else task


def column_of(task: str, language: str) -> str:
    """Return the column of a figure in its table."""
    return task if task in _GLUE else language


def in_order(columns: Iterable[str]) -> list[str]:
    """Return columns in order: tasks of GLUE as in the paper, languages by the size of CC-100, others by name.

    >>> in_order(["sw", "zh", "ru", "en", "tlh"])
    ['en', 'ru', 'zh', 'sw', 'tlh']
    """
    sizes = _sizes()

    def key(column: str) -> tuple[int, float, str]:
        place = _GLUE.index(column) if column in _GLUE else len(_GLUE)
        return place, -sizes.get(_NAMES.get(column, column), 0.0), column

    return sorted(columns, key=key)
