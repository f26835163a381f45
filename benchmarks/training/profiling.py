"""Where the time of a training step goes: milliseconds by class of kernel, and how long the device was idle.

On CUDA the kernels are counted. On a CPU, where one operation does what a kernel does, the operations are.
"""

import collections
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch.autograd import DeviceType
from torch.profiler import ProfilerActivity, profile

from benchmarks.training.jobs import now

# Parts of the names of kernels (CUDA 13, cuDNN 9, Triton 3) and of torch's operations. The first that fits counts.
_CLASSES = (
    ("attention", ("flash", "fmha", "attention", "sdpa")),
    ("product", ("gemm", "nvjet", "cutlass", "xmma", "::addmm", "::mm", "::bmm", "::linear")),
    ("optimiser", ("adam", "multi_tensor", "lpnorm", "_foreach", "vector_norm")),
    ("softmax", ("softmax",)),
    ("copy", ("memcpy", "memset", "::copy_", "::zero_", "::fill_")),
    ("element-wise", ("triton", "elementwise", "layer_norm", "dropout", "gelu", "reduce", "cpp_fused", "aten::")),
)


def kind_of(name: str) -> str:
    """Return the class of a kernel or an operation by its name.

    >>> kind_of("nvjet_tst_128x256_64x4_2x1_v_bz_coopA_NNT")
    'product'
    >>> kind_of("triton_red_fused__log_softmax_exp_sub_3")
    'softmax'
    """
    lower = name.lower()
    return next((kind for kind, parts in _CLASSES if any(part in lower for part in parts)), "other")


def by_class(step: Callable[[int], object], steps: int, device: torch.device, *, vocab_size: int) -> dict[str, float]:
    """Run so many steps under the profiler, and return the ms of one by class.

    A product is of the `head` if the vocabulary is a side of it, else `linear`.
    """
    cuda = device.type == "cuda"
    activities = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if cuda else [])]
    with profile(activities=activities, record_shapes=True) as profiler:
        begun = now(device)
        for number in range(steps):
            step(number)
        wall = now(device) - begun
    events = profiler.events() or []
    times = _kernels(events, vocab_size) if cuda else _operations(events, vocab_size)
    found = {kind: microseconds / 1000 / steps for kind, microseconds in times.most_common()}
    return {**found, "idle": max(0.0, wall * 1000 / steps - sum(found.values()))}


def _kernels(events: Sequence[Any], vocab_size: int) -> collections.Counter[str]:
    times: collections.Counter[str] = collections.Counter()
    for event in events:
        if event.device_type == DeviceType.CUDA and not getattr(event, "is_user_annotation", False):
            times[kind_of(event.name)] += event.self_device_time_total
    # A kernel does not tell its shape; the operation that started it does.
    head = sum(
        kernel.duration
        for event in events
        if event.device_type == DeviceType.CPU and _of_head(event, vocab_size)
        for kernel in event.kernels
        if kind_of(kernel.name) == "product"
    )
    products = times.pop("product", 0)
    return times + collections.Counter({"head": head, "linear": products - head})


def _operations(events: Sequence[Any], vocab_size: int) -> collections.Counter[str]:
    times: collections.Counter[str] = collections.Counter()
    for event in events:
        kind = kind_of(event.name)
        if kind == "product":
            kind = "head" if _of_head(event, vocab_size) else "linear"
        times[kind] += event.self_cpu_time_total
    return times


def _of_head(event: Any, vocab_size: int) -> bool:
    # Filled up to a multiple of 128 on CUDA (model/network/loss.py).
    return any(vocab_size <= side < vocab_size + 128 for shape in event.input_shapes or () for side in shape or ())
