"""The output layer's loss, both passes: ours, torch's linear_cross_entropy, and cross entropy of the full logits.

For each: milliseconds, the memory it takes beside its inputs, and how far the loss (nats) and the gradients (share of
their norm) are from fp64 on a few rows.
"""

import argparse
import json
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

from benchmarks.training.jobs import now
from model.network.loss import chunked_cross_entropy

_WAYS = dict[str, Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]]


def ways(device: torch.device) -> _WAYS:
    """Return what takes part: (hidden, weight, bias, targets) -> mean loss. Weights are fp32, products bf16."""

    def full(hidden: Tensor, weight: Tensor, bias: Tensor, targets: Tensor) -> Tensor:
        return functional.cross_entropy(functional.linear(hidden, weight, bias).float(), targets)

    def strict(*given: Tensor) -> Tensor:
        """Ours, where a long sum that is split must not be added up in bf16."""
        products = torch.backends.cuda.matmul
        before, products.allow_bf16_reduced_precision_reduction = products.allow_bf16_reduced_precision_reduction, False
        try:
            return chunked_cross_entropy(*given, compiled=True)
        finally:
            products.allow_bf16_reduced_precision_reduction = before

    found: _WAYS = {"ours, eager": chunked_cross_entropy, "full logits": full}
    if device.type == "cuda":
        found["ours, compiled"] = lambda *inputs: chunked_cross_entropy(*inputs, compiled=True)
        found["ours, compiled, no sums in bf16"] = strict
        found["full logits, compiled"] = torch.compile(full)
    if hasattr(functional, "linear_cross_entropy"):  # torch 2.13
        for policy in ("compact", "accurate"):
            options = torch.nn.LinearCrossEntropyOptions(acc_policy=policy)

            def theirs(
                hidden: Tensor, weight: Tensor, bias: Tensor, targets: Tensor, options: object = options
            ) -> Tensor:
                # It does not know autocast.
                narrow = hidden.bfloat16(), weight.bfloat16()
                return functional.linear_cross_entropy(*narrow, targets, linear_bias=bias.bfloat16(), options=options)

            found[f"linear_cross_entropy, {policy}"] = theirs
    return found


def inputs(rows: int, width: int, vocabulary: int, device: torch.device) -> list[Tensor]:
    """Return hidden, weight, bias and targets, of which every seventh does not count."""
    torch.manual_seed(0)
    hidden = torch.randn(rows, width, device=device)
    weight, bias = torch.randn(vocabulary, width, device=device) * 0.02, torch.randn(vocabulary, device=device) * 0.1
    targets = torch.randint(vocabulary, (rows,), device=device)
    targets[::7] = -100
    return [*(tensor.requires_grad_() for tensor in (hidden, weight, bias)), targets]


def once(way: Callable[..., Tensor], given: list[Tensor]) -> tuple[Tensor, ...]:
    """Return the loss and the three gradients."""
    with torch.autocast(given[0].device.type, torch.bfloat16):
        loss = way(*given)
    return loss.detach(), *torch.autograd.grad(loss, given[:3])


def errors(way: Callable[..., Tensor], width: int, vocabulary: int, device: torch.device) -> dict[str, float]:
    """Return how far loss and gradients are from fp64."""
    given = inputs(384, width, vocabulary, device)
    leaves = [tensor.detach().double().requires_grad_() for tensor in given[:3]]
    exact = functional.cross_entropy(leaves[0] @ leaves[1].t() + leaves[2], given[3])
    right = [exact.detach(), *torch.autograd.grad(exact, leaves)]
    found = once(way, given)
    far = {"loss": float((found[0].double() - right[0]).abs())}
    for name, ours, true in zip(("hidden", "weight", "bias"), found[1:], right[1:], strict=True):
        far[name] = float((ours.double() - true).norm() / true.norm())
    return far


def speed(way: Callable[..., Tensor], given: list[Tensor], rounds: int) -> dict[str, float]:
    """Return milliseconds of both passes, and the most memory beside the inputs (CUDA)."""
    device = given[0].device
    once(way, given), once(way, given)
    cuda = device.type == "cuda"
    before = torch.cuda.memory_allocated(device) if cuda else 0
    if cuda:
        torch.cuda.reset_peak_memory_stats(device)
    begun = now(device)
    for _ in range(rounds):
        once(way, given)
    took = (now(device) - begun) * 1000 / rounds
    return {"ms": took, "MiB": (torch.cuda.max_memory_allocated(device) - before) / (1 << 20) if cuda else 0.0}


def main(device: torch.device) -> dict[str, dict[str, float]]:
    """Measure all; raise AssertionError if ours is not right."""
    cuda = device.type == "cuda"
    rows, width, vocabulary = (9856, 768, 250_002) if cuda else (96, 16, 302)
    given = inputs(rows, width, vocabulary, device)
    found = {}
    for name, way in ways(device).items():
        try:
            found[name] = {**speed(way, given, 10 if cuda else 1), **errors(way, width, vocabulary, device)}
        except torch.OutOfMemoryError:
            print(f"{name}: out of memory")
            continue
        print(f"{name}: " + ", ".join(f"{key} {value:.3g}" for key, value in found[name].items()))
    for name in (name for name in found if name.startswith("ours")):
        assert found[name]["loss"] < 5e-3, name
        assert max(found[name][part] for part in ("hidden", "weight", "bias")) < 0.02, name
    return found


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, required=True)
    options = parser.parse_args()
    measured = main(torch.device("cuda" if torch.cuda.is_available() else "cpu"))
    options.json.write_text(json.dumps(measured, indent=1) + "\n")
    print("fastest: " + min(measured, key=lambda name: measured[name]["ms"]))
