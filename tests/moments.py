"""Moments that a test makes, where it would else meet them by luck: programs that stop and wait to be killed.

    stop = Stop(tmp_path / "stop", r"/mine/000002\\.done\\.json$")
    process = subprocess.Popen(command, env=stop.environment, ...)
    pid = stop.reached(process)     # of the one that is about to open such a file, or to give it its name; it stays

Python runs `sitecustomize` at the start of every process, those that the program starts among them; ours hears of every
file that is opened or renamed (an audit hook), and does not return where the name is the one, until `stop.release()`.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest

_T = TypeVar("_T")
# What must come comes, on however busy a machine; this only ends a test of what does not.
PATIENCE_S = 300.0
_SITE = """
import os, re, sys, time

place, name = os.environ["STOP_NOTES"], re.compile(os.environ["STOP_AT"])
where = {"open": 0, "os.rename": 1}

def stop(event, arguments):
    if event in where and name.search(str(arguments[where[event]])):
        os.makedirs(f"{place}/{os.getpid()}", exist_ok=True)
        while not os.path.exists(f"{place}/../go"):
            time.sleep(0.05)

sys.addaudithook(stop)
"""


def wait_for(condition: Callable[[], _T], what: str) -> _T:
    """Return what the condition gives as soon as that is true; fail, naming what was waited for, if it never is."""
    deadline = time.monotonic() + PATIENCE_S
    while not (found := condition()):
        if time.monotonic() > deadline:
            pytest.fail(f"waited {PATIENCE_S:.0f} s for {what}")
        time.sleep(0.01)
    return found


class Stop:
    """Stops every process of a program that is about to open a file, or to give one its name, that matches."""

    def __init__(self, folder: Path, pattern: str) -> None:
        (folder / "notes").mkdir(parents=True)
        (folder / "sitecustomize.py").write_text(_SITE, "utf-8")
        self._notes = folder / "notes"
        self.pattern = pattern
        self.environment = {
            **os.environ, "PYTHONPATH": str(folder), "STOP_AT": pattern, "STOP_NOTES": str(self._notes)
        }  # fmt: skip

    def reached(self, process: subprocess.Popen[Any]) -> int:
        """Wait until a process of the program has stopped; return its number."""

        def first() -> list[int]:
            if process.poll() is not None:
                pytest.fail(f"the program ended, with status {process.returncode}, before {self.pattern}")
            return [int(note.name) for note in self._notes.iterdir()]

        return wait_for(first, f"a process to come to {self.pattern}")[0]

    def release(self) -> None:
        """Let those that have stopped, and those that would, go on."""
        (self._notes.parent / "go").touch()
