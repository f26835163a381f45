"""How far a run is, read from the notes that stages leave in the work folder: any runner that shares it will do.

On a terminal two bars, with documents a second and the time left; in a log a plain line now and then. Reading one
archive may take minutes, so that stage is measured in bytes, and notes how far it is in those that it is reading.
"""

import contextlib
import functools
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from rich import filesize
from rich.console import Console

from beam_jobs.layout import Layout
from beam_jobs.stage_notes import LocalNotes, RemoteNotes, StageNotes
from ccnet_pipeline.command import duration
from ccnet_pipeline.fetch import Readable
from ccnet_pipeline.storage import is_local, join
from ccnet_pipeline.terminal import can_move, error_console

_LOG_EVERY_S = 15.0
_LOOK_EVERY_S = 0.5
_LOOK_AFAR_EVERY_S = 5.0  # into an object store
_PAUSE = 50  # times what a look took: of very many segments at least
QUIET_S = 60.0  # without anything new, until it is said
_SHOW_CURSOR = "\x1b[?25h"
_MOMENT_S = 0.5  # for a look that goes on when nobody wants it any more


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


@dataclass(slots=True)
class StageProgress:
    """One stage over all segments."""

    name: str
    folder: str
    num_segments: int
    total_bytes: int = 0  # of all archives, about; 0: the stage is not measured in bytes
    done: int = 0
    bytes: int = 0  # of the archives that are done and of those that are being read
    pages: int = 0
    began: float | None = None  # time.monotonic() when the stage was first seen at work
    done_before: int = 0  # what an earlier run left
    pages_before: int = 0
    bytes_before: int = 0
    _notes: StageNotes = field(init=False)
    _done_bytes: int = 0
    _looked: float | None = None
    _moved: float = 0.0  # when something was last seen to have come

    def __post_init__(self) -> None:
        self._notes = LocalNotes(self.folder) if is_local(self.folder) else RemoteNotes(self.folder)

    def look(self, now: float) -> None:
        """Count the notes that have come."""
        if self.done == self.num_segments:
            return
        news = self._notes.news(now)
        bytes_then = self.bytes
        self.done += news.segments
        self.pages += news.pages
        self._done_bytes += news.bytes
        self.bytes = self._done_bytes + self._notes.reading_bytes
        if self._looked is None:
            self.done_before, self.pages_before, self.bytes_before = self.done, self.pages, self._done_bytes
        if self.began is None and (self._notes.is_in_use or (news.segments and self._looked is not None)):
            self.began = now if self._notes.is_in_use else self._looked
            self._moved = now
        if news.segments or self.bytes != bytes_then:
            self._moved = now
        self._looked = now

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
        quiet = now - self._moved if self.began is not None and self.done < self.num_segments else 0.0
        ahead = (
            f", nothing new for {duration(quiet)}" if quiet >= QUIET_S else f", {duration(left)} left" if left else ""
        )
        return (
            f"{self.done}/{self.num_segments} segments"
            + (f", {filesize.decimal(self.bytes)}" if self.total_bytes else "")
            + f", {self.pages:,} documents"
            + (f", {rate:,.0f} documents/s" if rate else "")
            + ahead
        )


class Progress:
    """How far the stages are that are measured."""

    def __init__(self, layout: Layout, num_segments: int, total_bytes: int) -> None:
        self.is_local = is_local(layout.work)
        self.abandoned = threading.Event()  # nobody wants another look
        self.stages = [
            StageProgress("read and hash", join(layout.work, "extract"), num_segments, total_bytes),
            StageProgress("language and fluency", join(layout.work, "mine"), num_segments),
        ]

    def state(self) -> tuple[int, ...]:
        """Return numbers that are others as soon as something was seen to go on."""
        return tuple(number for stage in self.stages for number in (stage.done, stage.bytes))

    def looks(self, stop: threading.Event) -> Iterator[float]:
        """Look again and again, the last time when `stop` is set; yield the time, time.monotonic()."""
        shortest_s = _LOOK_EVERY_S if self.is_local else _LOOK_AFAR_EVERY_S
        pause_s, ended = 0.0, False
        while not ended:
            ended = stop.wait(pause_s)
            if self.abandoned.is_set():
                return
            now = time.monotonic()
            with contextlib.suppress(Exception):  # of a network: the next look may have more luck
                for stage in self.stages:
                    stage.look(now)
            if self.abandoned.is_set():
                return
            pause_s = max(shortest_s, _PAUSE * (time.monotonic() - now))
            yield now


@contextlib.contextmanager
def shown(layout: Layout, num_segments: int, total_bytes: int) -> Iterator[Progress]:
    """Show progress on stderr while the block runs; `total_bytes` is about the size of all archives."""
    progress = Progress(layout, num_segments, total_bytes)
    stop = threading.Event()
    console = error_console()
    moves = can_move(console)
    show = functools.partial(_show_bars, console) if moves else _show_lines
    thread = threading.Thread(target=show, args=(progress, stop), daemon=True)
    thread.start()
    try:
        yield progress
    except BaseException:
        if not progress.is_local:  # an object store that is down would hold up the end
            progress.abandoned.set()
        raise
    finally:
        stop.set()
        thread.join(_MOMENT_S if progress.abandoned.is_set() else None)
        if thread.is_alive() and moves:
            sys.stderr.write(_SHOW_CURSOR)  # the bars hide it as long as they are there


def _show_bars(console: Console, progress: Progress, stop: threading.Event) -> None:
    from rich.progress import BarColumn, Progress, TaskID, TextColumn

    label, state = TextColumn("{task.description:>20}"), TextColumn("{task.fields[state]}")
    columns = (label, BarColumn(bar_width=16), state)
    with Progress(*columns, console=console, transient=True) as bars:
        tasks: list[TaskID] = [bars.add_task(s.name, total=1.0, state="", start=False) for s in progress.stages]
        for now in progress.looks(stop):
            for stage, task in zip(progress.stages, tasks, strict=True):
                if stage.began is not None:
                    bars.start_task(task)
                    bars.update(task, completed=stage.fraction, state=stage.line(now))


def _show_lines(progress: Progress, stop: threading.Event) -> None:
    shown_at, shown = time.monotonic(), [0.0] * len(progress.stages)
    for now in progress.looks(stop):
        ended = stop.is_set()
        if ended or now - shown_at >= _LOG_EVERY_S:
            shown_at = now
            for number, stage in enumerate(progress.stages):
                # One that does not move is shown too: it waits, and is not dead.
                if stage.fraction != shown[number] or (stage.began is not None and stage.fraction < 1 and not ended):
                    shown[number] = stage.fraction
                    print(f"build_cc100: {stage.name}: {stage.line(now)}", file=sys.stderr, flush=True)
