"""How far a run is, read from the notes that stages leave in the work folder: any runner that shares it will do.

On a terminal two bars, with documents a second and the time left; in a log a plain line now and then.
"""

import contextlib
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn

from beam_jobs.layout import Layout
from beam_jobs.storage import is_local

_LOG_EVERY_S = 15.0
_LOOK_EVERY_S = 0.5


class _Pages(msgspec.Struct):
    """What we want of a note."""

    pages: int


@dataclass(slots=True)
class StageProgress:
    """One stage over all segments."""

    name: str
    folder: Path
    num_segments: int
    done: int = 0
    pages: int = 0
    began: float | None = None  # time.monotonic() when the stage was first seen at work
    done_before: int = 0  # what an earlier run left
    pages_before: int = 0
    _seen: set[str] = field(default_factory=set)

    def look(self, now: float) -> None:
        """Count the notes that have come."""
        for note in self.folder.glob("*.done.json"):
            if note.name not in self._seen:
                self._seen.add(note.name)
                self.done += 1
                self.pages += msgspec.json.decode(note.read_bytes(), type=_Pages).pages
        if self.began is None and (self.done or any(self.folder.glob(".*"))):
            self.began, self.done_before, self.pages_before = now, self.done, self.pages

    def pages_per_s(self, now: float) -> float:
        """Return the documents a second of this run."""
        elapsed = now - self.began if self.began is not None else 0.0
        return (self.pages - self.pages_before) / elapsed if elapsed > 0 else 0.0

    def seconds_left(self, now: float) -> float | None:
        """Return the time to the end of the stage at the present speed; None if there is no speed yet."""
        fresh = self.done - self.done_before
        if self.began is None or fresh == 0:
            return None
        return (now - self.began) / fresh * (self.num_segments - self.done)

    def line(self, now: float) -> str:
        """Return the state in words."""
        left = self.seconds_left(now)
        rate = self.pages_per_s(now)
        return (
            f"{self.done}/{self.num_segments} segments, {self.pages:,} documents"
            + (f", {rate:,.0f} documents/s" if rate else "")
            + (f", {_duration(left)} left" if left else "")
        )


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}"


@contextlib.contextmanager
def shown(layout: Layout, num_segments: int) -> Iterator[None]:
    """Show progress on stderr while the block runs."""
    if not is_local(layout.work):
        yield
        return
    stages = [
        StageProgress(label, Path(layout.work) / folder, num_segments)
        for label, folder in (("read and hash", "extract"), ("language and fluency", "mine"))
    ]
    stop = threading.Event()
    show = _show_bars if sys.stderr.isatty() else _show_lines
    thread = threading.Thread(target=show, args=(stages, stop), daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _show_bars(stages: list[StageProgress], stop: threading.Event) -> None:
    label, state = TextColumn("{task.description:>20}"), TextColumn("{task.fields[state]}")
    columns = (label, BarColumn(bar_width=16), MofNCompleteColumn(), state)
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        tasks: list[TaskID] = [bars.add_task(s.name, total=s.num_segments, state="", start=False) for s in stages]
        ended = False
        while not ended:
            ended = stop.wait(_LOOK_EVERY_S)
            now = time.monotonic()
            for stage, task in zip(stages, tasks, strict=True):
                stage.look(now)
                if stage.began is not None:
                    bars.start_task(task)
                state_now = stage.line(now).partition(", ")[2] if stage.done else ""
                bars.update(task, completed=stage.done, state=state_now)


def _show_lines(stages: list[StageProgress], stop: threading.Event) -> None:
    shown_at, shown = time.monotonic(), [0] * len(stages)
    ended = False
    while not ended:
        ended = stop.wait(_LOOK_EVERY_S)
        now = time.monotonic()
        for stage in stages:
            stage.look(now)
        if ended or now - shown_at >= _LOG_EVERY_S:
            shown_at = now
            for number, stage in enumerate(stages):
                if stage.done != shown[number]:
                    shown[number] = stage.done
                    print(f"build_cc100: {stage.name}: {stage.line(now)}", file=sys.stderr, flush=True)
