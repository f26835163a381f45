"""Checkpoints are written while the training goes on, and a run that ends has them whole; when they are due."""

from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from threading import Event
from typing import Any

import pytest
import torch
from torch import Tensor

from model import pretrain
from model.data.loader import Batch
from model.errors import UserError
from model.training import checkpoint, writer
from model.training.cadence import Cadence
from model.training.distributed import Distributed
from model.training.progress import Line, Progress
from model.training.trainer import Asked, Metrics, Trainer
from model.training.writer import Writer
from tests.model.runs import again, equal, lines, mistake, weights

torch.set_num_threads(1)  # sums of floats depend on it
PATIENCE = 60  # seconds, in which what is waited for has long happened


def test_the_training_goes_on_while_the_state_of_before_is_written(
    whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained, real_step = Event(), Trainer.step

    def step(self: Trainer, batch: Batch, asked: Asked) -> Metrics:
        metrics = real_step(self, batch, asked)
        if batch.step == 7:
            trained.set()
        return metrics

    def save(*arguments: Any, **options: Any) -> Path:
        assert trained.wait(PATIENCE)
        return checkpoint.save(*arguments, **options)

    monkeypatch.setattr(Trainer, "step", step)
    monkeypatch.setattr(writer, "save", save)
    assert pretrain.main(again(whole, f"--output={tmp_path / 'run'}")) == 0
    one, other = (checkpoint.load(run / "checkpoints" / "step-00000005") for run in (whole, tmp_path / "run"))
    assert equal(one.model, other.model)
    for name, state in one.optimizer["state"].items():
        assert equal(state, other.optimizer["state"][name])
    assert equal(weights(whole), weights(tmp_path / "run"))


def test_a_run_that_is_stopped_says_so_when_its_checkpoint_is_whole(
    whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    events: list[str] = []
    ended, real_step, real_write, real_end = Event(), Trainer.step, Progress.write, ThreadPoolExecutor.shutdown

    def step(self: Trainer, batch: Batch, asked: Asked) -> Metrics:
        return real_step(self, batch, asked._replace(interrupted=batch.step == 2))

    def end(self: ThreadPoolExecutor) -> None:
        ended.set()
        real_end(self)

    def save(*arguments: Any, **options: Any) -> Path:
        assert ended.wait(PATIENCE)
        events.append("whole")
        return checkpoint.save(*arguments, **options)

    def write(self: Progress, line: Line, *arguments: Any) -> None:
        events.append(line.event)
        real_write(self, line, *arguments)

    monkeypatch.setattr(Trainer, "step", step)
    monkeypatch.setattr(ThreadPoolExecutor, "shutdown", end)
    monkeypatch.setattr(writer, "save", save)
    monkeypatch.setattr(Progress, "write", write)
    assert pretrain.main(again(whole, f"--output={tmp_path / 'run'}")) == 130
    assert events[-2:] == ["whole", "stop"]


def test_a_checkpoint_that_cannot_be_written_ends_the_run_with_one_line(
    whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    def at_once(_: ThreadPoolExecutor, work: Any, *arguments: Any, **options: Any) -> Future[Path]:
        future: Future[Path] = Future()
        with pytest.raises(UserError) as raised:
            work(*arguments, **options)
        future.set_exception(raised.value)
        return future

    monkeypatch.setattr(torch, "save", full)
    run = tmp_path / "run"
    with monkeypatch.context() as patch:
        patch.setattr(ThreadPoolExecutor, "submit", at_once)
        message = mistake(capsys, *again(whole, f"--output={run}"))
    assert "step-00000005 cannot be written ([Errno 28] No space left on device); make room" in message
    assert lines(run)[-1]["step"] == 5  # and not when the next one is due
    message = mistake(capsys, *again(whole, f"--output={tmp_path / 'last'}", "--save_every=99"))  # in the thread
    assert "step-00000010 cannot be written" in message


def test_an_error_of_the_training_is_not_hidden_by_one_of_the_writing(tmp_path: Path) -> None:
    failed: Future[Path] = Future()
    failed.set_exception(UserError("cannot be written"))

    def train(error: type[Exception] | None) -> None:
        with Writer(tmp_path, keep=1) as writing:
            writing._written = failed
            if error is not None:
                raise error

    with pytest.raises(ZeroDivisionError):
        train(ZeroDivisionError)
    with pytest.raises(UserError, match="cannot be written"):
        train(None)


# --- by minutes


def test_minutes_are_counted_from_the_last_time() -> None:
    now = [100.0]
    cadence = Cadence(0, 2, {7}, clock=lambda: now[0])

    def due_at(seconds: float) -> bool:
        now[0] = seconds
        return cadence.by_minutes()

    assert [due_at(seconds) for seconds in (100, 219.9, 220, 300)] == [False, False, True, True]
    cadence.begin()
    assert [due_at(seconds) for seconds in (301, 419.9, 420)] == [False, False, True]
    assert not Cadence(0, 0, (), clock=iter((0, 10**9)).__next__).by_minutes()
    assert [done for done in range(1, 12) if cadence.by_steps(done)] == [7]
    assert [done for done in range(1, 12) if Cadence(4, 0, {11}).by_steps(done)] == [4, 8, 11]


def test_what_the_first_process_asks_for_by_its_clock_all_do_after_the_same_step(
    whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = 0

    def together(_: Distributed, values: Tensor) -> Tensor:
        nonlocal calls
        if values.shape == (5,):  # of a step: another process asks for a checkpoint and for validation
            calls += 1
            values[3] += calls == 3
            values[4] += calls == 7
        return values

    monkeypatch.setattr(Distributed, "sum", together)
    run = tmp_path / "run"
    assert pretrain.main(again(whole, f"--output={run}", "--keep=9")) == 0
    assert sorted(path.name for path in (run / "checkpoints").iterdir()) == [
        f"step-000000{step}" for step in ("03", "05", "10")
    ]
    assert [line["step"] for line in lines(run) if line["event"] == "validation"] == [5, 7, 10]
    assert equal(weights(whole), weights(run))
