"""How far a run is, read from the notes that stages leave in the work folder: any runner that shares it will do.

On a terminal two bars, with documents a second and the time left; in a log a plain line now and then. Reading one
archive may take minutes, so that stage is measured in bytes, and notes how far it is in those that it is reading.
"""

import contextlib
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
from rich import filesize
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn

from beam_jobs.layout import READING, Layout
from beam_jobs.storage import is_local
from ccnet_pipeline.fetch import Readable

_LOG_EVERY_S = 15.0
_LOOK_EVERY_S = 0.5


class WatchedStream:
    """A stream that notes, in a file, how many bytes were read from it."""

    def __init__(self, stream: Readable, note: str) -> None:
        self.bytes = 0
        self._stream = stream
        self._note = Path(note) if is_local(note) else None
        self._noted_at = 0.0

    def read(self, size: int, /) -> bytes:
        data = self._stream.read(size)
        self.bytes += len(data)
        now = time.monotonic()
        if self._note and now - self._noted_at >= _LOOK_EVERY_S:
            self._noted_at = now
            self._note.write_text(str(self.bytes))
        return data


@contextlib.contextmanager
def watched(stream: Readable, note: str) -> Iterator[WatchedStream]:
    """Note how far a stream has been read, until the block ends."""
    try:
        yield WatchedStream(stream, note)
    finally:
        if is_local(note):
            Path(note).unlink(missing_ok=True)


class _Pages(msgspec.Struct):
    """What we want of a note."""

    pages: int
    bytes: int = 0


@dataclass(slots=True)
class StageProgress:
    """One stage over all segments."""

    name: str
    folder: Path
    num_segments: int
    total_bytes: int = 0  # of all archives, about; 0: the stage is not measured in bytes
    done: int = 0
    bytes: int = 0  # of the archives that are done and of those that are being read
    pages: int = 0
    began: float | None = None  # time.monotonic() when the stage was first seen at work
    done_before: int = 0  # what an earlier run left
    pages_before: int = 0
    bytes_before: int = 0
    _seen: set[str] = field(default_factory=set)
    _done_bytes: int = 0

    def look(self, now: float) -> None:
        """Count the notes that have come."""
        for note in self.folder.glob("*/*.done.json"):
            if note.name not in self._seen:
                self._seen.add(note.name)
                self.done += 1
                content = msgspec.json.decode(note.read_bytes(), type=_Pages)
                self.pages += content.pages
                self._done_bytes += content.bytes
        self.bytes = self._done_bytes + sum(map(_noted_bytes, self.folder.glob(f"*/.*.{READING}")))
        if self.began is None and (self.done or any(self.folder.glob("*/.*"))):
            self.began, self.done_before, self.pages_before = now, self.done, self.pages
            self.bytes_before = self._done_bytes

    def pages_per_s(self, now: float) -> float:
        """Return the documents a second of this run."""
        elapsed = now - self.began if self.began is not None else 0.0
        return (self.pages - self.pages_before) / elapsed if elapsed > 0 else 0.0

    @property
    def fraction(self) -> float:
        """How much of the stage is done, in [0, 1]."""
        return self._amounts()[1] / self._amounts()[2]

    def seconds_left(self, now: float) -> float | None:
        """Return the time to the end of the stage at the present speed; None if there is no speed yet."""
        before, done, total = self._amounts()
        if self.began is None or done <= before:
            return None
        return (now - self.began) / (done - before) * (total - done)

    def _amounts(self) -> tuple[int, int, int]:
        """Return what an earlier run did, what is done, and all there is to do: bytes, or segments."""
        if self.total_bytes == 0 or self.done == self.num_segments:
            return self.done_before, self.done, self.num_segments
        # The total is an estimate.
        return self.bytes_before, self.bytes, max(self.total_bytes, self.bytes + 1)

    def line(self, now: float) -> str:
        """Return the state in words."""
        left = self.seconds_left(now)
        rate = self.pages_per_s(now)
        return (
            f"{self.done}/{self.num_segments} segments"
            + (f", {filesize.decimal(self.bytes)}" if self.total_bytes else "")
            + f", {self.pages:,} documents"
            + (f", {rate:,.0f} documents/s" if rate else "")
            + (f", {_duration(left)} left" if left else "")
        )


def _noted_bytes(note: Path) -> int:
    try:
        return int(note.read_text() or 0)
    except (FileNotFoundError, ValueError):  # it is being written, or removed, at this moment
        return 0


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}"


@contextlib.contextmanager
def shown(layout: Layout, num_segments: int, total_bytes: int) -> Iterator[None]:
    """Show progress on stderr while the block runs; `total_bytes` is about the size of all archives."""
    if not is_local(layout.work):
        yield
        return
    stages = [
        StageProgress("read and hash", Path(layout.work) / "extract", num_segments, total_bytes),
        StageProgress("language and fluency", Path(layout.work) / "mine", num_segments),
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
    columns = (label, BarColumn(bar_width=16), state)
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        tasks: list[TaskID] = [bars.add_task(s.name, total=1.0, state="", start=False) for s in stages]
        ended = False
        while not ended:
            ended = stop.wait(_LOOK_EVERY_S)
            now = time.monotonic()
            for stage, task in zip(stages, tasks, strict=True):
                stage.look(now)
                if stage.began is not None:
                    bars.start_task(task)
                    bars.update(task, completed=stage.fraction, state=stage.line(now))


def _show_lines(stages: list[StageProgress], stop: threading.Event) -> None:
    shown_at, shown = time.monotonic(), [0.0] * len(stages)
    ended = False
    while not ended:
        ended = stop.wait(_LOOK_EVERY_S)
        now = time.monotonic()
        for stage in stages:
            stage.look(now)
        if ended or now - shown_at >= _LOG_EVERY_S:
            shown_at = now
            for number, stage in enumerate(stages):
                # One that does not move is shown too: it waits, and is not dead.
                if stage.fraction != shown[number] or (stage.began is not None and stage.fraction < 1 and not ended):
                    shown[number] = stage.fraction
                    print(f"build_cc100: {stage.name}: {stage.line(now)}", file=sys.stderr, flush=True)
