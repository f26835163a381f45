"""Cross entropy over a large vocabulary without the logits of a batch.

128 samples of 512 tokens have 9 856 masked positions; their logits over 250 002 ids would be 9.9 GB in fp32, and a
backward pass would hold them twice. Here the rows are taken a chunk at a time: product with the vocabulary, softmax,
and at once the gradients, so that nothing of the chunk's size outlives it and no product is done twice.

`torch.nn.functional.linear_cross_entropy` (torch 2.13) takes chunks, too, but does not know autocast: fp32 weights stay
fp32, and of bf16 ones the loss is bf16, with errors of 0.02 nats. benchmarks/gpu.sh races the two.

Letters of shapes: n masked positions, c rows of a chunk, h hidden width, v ids.
"""

import functools
from collections.abc import Callable
from typing import Any, cast

import torch
from torch import Tensor
from torch.nn import functional

from model.ids import IGNORED

_ALIGNED = 128  # ids; tensor cores want rows that begin at a multiple of 16 bytes, and 250 002 ids do not give that
_NEVER = -1e9  # bias of an id that is only there to fill up: its probability is exactly 0

_Softmax = Callable[[Tensor, Tensor, Tensor, bool], tuple[Tensor, Tensor]]


class Decoder:
    """Weight and bias of a decoder as the products take them, made anew only when they have changed.

    An update changes them once; all micro-batches of a step take the same.
    """

    def __init__(self) -> None:
        self._key: object = None
        self._made: tuple[Tensor, Tensor] | None = None

    def of(self, weight_vh: Tensor, bias_v: Tensor, kind: torch.dtype) -> tuple[Tensor, Tensor]:
        """Return both in a type, without gradient; on CUDA with ids of probability 0 up to a multiple of 128."""
        key = kind, *((tensor.data_ptr(), tensor._version) for tensor in (weight_vh, bias_v))
        if self._made is None or key != self._key:
            weight_vh, bias_v = weight_vh.detach().to(kind), bias_v.detach().to(kind)
            missing = -len(weight_vh) % _ALIGNED if _alignment_pays(weight_vh) else 0
            if missing:
                weight_vh = functional.pad(weight_vh, (0, 0, 0, missing))
                bias_v = functional.pad(bias_v, (0, missing), value=_NEVER)
            self._key, self._made = key, (weight_vh, bias_v)
        return self._made


