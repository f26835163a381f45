"""How far a run is, read from the notes that stages leave in the work folder: any runner that shares it will do.

On a terminal two bars, with documents a second and the time left; in a log a plain line now and then. Reading one
archive may take minutes, so that stage is measured in bytes, and notes how far it is in those that it is reading.
"""

import contextlib
import os
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
from rich import filesize

from beam_jobs.layout import READING, Layout
from ccnet_pipeline.fetch import Readable
from ccnet_pipeline.storage import is_local, read_note

_LOG_EVERY_S = 15.0
_LOOK_EVERY_S = 0.5
_PAUSE = 50  # times what a look took: of very many segments at least
_SETTLED_NS = 1_000_000_000  # a folder that changed since may change again without another time of change


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
class _NoteFolder:
    """The notes of a thousand segments; it is listed only if something has come or gone since."""

    path: Path
    reading: list[Path] = field(default_factory=list)  # notes of how far an archive has been read
    is_in_use: bool = False
    _seen: set[str] = field(default_factory=set)
    _changed_ns: int | None = None  # as of the last listing

    def new_notes(self) -> list[Path]:
        """Return the notes of segments that are done since the last time."""
        changed_ns = self.path.stat().st_mtime_ns
        if changed_ns == self._changed_ns:
            return []
        is_settled = changed_ns < time.time_ns() - _SETTLED_NS
        self._changed_ns = changed_ns if is_settled else None
        names = os.listdir(self.path)  # noqa: PTH208 - thousands of names, which iterdir would make paths of
        new = {name for name in names if name.endswith(".done.json") and not name.startswith(".")} - self._seen
        self._seen |= new
        self.reading = [self.path / name for name in names if name.startswith(".") and name.endswith(f".{READING}")]
        self.is_in_use = any(name.startswith(".") for name in names)
        return [self.path / name for name in sorted(new)]


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
    _folders: dict[str, _NoteFolder] = field(default_factory=dict)
    _done_bytes: int = 0

    def look(self, now: float) -> None:
        """Count the notes that have come."""
        if self.done == self.num_segments:
            return
        for folder in self._note_folders():
            for note in folder.new_notes():
                self.done += 1
                content = read_note(str(note), _Pages) or _Pages(pages=0)
                self.pages += content.pages
                self._done_bytes += content.bytes
        folders = self._folders.values()
        self.bytes = self._done_bytes + sum(_noted_bytes(note) for folder in folders for note in folder.reading)
        if self.began is None and (self.done or any(folder.is_in_use for folder in folders)):
            self.began, self.done_before, self.pages_before = now, self.done, self.pages
            self.bytes_before = self._done_bytes

    def _note_folders(self) -> list[_NoteFolder]:
        with contextlib.suppress(FileNotFoundError):
            for path in self.folder.iterdir():
                if path.name not in self._folders:
                    self._folders[path.name] = _NoteFolder(path)
        return list(self._folders.values())

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


def _looks(stages: list[StageProgress], stop: threading.Event) -> Iterator[float]:
    """Look at the stages again and again, the last time when `stop` is set; yield the time, time.monotonic()."""
    pause_s = _LOOK_EVERY_S
    ended = False
    while not ended:
        ended = stop.wait(pause_s)
        now = time.monotonic()
        for stage in stages:
            stage.look(now)
        pause_s = max(_LOOK_EVERY_S, _PAUSE * (time.monotonic() - now))
        yield now


def _show_bars(stages: list[StageProgress], stop: threading.Event) -> None:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskID, TextColumn

    label, state = TextColumn("{task.description:>20}"), TextColumn("{task.fields[state]}")
    columns = (label, BarColumn(bar_width=16), state)
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        tasks: list[TaskID] = [bars.add_task(s.name, total=1.0, state="", start=False) for s in stages]
        for now in _looks(stages, stop):
            for stage, task in zip(stages, tasks, strict=True):
                if stage.began is not None:
                    bars.start_task(task)
                    bars.update(task, completed=stage.fraction, state=stage.line(now))


def _show_lines(stages: list[StageProgress], stop: threading.Event) -> None:
    shown_at, shown = time.monotonic(), [0.0] * len(stages)
    for now in _looks(stages, stop):
        ended = stop.is_set()
        if ended or now - shown_at >= _LOG_EVERY_S:
            shown_at = now
            for number, stage in enumerate(stages):
                # One that does not move is shown too: it waits, and is not dead.
                if stage.fraction != shown[number] or (stage.began is not None and stage.fraction < 1 and not ended):
                    shown[number] = stage.fraction
                    print(f"build_cc100: {stage.name}: {stage.line(now)}", file=sys.stderr, flush=True)
