"""How far a training of many languages is, and what came of it: a bar, lines, a table."""

import logging
import time
from collections.abc import Iterable, Sequence
from types import TracebackType

from rich import filesize
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Table

from ccnet_pipeline.command import duration, print_table
from ccnet_pipeline.fluency.cards import TrainingRecord
from ccnet_pipeline.fluency.one_language import Outcome
from ccnet_pipeline.fluency.texts import Source
from ccnet_pipeline.terminal import can_move, error_console

_MOST_NAMED = 6  # languages in work
_COLUMNS = ("characters", "pieces", "n-grams", "perplexity", "size", "CPU s", "memory")
_log = logging.getLogger(__name__)


class TrainingProgress:
    """Shows on standard error how much of the text has been trained on, with the time left."""

    def __init__(self, sources: Sequence[Source]) -> None:
        self._bytes = {source.language: source.bytes for source in sources}
        self._total, self._done, self._ended = sum(self._bytes.values()), 0, 0
        self._stages: dict[str, str] = {}
        self._began = time.monotonic()
        console = error_console()
        columns = (TextColumn("{task.description}"), BarColumn(bar_width=16), TextColumn("{task.fields[state]}"))
        self._bar = Progress(*columns, console=console, transient=True, disable=not can_move(console))
        self._task = self._bar.add_task("train", total=max(self._total, 1), state="")

    def __enter__(self) -> "TrainingProgress":
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def tell(self, language: str, stage: str) -> None:
        """Show what is being done of a language."""
        self._stages[language] = stage
        self._show()

    def end(self, outcome: Outcome) -> None:
        """Count a language that is at its end, and say how it ended."""
        self._stages.pop(outcome.language, None)
        self._done += self._bytes.get(outcome.language, 0)
        self._ended += 1
        self._show()
        if outcome.end != "done":
            said = f" {outcome.said}" if outcome.said and outcome.end == "trained" else ""
            _log.info("%s: %s%s; %s", outcome.language, outcome.end, said, self._state())
        if outcome.end == "trained" and outcome.record and (count := outcome.record.text.too_long):
            _log.info("%s: %d paragraphs above 1 MiB were left out", outcome.language, count)
        if outcome.doubt:
            _log.warning("%s: %s", outcome.language, outcome.doubt)

    def _state(self) -> str:
        elapsed = time.monotonic() - self._began
        left = elapsed / self._done * (self._total - self._done) if self._done else 0.0
        state = f"{self._ended} of {len(self._bytes)} languages"
        return state + (f", {duration(left)} left" if left else "")

    def _show(self) -> None:
        stages = [f"{language} {stage}" for language, stage in sorted(self._stages.items())[:_MOST_NAMED]]
        self._bar.update(self._task, completed=self._done, state=", ".join([self._state(), *stages]))


def print_outcomes(outcomes: Iterable[Outcome]) -> None:
    """Print what each model came to, by language; the perplexity is that of the text held out."""
    table = Table(box=None, pad_edge=False, header_style="", padding=(0, 2, 0, 0))
    table.add_column("language")
    for heading in _COLUMNS:
        table.add_column(heading, justify="right")
    for outcome in sorted(outcomes, key=lambda outcome: outcome.language):
        if outcome.record:
            table.add_row(*_cells(outcome, outcome.record))
    print_table(table)


def _cells(outcome: Outcome, record: TrainingRecord) -> list[str]:
    """Return a row of the table. What was there already cost no time."""
    trained = outcome.end == "trained"
    return [
        outcome.language,
        f"{record.text.characters:,}",
        f"{record.pieces:,}",
        f"{sum(record.ngrams):,}",
        "" if record.held_out_perplexity is None else f"{record.held_out_perplexity:,.1f}",
        filesize.decimal(sum(record.file_bytes.values())),
        f"{outcome.seconds:,.1f}" if trained else "there",
        filesize.decimal(outcome.peak_bytes) if trained else "",
    ]
