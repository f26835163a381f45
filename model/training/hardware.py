"""What a run trains on: versions, clocks and peak of the device, which kernel attention takes there, and its memory."""

import contextlib
import gc
import platform
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch.nn.attention import SDPBackend

from model.config import ModelConfig, TrainConfig
from model.network import flops

_ASKED = "driver_version,clocks.sm,clocks.max.sm,power.limit"  # of nvidia-smi
_GIB = 1 << 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Hardware:
    """A line of the log: what the figures of a run were measured on."""

    device: str
    versions: str  # of Python, torch, CUDA and cuDNN
    clocks: str | None  # driver, clock of the multiprocessors with its most, limit of power; None: nvidia-smi is silent
    peak_flops: float | None  # dense bf16 operations a second; None where it is not known
    attention: str  # kernel that torch takes in training, by the name it has in torch.nn.attention.SDPBackend
    attention_dropout: float
    step: int = 0
    event: str = "hardware"

    @property
    def text(self) -> str:
        """Two lines for people."""
        peak = "peak unknown" if self.peak_flops is None else f"peak {self.peak_flops / 1e12:,.0f} TFLOP/s"
        parts = [self.device, peak, *([self.clocks] if self.clocks else []), self.versions]
        kernel = self.attention.removesuffix("_ATTENTION").lower()
        return f"{', '.join(parts)}\nattention kernel: {kernel}, at dropout {self.attention_dropout:g}"


def describe(device: torch.device, model: ModelConfig, train: TrainConfig) -> Hardware:
    """Return what a model is trained on; it takes no step, and some memory of the device for a moment."""
    cuda = device.type == "cuda"
    name = torch.cuda.get_device_name(device) if cuda else platform.processor() or platform.machine()
    return Hardware(
        device=name,
        versions=_versions(),
        clocks=_clocks(device) if cuda else None,
        peak_flops=flops.peak_flops(name) if cuda else None,
        attention=attention_kernel(
            device, model, samples=train.micro_batch, length=train.seq_length, precision=train.precision
        ),
        attention_dropout=model.attention_dropout,
    )


def attention_kernel(device: torch.device, model: ModelConfig, *, samples: int, length: int, precision: str) -> str:
    """Return the name of the kernel that scaled_dot_product_attention takes for a micro-batch in training.

    Which it takes hangs on shape, type, dropout and the versions of all of torch, CUDA and cuDNN.
    """
    shape = (samples, length, 3, model.heads, model.hidden // model.heads)
    kind = torch.float32 if precision == "fp32" else torch.bfloat16
    # Strides as the network has them: the three are parts of one product (network/xlmr.py).
    packed = torch.empty(shape, device=device, dtype=kind, requires_grad=True)
    query, key, value = (part.transpose(1, 2) for part in packed.unbind(2))
    number = torch._fused_sdp_choice(query, key, value, dropout_p=model.attention_dropout)
    return str(SDPBackend(number).name)


def peak_bytes(device: torch.device) -> int | None:
    """Return the most memory that torch has reserved on a CUDA device so far, None for a CPU."""
    return torch.cuda.max_memory_reserved(device) if device.type == "cuda" else None


def memory_text(taken: int) -> str:
    """Say an amount of memory.

    >>> memory_text(33 << 30)
    '33.0 GiB'
    """
    return f"{taken / _GIB:.1f} GiB"


@contextlib.contextmanager
def collector_off() -> Iterator[None]:
    """Keep Python's garbage collector from running of itself: in one of many processes it would stop them all.

    Inside, `collect` does its work where the training rests anyway.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.unfreeze()
        gc.enable()


def collect() -> None:
    """Free what nothing refers to any more, and have later calls pass over all that is there now."""
    gc.collect()
    gc.freeze()


def _versions() -> str:
    found = [f"Python {platform.python_version()}", f"torch {torch.__version__}"]
    if torch.version.cuda:
        cudnn = torch.backends.cudnn.version() or 0  # type: ignore[no-untyped-call]
        found += [f"CUDA {torch.version.cuda}", f"cuDNN {cudnn // 10000}.{cudnn // 100 % 100}.{cudnn % 100}"]
    return ", ".join(found)


def _clocks(device: torch.device) -> str | None:
    """Ask nvidia-smi; None where there is none, or it does not know the device (a MIG slice, some containers)."""
    number = f"--id=GPU-{torch.cuda.get_device_properties(device).uuid}"
    command = ["nvidia-smi", f"--query-gpu={_ASKED}", "--format=csv,noheader,nounits", number]
    try:
        said = subprocess.run(command, capture_output=True, text=True, check=True, timeout=20).stdout
        return clocks_text(said)
    except (OSError, subprocess.SubprocessError, ValueError):
        return None


def clocks_text(said: str) -> str:
    """Return in words what nvidia-smi said in one line; ValueError if it is something else.

    >>> clocks_text("580.159.04, 345, 1980, 700.00")
    'driver 580.159.04, 345 of 1980 MHz, at most 700.00 W'
    """
    driver, clock, most, power = (part.strip() for part in said.split(","))
    return f"driver {driver}, {clock} of {most} MHz, at most {power} W"
