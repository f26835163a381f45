"""The chunked loss: torch's own value and gradients, and never the logits of a batch."""

import math
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional
from torch.utils._python_dispatch import TorchDispatchMode

import model.network.loss
from model.ids import IGNORED
from model.network.loss import Decoder, chunked_cross_entropy
from model.training.optim import update

Inputs = tuple[Tensor, Tensor, Tensor]
torch.set_num_threads(1)


def random_inputs(rows: int, vocabulary: int, *, seed: int = 0, kind: torch.dtype = torch.float32) -> Inputs:
    generator = torch.Generator().manual_seed(seed)
    shapes = ((rows, 8), (vocabulary, 8), (vocabulary,))
    hidden, weight, bias = (torch.randn(shape, generator=generator, dtype=kind).requires_grad_() for shape in shapes)
    return hidden, weight, bias


def random_targets(rows: int, vocabulary: int, *, ignored: float = 0.3) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    targets = torch.randint(vocabulary, (rows,), generator=generator)
    return torch.where(torch.rand(rows, generator=generator) < ignored, IGNORED, targets)


def plain(hidden: Tensor, weight: Tensor, bias: Tensor, targets: Tensor) -> Tensor:
    return functional.cross_entropy((hidden @ weight.t() + bias).float(), targets)


def gradients(loss: Tensor, inputs: Inputs) -> tuple[Tensor, ...]:
    return torch.autograd.grad(loss * 3, inputs)


@given(rows=st.integers(1, 40), vocabulary=st.integers(2, 60), chunk=st.integers(1, 50), seed=st.integers(0, 99))
@settings(deadline=None)
def test_value_and_gradients_are_those_of_torch(rows: int, vocabulary: int, chunk: int, seed: int) -> None:
    inputs = random_inputs(rows, vocabulary, seed=seed)
    targets = random_targets(rows, vocabulary)
    targets[0] = 1  # the mean of no rows is another matter
    expected, found = plain(*inputs, targets), chunked_cross_entropy(*inputs, targets, chunk=chunk)
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-6)
    for ours, theirs in zip(gradients(found, inputs), gradients(expected, inputs), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-6)


def test_no_gradient_is_asked_for() -> None:
    inputs, targets = random_inputs(20, 30), random_targets(20, 30)
    with torch.no_grad():
        found = chunked_cross_entropy(*inputs, targets, chunk=7)
    assert not found.requires_grad
    torch.testing.assert_close(found, plain(*inputs, targets).detach())


def test_rows_that_do_not_count_have_no_gradient_and_none_gives_zero() -> None:
    inputs, targets = random_inputs(20, 30), torch.full((20,), IGNORED)
    loss = chunked_cross_entropy(*inputs, targets)
    assert loss.item() == 0
    assert all(not gradient.any() for gradient in gradients(loss, inputs))
    targets[3] = 5
    of_hidden = gradients(chunked_cross_entropy(*inputs, targets), inputs)[0]
    assert of_hidden.any(1).nonzero().flatten().tolist() == [3]


@pytest.mark.parametrize("size", [1.0, 1e4])
def test_logits_of_any_size(size: float) -> None:
    hidden, weight, bias = random_inputs(10, 50)
    loss = chunked_cross_entropy(hidden * size, weight, bias, random_targets(10, 50), chunk=4)
    assert math.isfinite(loss.item())
    torch.testing.assert_close(loss, plain(hidden * size, weight, bias, random_targets(10, 50)))


def test_bf16_autocast_is_as_near_to_fp32_as_torch_is() -> None:
    inputs, targets = random_inputs(300, 700), random_targets(300, 700)
    exact = plain(*inputs, targets)
    with torch.autocast("cpu", torch.bfloat16):
        found, theirs = chunked_cross_entropy(*inputs, targets, chunk=64), plain(*inputs, targets)
    assert found.dtype == torch.float32
    assert abs(found - exact) <= abs(theirs - exact) + 1e-3
    far = zip(gradients(found, inputs), gradients(theirs, inputs), gradients(exact, inputs), strict=True)
    for ours, torchs, right in far:
        assert ours.dtype == torch.float32
        assert (ours - right).norm() <= (torchs - right).norm() * 1.2 + 1e-6
        assert (ours - right).norm() <= right.norm() * 0.02


def test_the_decoder_is_made_anew_when_it_has_changed_and_only_then() -> None:
    (hidden, weight, bias), targets = random_inputs(30, 70), random_targets(30, 70)
    decoder, optimizer = Decoder(), torch.optim.AdamW([weight, bias], lr=0.1, fused=True)
    for _ in range(2):
        with torch.autocast("cpu", torch.bfloat16):
            made = decoder.of(weight, bias, torch.bfloat16)
            found = chunked_cross_entropy(hidden, weight, bias, targets, decoder=decoder)
            expected = chunked_cross_entropy(hidden, weight, bias, targets)
            assert all(one is other for one, other in zip(made, decoder.of(weight, bias, torch.bfloat16), strict=True))
        assert torch.equal(found, expected)
        found.backward()
        update(optimizer, torch.zeros(()), rate=0.1)  # whose fused kernel does not tell that it has changed the weight
    with torch.no_grad():
        weight.copy_(torch.ones_like(weight))  # as load_state_dict does
    assert decoder.of(weight, bias, torch.bfloat16)[0].eq(1).all()
    assert decoder.of(weight, bias, torch.float32)[0].dtype == torch.float32


