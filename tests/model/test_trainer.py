"""One process at work: a step, the guard, the schedule, the loader, validation; and that a small model learns."""

from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from model.config import TrainConfig
from model.data.loader import Batch, Batches, Loader
from model.data.order import Order
from model.errors import UserError
from model.network.xlmr import XlmR
from model.presets import SIZES
from model.stages import Stages
from model.training.checkpoint import Identity
from model.training.distributed import Distributed
from model.training.optim import WINDOW, Guard, clip_norm, make_optimizer, update
from model.training.run import Run
from model.training.schedule import learning_rate
from model.training.trainer import Asked, Trainer
from model.training.validation import prepare, unigram_loss, unigram_losses
from tests.model.runs import equal, small
from tests.model.test_cuda import compiled_graphs

CPU = torch.device("cpu")
NORM = torch.tensor(1.0)
torch.set_num_threads(1)  # sums of floats depend on it


def batches(train: TrainConfig | None = None) -> Batches:
    rng = np.random.default_rng(0)
    streams = {name: rng.integers(4, 90, 500).astype(np.uint32) for name in ("en", "sw")}
    order = Order(dict.fromkeys(streams, 500 // 31 + 1), {0: dict.fromkeys(streams, 0.5)}, seed=3)
    size, micro = (train.batch_size, train.micro_batch) if train else (16, 4)
    return Batches(
        order=order, streams=streams, seed=3, seq_length=32, batch_size=size, micro_batch=micro,
        mask_share=train.mask_share if train else Stages.constant(0.15), vocab_size=91,
    )  # fmt: skip


@pytest.mark.parametrize("world", [1, 2, 4])
def test_the_number_of_processes_keeps_the_order(world: int) -> None:
    for step in (0, 1, 129):
        alone = batches().make(step)
        parts = [replace(batches(), rank=rank, world=world).make(step) for rank in range(world)]
        for name in ("inputs_mbs", "positions_mbk", "targets_mbk"):
            assert torch.equal(getattr(alone, name), torch.cat([getattr(part, name) for part in parts]))
        assert alone.counts_m == tuple(count for part in parts for count in part.counts_m)


# --- one step


def trainer(**changes: Any) -> Trainer:
    config = replace(SIZES["tiny"].train, seq_length=32, batch_size=16, micro_batch=4, steps=200, warmup=2, **changes)
    torch.manual_seed(0)
    model = XlmR(replace(small(91), dropout=0.0, attention_dropout=0.0))
    return Trainer(
        model, Identity(model=model.config, train=config, manifest_sha256=""), batches(config), Distributed(CPU)
    )


def test_micro_batches_do_not_change_the_gradient() -> None:
    whole, parts = trainer(), trainer()
    parts.batches = replace(parts.batches, micro_batch=2)
    for step in range(3):
        one, other = whole.step(whole.batches.make(step)), parts.step(parts.batches.make(step))
        assert torch.allclose(torch.stack(one), torch.stack(other), rtol=1e-5)
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
    def rates(schedule: Any, **changes: Any) -> list[float]:
        options: dict[str, Any] = {"learning_rate": 0.5, "warmup": 4, "steps": 12, "schedule": schedule, **changes}
        config = replace(SIZES["tiny"].train, **options)
        return [learning_rate(config, step) for step in range(config.steps)]

    assert rates("linear")[:5] == [0.125, 0.25, 0.375, 0.5, 0.5]
    assert rates("linear")[-1] == pytest.approx(0.0625)
    assert rates("polynomial", power=1.0) == rates("linear")
    assert rates("polynomial", power=2.0)[-2:] == pytest.approx([0.5 / 16, 0.5 / 64])
    assert rates("linear", warmup=0, steps=1) == [0.5]
    assert rates("constant") == [0.125, 0.25, 0.375] + [0.5] * 9
    assert rates("wsd", decay_share=1 / 3, decay_form="linear") == [*rates("constant")[:8], 0.5, 0.375, 0.25, 0.125]
    by_root = [0.5, 0.25, 0.5 * (1 - 0.5**0.5), 0.5 * (1 - 0.75**0.5)]
    assert rates("wsd", decay_share=1 / 3)[8:] == pytest.approx(sorted(by_root, reverse=True))
    assert rates("wsd", decay_share=0.001)[-2:] == [0.5, 0.5]  # one step at least, which begins at the peak
    with pytest.raises(UserError, match="warmup is 4; it must be at most 3, where the decay of wsd begins"):
        rates("wsd", decay_share=0.75)


@pytest.mark.parametrize(("rank", "by_clock"), [(0, True), (1, False)])
def test_only_the_clock_of_the_first_process_counts(rank: int, by_clock: bool, tmp_path: Path) -> None:
    learning = trainer(save_minutes=1e-9, validate_minutes=1e-9)
    learning.ranks = Distributed(CPU, rank=rank)
    held_out = prepare({"en": learning.batches.streams["en"][:90]}, learning.batches, 4)
    run = Run(learning, tmp_path, held_out, None)
    assert run._ask() == Asked(interrupted=False, save=by_clock, validate=by_clock)


def test_the_number_of_masks_and_the_weight_of_each_follow_the_step() -> None:
    staged = trainer(mask_share=Stages.parse("0.3,2:0.1"))
    made = [staged.batches.make(step) for step in range(3)]
    assert [batch.positions_mbk.shape[-1] for batch in made] == [10, 10, 3]
    # A gradient is that of the mean loss, however many targets it is the mean of.
    for step, batch in enumerate(made):
        alone = trainer(mask_share=Stages.constant((0.3, 0.3, 0.1)[step]))
        alone.restore(deepcopy(staged.checkpoint(step)))
        assert torch.equal(torch.stack(staged.step(batch)), torch.stack(alone.step(batch)))


def test_each_number_of_masks_has_one_static_graph() -> None:
    with compiled_graphs() as graphs:
        learning = trainer(mask_share=Stages.parse("0.3,2:0.15,3:0.1,4:0.3"), compile=True)
        for step in range(6):
            learning.step(learning.batches.make(step))
    placeholders = [
        node.meta["example_value"] for graph in graphs for node in graph.graph.nodes if node.op == "placeholder"
    ]
    positions = [value.shape for value in placeholders if value.dtype == torch.int64 and value.shape[-1] not in (1, 32)]
    assert [tuple(shape) for shape in positions] == [(4, 10), (4, 5), (4, 3)]
    assert all(type(size) is int for shape in positions for size in shape)


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
    order = Order({"x": 1000}, {0: {"x": 1.0}}, seed=3)
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
