"""What all commands do alike: statuses, one line, SIGTERM; and workers end with the process that started them."""

import argparse
import errno
import os
import signal
import subprocess
import sys
from collections.abc import Callable

import psutil
import pytest

from model import command
from model.errors import UserError
from tests.conftest import CHECKOUT


def run(work: Callable[[argparse.Namespace], int | None]) -> int:
    return command.run(argparse.ArgumentParser(prog="p"), work, [], interrupted="go on", no_memory="buy some")


def raising(error: BaseException) -> Callable[[argparse.Namespace], int | None]:
    def work(_: argparse.Namespace) -> None:
        raise error

    return work


@pytest.mark.parametrize(
    ("error", "status", "line"),
    [
        (UserError("no x; give y"), 2, "p: no x; give y"),
        (MemoryError(), 2, "p: out of memory: buy some"),
        (PermissionError(errno.EACCES, "Permission denied", "f"), 2, "p: [Errno 13] Permission denied: 'f'"),
        (
            OSError(errno.ENOSPC, "No space", "f"),
            2,
            "p: no space left on the disk ([Errno 28] No",
        ),
        (KeyboardInterrupt(), 130, "p: interrupted; go on"),
    ],
)
def test_a_mistake_is_one_line(
    error: BaseException, status: int, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(raising(error)) == status
    [said] = capsys.readouterr().err.strip().splitlines()
    assert said.startswith(line)


def test_a_defect_is_not_hidden() -> None:
    with pytest.raises(ZeroDivisionError):
        run(lambda _: 1 // 0)


def test_sigterm_is_an_interrupt_and_only_here(capsys: pytest.CaptureFixture[str]) -> None:
    before = signal.getsignal(signal.SIGTERM)
    assert run(lambda _: os.kill(os.getpid(), signal.SIGTERM)) == 130
    assert signal.getsignal(signal.SIGTERM) == before
    assert "go on" in capsys.readouterr().err


ENDLESS = """
import itertools, time
from model.workers import Workers
if __name__ == "__main__":
    with Workers(2, int) as pool:
        for done in pool.map(time.sleep, itertools.chain([0.01, 0.01], itertools.repeat(60))):
            print(done, flush=True)
"""


def test_workers_end_with_a_parent_that_is_killed() -> None:
    parent = subprocess.Popen([sys.executable, "-c", ENDLESS], cwd=CHECKOUT, stdout=subprocess.PIPE)
    assert parent.stdout is not None
    parent.stdout.readline()  # both are at work
    children = psutil.Process(parent.pid).children(recursive=True)
    assert len(children) >= 2
    parent.kill()
    parent.wait()
    _, alive = psutil.wait_procs(children, timeout=20)
    for child in alive:
        child.kill()
    assert not alive
