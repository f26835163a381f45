"""Tokens a second of training: ours, and Hugging Face's Trainer with XLMRobertaForMaskedLM doing the same work.

The same shape of model, sequence length, batch, precision, dropout, optimiser, clipping, and the same blocks of text;
both eager and compiled. Ours runs the loop of model.pretrain: loader thread, masks, chunked loss, update. Theirs runs
Trainer.train with DataCollatorForLanguageModeling over the blocks, tokenised beforehand: as it comes, with an output
layer at all positions, and with one at the masked positions only. Each measurement is a process of its own; ours and
theirs alternate. Before anything is timed, all must begin at the same loss: that of a guess.

    python benchmarks/pretrain.py --size tiny                                     # a CPU will do
    python benchmarks/pretrain.py --size base --batch_sizes 32 64 128 256 --encoded runs/x/encoded

It needs the extra `bench`. benchmarks/README.md says what each figure means.
"""

import argparse
import dataclasses
import importlib.util
import json
import math
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from rich import box
from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.training.jobs import PROGRAMS, Job, Program, Result, configs, first_gpu, streams_of  # noqa: E402
from model.data.encoded import load_manifest  # noqa: E402
from model.errors import UserError  # noqa: E402
from model.network import flops  # noqa: E402
from model.presets import SIZES  # noqa: E402

_MIB = 1 << 20
_WIDTH = 160  # characters of the table in a file
_NO_MEMORY = "out of memory"
_GEMM = 2048  # rows and columns of the products by which a CPU's peak is measured


# --- measuring


def _measure_here(job: Job) -> Result:
    if job.threads is not None:
        torch.set_num_threads(job.threads)
    # One of the two: transformers takes seconds to load.
    if job.program == "ours":
        from benchmarks.training.ours import measure
    else:
        from benchmarks.training.theirs import measure
    with streams_of(job) as streams:
        return measure(job, streams)


def _failed(reason: str) -> Result:
    nothing = math.nan
    return Result(
        tokens_per_second=nothing, loader_wait=None, peak_bytes=0, first_loss=nothing, parameters=0, failure=reason
    )


def _measure_apart(job: Job) -> Result:
    """Measure in a fresh process: its memory is its own, and running out of it ends nothing else."""
    # As a module: a script has the other benchmarks on its path, and transformers would take kernels.py for a library.
    command = [sys.executable, "-m", "benchmarks.pretrain", "--job", json.dumps(asdict(job))]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT, env=os.environ | first_gpu())
    lines = done.stdout.splitlines()
    if done.returncode == 0 and lines:
        return Result(**json.loads(lines[-1]))
    said = done.stderr.strip().splitlines() or [f"ended with status {done.returncode}"]
    failure = _NO_MEMORY if _NO_MEMORY in done.stderr.lower() or done.returncode == -9 else said[-1]
    return _failed(failure)


def _cpu_peak(precision: str) -> float:
    """Return the operations a second of a large product of matrices, the best of ten."""
    matrix = torch.randn(_GEMM, _GEMM, dtype=torch.float32 if precision == "fp32" else torch.bfloat16)
    best = math.inf
    for _ in range(10):
        begun = time.perf_counter()
        matrix @ matrix
        best = min(best, time.perf_counter() - begun)
    return 2 * _GEMM**3 / best


def _work(job: Job) -> float:
    model, train = configs(job)
    return flops.flops_per_token(model, seq_length=job.seq_length, mask_share=train.mask_share.at(0))


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the table: all rounds of one job."""

    job: Job
    results: Sequence[Result]

    @property
    def speed(self) -> float:
        return statistics.median(result.tokens_per_second for result in self.results)

    def mfu(self, peak: float | None) -> float | None:
        """The share of the peak, operations a second, that the model's work takes."""
        return flops.mfu(tokens_per_second=self.speed, flops_per_token=_work(self.job), peak=peak)

    @property
    def failure(self) -> str | None:
        return next((result.failure for result in self.results if result.failure), None)


def _ratio(row: Row, rows: Sequence[Row]) -> str:
    """Return how much faster ours is than a row of the Trainer's, round by round: median [lowest .. highest]."""
    ours = next((found for found in rows if found.job == dataclasses.replace(row.job, program="ours")), None)
    if row.job.program == "ours" or ours is None or row.failure or ours.failure:
        return ""
    pairs = zip(ours.results, row.results, strict=True)
    ratios = sorted(one.tokens_per_second / other.tokens_per_second for one, other in pairs)
    return f"{statistics.median(ratios):.2f} [{ratios[0]:.2f} .. {ratios[-1]:.2f}]"


