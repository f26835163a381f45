"""A run that was stopped, killed, or goes on in more processes does what the uninterrupted run does."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from model import pretrain
from model.data.loader import Batch
from model.training import checkpoint
from model.training.trainer import Asked, Metrics, Trainer
from tests.conftest import CHECKOUT
from tests.model.runs import SMALL, again, equal, lines, mistake, weights

torch.set_num_threads(1)  # sums of floats depend on it


def stop_after(monkeypatch: pytest.MonkeyPatch, steps: int) -> None:
    """Kill the training in this process after so many steps, at the worst time: the update is done, nothing else."""
    real, done = Trainer.step, 0

    def step(self: Trainer, *arguments: Any, **options: Any) -> Any:
        nonlocal done
        if (done := done + 1) > steps:
            raise KeyboardInterrupt
        return real(self, *arguments, **options)

    monkeypatch.setattr(Trainer, "step", step)


# --- exact resume


def test_ten_steps_are_five_and_five(whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = tmp_path / "run"
    with monkeypatch.context() as patch:
        stop_after(patch, 7)  # two steps beyond the checkpoint, whose lines are in the log
        assert pretrain.main(again(whole, f"--output={run}")) == 130
    assert [path.name for path in sorted((run / "checkpoints").iterdir())] == ["step-00000005"]
    assert lines(run)[-1]["step"] == 7
    assert pretrain.main(again(whole, f"--output={run}")) == 0
    assert equal(weights(whole), weights(run))
    assert lines(whole) == lines(run)


def test_a_run_goes_on_by_its_folder_alone(whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = tmp_path / "run"
    with monkeypatch.context() as patch:
        stop_after(patch, 7)
        assert pretrain.main(again(whole, f"--output={run}")) == 130
    assert pretrain.main([f"--output={run}"]) == 0
    assert equal(weights(run), weights(whole))
    assert lines(run) == lines(whole)


def test_a_complete_run_is_left_as_it_is(whole: Path) -> None:
    before = lines(whole), (whole / "log.jsonl").stat().st_size
    assert pretrain.main(again(whole, f"--output={whole}")[1:]) == 2  # --encoded was not named when it began
    assert pretrain.main([*SMALL, f"--output={whole}"]) == 0
    assert before == (lines(whole), (whole / "log.jsonl").stat().st_size)


KILLED = """
import os, signal, sys
import torch
from model import pretrain
def save(state, file, real=torch.save):
    if "step-00000010" in file.name:
        file.write(b"half of it")
        file.flush()
        os.kill(os.getpid(), signal.SIGKILL)
    real(state, file)
torch.save = save
pretrain.main(sys.argv[1:])
"""


def test_ten_steps_are_a_kill_in_the_midst_of_a_checkpoint_and_five(whole: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    command = [sys.executable, "-c", KILLED, *again(whole, f"--output={run}")]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=CHECKOUT, env=environment, capture_output=True, timeout=300, check=False)
    assert done.returncode == -signal.SIGKILL
    assert lines(run)[-1]["step"] == 10
    assert sorted(path.name for path in (run / "checkpoints").iterdir()) == [".step-00000010.new", "step-00000005"]
    assert pretrain.main([f"--output={run}"]) == 0
    assert equal(weights(whole), weights(run))
    assert lines(whole) == lines(run)


NEWER = ("planned_steps", "decay_share", "decay_form", "validate_minutes", "save_minutes")


def test_a_run_of_before_some_settings_were_there(whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run, straight, rates = tmp_path / "run", tmp_path / "straight", ("--dropout=0.2", "--attention_dropout=0.2")
    with monkeypatch.context() as patch:
        stop_after(patch, 7)
        assert pretrain.main(again(whole, f"--output={run}", *rates)) == 130
    for path in (run / "config.json", run / "checkpoints" / "step-00000005" / "checkpoint.json"):
        values = json.loads(path.read_text())
        assert values["model"].pop("attention_dropout") == 0.2
        assert [values["train"].pop(name) for name in NEWER] == [10, 0.1, "sqrt", 60.0, 30.0]
        path.write_text(json.dumps(values))
    assert pretrain.main(again(whole, f"--output={run}", rates[0])) == 0  # as it was begun
    assert pretrain.main(again(whole, f"--output={straight}", *rates)) == 0
    assert equal(weights(straight), weights(run))
    assert not equal(weights(whole), weights(run))
    assert json.loads((run / "config.json").read_text())["model"]["attention_dropout"] == 0.2


def test_a_run_with_checkpoints_never_begins_anew_by_itself(
    whole: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    shutil.copytree(whole, run)
    for about in run.glob("checkpoints/*/checkpoint.json"):
        about.unlink()
    before = (run / "log.jsonl").read_bytes()
    assert "step-00000005 is not whole (checkpoint.json missing)" in mistake(capsys, f"--output={run}")
    assert (run / "log.jsonl").read_bytes() == before
    assert sorted(path.name for path in (run / "checkpoints").iterdir()) == ["step-00000005", "step-00000010"]


def test_an_interrupt_ends_with_a_checkpoint(whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run, real = tmp_path / "run", Trainer.step

    def step(self: Trainer, batch: Batch, asked: Asked) -> Metrics:
        metrics = real(self, batch, asked)
        if batch.step == 2:
            os.kill(os.getpid(), signal.SIGTERM)
        return metrics

    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "step", step)
        assert pretrain.main(again(whole, f"--output={run}")) == 130
    assert checkpoint.of_run(run).name == "step-00000004"
    assert lines(run)[-1]["event"] == "stop"
    assert pretrain.main(again(whole, f"--output={run}")) == 0
    assert equal(weights(whole), weights(run))
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_what_only_decides_when_something_is_written_may_change(whole: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    assert pretrain.main(again(whole, f"--output={run}", "--log_every=4", "--validate_every=0", "--save_every=3")) == 0
    assert equal(weights(whole), weights(run))


def test_with_all_that_changes_by_step_or_clock_ten_steps_are_seven_and_three(
    whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flags = ("--alpha=0.7,4:0.3", "--mask_share=0.3,3:0.15,8:0.05", "--schedule=wsd", "--decay_share=0.4")
    run, straight = tmp_path / "run", tmp_path / "straight"
    assert pretrain.main(again(whole, f"--output={straight}", *flags)) == 0
    with monkeypatch.context() as patch:
        stop_after(patch, 7)
        assert pretrain.main(again(whole, f"--output={run}", *flags, "--save_minutes=1e-9")) == 130
    assert checkpoint.of_run(run).name == "step-00000007"  # by steps it would be the sixth
    assert pretrain.main([f"--output={run}"]) == 0
    assert equal(weights(run), weights(straight))
    assert lines(run) == lines(straight)


# --- several processes


def test_two_processes_do_what_one_does(whole: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", "-m"]
    # By the first one's clock a checkpoint is due at every step.
    command += ["model.pretrain", *again(whole, f"--output={run}", "--save_minutes=1e-9", "--keep=99")]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(CHECKOUT)}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr.decode()
    assert len(list((run / "checkpoints").iterdir())) == 10
    one, two = weights(whole), weights(run)
    assert all(torch.allclose(one[name], two[name], atol=2e-5) for name in one)
    for alone, together in zip(lines(whole), lines(run), strict=True):
        assert (alone["event"], alone["step"]) == (together["event"], together["step"])
        if alone["event"] == "languages":
            continue
        assert together["loss"] == pytest.approx(alone["loss"], rel=1e-5)
