"""Cross entropy over a large vocabulary without the logits of a batch.

128 samples of 512 tokens have 9 856 masked positions; their logits over 250 002 ids would be 9.9 GB in fp32, and a
backward pass would hold them twice. Here the rows are taken a chunk at a time: product with the vocabulary, softmax,
and at once the gradients, so that nothing of the chunk's size outlives it and no product is done twice.

Letters of shapes: n masked positions, c rows of a chunk, h hidden width, v ids.
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor
from torch.nn import functional

from model.ids import IGNORED

_ALIGNED = 128  # ids; tensor cores want rows that begin at a multiple of 16 bytes, and 250 002 ids do not give that
_NEVER = -1e9  # bias of an id that is only there to fill up: its probability is exactly 0


def chunked_cross_entropy(
    hidden_nh: Tensor,
    weight_vh: Tensor,
    bias_v: Tensor,
    targets_n: Tensor,
    *,
    chunk: int = 2464,
    compiled: bool = False,
) -> Tensor:
    """Return the mean cross entropy in nats over the rows whose target is not -100; 0 if there is none.

    The same value and gradients as `cross_entropy(hidden_nh @ weight_vh.T + bias_v, targets_n)`, once
    differentiable. Under autocast the products are done in its type; softmax, sums and the gradient of the weight
    stay fp32.

    Args:
        hidden_nh: of the masked positions.
        weight_vh: of the decoder.
        bias_v: of the decoder.
        targets_n: int64 ids, or -100.
        chunk: rows at a time; memory is some 10 bytes * chunk * v, compiled 4. The default is 32 samples of 512 tokens,
            so that the chunks of a usual batch have one shape and are compiled once.
        compiled: softmax and its gradient in one kernel; it takes a compiler, and its time at the first call.
    """
    leaves = hidden_nh, weight_vh, bias_v
    gradients = torch.is_grad_enabled() and any(tensor.requires_grad for tensor in leaves)
    loss: Tensor = _loss(*leaves, targets_n, _Way(chunk, _compiled() if compiled else _softmax, gradients))
    return loss


_Softmax = Callable[[Tensor, Tensor, Tensor, bool], tuple[Tensor, Tensor]]


@dataclass(frozen=True, slots=True)
class _Way:
    chunk: int
    softmax: _Softmax
    gradients: bool  # whether they are wanted


# Compiled as a whole, with the network or alone, it would hold what it is here to avoid: torch.compile takes the
# products for the weight's gradient out of the loop into the backward pass, and keeps the factors of all chunks.
@torch.compiler.disable  # type: ignore[untyped-decorator]
def _loss(*arguments: Any) -> Tensor:
    loss: Tensor = _ChunkedCrossEntropy.apply(*arguments)  # type: ignore[no-untyped-call]
    return loss


class _ChunkedCrossEntropy(torch.autograd.Function):
    """Gradients are made in the forward pass; the backward pass scales them."""

    @staticmethod
    def forward(ctx: Any, hidden_nh: Tensor, weight_vh: Tensor, bias_v: Tensor, targets_n: Tensor, way: _Way) -> Tensor:
        kind = _product_type(hidden_nh)
        ctx.types = hidden_nh.dtype, weight_vh.dtype, bias_v.dtype
        counts_n1 = (targets_n != IGNORED).unsqueeze(1)
        ids_n1 = torch.where(counts_n1, targets_n.unsqueeze(1), 0)
        count = counts_n1.sum().clamp(min=1)
        total = torch.zeros((), device=hidden_nh.device, dtype=_wide(kind))
        # A row that does not count is zero here, so that it adds nothing to the gradient of the weight.
        hidden_nh, vocabulary = hidden_nh.to(kind) * counts_n1, len(weight_vh)
        weight_vh, bias_v = _aligned(weight_vh.to(kind), bias_v.to(kind))
        sums = _Sums.zeros(hidden_nh, weight_vh) if way.gradients else None
        with torch.autocast(hidden_nh.device.type, enabled=False):
            for rows in (slice(start, start + way.chunk) for start in range(0, len(hidden_nh), way.chunk)):
                logits_cv = torch.addmm(bias_v, hidden_nh[rows], weight_vh.t())
                loss, slope_cv = way.softmax(logits_cv, ids_n1[rows], counts_n1[rows], way.gradients)
                total += loss
                if sums is not None:
                    sums.add(rows, slope_cv, counts_n1[rows], hidden_nh[rows], weight_vh)
        if sums is not None:
            ctx.save_for_backward(count, sums.hidden_nh, sums.weight_vh[:vocabulary], sums.bias_v[:vocabulary])
        return total / count

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        count, *sums = ctx.saved_tensors
        scale = gradients[0] / count
        return (*((tensor * scale).to(kind) for tensor, kind in zip(sums, ctx.types, strict=True)), None, None)


@dataclass(frozen=True, slots=True)
class _Sums:
    """Gradients of the sum over the rows, in fp32; `add` writes a chunk's part into them."""

    hidden_nh: Tensor
    weight_vh: Tensor
    bias_v: Tensor

    @classmethod
    def zeros(cls, hidden_nh: Tensor, weight_vh: Tensor) -> "_Sums":
        kind = _wide(weight_vh.dtype)
        sums_nh, sums_vh = (torch.zeros_like(tensor, dtype=kind) for tensor in (hidden_nh, weight_vh))
        return cls(sums_nh, sums_vh, sums_vh.new_zeros(len(weight_vh)))

    def add(self, rows: slice, slope_cv: Tensor, counts_c1: Tensor, hidden_ch: Tensor, weight_vh: Tensor) -> None:
        # Rows that do not count are left out of the small factors instead of the large one.
        self.hidden_nh[rows] = (slope_cv @ weight_vh) * counts_c1
        self.bias_v.add_(counts_c1.squeeze(1).to(slope_cv.dtype) @ slope_cv)
        _add_product(self.weight_vh, slope_cv.t(), hidden_ch)


