"""What CUDA does otherwise than a CPU: types, kernels, pinned memory, the compiler. What a CPU can run runs there, too.

`benchmarks/gpu.sh` runs this file on a machine that has torch and little else (`pytest --noconftest`).
"""

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch._dynamo import lookup_backend
from torch._dynamo.exc import Unsupported
from torch.nn import functional

from model.data.loader import Batches, Loader
from model.data.order import Order
from model.errors import UserError
from model.ids import IGNORED
from model.network import loss
from model.network.hf import config_json, to_hf
from model.network.loss import chunked_cross_entropy
from model.network.xlmr import XlmR
from model.presets import SIZES
from model.stages import Stages
from model.training.checkpoint import Identity
from model.training.distributed import Distributed
from model.training.trainer import Trainer
from model.training.validation import prepare
from tests.model.runs import equal, randomised, small

CUDA = torch.cuda.is_available()
DEVICE = torch.device("cuda", 0) if CUDA else torch.device("cpu")
needs_cuda = pytest.mark.skipif(not CUDA, reason="no CUDA device here: benchmarks/gpu.sh runs this where there is one")
torch.set_num_threads(1)


# --- the loss


@pytest.mark.parametrize("compiled", [False, pytest.param(True, marks=needs_cuda)])
def test_the_loss_in_bf16_is_near_fp64(compiled: bool) -> None:
    vocabulary, width = (250_002, 768) if CUDA else (1002, 64)  # no multiple of 128: it is filled up on CUDA
    torch.manual_seed(0)
    leaves = [
        torch.randn(512, width, device=DEVICE),
        torch.randn(vocabulary, width, device=DEVICE) * 0.02,
        torch.randn(vocabulary, device=DEVICE) * 0.1,
    ]
    targets = torch.randint(vocabulary, (512,), device=DEVICE)
    targets[::7] = IGNORED
    exact, right = _both_passes(_plain, [leaf.double() for leaf in leaves], targets)
    with torch.autocast(DEVICE.type, torch.bfloat16):
        found, gradients = _both_passes(
            lambda *given: chunked_cross_entropy(*given, chunk=128, compiled=compiled), leaves, targets
        )
    assert abs(float(found) - float(exact)) < 5e-3
    for ours, true in zip(gradients, right, strict=True):
        assert float((ours - true).norm() / true.norm()) < 0.01


def _plain(hidden: Tensor, weight: Tensor, bias: Tensor, targets: Tensor) -> Tensor:
    return functional.cross_entropy(hidden @ weight.t() + bias, targets)


