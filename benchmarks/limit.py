"""How near the pipeline is to its limit: CPU time of a whole run over that of its native kernels on the same documents.

Both are measured in one go, alternately, and only after the outputs were compared: shards of every run byte-identical,
the kernels' inputs recorded in a pass of the pipeline's own functions that gives as many documents as the run.
benchmarks/README.md says what each figure means.

    python benchmarks/limit.py --input 'crawl/**/*.wet.gz' --lid_model lid.176.bin --lm_dir models
"""

import argparse
import contextlib
import os
import pickle
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn, TypeVar

import msgspec
import psutil
from rich import box
from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from beam_jobs.elements import ExtractNote, MineNote  # noqa: E402
from benchmarks.kernels import Setup, Timing, gzip_members, measure_apart, record  # noqa: E402
from ccnet_pipeline.checksums import sha256_of  # noqa: E402
from ccnet_pipeline.errors import UserError  # noqa: E402
from ccnet_pipeline.fetch import FetchPolicy  # noqa: E402
from ccnet_pipeline.fluency import find_models  # noqa: E402
from ccnet_pipeline.models import find_model  # noqa: E402
from ccnet_pipeline.recipe import PRESETS  # noqa: E402
from ccnet_pipeline.segments import Selection, find_segments  # noqa: E402

_SAMPLE_EVERY_S = 0.05
_TINY_MEMBERS = 20  # gzip members of the first file, for the cost of a start
_MIB = 1 << 20
_Note = TypeVar("_Note", ExtractNote, MineNote)


@dataclass(frozen=True, slots=True)
class Run:
    """What one run of the pipeline cost."""

    cpu_s: float  # user and system, of the process and of every child that it waited for
    wall_s: float
    peak_rss: int  # bytes; resident pages that processes share count once for each
    processes: int  # at most at one time


# --- the pipeline, as a user runs it


def run_pipeline(setup: Setup, output: Path, workers: int, inputs: Sequence[str] | None = None) -> Run:
    """Run build_cc100 in a process of its own.

    Raises:
        UserError: it failed; with its last line.
    """
    command = [sys.executable, "-m", "beam_jobs.build_cc100", "--input", *(inputs or setup.inputs)]
    command += ["--output", str(output), "--lid_model", str(setup.lid_model), "--lm_dir", str(setup.lm_dir)]
    command += ["--preset", setup.recipe.preset, "--workers", str(workers), "--keep_work"]
    path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    began = time.perf_counter()
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env={**os.environ, "PYTHONPATH": path})
        run, status = _watch(process.pid, began)
        process.returncode = status
        log.seek(0)
        said = log.read().decode("utf-8", "replace").strip().rpartition("\n")[2]
    if status:
        raise UserError(f"build_cc100 ended with status {status}: {said}")
    return run


def _watch(pid: int, began: float) -> tuple[Run, int]:
    """Sample a process tree until it ends; return its cost and its exit status."""
    root, peak, most = psutil.Process(pid), 0, 0
    while True:
        ended, status, usage = os.wait4(pid, os.WNOHANG)
        if ended:
            break
        resident = processes = 0
        with contextlib.suppress(psutil.Error):
            for each in [root, *root.children(recursive=True)]:
                resident += each.memory_info().rss
                processes += 1
        peak, most = max(peak, resident), max(most, processes)
        time.sleep(_SAMPLE_EVERY_S)
    run = Run(usage.ru_utime + usage.ru_stime, time.perf_counter() - began, peak, most)
    return run, os.waitstatus_to_exitcode(status)


def shards_of(output: Path) -> dict[str, str]:
    """Return the sha256 of every shard by its name."""
    files = sorted(path for path in (output / "shards").rglob("*") if path.is_file())
    return {str(path.relative_to(output)): sha256_of(path) for path in files}


def require_same(expected: Mapping[str, str], output: Path) -> None:
    """Raise SystemExit unless a run wrote the same shards as the first one."""
    found = shards_of(output)
    if found != expected:
        wrong = sorted(name for name in {*found, *expected} if found.get(name) != expected.get(name))
        raise SystemExit(f"limit: shards differ between runs: {', '.join(wrong[:5])} ({len(wrong)} in all)")


# --- one run of the benchmark


