"""The report of one run."""

import re
from collections import Counter
from dataclasses import dataclass

from ccnet_pipeline.ledger import Balance
from ccnet_pipeline.observations.published import LanguageShape, StageTime
from ccnet_pipeline.reasons import reason_of
from ccnet_pipeline.report import charts, examples, flow, languages, rendering
from ccnet_pipeline.report.reading import Run

_DUMP = re.compile(r"CC-MAIN-[0-9]{4}(?:-[0-9]{2,4})+")
_MOST_ROWS = 50  # of repeated paragraphs, domains, damaged archives
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
    return rendering.rendered(
        "report.html.j2",
        run=run,
        dumps=dumps_of(run),
        settings=settings_of(run),
        flow=_flow(run),
        rows=rows,
        buckets=languages.buckets_of(rows),
        sizes=languages.size_chart(rows),
        published_size=languages.published_size,
        details=[
            LanguageDetail(
                row, *_histograms(seen.languages.get(row.code) if seen else None), shown.places.get(row.code, [])
            )
            for row in rows
            if row.documents or (seen and row.code in seen.languages) or row.code in shown.places
        ],
        shown=shown,
        reason_of=reason_of,
        stages=[_stage(each) for each in (run.times.stages if run.times else [])],
        most_rows=_MOST_ROWS,
        chart=charts,
    )


def dumps_of(run: Run) -> list[str]:
    """Return the dumps of the inputs, with their archives."""
    found = Counter(match[0] for each in run.notes.inputs if (match := _DUMP.search(each.name)))
    return [f"{dump} ({number:,})" for dump, number in sorted(found.items())]


def settings_of(run: Run) -> list[tuple[str, str]]:
    """Return the configuration as lines, models apart."""
    found: list[tuple[str, str]] = []
    configuration = dict(run.notes.configuration)
    recipe = configuration.pop("recipe", {})
    for name, value in [*(recipe.items() if isinstance(recipe, dict) else ()), *configuration.items()]:
        if name != "models":
            found.append((name, _plain(value)))
    return found


def _plain(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return {None: "none", True: "yes", False: "no"}[value] if value is None or isinstance(value, bool) else str(value)


def _flow(run: Run) -> flow.Flow | None:
    if run.ledger is None:
        return None
    balances: dict[str, Balance] = {
        "records": run.ledger.records,
        "paragraphs": run.ledger.paragraphs,
        "characters": run.ledger.characters,
    }
    return flow.flow_of(balances)


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


def _stage(time: StageTime) -> ShownStage:
    return ShownStage(STAGES.get(time.stage, time.stage), time.cpu_s, time.documents)