def test_products_are_bf16_under_autocast() -> None:
    inputs, targets = random_inputs(30, 70), random_targets(30, 70)
    with torch.autocast("cpu", torch.bfloat16), Recorder() as recorder:
        chunked_cross_entropy(*inputs, targets, chunk=8).backward()
    assert recorder.product_types == {torch.bfloat16}


class Recorder(TorchDispatchMode):
    """Notes the largest result that any operation makes, and the types of products."""

    def __init__(self) -> None:
        super().__init__()
        self.largest = 0
        self.product_types: set[torch.dtype] = set()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN204
        result = func(*args, **(kwargs or {}))
        tensors = [tensor for tensor in (result if isinstance(result, tuple) else (result,)) if torch.is_tensor(tensor)]
        self.largest = max([self.largest, *(tensor.numel() for tensor in tensors)])
        if "mm" in func.__name__:
            self.product_types |= {tensor.dtype for tensor in tensors}
        return result


@pytest.mark.parametrize("autocast", [False, True])
def test_neither_pass_holds_more_logits_than_a_chunk(autocast: bool) -> None:
    rows, vocabulary, chunk = 640, 500, 32
    inputs, targets = random_inputs(rows, vocabulary), random_targets(rows, vocabulary)
    with torch.autocast("cpu", torch.bfloat16, enabled=autocast), Recorder() as recorder:
        chunked_cross_entropy(*inputs, targets, chunk=chunk).backward()
    assert recorder.largest == chunk * vocabulary
    with Recorder() as of_torch:
        plain(*inputs, targets).backward()
    assert of_torch.largest == rows * vocabulary


@pytest.mark.parametrize("autocast", [False, True])
def test_compiled_softmax_is_the_same(monkeypatch: pytest.MonkeyPatch, autocast: bool) -> None:
    # What is compiled, without the compiler for C++ that not every machine has.
    traced = torch.compile(model.network.loss._softmax, dynamic=False, backend="aot_eager", fullgraph=True)
    monkeypatch.setattr(model.network.loss, "_compiled", lambda: traced)
    inputs, targets = random_inputs(100, 70), random_targets(100, 70)
    with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
        plainly, compiled = (chunked_cross_entropy(*inputs, targets, chunk=32, compiled=flag) for flag in (False, True))
    torch.testing.assert_close(compiled, plainly)
    for ours, theirs in zip(gradients(compiled, inputs), gradients(plainly, inputs), strict=True):
        torch.testing.assert_close(ours, theirs)


def test_a_filled_up_vocabulary_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    inputs, targets = random_inputs(50, 70), random_targets(50, 70)
    plainly = chunked_cross_entropy(*inputs, targets, chunk=32)
    monkeypatch.setattr(model.network.loss, "_alignment_pays", lambda _: True)
    with Recorder() as recorder:
        filled = chunked_cross_entropy(*inputs, targets, chunk=32)
    assert recorder.largest == 32 * 128
    torch.testing.assert_close(filled, plainly)
    for ours, theirs in zip(gradients(filled, inputs), gradients(plainly, inputs), strict=True):
        torch.testing.assert_close(ours, theirs)


def test_torch_compile_leaves_the_chunks_alone() -> None:
    inputs, targets = random_inputs(100, 70), random_targets(100, 70)
    products: list[str] = []

    def backend(graph: torch.fx.GraphModule, _: list[Tensor]) -> Any:
        products.extend(node.name for node in graph.graph.nodes if "mm" in node.name or "matmul" in node.name)
        return graph.forward

    def head(hidden: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        return chunked_cross_entropy((hidden @ torch.eye(8)).relu(), weight, bias, targets, chunk=32)

    found = torch.compile(head, backend=backend)(*inputs)
    assert products == ["matmul"]
    torch.testing.assert_close(found, head(*inputs))
    for ours, theirs in zip(gradients(found, inputs), gradients(head(*inputs), inputs), strict=True):
        torch.testing.assert_close(ours, theirs)


def test_backward_twice_and_sum_of_micro_batches() -> None:
    inputs, targets = random_inputs(40, 30), random_targets(40, 30, ignored=0)
    whole = gradients(plain(*inputs, targets), inputs)
    hidden, weight, bias = inputs
    halves = [
        chunked_cross_entropy(hidden[part], weight, bias, targets[part]) / 2 for part in (slice(20), slice(20, 40))
    ]
    for half in halves:
        torch.autograd.backward(half * 3, inputs=list(inputs), retain_graph=True)
    for tensor, right in zip(inputs, whole, strict=True):
        assert tensor.grad is not None
        torch.testing.assert_close(tensor.grad, right, rtol=1e-4, atol=1e-6)
    again = torch.autograd.grad(halves[0], weight, retain_graph=True)
    torch.testing.assert_close(again, torch.autograd.grad(halves[0], weight))


def test_double_precision() -> None:
    inputs, targets = random_inputs(12, 9, kind=torch.float64), random_targets(12, 9)
    expected = functional.cross_entropy(inputs[0] @ inputs[1].t() + inputs[2], targets)
    torch.testing.assert_close(chunked_cross_entropy(*inputs, targets, chunk=5), expected, atol=1e-12, rtol=0)

    def of_inputs(hidden: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        return chunked_cross_entropy(hidden, weight, bias, targets, chunk=5)

    assert torch.autograd.gradcheck(of_inputs, inputs)