@dataclass(slots=True)
class Figures:
    """What the repeats gave, and the notes of the kept work folder."""

    kernels: list[list[Timing]] = field(default_factory=list)
    one: list[Run] = field(default_factory=list)
    two: list[Run] = field(default_factory=list)
    starts: list[Run] = field(default_factory=list)
    extract_notes: list[ExtractNote] = field(default_factory=list)
    mine_notes: list[MineNote] = field(default_factory=list)


def benchmark(setup: Setup, repeat: int, scratch: Path) -> Figures:
    """Compare the outputs, record the kernels' inputs, then measure everything `repeat` times in turn."""
    first, figures = scratch / "first", Figures()
    run_pipeline(setup, first, workers=1)
    expected = shards_of(first)
    [work] = (first / "work").iterdir()
    recorded = scratch / "kernels.pickle"
    recorded.write_bytes(pickle.dumps(record(setup, work, first)))
    tiny = _tiny_input(Path(setup.segments[0].path), scratch)
    for number in range(repeat):
        print(f"limit: repeat {number + 1} of {repeat}", file=sys.stderr, flush=True)
        for workers, runs in ((1, figures.one), (2, figures.two)):
            output = scratch / f"run-{number}-{workers}"
            runs.append(run_pipeline(setup, output, workers))
            require_same(expected, output)
            if workers == 1:
                figures.kernels.append(measure_apart(recorded))
                figures.extract_notes += _notes(output, "extract", ExtractNote)
                figures.mine_notes += _notes(output, "mine", MineNote)
            shutil.rmtree(output)
        figures.starts.append(run_pipeline(setup, scratch / f"tiny-{number}", 1, [str(tiny)]))
    return figures


def _tiny_input(archive: Path, scratch: Path) -> Path:
    members = gzip_members(archive)[:_TINY_MEMBERS]
    tiny = scratch / ("tiny.warc.wet.gz" if members else "tiny.warc.wet")
    tiny.write_bytes(b"".join(members) or archive.read_bytes()[: 64 << 10])
    return tiny


def _notes(output: Path, stage: str, kind: type[_Note]) -> list[_Note]:
    paths = sorted((output / "work").glob(f"*/{stage}/*/*.done.json"))
    return [msgspec.json.decode(path.read_bytes(), type=kind) for path in paths]


# --- the report


def report(figures: Figures, setup: Setup) -> None:
    """Print every figure."""
    console = Console(width=100, highlight=False)
    size = sum(segment.size for segment in setup.segments)
    pages = sum(note.pages for note in figures.mine_notes) // len(figures.one)
    documents = sum(note.documents for note in figures.mine_notes) // len(figures.one)
    console.print(
        f"preset {setup.recipe.preset}: {len(setup.segments)} files, {size / _MIB:.1f} MiB, {pages:,} records of text, "
        f"{documents:,} documents kept; {os.cpu_count()} cores; {len(figures.one)} repeats"
    )
    console.print("Outputs compared: the shards of every run with 1 and with 2 workers are byte-identical.")
    console.print(_kernel_table(figures))
    for name, value in [*_ratios(figures), *_rates(figures, pages), *_memory_and_workers(figures)]:
        console.print(f"{name:<44}{value}")


def _kernel_table(figures: Figures) -> Table:
    table = Table("kernel", box=box.SIMPLE_HEAD, title="Native kernels, each in a bare loop", title_justify="left")
    for heading in ("calls", "CPU s (median)", "share"):
        table.add_column(heading, justify="right")
    sums = [sum(each.cpu_s for each in timings) for timings in figures.kernels]
    for timings in zip(*figures.kernels, strict=True):
        cpu_s = statistics.median(each.cpu_s for each in timings)
        share = cpu_s / statistics.median(sums)
        table.add_row(timings[0].kernel, f"{timings[0].calls:,}", f"{cpu_s:.2f}", f"{share:.1%}")
    table.add_section()
    table.add_row("all kernels", "", f"{statistics.median(sums):.2f}", "100.0%")
    return table


