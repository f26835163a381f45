"""Tokens a second of training: ours, and Hugging Face's Trainer with XLMRobertaForMaskedLM doing the same work.

The same shape of model, sequence length, batch, precision, dropout, optimiser, clipping, and the same blocks of text;
both eager and compiled. Ours runs the loop of model.pretrain: loader thread, masks, chunked loss, update. Theirs runs
Trainer.train with DataCollatorForLanguageModeling over the blocks, tokenised beforehand. Each measurement is a process
of its own; ours and theirs alternate. Before anything is timed, both must begin at the same loss: that of a guess.

    python benchmarks/pretrain.py --size tiny                                     # a CPU will do
    python benchmarks/pretrain.py --size base --batch_sizes 32 64 128 256 --encoded runs/x/encoded

It needs the extra `bench`. benchmarks/README.md says what each figure means.
"""

import argparse
import contextlib
import dataclasses
import importlib.util
import json
import math
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from rich import box
from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from model.config import ModelConfig, TrainConfig  # noqa: E402
from model.data import blocks  # noqa: E402
from model.data.encoded import load_manifest  # noqa: E402
from model.data.loader import Batches, Loader  # noqa: E402
from model.errors import UserError  # noqa: E402
from model.network import flops  # noqa: E402
from model.network.hf import config_json  # noqa: E402
from model.network.xlmr import XlmR  # noqa: E402
from model.presets import SIZES  # noqa: E402
from model.sampling import generator  # noqa: E402
from model.training.checkpoint import Identity  # noqa: E402
from model.training.distributed import Distributed  # noqa: E402
from model.training.prepare import make_batches  # noqa: E402
from model.training.run import Reports  # noqa: E402
from model.training.trainer import Trainer  # noqa: E402

_LANGUAGES, _SYNTHETIC_TOKENS = 100, 1_000_000  # of synthetic text, tokens a language
_MIB = 1 << 20
_WIDTH = 150  # characters of the table in a file
_NO_MEMORY = "out of memory"
_GEMM = 2048  # rows and columns of the products by which a CPU's peak is measured