def _best(rows: Sequence[Row]) -> str:
    """Compare the fastest row of ours with the fastest of each other program on the same text, whatever their batch."""
    found = []
    for program in PROGRAMS[1:]:
        for text in dict.fromkeys(row.job.encoded for row in rows):
            mine, others = ([row for row in rows if row.job.program == name and row.job.encoded == text
                             and not row.failure] for name in ("ours", program))  # fmt: skip
            if mine and others:
                one, other = (max(group, key=lambda row: row.speed) for group in (mine, others))
                found.append(f"best against best: {one.job.text} / {other.job.text}: {one.speed / other.speed:.2f}")
    return "\n".join(found)


def _table(rows: Sequence[Row], peak: float | None) -> Table:
    table = Table(box=box.SIMPLE)
    for name in ("text", "program", "mode"):
        table.add_column(name)
    for name in ("batch", "tokens/s", "MFU", "loader wait", "first step", "peak memory", "ours / it"):
        table.add_column(name, justify="right", no_wrap=True)
    for row in rows:
        job = row.job
        begin = ("synthetic" if job.encoded is None else "real", job.program, "compiled" if job.compile else "eager")
        batch = f"{job.micros} x {job.batch}" if job.micros > 1 else str(job.batch)
        if row.failure:
            # Why is said below the table, at any length.
            table.add_row(*begin, batch, _NO_MEMORY if row.failure == _NO_MEMORY else "failed")
            continue
        share = row.mfu(peak)
        waits = [result.loader_wait for result in row.results if result.loader_wait is not None]
        memory = max(result.peak_bytes for result in row.results) / _MIB
        speeds = sorted(result.tokens_per_second for result in row.results)
        table.add_row(
            *begin,
            batch,
            f"{row.speed:,.0f} [{speeds[0]:,.0f} .. {speeds[-1]:,.0f}]",
            "?" if share is None else f"{share:.1%}",
            f"{statistics.median(waits):.2%}" if waits else "",
            f"{statistics.median(result.first_step for result in row.results):.1f} s",
            f"{memory:,.0f} MiB",
            _ratio(row, rows),
        )
    return table


def _differences(rows: Sequence[Row]) -> list[str]:
    """Return in words where the programs did not train models of one shape from the loss of a guess."""
    found = []
    for row in rows:
        guess = math.log(row.job.vocab_size)
        found += [
            f"{row.job.text}: began at a loss of {result.first_loss:.2f}, a guess is {guess:.2f}"
            for result in row.results
            if not result.failure and abs(result.first_loss - guess) > 0.1 * guess
        ]
    hidden = SIZES[rows[0].job.size].model.hidden
    for vocab_size in {row.job.vocab_size for row in rows}:  # real text may have another vocabulary
        same = [row for row in rows if row.job.vocab_size == vocab_size]
        sizes = {result.parameters for row in same for result in row.results if not result.failure}
        if len(sizes) > 1 and max(sizes) - min(sizes) != hidden:  # theirs has a row for the type of the tokens
            found.append(f"the models are not of one shape: {sorted(sizes)} parameters")
    return found


# --- command line