def _ratios(figures: Figures) -> Iterator[tuple[str, str]]:
    sums = [sum(each.cpu_s for each in timings) for timings in figures.kernels]
    start = statistics.median(run.cpu_s for run in figures.starts)
    pipeline = [run.cpu_s for run in figures.one]
    yield "pipeline, CPU s", _spread(pipeline, "{:.2f}")
    yield "pipeline / kernels", _spread([p / k for p, k in zip(pipeline, sums, strict=True)], "{:.3f}")
    yield f"start (a file of {_TINY_MEMBERS} records), CPU s", _spread([run.cpu_s for run in figures.starts], "{:.2f}")
    without = [(p - start) / k for p, k in zip(pipeline, sums, strict=True)]
    yield "pipeline without start / kernels", _spread(without, "{:.3f}")


def _rates(figures: Figures, pages: int) -> Iterator[tuple[str, str]]:
    repeats = len(figures.one)
    extract_s = sum(note.cpu_s for note in figures.extract_notes) / repeats
    mine_s = sum(note.cpu_s for note in figures.mine_notes) / repeats
    whole_s = statistics.median(run.cpu_s for run in figures.one)
    for name, cpu_s in (("read and hash", extract_s), ("language and fluency", mine_s), ("whole run", whole_s)):
        yield f"records of text a CPU second, {name}", f"{pages / cpu_s:,.0f}   ({cpu_s:.2f} CPU s)"


def _memory_and_workers(figures: Figures) -> Iterator[tuple[str, str]]:
    yield "peak RSS, 1 worker", f"{max(run.peak_rss for run in figures.one) / _MIB:,.0f} MiB"
    processes = max(run.processes for run in figures.two)
    if processes == 1:
        yield "2 workers", "not used: an input this small stays in one process"
        return
    peak = max(run.peak_rss for run in figures.two) / _MIB
    yield "peak RSS, 2 workers", f"{peak:,.0f} MiB in {processes} processes (shared pages count in each)"
    ratios = [one.wall_s / two.wall_s for one, two in zip(figures.one, figures.two, strict=True)]
    yield "2 workers against 1, wall time (noisy)", _spread(ratios, "{:.2f}") + " times as fast"


def _spread(values: Sequence[float], form: str) -> str:
    median, low, high = (form.format(value) for value in (statistics.median(values), min(values), max(values)))
    return f"{median}   [{low} .. {high}]"


# --- the command line


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UserError(f"{message} (see --help)")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="python benchmarks/limit.py",
        description="CPU time of the whole pipeline over the sum of its native kernels on the same documents: gunzip, "
        "SHA-1, fastText, SentencePiece, KenLM, zstd. The design's bar is 1.3; 1.0 would be no cost of our own at all. "
        "Also: cost of a start, records a CPU second by stage, peak memory, two workers against one.",
        epilog="A few WET files are enough: what the kernels are given is held in memory, about ten times the "
        "compressed input. Intermediate files go to $TMPDIR. benchmarks/README.md explains every figure.",
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("--input", nargs="+", required=True, metavar="PATH", help="WET files: paths, quoted globs, folders, listings")
    add("--lid_model", required=True, metavar="MODEL", help="fastText model: a path, or lid.176.bin or lid.176.ftz")
    add("--lm_dir", type=Path, required=True, metavar="DIR", help="fluency models, as for build_cc100")
    add("--preset", choices=sorted(PRESETS), default="cc100", help="rules of the run (default: %(default)s)")
    text = "rounds of pipeline and kernels in turn; medians are given (default: %(default)s)"
    add("--repeat", type=int, default=3, metavar="N", help=text)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark; the exit status is 0, 1 (work that differs), or 2 for a user's mistake."""
    try:
        parsed = _parser().parse_args(argv)
        if parsed.repeat < 1:
            raise UserError(f"--repeat must be 1 or more, not {parsed.repeat}")
        segments = find_segments(Selection(inputs=tuple(parsed.input)), FetchPolicy())
        lid_model = find_model(parsed.lid_model).absolute()
        find_models(parsed.lm_dir)
        setup = Setup(parsed.input, segments, lid_model, parsed.lm_dir.absolute(), PRESETS[parsed.preset])
        with tempfile.TemporaryDirectory(prefix="limit-") as scratch:
            report(benchmark(setup, parsed.repeat, Path(scratch)), setup)
    except UserError as error:
        print(f"limit: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