Program = Literal["ours", "Trainer"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One measurement."""

    program: Program
    compile: bool
    batch: int  # samples a step; one micro-batch
    size: str
    seq_length: int
    precision: Literal["fp32", "bf16"]
    device: str
    encoded: str | None  # None: synthetic text
    vocab_size: int
    warmup: int  # steps that are not timed
    steps: int
    threads: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What one measurement gave."""

    tokens_per_second: float
    loader_wait: float | None  # share of the time; the Trainer does not tell
    peak_bytes: int  # CUDA: allocated by torch; CPU: resident, the program's code included
    first_loss: float  # nats
    parameters: int
    failure: str | None = None


# --- what both train on


def _configs(job: Job) -> tuple[ModelConfig, TrainConfig]:
    preset = SIZES[job.size]
    model = replace(preset.model, vocab_size=job.vocab_size)
    train = replace(
        preset.train,
        batch_size=job.batch,
        micro_batch=job.batch,
        steps=job.warmup + job.steps,
        warmup=job.warmup,
        seq_length=job.seq_length,
        precision=job.precision,
        compile=job.compile,
    )
    return model, train


def _write_synthetic(folder: Path, vocab_size: int) -> Mapping[str, int]:
    """Write random text and return the tokens by language; pieces are as unevenly frequent as words (Zipf)."""
    for language in range(_LANGUAGES):
        draws = generator(0, "benchmark", language).random(_SYNTHETIC_TOKENS)
        ids = 4 + ((vocab_size - 6) ** draws).astype(np.uint32)
        ids[::97] = 2  # </s>
        (folder / f"l{language}.tokens").write_bytes(ids.astype("<u4").tobytes())
    return {f"l{language}": _SYNTHETIC_TOKENS for language in range(_LANGUAGES)}


@contextlib.contextmanager
def _streams(job: Job) -> Iterator[dict[str, blocks.Tokens]]:
    if job.encoded is not None:
        manifest = load_manifest(Path(job.encoded))
        sizes = {name: counts.tokens for name, counts in manifest.languages.items()}
        yield blocks.open_tokens(Path(job.encoded), sizes)
        return
    with tempfile.TemporaryDirectory() as name:
        yield blocks.open_tokens(Path(name), _write_synthetic(Path(name), job.vocab_size))


def _batches(job: Job, streams: Mapping[str, blocks.Tokens]) -> Batches:
    return make_batches(streams, _configs(job)[1], job.vocab_size, Distributed(torch.device(job.device)))


# --- the two programs


def _synchronise(device: torch.device) -> float:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()


def _peak(device: torch.device) -> int:
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _ours(job: Job, streams: Mapping[str, blocks.Tokens]) -> Result:
    device = torch.device(job.device)
    config, train = _configs(job)
    torch.manual_seed(train.seed)
    trainer = Trainer(
        XlmR(config),
        Identity(model=config, train=train, manifest_sha256=""),
        _batches(job, streams),
        Distributed(device),
    )
    reports, losses = Reports(device, trainer.batches.micros), list[float]()
    begun = waited = 0.0
    with Loader(trainer.batches.make, 0, train.steps, device) as loader:
        for batch in loader:
            if batch.step == job.warmup:
                begun, waited = _synchronise(device), loader.waited
            reports.send(batch.step + 1, trainer.step(batch))
            while len(reports) > reports.late:
                losses.append(reports.receive().loss)
        seconds, waited = _synchronise(device) - begun, loader.waited - waited
    return Result(
        tokens_per_second=job.steps * job.batch * job.seq_length / seconds,
        loader_wait=waited / seconds,
        peak_bytes=_peak(device),
        first_loss=losses[0],
        parameters=sum(parameter.numel() for parameter in trainer.model.parameters()),
    )


class _Blocks(torch.utils.data.Dataset[dict[str, list[int]]]):
    """The same samples in the same order, one by one."""

    def __init__(self, batches: Batches, count: int) -> None:
        self._batches, self._samples = batches, batches.order.samples(0, count)

    def __len__(self) -> int:
        return len(self._samples)

    def __getitem__(self, index: int) -> dict[str, Any]:
        ids_s = np.empty(self._batches.seq_length, np.int64)
        language = self._batches.order.languages[self._samples.language_b[index]]
        blocks.read_block(self._batches.streams[language], int(self._samples.block_b[index]), ids_s)
        return {"input_ids": torch.from_numpy(ids_s)}


def _tokenizer(vocab_size: int) -> Any:
    """Return what the collator needs: ids of the special tokens, and how many ids there are."""
    import tokenizers
    import transformers

    names = ["<s>", "<pad>", "</s>", "<unk>", *(f"p{number}" for number in range(4, vocab_size - 1)), "<mask>"]
    model = tokenizers.models.WordLevel({name: number for number, name in enumerate(names)}, unk_token="<unk>")
    special = {"bos_token": "<s>", "pad_token": "<pad>", "eos_token": "</s>", "unk_token": "<unk>"}
    special |= {"cls_token": "<s>", "sep_token": "</s>", "mask_token": "<mask>"}
    fast: Any = transformers.PreTrainedTokenizerFast
    return fast(tokenizer_object=tokenizers.Tokenizer(model), **special)


def _theirs(job: Job, streams: Mapping[str, blocks.Tokens]) -> Result:
    import transformers

    config, train = _configs(job)
    device = torch.device(job.device)
    torch.manual_seed(train.seed)
    settings = config_json(config) | {"dtype": torch.float32}
    model = transformers.XLMRobertaForMaskedLM(transformers.XLMRobertaConfig(**settings))
    times: list[float] = []
    first_loss: list[float] = []

    class Watch(transformers.TrainerCallback):
        def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            if state.global_step in (job.warmup, train.steps):
                times.append(_synchronise(device))

        def on_log(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            first_loss.append(kwargs["logs"].get("loss", math.nan))

    with tempfile.TemporaryDirectory() as name:
        arguments = transformers.TrainingArguments(
            output_dir=name,
            per_device_train_batch_size=job.batch,
            max_steps=train.steps,
            learning_rate=train.learning_rate,
            lr_scheduler_type="linear",
            warmup_steps=train.warmup,
            adam_beta1=train.betas[0],
            adam_beta2=train.betas[1],
            adam_epsilon=train.eps,
            weight_decay=train.weight_decay,
            max_grad_norm=train.clip,
            optim="adamw_torch_fused",
            bf16=job.precision == "bf16",
            torch_compile=job.compile,
            use_cpu=device.type == "cpu",
            dataloader_num_workers=4 if device.type == "cuda" else 0,
            dataloader_pin_memory=device.type == "cuda",
            logging_first_step=True,
            logging_steps=10**9,
            save_strategy="no",
            report_to="none",
            disable_tqdm=True,
            remove_unused_columns=False,
        )
        tokenizer = _tokenizer(job.vocab_size)
        transformers.Trainer(
            model=model,
            args=arguments,
            train_dataset=_Blocks(_batches(job, streams), train.steps * job.batch),
            data_collator=transformers.DataCollatorForLanguageModeling(tokenizer, mlm_probability=train.mask_share),
            callbacks=[Watch()],
        ).train()
    return Result(
        tokens_per_second=job.steps * job.batch * job.seq_length / (times[1] - times[0]),
        loader_wait=None,
        peak_bytes=_peak(device),
        first_loss=first_loss[0],
        parameters=sum(parameter.numel() for parameter in model.parameters()),
    )


# --- measuring


def _measure_here(job: Job) -> Result:
    if job.threads is not None:
        torch.set_num_threads(job.threads)
    with _streams(job) as streams:
        return (_ours if job.program == "ours" else _theirs)(job, streams)


def _measure_apart(job: Job) -> Result:
    """Measure in a fresh process: its memory is its own, and running out of it ends nothing else."""
    # As a module: a script has the other benchmarks on its path, and transformers would take kernels.py for a library.
    command = [sys.executable, "-m", "benchmarks.pretrain", "--job", json.dumps(asdict(job))]
    # The Trainer would split its batch among all GPUs that it sees.
    one = {"CUDA_VISIBLE_DEVICES": os.environ.get("CUDA_VISIBLE_DEVICES", "0").partition(",")[0]}
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT, env=os.environ | one)
    lines = done.stdout.splitlines()
    if done.returncode == 0 and lines:
        return Result(**json.loads(lines[-1]))
    said = done.stderr.strip().splitlines() or [f"ended with status {done.returncode}"]
    failure = _NO_MEMORY if _NO_MEMORY in done.stderr.lower() or done.returncode == -9 else said[-1]
    nothing = math.nan
    return Result(
        tokens_per_second=nothing, loader_wait=None, peak_bytes=0, first_loss=nothing, parameters=0, failure=failure
    )


def _cpu_peak(precision: str) -> float:
    """Return the operations a second of a large product of matrices, the best of ten."""
    matrix = torch.randn(_GEMM, _GEMM, dtype=torch.bfloat16 if precision == "bf16" else torch.float32)
    best = math.inf
    for _ in range(10):
        begun = time.perf_counter()
        matrix @ matrix
        best = min(best, time.perf_counter() - begun)
    return 2 * _GEMM**3 / best


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the table: all rounds of one job."""

    job: Job
    results: Sequence[Result]

    @property
    def speed(self) -> float:
        return statistics.median(result.tokens_per_second for result in self.results)

    @property
    def failure(self) -> str | None:
        return next((result.failure for result in self.results if result.failure), None)


def _ratio(row: Row, rows: Sequence[Row]) -> str:
    """Return how much faster ours is than the Trainer, round by round: median [lowest .. highest]."""
    other = next((found for found in rows if found.job == replace(row.job, program="Trainer")), None)
    if row.job.program != "ours" or other is None or row.failure or other.failure:
        return ""
    pairs = zip(row.results, other.results, strict=True)
    ratios = sorted(ours.tokens_per_second / theirs.tokens_per_second for ours, theirs in pairs)
    return f"{statistics.median(ratios):.2f} [{ratios[0]:.2f} .. {ratios[-1]:.2f}]"


def _table(rows: Sequence[Row], peak: float | None) -> Table:
    table = Table(box=box.SIMPLE)
    for name in ("text", "program", "mode"):
        table.add_column(name)
    for name in ("batch", "tokens/s", "MFU", "loader wait", "peak memory", "ours / Trainer"):
        table.add_column(name, justify="right", no_wrap=True)
    for row in rows:
        job, model = row.job, _configs(row.job)[0]
        begin = ("synthetic" if job.encoded is None else "real", job.program, "compiled" if job.compile else "eager")
        if row.failure:
            # Why is said below the table, at any length.
            table.add_row(*begin, str(job.batch), _NO_MEMORY if row.failure == _NO_MEMORY else "failed")
            continue
        work = flops.flops_per_token(model, seq_length=job.seq_length, mask_share=SIZES[job.size].train.mask_share)
        share = flops.mfu(tokens_per_second=row.speed, flops_per_token=work, peak=peak)
        waits = [result.loader_wait for result in row.results if result.loader_wait is not None]
        memory = max(result.peak_bytes for result in row.results) / _MIB
        speeds = sorted(result.tokens_per_second for result in row.results)
        table.add_row(
            *begin,
            str(job.batch),
            f"{row.speed:,.0f} [{speeds[0]:,.0f} .. {speeds[-1]:,.0f}]",
            "?" if share is None else f"{share:.1%}",
            f"{statistics.median(waits):.2%}" if waits else "",
            f"{memory:,.0f} MiB",
            _ratio(row, rows),
        )
    return table


def _check(rows: Sequence[Row]) -> None:
    """Raise UserError unless both programs trained models of one shape from the loss of a guess."""
    for row in rows:
        for result in row.results:
            guess = math.log(row.job.vocab_size)
            if not result.failure and abs(result.first_loss - guess) > 0.1 * guess:
                raise UserError(f"{row.job.program} began at a loss of {result.first_loss:.2f}, a guess is {guess:.2f}")
    hidden = SIZES[rows[0].job.size].model.hidden
    for vocab_size in {row.job.vocab_size for row in rows}:  # real text may have another vocabulary
        same = [row for row in rows if row.job.vocab_size == vocab_size]
        sizes = {result.parameters for row in same for result in row.results if not result.failure}
        if len(sizes) > 1 and max(sizes) - min(sizes) != hidden:  # theirs has a row for the type of the tokens
            raise UserError(f"the models are not of one shape: {sorted(sizes)} parameters")


# --- command line


def _jobs(options: argparse.Namespace) -> list[Job]:
    cuda = options.device == "cuda" or (options.device is None and torch.cuda.is_available())
    preset = SIZES[options.size]
    texts = [None] + ([str(options.encoded.resolve())] if options.encoded else [])
    sizes = {text: load_manifest(Path(text)).vocab_size if text else options.vocab_size for text in texts}
    return [
        Job(
            program=program,
            compile=mode == "compile",
            batch=batch,
            size=options.size,
            seq_length=options.seq_length or preset.train.seq_length,
            precision=options.precision or ("bf16" if cuda else "fp32"),
            device="cuda" if cuda else "cpu",
            encoded=text,
            vocab_size=sizes[text] or preset.model.vocab_size,
            warmup=options.warmup,
            steps=options.steps,
            threads=options.threads,
        )
        for text in texts
        for mode in options.modes
        for batch in options.batch_sizes or [preset.train.micro_batch]
        for program in options.programs
    ]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    add = parser.add_argument
    add("--job", help=argparse.SUPPRESS)
    add("--size", choices=tuple(SIZES), default="tiny", help="(%(default)s)")
    add("--batch_sizes", type=int, nargs="+", metavar="N", help="samples a step (the preset's micro-batch)")
    add("--seq_length", type=int, metavar="N", help="tokens a sample (the preset's)")
    add("--vocab_size", type=int, metavar="N", help="ids of the synthetic text (the preset's)")
    add("--precision", choices=("fp32", "bf16"), help="(bf16 on CUDA, fp32 on a CPU)")
    add("--modes", nargs="+", choices=("eager", "compile"), default=["eager"], help="(%(default)s)")
    add("--programs", nargs="+", choices=("ours", "Trainer"), default=["ours", "Trainer"], help="(both)")
    add("--encoded", type=Path, metavar="DIR", help="real text as well: what model.encode wrote")
    add("--warmup", type=int, default=5, metavar="N", help="steps before the clock starts (%(default)s)")
    add("--steps", type=int, default=20, metavar="N", help="steps that are timed (%(default)s)")
    add("--rounds", type=int, default=3, metavar="N", help="measurements of each (%(default)s)")
    add("--device", choices=("cpu", "cuda"), help="(CUDA where there is one)")
    add("--threads", type=int, metavar="N", help="of torch on a CPU (its default)")
    add("--json", type=Path, metavar="FILE", help="write the measurements there as well")
    return parser


def _check_installed(programs: Sequence[Program]) -> None:
    wanted = ("transformers", "accelerate") if "Trainer" in programs else ()
    if missing := [name for name in wanted if importlib.util.find_spec(name) is None]:
        raise UserError(f"no {' and no '.join(missing)} here: pip install -e '.[bench]', or give --programs ours")


def _run(options: argparse.Namespace) -> int:
    """Measure and print; return 0, or 1 if a measurement failed."""
    if options.warmup < 1 or options.steps < 5:
        raise UserError("--warmup must be 1 or more, --steps 5 or more")
    _check_installed(options.programs)
    jobs = _jobs(options)
    results = {job: list[Result]() for job in jobs}
    torch.set_num_threads(options.threads or torch.get_num_threads())
    for number in range(options.rounds):
        for job in jobs:
            results[job].append(_measure_apart(job))
            speed = results[job][-1].failure or f"{results[job][-1].tokens_per_second:,.0f} tokens/s"
            mode = "compiled" if job.compile else "eager"
            print(f"round {number + 1}: {job.program}, {mode}, batch {job.batch}: {speed}", file=sys.stderr)
    rows = [Row(job, found) for job, found in results.items()]
    _check(rows)
    console = Console() if sys.stdout.isatty() else Console(width=_WIDTH)
    cuda = jobs[0].device == "cuda"
    name = torch.cuda.get_device_name() if cuda else "CPU"
    peak = flops.peak_flops(name) if cuda else _cpu_peak(jobs[0].precision)
    model, _ = _configs(jobs[0])
    work = flops.flops_per_token(model, seq_length=jobs[0].seq_length, mask_share=0.15) / 1e9
    console.print(
        f"{name}, torch {torch.__version__}, {jobs[0].precision}; {options.size}: {jobs[0].seq_length} tokens a "
        f"sample, vocabulary {jobs[0].vocab_size}, {work:.4g} GFLOP a token; "
        + (f"peak {peak / 1e12:.4g} TFLOP/s" + ("" if cuda else " (measured)") if peak else "peak unknown")
    )
    console.print(_table(rows, peak))
    if options.json:
        found = [dataclasses.asdict(row) for row in rows]
        options.json.write_text(json.dumps({"device": name, "peak": peak, "rows": found}, indent=1) + "\n")
    failed = [row for row in rows if row.failure]
    for row in failed:
        print(f"{row.job.program}, batch {row.job.batch}: {row.failure}", file=sys.stderr)
    return 1 if failed else 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; the exit status is 0, 1 if a measurement failed, or 2 for a mistake."""
    options = _parser().parse_args(arguments)
    if options.job:
        print(json.dumps(asdict(_measure_here(Job(**json.loads(options.job))))))
        return 0
    try:
        return _run(options)
    except UserError as error:
        print(f"pretrain: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