def _jobs(options: argparse.Namespace) -> list[Job]:
    cuda = options.device == "cuda" or (options.device is None and torch.cuda.is_available())
    preset = SIZES[options.size]
    texts = [None] + ([str(options.encoded.resolve())] if options.encoded else [])
    rate = options.attention_dropout
    sizes = {text: load_manifest(Path(text)).vocab_size if text else options.vocab_size for text in texts}
    return [
        Job(
            program=program,
            compile=mode == "compile",
            batch=batch,
            micros=options.micros,
            size=options.size,
            seq_length=options.seq_length or preset.train.seq_length,
            precision=options.precision or ("bf16" if cuda else "fp32"),
            attention_dropout=preset.model.attention_dropout if rate is None else rate,
            device="cuda" if cuda else "cpu",
            encoded=text,
            vocab_size=sizes[text] or preset.model.vocab_size,
            warmup=options.warmup,
            steps=options.steps,
            threads=options.threads,
            profile=options.profile and program == "ours",
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
    add("--batch_sizes", type=int, nargs="+", metavar="N", help="samples at once (the preset's micro-batch)")
    add("--micros", type=int, default=1, metavar="N", help="of them a step (%(default)s)")
    add("--seq_length", type=int, metavar="N", help="tokens a sample (the preset's)")
    add("--vocab_size", type=int, metavar="N", help="ids of the synthetic text (the preset's)")
    add("--precision", choices=("fp32", "bf16", "bf16_residual"), help="(bf16 on CUDA, fp32 on a CPU)")
    add("--modes", nargs="+", choices=("eager", "compile"), default=["eager"], help="(%(default)s)")
    text = "Trainer-masked has its output layer at the masked positions only, as ours has (all)"
    add("--programs", nargs="+", choices=PROGRAMS, default=PROGRAMS, help=text)
    add("--attention_dropout", type=float, metavar="X", help="(the preset's)")
    add("--profile", action="store_true", help="say where the time of a step of ours goes, too")
    add("--encoded", type=Path, metavar="DIR", help="real text as well: what model.encode wrote")
    add("--warmup", type=int, default=5, metavar="N", help="steps before the clock starts (%(default)s)")
    add("--steps", type=int, default=20, metavar="N", help="steps that are timed (%(default)s)")
    add("--rounds", type=int, default=3, metavar="N", help="measurements of each (%(default)s)")
    add("--device", choices=("cpu", "cuda"), help="(CUDA where there is one)")
    add("--threads", type=int, metavar="N", help="of torch on a CPU (its default)")
    text = "measure all in one process: sooner, but what an earlier one has left behind counts"
    add("--one_process", action="store_true", help=text)
    add("--json", type=Path, metavar="FILE", help="write the measurements there as well")
    return parser


def _check_installed(programs: Sequence[Program]) -> None:
    wanted = ("transformers", "accelerate") if set(programs) - {"ours"} else ()
    if missing := [name for name in wanted if importlib.util.find_spec(name) is None]:
        raise UserError(f"no {' and no '.join(missing)} here: pip install -e '.[bench]', or give --programs ours")


def _measure_all(jobs: Sequence[Job], rounds: int, measure: Callable[[Job], Result]) -> list[Row]:
    results = {job: list[Result]() for job in jobs}
    for number in range(rounds):
        for job in jobs:
            results[job].append(measure(job))
            speed = results[job][-1].failure or f"{results[job][-1].tokens_per_second:,.0f} tokens/s"
            print(f"round {number + 1}: {job.text}: {speed}", file=sys.stderr)
    return [Row(job, found) for job, found in results.items()]


def _run(options: argparse.Namespace) -> int:
    """Measure and print; return 0, or 1 if a measurement failed."""
    if min(options.warmup, options.micros, *(options.batch_sizes or [1])) < 1 or options.steps < 5:
        raise UserError("--warmup, --micros and --batch_sizes must be 1 or more, --steps 5 or more")
    _check_installed(options.programs)
    jobs = _jobs(options)
    torch.set_num_threads(options.threads or torch.get_num_threads())
    rows = _measure_all(jobs, options.rounds, _measure_here if options.one_process else _measure_apart)
    cuda, job = jobs[0].device == "cuda", jobs[0]
    name = torch.cuda.get_device_name() if cuda else "CPU"
    peak = flops.peak_flops(name) if cuda else _cpu_peak(job.precision)
    console = Console() if sys.stdout.isatty() else Console(width=_WIDTH)
    console.print(
        f"{name}, torch {torch.__version__}, {job.precision}; {options.size}: {job.seq_length} tokens a sample, "
        f"vocabulary {job.vocab_size}, attention_dropout {job.attention_dropout:g}, {_work(job) / 1e9:.4g} GFLOP a "
        "token; " + (f"peak {peak / 1e12:.4g} TFLOP/s" + ("" if cuda else " (measured)") if peak else "peak unknown")
    )
    console.print(_table(rows, peak))
    _print_more(rows, peak)
    if options.json:
        found = [{**asdict(row), "tokens_per_second": row.speed, "mfu": row.mfu(peak)} for row in rows]
        options.json.write_text(json.dumps({"device": name, "peak": peak, "rows": found}, indent=1) + "\n")
    problems = [f"{row.job.text}: {row.failure}" for row in rows if row.failure] + _differences(rows)
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


def _print_more(rows: Sequence[Row], peak: float | None) -> None:
    for row in rows:
        for result in row.results:
            if result.profile:
                parts = [f"{kind} {ms:.1f}" for kind, ms in result.profile.items()]
                print(f"ms of a step of {row.job.text}: {', '.join(parts)}")
    if best := _best(rows):
        print(best)
    speeds = [f"{row.job.text}: {row.speed:,.0f} tokens/s, MFU {row.mfu(peak) or math.nan:.1%}" for row in rows]
    print("; ".join(speeds))


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