def _add_product(sums: Tensor, left: Tensor, right: Tensor) -> None:
    """Add left @ right to `sums`, which may be of a wider type."""
    if sums.dtype == left.dtype:
        sums.addmm_(left, right)
    elif sums.is_cuda:
        # The product is never rounded to the narrow type, and never written.
        torch.addmm(sums, left, right, out_dtype=sums.dtype, out=sums)
    else:
        sums.add_(left @ right)


def _softmax(logits_cv: Tensor, ids_c1: Tensor, counts_c1: Tensor, gradients: bool) -> tuple[Tensor, Tensor]:
    """Return the sum of losses, (), and the gradient of the logits in their type: probabilities, less 1 at the target.

    Rows that do not count are in the gradient, and not in the sum. Without gradients the second means nothing.
    """
    logs_cv = functional.log_softmax(logits_cv, dim=1, dtype=_wide(logits_cv.dtype))
    loss = -(logs_cv.gather(1, ids_c1) * counts_c1).sum()
    if not gradients:
        return loss, logits_cv
    if torch.compiler.is_compiling():
        # Nothing but operations on single elements, so that no fp32 copy of the chunk is ever written.
        slope_cv = logs_cv.exp() - (torch.arange(logs_cv.shape[1], device=ids_c1.device) == ids_c1).to(logs_cv.dtype)
    else:
        slope_cv = logs_cv.exp_().scatter_add_(1, ids_c1, torch.full_like(ids_c1, -1, dtype=logs_cv.dtype))
    return loss, slope_cv.to(logits_cv.dtype)


@functools.cache
def _compiled() -> _Softmax:
    # Not dynamic: all chunks but the last have one shape.
    return cast(_Softmax, torch.compile(_softmax, dynamic=False))


def _product_type(hidden_nh: Tensor) -> torch.dtype:
    device = hidden_nh.device.type
    return torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else hidden_nh.dtype


def _wide(kind: torch.dtype) -> torch.dtype:
    """Return the type of softmax and sums: fp32, or what is wider."""
    return torch.promote_types(kind, torch.float32)


def _aligned(weight_vh: Tensor, bias_v: Tensor) -> tuple[Tensor, Tensor]:
    """Fill the vocabulary up to a multiple of 128 where that pays, with ids whose probability is 0."""
    missing = -len(weight_vh) % _ALIGNED
    if not missing or not _alignment_pays(weight_vh):
        return weight_vh, bias_v
    return functional.pad(weight_vh, (0, 0, 0, missing)), functional.pad(bias_v, (0, missing), value=_NEVER)


def _alignment_pays(weight_vh: Tensor) -> bool:
    return weight_vh.is_cuda and weight_vh.dtype != torch.float32
