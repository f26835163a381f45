"""What is measured of training, and on what text: the same for our programs and for the Trainer."""

import contextlib
import os
import resource
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import numpy as np
import torch

from model.config import ModelConfig, TrainConfig
from model.data import blocks
from model.data.encoded import load_manifest
from model.data.loader import Batches
from model.presets import SIZES
from model.sampling import generator
from model.training.distributed import Distributed
from model.training.prepare import make_batches

_LANGUAGES, _SYNTHETIC_TOKENS = 100, 1_000_000  # of synthetic text, tokens a language

Program = Literal["ours", "Trainer", "Trainer-masked"]
PROGRAMS: tuple[Program, ...] = ("ours", "Trainer", "Trainer-masked")


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One measurement."""

    program: Program
    compile: bool
    batch: int  # samples that go through at once
    micros: int  # of them a step
    size: str
    seq_length: int
    precision: str  # fp32, or bf16
    attention_dropout: float
    device: str
    encoded: str | None  # None: synthetic text
    vocab_size: int
    warmup: int  # steps that are not timed
    steps: int
    threads: int | None
    profile: bool = False  # where the time of a step goes, too

    @property
    def samples(self) -> int:
        """Samples a step."""
        return self.batch * self.micros

    @property
    def text(self) -> str:
        """The job in words."""
        many = f"{self.micros} x {self.batch}" if self.micros > 1 else str(self.batch)
        return f"{self.program}, {'compiled' if self.compile else 'eager'}, batch {many}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What one measurement gave."""

    tokens_per_second: float
    loader_wait: float | None  # share of the time; the Trainer does not tell
    peak_bytes: int  # CUDA: allocated by torch; CPU: resident, the program's code included
    first_loss: float  # nats
    parameters: int
    first_step: float = 0.0  # seconds, the compiler's included
    profile: Mapping[str, float] = field(default_factory=dict)  # ms a step by class of kernel
    failure: str | None = None


def configs(job: Job) -> tuple[ModelConfig, TrainConfig]:
    """Return the configurations of model.pretrain for a job."""
    preset = SIZES[job.size]
    model = replace(preset.model, vocab_size=job.vocab_size, attention_dropout=job.attention_dropout)
    train = replace(
        preset.train,
        batch_size=job.samples,
        micro_batch=job.batch,
        steps=job.warmup + job.steps + 10,  # some are left for a profile
        warmup=job.warmup,
        seq_length=job.seq_length,
        precision=job.precision,
        compile=job.compile,
    )
    return model, train


@contextlib.contextmanager
def streams_of(job: Job) -> Iterator[dict[str, blocks.Tokens]]:
    """Yield the text of a job, as tokens by language."""
    if job.encoded is not None:
        manifest = load_manifest(Path(job.encoded))
        sizes = {name: counts.tokens for name, counts in manifest.languages.items()}
        yield blocks.open_tokens(Path(job.encoded), sizes)
        return
    with tempfile.TemporaryDirectory() as name:
        yield blocks.open_tokens(Path(name), _write_synthetic(Path(name), job))


def _write_synthetic(folder: Path, job: Job) -> Mapping[str, int]:
    """Write random text and return the tokens by language; pieces are as unevenly frequent as words (Zipf)."""
    wanted = (job.warmup + job.steps + 10) * job.samples * job.seq_length
    size = min(_SYNTHETIC_TOKENS, 2 * wanted // _LANGUAGES + job.seq_length)
    for language in range(_LANGUAGES):
        draws = generator(0, "benchmark", language).random(size)
        ids = 4 + ((job.vocab_size - 6) ** draws).astype(np.uint32)
        ids[::97] = 2  # </s>
        (folder / f"l{language}.tokens").write_bytes(ids.astype("<u4").tobytes())
    return {f"l{language}": size for language in range(_LANGUAGES)}


def batches_of(job: Job, streams: Mapping[str, blocks.Tokens]) -> Batches:
    """Return the batches of a job over its text."""
    return make_batches(streams, configs(job)[1], job.vocab_size, Distributed(torch.device(job.device)))


def now(device: torch.device) -> float:
    """Return the seconds of a clock after all that the device has to do."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()


def peak_memory(device: torch.device) -> int:
    """Return the most bytes so far."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def first_gpu() -> dict[str, str]:
    """Return the environment in which a program sees one GPU: the Trainer would split its batch among all."""
    return {"CUDA_VISIBLE_DEVICES": os.environ.get("CUDA_VISIBLE_DEVICES", "0").partition(",")[0]}
