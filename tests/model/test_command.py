"""What all commands do alike: statuses, one line, SIGTERM; and workers end with the process that started them."""

import argparse
import errno
import io
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import psutil
import pytest

from model import command, encode, export, fill_mask, plot, pretrain, vocab
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


def printing(_: argparse.Namespace) -> None:
    print("naïve 中文 \udcff\n" * 9999)  # more than any buffer holds


@pytest.mark.parametrize(
    ("encoding", "line"),
    [("ascii", b"na\\xefve \\u4e2d\\u6587"), ("latin-1", b"na\xefve \\u4e2d"), ("utf-8", b"na\xc3\xafve")],
)
def test_what_the_output_cannot_encode_is_escaped(encoding: str, line: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding=encoding))
    assert run(printing) == 0
    assert written.getvalue().startswith(line)


@pytest.mark.parametrize("command_line", [vocab, encode, pretrain, export, fill_mask, plot])
def test_every_command_can_print_to_ascii(command_line: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding="ascii"))
    monkeypatch.setattr(command_line.command.argparse.ArgumentParser, "format_help", lambda _: "中")
    with pytest.raises(SystemExit):
        command_line.main(["--help"])
    sys.stdout.flush()
    assert written.getvalue() == b"\\u4e2d"


@pytest.mark.parametrize("lines", [printing, lambda _: print("one")])
def test_nobody_reads_to_the_end(
    lines: Callable[[argparse.Namespace], None], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as pipe, monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", pipe)
        assert run(lines) == 0
    assert capsys.readouterr().err == ""  # not when the pipe is closed at the end, either


def test_another_pipe_that_breaks_is_no_success(capsys: pytest.CaptureFixture[str]) -> None:
    def work(_: argparse.Namespace) -> None:
        raise BrokenPipeError(errno.EPIPE, "Broken pipe")

    assert run(work) == 2
    assert "Broken pipe" in capsys.readouterr().err


def test_an_output_without_room_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with Path("/dev/full").open("w") as full, monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", full)
        assert run(printing) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith("p: no space left on the disk")


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
    _, alive = psutil.wait_procs(children, timeout=60)
    for child in alive:
        child.kill()
    assert not alive
