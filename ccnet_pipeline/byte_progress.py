"""How far the reading of files is: a bar on a terminal, else a line now and then, on standard error."""

import contextlib
import sys
import time
from collections.abc import Iterator

from rich import filesize
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from ccnet_pipeline.command import duration
from ccnet_pipeline.processes import Advance
from ccnet_pipeline.terminal import can_move, error_console

_LOG_EVERY_S = 15.0


@contextlib.contextmanager
def shown(program: str, doing: str, total: int) -> Iterator[Advance]:
    """Show progress while the block runs; what it gives is told of the bytes that were read.

    Args:
        program: begins every line.
        doing: what is being done.
        total: bytes.
    """
    console = error_console()
    if not can_move(console):
        yield _Lines(program, doing, total).advance
        return
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, TimeRemainingColumn(), console=console, transient=True) as bars:
        task = bars.add_task(doing, total=total)
        yield lambda size: bars.advance(task, size)


class _Lines:
    def __init__(self, program: str, doing: str, total: int) -> None:
        self._begin = f"{program}: {doing}: "
        self._total = total
        self._began = self._told = time.monotonic()
        self._read = 0

    def advance(self, size: int) -> None:
        self._read += size
        now = time.monotonic()
        if now - self._told < _LOG_EVERY_S:
            return
        self._told = now
        print(self._begin + self._line(now - self._began), file=sys.stderr, flush=True)

    def _line(self, elapsed_s: float) -> str:
        line = f"{filesize.decimal(self._read)} of {filesize.decimal(self._total)}"
        if not self._read:
            return line
        left = duration(max(0.0, elapsed_s * (self._total - self._read) / self._read))
        speed = filesize.decimal(int(self._read / elapsed_s))
        return f"{line}, {speed}/s, {left} left"
