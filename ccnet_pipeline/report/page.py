"""The report of one run."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ccnet_pipeline.dataset.facts import FEW_DOCUMENTS
from ccnet_pipeline.ledger import Balance
from ccnet_pipeline.observations.published import DomainBooks, LanguageShape, Observations
from ccnet_pipeline.report import charts, examples, flow, languages, rendering
from ccnet_pipeline.report.reading import Run
from ccnet_pipeline.report.settings import option_of, value_of

_DUMP = re.compile(r"CC-MAIN-[0-9]{4}(?:-[0-9]{2,4})+")
_MOST_ROWS = 25  # of a table: repeated paragraphs, domains, damaged archives
STAGES = {"extract": "read and hash", "mine": "language and fluency"}


@dataclass(frozen=True, slots=True)
class LanguageDetail:
    """What is shown of one language when it is chosen."""

    row: languages.LanguageRow
    perplexity: charts.Histogram | None
    score: charts.Histogram | None
    places: list[examples.Place]


def page_of(run: Run) -> bytes:
    """Return report.html of a run."""
    rows = languages.rows_of(run)
    seen = run.observations
    shown = examples.chosen(seen.examples if seen else [], [row.code for row in rows])
    details = list(_details(rows, seen, shown))
    return rendering.rendered(
        "report.html.j2",
        run=run,
        dumps=dumps_of(run),
        settings=settings_of(run),
        flow=_flow(run),
        rows=[row for row in rows if not row.is_unwanted],
        unwanted=[row for row in rows if row.is_unwanted],
        few_documents=FEW_DOCUMENTS,
        without_fluency_model=languages.without_fluency_model(run, rows),
        buckets=languages.buckets_of(rows),
        sizes=languages.size_chart(rows),
        published_size=languages.published_size,
        details=details,
        detailed={detail.row.code for detail in details},
        shown=shown,
        meaning_of=flow.meaning_of,
        stages=stages_of(run),
        domains=_domains(run),
        most_rows=_MOST_ROWS,
        chart=charts,
    )


def _details(
    rows: Sequence[languages.LanguageRow], seen: Observations | None, shown: examples.Shown
) -> Iterator[LanguageDetail]:
    """Yield the languages of which there is something to show, those last of which there are only examples."""
    shapes = seen.languages if seen else {}
    known = {row.code for row in rows}
    others = [languages.LanguageRow(code) for code in shown.places if code not in known]
    for row in [*rows, *others]:
        places = shown.places.get(row.code, [])
        if row.code in shapes or places:
            yield LanguageDetail(row, *_histograms(shapes.get(row.code)), places)


def dumps_of(run: Run) -> list[str]:
    """Return the names of the dumps that the archives are of."""
    return sorted({match[0] for each in run.notes.inputs if (match := _DUMP.search(each.name))})


def settings_of(run: Run) -> list[tuple[str, str]]:
    """Return the configuration as lines, models apart, what the recipe says first."""
    settings = run.notes.settings
    recipe = settings.pop("recipe", {})
    shown = [*(recipe.items() if isinstance(recipe, dict) else ()), *settings.items()]
    named = [(option_of(name), value) for name, value in shown]
    return [(name, plain(value_of(name, value))) for name, value in named]


def plain(value: Any) -> str:
    """Return a value of a configuration as people write it."""
    if isinstance(value, list):
        return ", ".join(map(plain, value))
    if isinstance(value, dict):
        return ", ".join(f"{name} {plain(each)}" for name, each in value.items())
    return {None: "none", True: "yes", False: "no"}[value] if value is None or isinstance(value, bool) else str(value)


def _domains(run: Run) -> list[DomainBooks]:
    """Return the domains that gave most, and those that lost most."""
    found = run.observations.domains if run.observations else []
    gave = sorted(found, key=lambda each: (-each.characters_kept, each.domain))[:_MOST_ROWS]
    lost = sorted(found, key=lambda each: (each.characters_kept - each.characters_read, each.domain))[:_MOST_ROWS]
    return [*gave, *(each for each in lost if each not in gave)]


def _flow(run: Run) -> flow.Flow | None:
    if run.ledger is None:
        return None
    balances: dict[str, Balance] = {
        "records": run.ledger.records,
        "paragraphs": run.ledger.paragraphs,
        "characters": run.ledger.characters,
    }
    return flow.flow_of(balances, run.notes.filters)


def _histograms(shape: LanguageShape | None) -> tuple[charts.Histogram | None, charts.Histogram | None]:
    if shape is None:
        return None, None
    score = charts.score_histogram(shape.scores) if any(shape.scores) else None
    return charts.perplexity_histogram(shape.perplexities, shape.cutoffs), score


@dataclass(frozen=True, slots=True)
class ShownStage:
    """What a stage took, and how fast it was."""

    name: str
    cpu_s: float
    documents: int

    @property
    def speed(self) -> float | None:
        """Documents a second on one core."""
        return self.documents / self.cpu_s if self.documents and self.cpu_s > 0 else None


def stages_of(run: Run) -> list[ShownStage]:
    """Return what the stages of a run took."""
    times = run.times.stages if run.times else []
    return [ShownStage(STAGES.get(each.stage, each.stage), each.cpu_s, each.documents) for each in times]