# Compiled as a whole, with the network or alone, it would hold what it is here to avoid: torch.compile takes the
# products for the weight's gradient out of the loop into the backward pass, and keeps the factors of all chunks.
@torch.compiler.disable  # type: ignore[untyped-decorator]
def chunked_cross_entropy(
    hidden_nh: Tensor,
    weight_vh: Tensor,
    bias_v: Tensor,
    targets_n: Tensor,
    *,
    decoder: Decoder | None = None,
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
        decoder: keeps what is made of weight and bias from one call to the next.
        chunk: rows at a time; memory is some 10 bytes * chunk * v, compiled 4. The default is 32 samples of 512 tokens,
            so that the chunks of a usual batch have one shape and are compiled once.
        compiled: softmax and its gradient in one kernel; it takes a compiler, and its time at the first call.
    """
    leaves, device = (hidden_nh, weight_vh, bias_v), hidden_nh.device.type
    kind = torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else hidden_nh.dtype
    factors = (decoder or Decoder()).of(weight_vh, bias_v, kind)
    wanted = torch.is_grad_enabled() and any(tensor.requires_grad for tensor in leaves)
    softmax = _compiled() if compiled else _softmax
    with torch.no_grad(), torch.autocast(device, enabled=False):
        total, share, *gradients = _both_passes(hidden_nh.to(kind), *factors, targets_n, chunk, softmax, wanted)
    if not wanted:
        return total * share
    return cast(Tensor, _WithGradients.apply(total, share, *leaves, *gradients))  # type: ignore[no-untyped-call]


def _both_passes(
    hidden_nh: Tensor,
    weight_vh: Tensor,
    bias_v: Tensor,
    targets_n: Tensor,
    chunk: int,
    softmax: _Softmax,
    wanted: bool,
) -> tuple[Tensor, ...]:
    """Return the sum of losses and a row's share in the mean, both (), and the sum's gradients where they are wanted.

    These are by hidden states, weight and bias. They are scaled at the end and not as slopes: there a share that bf16
    rounds would be a factor of all, and doubles the error of the weight's gradient.
    """
    wide = _wide(weight_vh.dtype)
    counts_n1 = (targets_n != IGNORED).unsqueeze(1).to(wide)
    ids_n1, total = targets_n.clamp(min=0).unsqueeze(1), counts_n1.new_zeros(())
    sizes = [tensor.shape if wanted else (0,) for tensor in (hidden_nh, weight_vh, bias_v)]
    grad_nh, grad_vh, grad_v = (counts_n1.new_zeros(size) for size in sizes)
    for rows in (slice(start, start + chunk) for start in range(0, len(hidden_nh), chunk)):
        logits_cv = torch.addmm(bias_v, hidden_nh[rows], weight_vh.t())
        part, slope_cv = softmax(logits_cv, ids_n1[rows], counts_n1[rows], wanted)
        total += part
        if wanted:
            grad_nh[rows] = slope_cv @ weight_vh
            _add_product(grad_vh, slope_cv.t(), hidden_nh[rows])
            grad_v += slope_cv.sum(0, dtype=wide)
    return total, 1 / counts_n1.sum().clamp(min=1), grad_nh, grad_vh, grad_v


class _WithGradients(torch.autograd.Function):
    """A mean whose sum's gradients are known; the backward pass scales them."""

    @staticmethod
    def forward(ctx: Any, total: Tensor, share: Tensor, *tensors: Tensor) -> Tensor:
        leaves, known = tensors[:3], tensors[3:]
        ctx.kinds = [leaf.dtype for leaf in leaves]
        # Less what the vocabulary was filled up with.
        ctx.save_for_backward(share, *(sums[: len(leaf)] for sums, leaf in zip(known, leaves, strict=True)))
        return total * share

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        share, *known = ctx.saved_tensors
        scale = gradients[0] * share
        of_leaves = ((sums * scale).to(kind) for sums, kind in zip(known, ctx.kinds, strict=True))
        return None, None, *of_leaves, None, None, None


def _softmax(logits_cv: Tensor, ids_c1: Tensor, counts_c1: Tensor, gradients: bool) -> tuple[Tensor, Tensor]:
    """Return the sum of the rows' losses, (), and its gradient by the logits in their type.

    That is the probabilities, less 1 at the target, and 0 for a row that does not count. Without `gradients` it means
    nothing.
    """
    logs_cv = functional.log_softmax(logits_cv, dim=1, dtype=counts_c1.dtype)
    loss = -(logs_cv.gather(1, ids_c1) * counts_c1).sum()
    if not gradients:
        return loss, logits_cv
    if torch.compiler.is_compiling():
        # Nothing but operations on single elements, so that no fp32 copy of the chunk is ever written.
        slope_cv = logs_cv.exp() - (torch.arange(logs_cv.shape[1], device=ids_c1.device) == ids_c1).to(logs_cv.dtype)
    else:
        slope_cv = logs_cv.exp_().scatter_add_(1, ids_c1, torch.full_like(ids_c1, -1, dtype=logs_cv.dtype))
    return loss, slope_cv.mul_(counts_c1).to(logits_cv.dtype)


@functools.cache
def _compiled() -> _Softmax:
    # Not dynamic: all chunks but the last have one shape.
    return cast(_Softmax, torch.compile(_softmax, dynamic=False))


def _add_product(sums: Tensor, left: Tensor, right: Tensor) -> None:
    """Add left @ right to `sums`, which may be of a wider type."""
    if sums.dtype == left.dtype:
        sums.addmm_(left, right)
    elif sums.is_cuda:
        # The product is never rounded to the narrow type, and never written.
        torch.addmm(sums, left, right, out_dtype=sums.dtype, out=sums)
    else:
        sums.add_(left @ right)


def _wide(kind: torch.dtype) -> torch.dtype:
    """Return the type of softmax and sums: fp32, or what is wider."""
    return torch.promote_types(kind, torch.float32)


def _alignment_pays(weight_vh: Tensor) -> bool:
    return weight_vh.is_cuda and weight_vh.dtype != torch.float32
