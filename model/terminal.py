"""Standard error: a terminal, a log or a notebook; how wide it is, whether bars can move there, and lines where not.

Colours are rich's own choice, and with NO_COLOR (no-color.org) there are no escapes at all but those that move a bar.
"""

import os
import sys
import time
from datetime import timedelta

from rich import filesize
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

_LOG_WIDTH = 160  # of what has no width
_LOG_EVERY_S = 15.0
_NOTEBOOKS = ("JPY_PARENT_PID", "COLAB_RELEASE_TAG")  # environment variables of the programs that a notebook starts


def error_console() -> Console:
    """Return a console for standard error, wide enough for a file where that is no terminal."""
    console = Console(stderr=True, color_system=None if os.environ.get("NO_COLOR") else "auto")
    if not _is_tty(console) and not console.is_jupyter:
        console.width = _LOG_WIDTH
    return console


def can_move(console: Console) -> bool:
    """Tell whether a bar can be drawn over again: not in a log, on a terminal without abilities, nor in a notebook."""
    in_notebook = console.is_jupyter or any(map(os.environ.get, _NOTEBOOKS))
    return _is_tty(console) and not console.is_dumb_terminal and not in_notebook


def _is_tty(console: Console) -> bool:
    # With FORCE_COLOR rich takes a log for a terminal.
    return console.is_terminal and console.file.isatty()


class Bar:
    """Shows on standard error how many bytes are done: a bar on a terminal, else a line now and then."""

    def __init__(self, name: str, total: int) -> None:
        columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), DownloadColumn())
        console = error_console()
        self._moves = can_move(console)
        self._progress = Progress(*columns, TimeRemainingColumn(), console=console, disable=not self._moves)
        self._name, self._task = name, self._progress.add_task(name, total=total)
        self._total, self._done = total, 0
        self._began = self._told = time.monotonic()

    def __enter__(self) -> "Bar":
        self._progress.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._progress.stop()

    def advance(self, size: int) -> None:
        """Count bytes that are done."""
        self._done += size
        self._progress.advance(self._task, size)
        now = time.monotonic()
        if not self._moves and now - self._told >= _LOG_EVERY_S:
            self._told = now
            print(self._line(now - self._began), file=sys.stderr, flush=True)

    def describe(self, text: str) -> None:
        """Say what is being done."""
        self._progress.update(self._task, description=f"{self._name} {text}")

    def _line(self, elapsed_s: float) -> str:
        line = f"{self._name}: {filesize.decimal(self._done)} of {filesize.decimal(self._total)}"
        if not self._done:
            return line
        left_s = max(0.0, elapsed_s * (self._total - self._done) / self._done)
        return f"{line}, {timedelta(seconds=round(left_s))} left"