def _both_passes(way: Any, leaves: list[Tensor], targets: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
    leaves = [leaf.requires_grad_() for leaf in leaves]
    found = way(*leaves, targets)
    return found.detach(), torch.autograd.grad(found, leaves)


def test_the_gradient_of_the_weight_is_as_near_as_its_factors_allow() -> None:
    torch.manual_seed(1)
    targets = torch.randint(3000, (640,), device=DEVICE)
    hidden = torch.randn(640, 256, device=DEVICE)
    weight = torch.randn(3000, 256, device=DEVICE) * 0.05
    bias = torch.randn(3000, device=DEVICE) * 0.1
    _, right = _both_passes(_plain, [leaf.double() for leaf in (hidden, weight, bias)], targets)
    with torch.autocast(DEVICE.type, torch.bfloat16):
        _, ours = _both_passes(lambda *given: chunked_cross_entropy(*given, chunk=64), [hidden, weight, bias], targets)
    # The bf16 factors alone make 0.0017; with each chunk's product in bf16, as on a CPU, it is 0.0023 to 0.0024. A mean
    # that is taken before they are rounded makes it 0.0027, since bf16 has no 1 / 640.
    assert (ours[1] - right[1]).norm() < right[1].norm() * (0.002 if CUDA else 0.0025)


# --- the network


def test_logits_are_those_of_transformers() -> None:
    transformers = pytest.importorskip("transformers")
    ours = randomised(small(60))
    settings = config_json(ours.config) | {"dtype": torch.float32}
    theirs = transformers.XLMRobertaForMaskedLM(transformers.XLMRobertaConfig(**settings)).eval().to(DEVICE)
    theirs.load_state_dict(to_hf(ours.state_dict(), ours.config), strict=False)
    ours = ours.to(DEVICE)
    ids_bs = torch.randint(4, 60, (3, 20), device=DEVICE)
    with torch.no_grad():
        hidden = ours(ids_bs, torch.arange(20, device=DEVICE).expand(3, 20))
        found = (hidden @ ours.decoder_weight.t() + ours.decoder_bias).view(3, 20, -1)
        torch.testing.assert_close(found, theirs(input_ids=ids_bs).logits, rtol=1e-4, atol=1e-4)


# --- training


def batches(vocab_size: int = 91) -> Batches:
    rng = np.random.default_rng(0)
    streams = {name: rng.integers(4, vocab_size - 1, 500).astype(np.uint32) for name in ("en", "sw")}
    order = Order(dict.fromkeys(streams, 500 // 31 + 1), {0: dict.fromkeys(streams, 0.5)}, seed=3)
    return Batches(
        order=order, streams=streams, seed=3, seq_length=32, batch_size=16, micro_batch=4, vocab_size=91,
        mask_share=Stages.constant(0.15),
    )  # fmt: skip


def _trainer(**changes: Any) -> Trainer:
    config = replace(SIZES["tiny"].train, seq_length=32, batch_size=16, micro_batch=4, steps=200, warmup=2, **changes)
    torch.manual_seed(0)
    model = XlmR(small(91))
    return Trainer(
        model, Identity(model=model.config, train=config, manifest_sha256=""), batches(), Distributed(DEVICE)
    )


def test_a_step_that_is_not_finite_changes_nothing() -> None:
    learning = _trainer(precision="bf16")
    with Loader(batches().make, 0, 3, DEVICE) as loader:
        ready = list(loader)
    learning.step(ready[0])
    before = {name: tensor.clone() for name, tensor in learning.model.state_dict().items()}
    learning.model.decoder_bias.register_hook(lambda gradient: gradient * torch.inf)
    assert [float(learning.step(batch).stopped) for batch in ready[1:]] == [1, 1]
    assert equal(before, learning.model.state_dict())


@contextlib.contextmanager
def compiled_graphs() -> Iterator[list[torch.fx.GraphModule]]:
    """Collect what is compiled; without CUDA it is traced only, which takes no compiler."""
    graphs: list[torch.fx.GraphModule] = []
    whole, real = lookup_backend("inductor" if CUDA else "aot_eager"), torch.compile

    def backend(graph: torch.fx.GraphModule, inputs: list[Tensor]) -> Any:
        graphs.append(graph)
        return whole(graph, inputs)

    for forget in (torch._dynamo.reset, loss._compiled.cache_clear):
        forget()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch, "compile", lambda function, **options: real(function, **options, backend=backend))
        yield graphs
    for forget in (torch._dynamo.reset, loss._compiled.cache_clear):
        forget()


def test_the_network_is_one_graph_and_is_never_compiled_again() -> None:
    with compiled_graphs() as graphs:
        learning = _trainer(precision="bf16", compile=True)
        held_out = prepare({"en": learning.batches.streams["en"][:90]}, learning.batches, 4)
        seen = []
        with Loader(learning.batches.make, 0, 4, DEVICE) as loader:
            for batch in loader:
                learning.step(batch)
                learning.validate(held_out)
                seen.append(len(graphs))
    assert seen == [seen[0]] * 4
    network = [graph for graph in graphs if any("embedding" in node.name for node in graph.graph.nodes)]
    assert len(network) == 1


def test_an_edit_that_breaks_the_graph_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def encode(self: XlmR, ids_bs: Tensor, *, padded: bool = False, real: Any = XlmR.encode) -> Tensor:
        torch._dynamo.graph_break()
        encoded: Tensor = real(self, ids_bs, padded=padded)
        return encoded

    monkeypatch.setattr(XlmR, "encode", encode)
    with compiled_graphs():
        learning = _trainer(compile=True)
        batch = learning.batches.make(0).each(lambda tensor: tensor.to(DEVICE))
        with pytest.raises(Unsupported, match="graph_break"):
            learning.step(batch)


@needs_cuda
def test_a_step_never_waits_for_the_device() -> None:
    learning = _trainer(precision="bf16", compile=True)
    with Loader(batches().make, 0, 6, DEVICE) as loader:
        ready = list(loader)
    for batch in ready[:3]:
        learning.step(batch)
    torch.cuda.synchronize()
    torch.cuda.set_sync_debug_mode("error")
    try:
        for batch in ready[3:]:
            learning.step(batch)
    finally:
        torch.cuda.set_sync_debug_mode("default")


# --- the loader


@needs_cuda
def test_batches_are_pinned_and_come_to_the_device(monkeypatch: pytest.MonkeyPatch) -> None:
    moved: list[bool] = []
    real = Tensor.to

    def to(self: Tensor, *arguments: Any, **options: Any) -> Tensor:
        moved.append(self.is_pinned() and options.get("non_blocking", False))
        return real(self, *arguments, **options)

    monkeypatch.setattr(Tensor, "to", to)
    with Loader(batches().make, 0, 2, DEVICE) as loader:
        found = list(loader)
    assert moved == [True] * 6
    for ours, right in zip(found, map(batches().make, (0, 1)), strict=True):
        assert ours.inputs_mbs.device == DEVICE
        assert torch.equal(ours.inputs_mbs.cpu(), right.inputs_mbs)


def test_an_id_above_the_vocabulary_never_reaches_the_device() -> None:
    with (
        Loader(batches(vocab_size=200).make, 0, 3, DEVICE) as loader,
        pytest.raises(UserError, match="the vocabulary has 91"),
    ):
        list(loader)
    assert float(torch.ones(1, device=DEVICE).sum()) == 1  # the device still works
