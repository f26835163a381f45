"""Training: what resumes, stops, or runs in more processes does what the uninterrupted run does."""

import errno
import fcntl
import json
import logging
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch._dynamo.exc import BackendCompilerFailed

from model import export, pretrain
from model.config import SIZES, TrainConfig
from model.data.encoded import HELD_OUT, TOKEN
from model.data.loader import Batch, Batches, Loader
from model.data.order import Order
from model.errors import UserError
from model.network.xlmr import XlmR
from model.training import checkpoint, compiler
from model.training.checkpoint import Identity
from model.training.folder import locked
from model.training.optim import WINDOW, Guard, clip_norm, learning_rate, make_optimizer, update
from model.training.processes import Place
from model.training.progress import StepLine
from model.training.trainer import Trainer
from model.training.validation import prepare, unigram_loss, unigram_losses
from tests.conftest import CHECKOUT
from tests.model.conftest import write_shard
from tests.model.runs import small, write_vocabulary

CPU = torch.device("cpu")
NORM = torch.tensor(1.0)
TINY = "--size=tiny --device=cpu --layers=1 --hidden=32 --heads=2 --ffn=64 --seq_length=32 --max_length=32".split()
SHORT = "--batch_size=8 --micro_batch=4 --steps=10 --warmup=2 --log_every=1 --validate_every=5 --save_every=5".split()
SMALL = [*TINY, *SHORT, "--validation_blocks=2", "--learning_rate=0.01"]


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Sums of floats depend on the number of threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def whole(one_thread: None, built_sample: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of ten steps, and with it the vocabulary and encoded text that the other runs take."""
    run = tmp_path_factory.mktemp("whole") / "run"
    assert pretrain.main([f"--data={built_sample}", f"--output={run}", *SMALL]) == 0
    return run


def again(whole: Path, *flags: str) -> list[str]:
    """The command line of `whole` with what it has made, and other flags."""
    return [f"--vocab={whole / 'vocab'}", f"--encoded={whole / 'encoded'}", *SMALL, *flags]


def weights(run: Path) -> Mapping[str, torch.Tensor]:
    return checkpoint.load(checkpoint.of_run(run)).model


def lines(run: Path) -> list[dict[str, Any]]:
    """The log without what is measured in seconds."""
    measured = ("tokens_per_second", "mfu", "loader_wait")
    found = [json.loads(line) for line in (run / "log.jsonl").read_text("utf-8").splitlines()]
    return [{name: value for name, value in line.items() if name not in measured} for line in found]


def equal(one: Mapping[str, torch.Tensor], other: Mapping[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


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
from model import pretrain
from model.training.trainer import Trainer
def step(self, batch, real=Trainer.step, **options):
    if batch.step == 7:
        os.kill(os.getpid(), signal.SIGKILL)
    return real(self, batch, **options)
Trainer.step = step
pretrain.main(sys.argv[1:])
"""


def test_ten_steps_are_seven_a_kill_and_five(whole: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    command = [sys.executable, "-c", KILLED, *again(whole, f"--output={run}")]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=CHECKOUT, env=environment, capture_output=True, timeout=300, check=False)
    assert done.returncode == -signal.SIGKILL
    assert lines(run)[-1]["step"] == 7
    assert pretrain.main([f"--output={run}"]) == 0
    assert equal(weights(whole), weights(run))
    assert lines(whole) == lines(run)


def test_a_run_of_before_attention_had_a_dropout_of_its_own(
    whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, straight, rates = tmp_path / "run", tmp_path / "straight", ("--dropout=0.2", "--attention_dropout=0.2")
    with monkeypatch.context() as patch:
        stop_after(patch, 7)
        assert pretrain.main(again(whole, f"--output={run}", *rates)) == 130
    for path in (run / "config.json", run / "checkpoints" / "step-00000005" / "checkpoint.json"):
        values = json.loads(path.read_text())
        assert values["model"].pop("attention_dropout") == 0.2
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

    def step(self: Trainer, batch: Batch, *, interrupted: bool = False) -> torch.Tensor:
        told = real(self, batch, interrupted=interrupted)
        if batch.step == 2:
            os.kill(os.getpid(), signal.SIGTERM)
        return told

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


# --- several processes


def test_two_processes_do_what_one_does(whole: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", "-m"]
    command += ["model.pretrain", *again(whole, f"--output={run}")]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(CHECKOUT)}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr.decode()
    one, two = weights(whole), weights(run)
    assert all(torch.allclose(one[name], two[name], atol=2e-5) for name in one)
    for alone, together in zip(lines(whole), lines(run), strict=True):
        assert alone["step"] == together["step"]
        assert together["loss"] == pytest.approx(alone["loss"], rel=1e-5)


@pytest.mark.parametrize("world", [1, 2, 4])
def test_the_number_of_processes_keeps_the_order(world: int) -> None:
    for step in (0, 1, 129):
        alone = batches().make(step)
        parts = [replace(batches(), rank=rank, world=world).make(step) for rank in range(world)]
        for name in ("inputs_mbs", "positions_mbk", "targets_mbk"):
            assert torch.equal(getattr(alone, name), torch.cat([getattr(part, name) for part in parts]))
        assert alone.counts_m == tuple(count for part in parts for count in part.counts_m)


def batches(train: TrainConfig | None = None) -> Batches:
    rng = np.random.default_rng(0)
    streams = {name: rng.integers(4, 90, 500).astype(np.uint32) for name in ("en", "sw")}
    order = Order(dict.fromkeys(streams, 500 // 31 + 1), dict.fromkeys(streams, 0.5), seed=3)
    size, micro = (train.batch_size, train.micro_batch) if train else (16, 4)
    return Batches(
        order=order, streams=streams, seed=3, seq_length=32, batch_size=size, micro_batch=micro, mask_share=0.15,
        vocab_size=91,
    )  # fmt: skip


# --- one step


def trainer(**changes: Any) -> Trainer:
    config = replace(SIZES["tiny"].train, seq_length=32, batch_size=16, micro_batch=4, steps=200, warmup=2, **changes)
    torch.manual_seed(0)
    model = XlmR(replace(small(91), dropout=0.0, attention_dropout=0.0))
    return Trainer(model, Identity(model=model.config, train=config, manifest_sha256=""), batches(config), Place(CPU))


def test_micro_batches_do_not_change_the_gradient() -> None:
    whole, parts = trainer(), trainer()
    parts.batches = replace(parts.batches, micro_batch=2)
    for step in range(3):
        one, other = whole.step(whole.batches.make(step)), parts.step(parts.batches.make(step))
        assert torch.allclose(one, other, rtol=1e-5)
    pairs = zip(whole.model.parameters(), parts.model.parameters(), strict=True)
    assert all(torch.allclose(one, other, atol=1e-6) for one, other in pairs)


def test_the_first_loss_is_that_of_a_guess_and_then_it_falls() -> None:
    learning = trainer()
    losses = [float(learning.step(learning.batches.make(step))[0]) for step in range(30)]
    assert losses[0] == pytest.approx(np.log(91), abs=0.3)
    assert min(losses) < losses[0] - 0.05


@pytest.mark.parametrize("broken", ["loss", "gradient"])
def test_a_step_that_is_not_finite_changes_nothing(broken: str) -> None:
    learning = trainer()
    learning.step(learning.batches.make(0))
    before = {name: tensor.clone() for name, tensor in learning.model.state_dict().items()}
    losses = learning.guard.losses_w.clone()
    if broken == "loss":
        learning._loss.register_forward_hook(lambda *_: torch.full((), torch.nan, requires_grad=True))
    else:
        learning.model.decoder_bias.register_hook(lambda gradient: gradient * torch.inf)
    told = [learning.step(learning.batches.make(step)) for step in (1, 2)]
    assert [float(tensor[3]) for tensor in told] == [1, 1]
    assert equal(before, learning.model.state_dict())
    assert torch.equal(losses, learning.guard.losses_w)
    assert all(float(state["step"]) == 1 for state in learning.optimizer.state.values())


@pytest.mark.parametrize(("bad", "status"), [(float("nan"), 1), (30.0, 1), (3.0, 0)])
def test_a_broken_loss_stops_with_the_step_and_a_checkpoint(
    bad: float, status: int, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    run = tmp_path / "run"
    real, broken_at = Guard.check, WINDOW + 3
    kept: dict[int, dict[str, torch.Tensor]] = {}

    def check(self: Guard, step: int, loss: torch.Tensor, norm: torch.Tensor) -> torch.Tensor:
        return real(self, step, torch.full((), bad) if step == broken_at else loss, norm)

    def step(self: Trainer, batch: Batch, *, interrupted: bool = False) -> torch.Tensor:
        kept[batch.step] = {name: tensor.clone() for name, tensor in self.model.state_dict().items()}
        return real_step(self, batch, interrupted=interrupted)

    real_step = Trainer.step
    monkeypatch.setattr(Guard, "check", check)
    monkeypatch.setattr(Trainer, "step", step)
    flags = ("--steps=106", "--save_every=1000", "--validate_every=0", "--learning_rate=0.001", "--batch_size=4")
    assert pretrain.main(again(whole, f"--output={run}", *flags)) == status
    if status == 0:
        return
    assert checkpoint.of_run(run).name == f"step-{broken_at:08d}"
    assert equal(kept[broken_at], weights(run))
    assert lines(run)[-1]["event"] == "stop"
    assert lines(run)[-1]["step"] == broken_at + 1
    assert "--spike 0" in capsys.readouterr().err


def test_a_spike_is_seen_only_with_a_history() -> None:
    guard = Guard(CPU, threshold=2.0)
    for step in range(WINDOW):
        assert float(guard.check(step, torch.tensor(50.0 if step == 40 else 5.0), NORM)) > 0
        assert not guard.stopped
    guard.check(WINDOW, torch.tensor(7.4), NORM)  # the mean is 5.45
    assert not guard.stopped
    guard.check(WINDOW + 1, torch.tensor(7.6), NORM)
    assert guard.stopped
    assert guard.losses_w[1] == 5.0  # the spike is no part of the history


def test_the_mean_is_of_the_steps_so_far() -> None:
    guard = Guard(CPU, threshold=0.0)
    means = [float(guard.check(step, torch.tensor(float(step)), NORM)) for step in range(WINDOW + 50)]
    assert means[:3] == [0.0, 0.5, 1.0]
    assert means[-1] == np.mean(range(50, 150))


def test_biases_and_layer_norms_do_not_decay() -> None:
    model = XlmR(small(91))
    decaying, others = make_optimizer(model, betas=(0.9, 0.98), eps=1e-6, weight_decay=0.01).param_groups
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    assert (decaying["weight_decay"], others["weight_decay"]) == (0.01, 0)
    assert all(name.endswith("bias") or "norm" in name for name in (names[id(part)] for part in others["params"]))
    assert not any("bias" in name or "norm" in name for name in (names[id(part)] for part in decaying["params"]))
    assert len(decaying["params"]) + len(others["params"]) == len(names)


def test_the_norm_is_clipped() -> None:
    parameter = torch.nn.Parameter(torch.zeros(2))
    optimizer = torch.optim.AdamW([parameter], fused=True)
    parameter.grad = torch.tensor([3.0, 4.0])
    assert float(clip_norm([parameter], 1.0)) == 5.0
    update(optimizer, torch.zeros(()), rate=0.1)
    assert torch.allclose(optimizer.state[parameter]["exp_avg"], torch.tensor([0.06, 0.08]))  # a tenth of the clipped
    assert torch.allclose(parameter, torch.tensor([-0.1, -0.1]), atol=1e-5)


def test_a_clip_of_0_leaves_the_gradient_as_it_is() -> None:
    parameter = torch.nn.Parameter(torch.zeros(2))
    parameter.grad = torch.tensor([3.0, 4.0])
    assert float(clip_norm([parameter], 0.0)) == 5.0
    assert parameter.grad.tolist() == [3.0, 4.0]


def test_schedules() -> None:
    def rates(schedule: Any, power: float = 1.0) -> list[float]:
        options: dict[str, Any] = {"peak": 2.0, "warmup": 4, "steps": 12, "schedule": schedule, "power": power}
        return [learning_rate(step, **options) for step in range(12)]

    assert rates("linear")[:5] == [0.5, 1.0, 1.5, 2.0, 2.0]
    assert rates("linear")[-1] == pytest.approx(0.25)
    assert rates("polynomial", 1.0) == rates("linear")
    assert rates("polynomial", 2.0)[-2:] == pytest.approx([2 / 16, 2 / 64])
    assert learning_rate(0, peak=1.0, warmup=0, steps=1, schedule="linear") == 1.0


# --- the loader


def test_the_loader_gives_every_step_in_order_and_ends() -> None:
    made = batches()
    with Loader(made.make, 3, 9, CPU) as loader:
        assert [batch.step for batch in loader] == [3, 4, 5, 6, 7, 8]
    with Loader(made.make, 0, 10**9, CPU) as loader:
        next(iter(loader))  # left in the middle: the thread must end
    assert not any(thread.name == "loader" for thread in __import__("threading").enumerate())


def test_an_error_of_the_loader_reaches_the_training() -> None:
    def make(step: int) -> Batch:
        if step == 2:
            raise OSError("the disk is gone")
        return batches().make(step)

    with Loader(make, 0, 5, CPU) as loader, pytest.raises(OSError, match="the disk is gone"):
        list(loader)


# --- does it learn


def test_unigram_loss_by_hand() -> None:
    stream = np.array([4, 4, 4, 5], np.uint32)  # of 8 ids: 4/12, 2/12, and 1/12 for each other
    assert unigram_loss(stream, np.array([[4, 5, 7, -100]]), 8) == pytest.approx(
        -np.log([4 / 12, 2 / 12, 1 / 12]).mean()
    )


def test_a_small_model_beats_the_unigram_baseline() -> None:
    # Each block is about one of ten things, with six words each: who sees the others knows which six.
    rng = np.random.default_rng(1)

    def text(blocks: int) -> np.ndarray:
        return (4 + 6 * np.repeat(rng.integers(0, 10, blocks), 31) + rng.integers(0, 6, 31 * blocks)).astype(np.uint32)

    learning = trainer(learning_rate=5e-3)
    order = Order({"x": 1000}, {"x": 1.0}, seed=3)
    learning.batches = replace(learning.batches, order=order, streams={"x": text(1000)}, micro_batch=16)
    held_out = prepare({"x": text(40)}, learning.batches, 40)
    before = learning.validate(held_out)["x"]
    for step in range(200):
        learning.step(learning.batches.make(step))
    unigram = unigram_losses(held_out, learning.batches)["x"]
    assert unigram == pytest.approx(np.log(60), abs=0.05)
    assert before > unigram
    assert learning.validate(held_out)["x"] < 0.85 * unigram


def test_validation_leaves_training_as_it_is() -> None:
    one, other = trainer(), trainer()
    held_out = prepare({"en": one.batches.streams["en"][:90]}, one.batches, 4)
    for step in range(3):
        one.step(one.batches.make(step))
        one.validate(held_out)
        other.step(other.batches.make(step))
    assert equal(one.model.state_dict(), other.model.state_dict())


def test_validation_is_the_mean_over_all_masked_positions() -> None:
    learning = trainer()
    held_out = prepare({"en": learning.batches.streams["en"][:310]}, learning.batches, 7)  # in micro-batches of 4 and 3
    masked = held_out["en"]
    assert masked.inputs_bs.shape == (7, 32)
    learning.model.eval()
    with torch.no_grad():
        hidden_nh = learning.model(torch.from_numpy(masked.inputs_bs), torch.from_numpy(masked.positions_bk))
        logits_nv = hidden_nh @ learning.model.decoder_weight.T + learning.model.decoder_bias
        expected = torch.nn.functional.cross_entropy(logits_nv, torch.from_numpy(masked.targets_bk).flatten())
    assert learning.validate(held_out)["en"] == pytest.approx(float(expected), rel=1e-5)


def test_init_starts_from_a_folder_of_hugging_faces_form(whole: Path, tmp_path: Path) -> None:
    folder, run = tmp_path / "hf", tmp_path / "run"
    assert export.main([f"--run={whole}", f"--output={folder}"]) == 0
    settings = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**settings, "attention_probs_dropout_prob": 0.25}))
    shape = ("--layers", "--hidden", "--heads", "--ffn", "--max_length")
    flags = [flag for flag in again(whole, f"--output={run}")[1:] if not flag.startswith(shape)]
    assert pretrain.main([*flags, f"--init={folder}"]) == 0
    assert (run / "vocab" / "sentencepiece.bpe.model").read_bytes() == (
        whole / "vocab" / "sentencepiece.bpe.model"
    ).read_bytes()
    kept = json.loads((run / "config.json").read_text())["model"]
    assert (kept["dropout"], kept["attention_dropout"]) == (0.0, 0.25)
    first = next(line["loss"] for line in lines(run) if line["event"] == "step")
    trained = next(line["loss"] for line in lines(whole) if line["event"] == "validation" and line["step"] == 10)
    untrained = next(line["loss"] for line in lines(whole) if line["event"] == "step")
    assert abs(first - trained) < abs(first - untrained)
    # Stopped before its first checkpoint, the run begins again from the same weights.
    before = lines(run)
    shutil.rmtree(run / "checkpoints")
    assert pretrain.main([f"--output={run}"]) == 0
    assert lines(run) == before


def test_tiny_learns_on_the_sample(built_sample: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    fewer = ["--steps=60", "--warmup=6", "--validate_every=20", "--validation_blocks=1", "--batch_size=16"]
    assert pretrain.main([f"--data={built_sample / 'shards'}", "--device=cpu", "--seq_length=64", *fewer]) == 0
    losses = [line["loss"] for line in lines(tmp_path / "runs" / "tiny") if line["event"] == "validation"]
    vocab_size = json.loads((tmp_path / "runs" / "tiny" / "config.json").read_text())["model"]["vocab_size"]
    assert losses == sorted(losses, reverse=True)
    assert losses[-1] < np.log(vocab_size) - 0.4  # a guess


# --- mistakes


def mistake(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert pretrain.main(list(arguments)) == 2
    message = capsys.readouterr().err.splitlines()[-1]
    assert message.startswith("python -m model.pretrain: ")
    return message


@pytest.mark.parametrize(
    ("flag", "named"),
    [
        ("--seed=5", "seed is 0, not 5"),
        ("--learning_rate=0.5", "learning_rate is 0.01, not 0.5"),
        ("--layers=2", "layers is 1, not 2"),
        ("--steps=11", "steps is 10, not 11"),
        ("--data=elsewhere", "data is"),
    ],
)
def test_another_configuration_is_refused_by_name(
    flag: str, named: str, whole: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = sorted((path, path.stat().st_mtime_ns) for path in (whole / "checkpoints").rglob("*"))
    message = mistake(capsys, *SMALL, f"--output={whole}", flag)
    assert named in message
    assert "another --output" in message
    assert before == sorted((path, path.stat().st_mtime_ns) for path in (whole / "checkpoints").rglob("*"))


@pytest.mark.parametrize(
    ("flags", "named"),
    [
        (["--batch_size=6"], "--batch_size 6 is no multiple of --micro_batch 4 times 1"),
        (["--seq_length=64"], "--seq_length 64 is above --max_length 32"),
        (["--steps=0"], "steps is 0; it must be at least 1"),
        (["--data=/nowhere"], "/nowhere is no folder"),
        ([], "--data DIR says"),
        (["--vocab=/nowhere", "--data=/nowhere"], "/nowhere"),
        (["--init=/nowhere"], "/nowhere"),
        (["--device=cuda"], "--device cpu"),
        (["--warmup=10"], "warmup is 10; it must be below steps (10)"),
        (["--batch_size=6"], "give --batch_size 8"),
        (["--alpha=50"], "alpha is 50.0; it must be 0 to 1"),
        (["--dropout=0.999"], "dropout is 0.999; it must be 0 to 0.9"),
        (["--attention_dropout=-0.1"], "attention_dropout is -0.1; it must be 0 to 0.9"),
        (["--mask_share=0.99"], "mask_share is 0.99; it must be 0.01 to 0.9"),
        (["--init=xlm-roberta-base"], "hf download FacebookAI/xlm-roberta-base --local-dir"),
        (["--workers=0"], "--workers 0"),
        (["--vocab=/nowhere", "--vocab_size=90"], "--vocab_size is what --vocab says"),
        (["--init=/nowhere", "--vocab=/nowhere"], "/nowhere"),
        (["--encoded=/dev/null/x", "--data=/nowhere"], "/nowhere"),
    ],
)
def test_mistakes_of_the_command_line(
    flags: list[str], named: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if "--device=cuda" in flags and torch.cuda.is_available():
        pytest.skip("there is a GPU")
    options = [flag for flag in SMALL if not (flag.startswith("--layers") and "--init=/nowhere" in flags)]
    assert named in mistake(capsys, *options, *flags, f"--output={tmp_path / 'run'}")
    assert not (tmp_path / "run" / "config.json").exists()


def test_encoded_text_of_another_tokenizer_is_refused(
    whole: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_vocabulary(tmp_path / "other")
    arguments = [
        f"--vocab={tmp_path / 'other'}",
        f"--encoded={whole / 'encoded'}",
        *SMALL,
        f"--output={tmp_path / 'run'}",
    ]
    assert "another tokenizer" in mistake(capsys, *arguments)


def test_another_vocabulary_is_refused(whole: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_vocabulary(tmp_path / "v")
    assert "is not the vocabulary" in mistake(capsys, f"--output={whole}", f"--vocab={tmp_path / 'v'}")
    # Of a run that was stopped while it encoded there is a vocabulary and no config.json.
    run = tmp_path / "run"
    shutil.copytree(whole / "vocab", run / "vocab")
    assert "is not the vocabulary" in mistake(capsys, *SMALL, f"--output={run}", "--data=x", "--vocab_size=90")
    assert "is not the vocabulary" in mistake(capsys, *SMALL, f"--output={run}", "--data=x", "--alpha=0.9")


def test_what_may_change_is_remembered(whole: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(whole, run)
    assert pretrain.main([f"--output={run}", "--micro_batch=2"]) == 0
    assert json.loads((run / "config.json").read_text())["train"]["micro_batch"] == 2


def test_two_trainings_in_one_folder(whole: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with locked(whole):
        assert "another program trains in" in mistake(capsys, *SMALL, f"--output={whole}")


@pytest.mark.parametrize(
    ("number", "said"),
    [(errno.EWOULDBLOCK, "another program trains in"), (errno.ENOLCK, "cannot be locked (No locks available)"),
     (errno.ENOSYS, "cannot be locked (Function not implemented)"), (errno.EOPNOTSUPP, "NFS: its lock service")],
)  # fmt: skip
def test_a_lock_that_fails_says_why(
    number: int, said: str, whole: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def flock(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", flock)
    message = mistake(capsys, *SMALL, f"--output={whole}")
    assert said in message
    assert "--output" in message


@pytest.mark.parametrize("kind", ["", ".held-out"])
@pytest.mark.parametrize("damaged", [91_000, 2**32 - 1])
def test_ids_beyond_the_vocabulary_are_one_line(
    kind: str, damaged: int, whole: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(whole / "encoded", tmp_path / "encoded")
    for path in (tmp_path / "encoded").glob(f"*{kind}.tokens"):
        if kind or HELD_OUT not in path.name:
            tokens = np.fromfile(path, TOKEN)
            tokens[::20] = damaged
            path.write_bytes(tokens.tobytes())
    arguments = (f"--vocab={whole / 'vocab'}", f"--encoded={tmp_path / 'encoded'}", *SMALL)
    message = mistake(capsys, *arguments, f"--output={tmp_path / 'run'}")
    vocab_size = json.loads((whole / "config.json").read_text())["model"]["vocab_size"]
    assert re.search(rf"/\w+{kind}\.tokens holds the id {damaged}, the vocabulary has {vocab_size}: ", message)


def test_no_compiler_is_one_line_before_any_work(
    built_sample: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = (f"--data={built_sample}", *SMALL, "--compile", f"--output={tmp_path / 'run'}")
    monkeypatch.setenv("CXX", "/nonexistent/g++")
    message = mistake(capsys, *arguments)
    assert "give --no-compile" in message
    assert "(no /nonexistent/g++ here, and CXX names no other): install gcc, g++" in message
    monkeypatch.delenv("CXX")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "(no g++ here" in mistake(capsys, *arguments)
    with pytest.raises(UserError, match="no gcc or clang here, and CC names no other"):
        compiler.check(torch.device("cuda"))
    assert not (tmp_path / "run").exists()


def test_a_compiler_that_does_not_work_is_one_line(
    whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def step(*_: Any, **__: Any) -> torch.Tensor:
        raise BackendCompilerFailed("inductor", FileNotFoundError("Python.h: No such file\nand a hundred lines"), None)

    monkeypatch.setattr(Trainer, "step", step)
    message = mistake(capsys, *again(whole, f"--output={tmp_path / 'run'}"))
    assert "Python.h: No such file" in message
    assert "give --no-compile" in message


def test_text_that_came_after_it_was_encoded_is_said(
    whole: Path, built_sample: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    data, run = tmp_path / "data", tmp_path / "run"
    shutil.copytree(built_sample / "shards", data)
    shutil.copytree(whole, run)
    config = json.loads((run / "config.json").read_text())
    (run / "config.json").write_text(json.dumps({**config, "data": str(data)}))
    for shard in data.glob("*.txt.xz"):
        shard.unlink()

    def noticed() -> str:
        caplog.clear()
        with caplog.at_level(logging.INFO):
            assert pretrain.main([f"--output={run}"]) == 0
        return " ".join(record.getMessage() for record in caplog.records if "changed" in record.getMessage())

    assert noticed() == ""
    write_shard(data / "xx" / "all-00000.jsonl.zst", ["new text"])
    assert "changed (new: xx); this run goes on with what it has: a new --output and --encoded" in noticed()
    fresh = (f"--data={data}", *again(whole, f"--output={tmp_path / 'fresh'}"))
    assert "(new: xx): give another --encoded, or leave out --data" in mistake(capsys, *fresh)
    assert not (tmp_path / "fresh" / "vocab").exists()
    shutil.rmtree(data)
    assert noticed() == ""  # a run that was begun does not need its data any more


def test_out_of_memory_is_one_line(
    whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def step(*_: Any, **__: Any) -> torch.Tensor:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate")

    monkeypatch.setattr(Trainer, "step", step)
    assert "lower --micro_batch (4)" in mistake(capsys, *again(whole, f"--output={tmp_path / 'run'}"))


# --- what people see


def test_the_log_is_true(whole: Path) -> None:
    found = lines(whole)
    assert [line["step"] for line in found if line["event"] == "step"] == list(range(1, 11))
    assert [line["event"] for line in found if line["event"] != "step"] == ["unigram", "validation", "validation"]
    steps = [
        StepLine(**line)
        for line in map(json.loads, (whole / "log.jsonl").read_text().splitlines())
        if line["event"] == "step"
    ]
    assert all(line.tokens_per_second > 0 and 0 <= line.loader_wait <= 1 and line.mfu is None for line in steps)
    assert steps[-1].mean_loss == pytest.approx(np.mean([line.loss for line in steps]), rel=1e-5)
    assert json.loads((whole / "config.json").read_text())["train"]["learning_rate"] == 0.01
