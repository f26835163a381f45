"""How near the pipeline is to its limit: CPU time of a whole run over that of its native kernels on the same documents.

Both are measured in one go, alternately, and only after the outputs were compared: the shards of every run are
byte-identical, those of the run whose kernels were recorded, too. benchmarks/README.md says what each figure means.

    python benchmarks/limit.py --input 'crawl/**/*.wet.gz' --lid_model lid.176.bin --lm_dir models
"""

import argparse
import os
import shutil
import statistics
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import msgspec
from rich import box
from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from beam_jobs.elements import ExtractNote, MineNote  # noqa: E402
from benchmarks import kernels  # noqa: E402
from benchmarks.kernels import Timing, measure_apart  # noqa: E402
from benchmarks.measuring import (  # noqa: E402
    MIB,
    Held,
    Run,
    Setup,
    held_by,
    require_same,
    run_pipeline,
    shards_of,
    spread,
)
from ccnet_pipeline.errors import UserError  # noqa: E402
from ccnet_pipeline.fetch import FetchPolicy  # noqa: E402
from ccnet_pipeline.fluency import find_models  # noqa: E402
from ccnet_pipeline.models import find_model  # noqa: E402
from ccnet_pipeline.recipe import PRESETS  # noqa: E402
from ccnet_pipeline.segments import Selection, find_segments  # noqa: E402

_TINY_RECORDS = 20  # of the first file, for the cost of a start
_Note = TypeVar("_Note", ExtractNote, MineNote)


@dataclass(slots=True)
class Figures:
    """What the rounds gave for one preset, and the notes of the kept work folders."""

    preset: str
    held: Held
    kernels: list[list[Timing]] = field(default_factory=list)
    one: list[Run] = field(default_factory=list)  # with one worker
    two: list[Run] = field(default_factory=list)
    starts: list[Run] = field(default_factory=list)
    extract_notes: list[ExtractNote] = field(default_factory=list)
    mine_notes: list[MineNote] = field(default_factory=list)

    @property
    def kernels_s(self) -> list[float]:
        """CPU seconds of all kernels, by round."""
        return [sum(each.cpu_s for each in timings) for timings in self.kernels]

    @property
    def ratios(self) -> list[float]:
        return [run.cpu_s / kernels_s for run, kernels_s in zip(self.one, self.kernels_s, strict=True)]

    @property
    def ratios_without_start(self) -> list[float]:
        start = statistics.median(run.cpu_s for run in self.starts)
        return [(run.cpu_s - start) / kernels_s for run, kernels_s in zip(self.one, self.kernels_s, strict=True)]


class Limit:
    """The runs of one preset: one to record the kernels and to compare with, then round after round."""

    def __init__(self, setup: Setup, preset: str, scratch: Path) -> None:
        self._setup = setup
        self._scratch = scratch
        self._kernels = kernels.versions()
        self._recorded = scratch / "kernels.pickle"
        first = scratch / "first"
        scratch.mkdir(parents=True)
        program = (str(ROOT / "benchmarks" / "recording.py"), str(self._recorded))
        run_pipeline(setup, first, "--preset", preset, program=program)
        self._expected = shards_of(first)
        self.figures = Figures(preset, held_by(first))
        self._tiny = _tiny_input(setup, scratch)
        shutil.rmtree(first)

    def measure(self) -> None:
        """Run everything once more, in turn; SystemExit: another program for a kernel was installed meanwhile."""
        if (now := kernels.versions()) != self._kernels:
            raise SystemExit(f"the kernels were {self._kernels}, now they are {now}")
        for workers, runs in ((1, self.figures.one), (2, self.figures.two)):
            output = self._scratch / "run"
            runs.append(self._run(output, workers))
            require_same(self._expected, output)
            if workers == 1:
                self.figures.kernels.append(measure_apart(self._recorded, self._setup.archives))
                self.figures.extract_notes += _notes(output, "extract", ExtractNote)
                self.figures.mine_notes += _notes(output, "mine", MineNote)
            shutil.rmtree(output)
        output = self._scratch / "tiny"
        self.figures.starts.append(self._run(output, 1, [str(self._tiny)]))
        shutil.rmtree(output)

    def _run(self, output: Path, workers: int, inputs: Sequence[str] | None = None) -> Run:
        options = ("--preset", self.figures.preset, "--workers", str(workers), "--keep_work")
        return run_pipeline(self._setup, output, *options, inputs=inputs)


def _tiny_input(setup: Setup, scratch: Path) -> Path:
    members = kernels.gzip_members(setup.archives[0])[:_TINY_RECORDS]
    tiny = scratch / ("tiny.warc.wet.gz" if members else "tiny.warc.wet")
    tiny.write_bytes(b"".join(members) or setup.archives[0].read_bytes()[: 64 << 10])
    return tiny


def _notes(output: Path, stage: str, kind: type[_Note]) -> list[_Note]:
    paths = sorted((output / "work").glob(f"*/{stage}/**/*.done.json"))
    return [msgspec.json.decode(path.read_bytes(), type=kind) for path in paths]


# --- the report


def report(figures: Figures, setup: Setup, console: Console) -> None:
    """Print every figure of one preset."""
    size = sum(segment.size or 0 for segment in setup.segments)
    pages = sum(note.pages for note in figures.mine_notes) // len(figures.one)
    console.print(
        f"preset {figures.preset}: {len(setup.segments)} files, {size / MIB:.1f} MiB, {pages:,} pages; kept "
        f"{figures.held.documents:,} documents, {figures.held.paragraphs:,} paragraphs; {os.cpu_count()} cores; "
        f"{len(figures.one)} rounds. The shards of every run with 1 and with 2 workers are byte-identical."
    )
    console.print(f"Kernels: {kernels.versions()}")
    console.print(_kernel_table(figures))
    for name, value in [*_ratios(figures), *_rates(figures, pages), *_memory_and_workers(figures)]:
        console.print(f"{name:<44}{value}")


def _kernel_table(figures: Figures) -> Table:
    table = Table("kernel", box=box.SIMPLE_HEAD, title="Native kernels, each in a bare loop", title_justify="left")
    for heading in ("calls", "CPU s (median)", "share"):
        table.add_column(heading, justify="right")
    total = statistics.median(figures.kernels_s)
    for timings in zip(*figures.kernels, strict=True):
        cpu_s = statistics.median(each.cpu_s for each in timings)
        table.add_row(timings[0].kernel, f"{timings[0].calls:,}", f"{cpu_s:.2f}", f"{cpu_s / total:.1%}")
    table.add_section()
    table.add_row("all kernels", "", f"{total:.2f}", "100.0%")
    return table


def _ratios(figures: Figures) -> Iterator[tuple[str, str]]:
    yield "pipeline, CPU s", spread([run.cpu_s for run in figures.one])
    yield "pipeline / kernels", spread(figures.ratios, "{:.3f}")
    yield f"start (a file of {_TINY_RECORDS} records), CPU s", spread([run.cpu_s for run in figures.starts])
    yield "pipeline without start / kernels", spread(figures.ratios_without_start, "{:.3f}")


def _rates(figures: Figures, pages: int) -> Iterator[tuple[str, str]]:
    rounds = len(figures.one)
    extract_s = sum(note.cpu_s for note in figures.extract_notes) / rounds
    mine_s = sum(note.cpu_s for note in figures.mine_notes) / rounds
    whole_s = statistics.median(run.cpu_s for run in figures.one)
    for name, cpu_s in (("read and hash", extract_s), ("language and fluency", mine_s), ("whole run", whole_s)):
        yield f"pages a CPU second, {name}", f"{pages / cpu_s:,.0f}   ({cpu_s:.2f} CPU s)"


def _memory_and_workers(figures: Figures) -> Iterator[tuple[str, str]]:
    yield "peak RSS, 1 worker", f"{max(run.peak_rss for run in figures.one) / MIB:,.0f} MiB"
    processes = max(run.processes for run in figures.two)
    if processes == 1:
        yield "2 workers", "not used: an input this small stays in one process"
        return
    peak = max(run.peak_rss for run in figures.two) / MIB
    yield "peak RSS, 2 workers", f"{peak:,.0f} MiB in {processes} processes (shared pages count in each)"
    ratios = [one.wall_s / two.wall_s for one, two in zip(figures.one, figures.two, strict=True)]
    yield "2 workers against 1, wall time (noisy)", spread(ratios) + " times as fast"


# --- the command line


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add what all benchmarks of whole runs ask for."""
    add = parser.add_argument
    add("--input", nargs="+", required=True, metavar="PATH", help="WET files: paths, quoted globs, folders, listings")
    add("--lid_model", required=True, metavar="MODEL", help="fastText model: a path, or lid.176.bin or lid.176.ftz")
    add("--lm_dir", type=Path, required=True, metavar="DIR", help="fluency models, as for build_cc100")
    text = "rounds of everything in turn; medians are given (default: %(default)s)"
    add("--repeat", type=int, default=3, metavar="N", help=text)


def setup_of(parsed: argparse.Namespace) -> Setup:
    """Find what the command line names.

    Raises:
        UserError: something is not there.
    """
    if parsed.repeat < 1:
        raise UserError(f"--repeat must be 1 or more, not {parsed.repeat}")
    segments = find_segments(Selection(inputs=tuple(parsed.input)), FetchPolicy())
    find_models(parsed.lm_dir)
    return Setup(parsed.input, segments, find_model(parsed.lid_model).absolute(), parsed.lm_dir.absolute())


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark; the exit status is 0, 1 (work that differs), or 2 for a user's mistake."""
    parser = argparse.ArgumentParser(
        prog="python benchmarks/limit.py",
        description="CPU time of the whole pipeline over the sum of its native kernels on the same documents: gunzip, "
        "SHA-1, fastText, SentencePiece, KenLM, zstd. 1.0 would be no cost of our own at all. "
        "Also: cost of a start, pages a CPU second by stage, peak memory, two workers against one.",
        epilog="What the kernels are given is held in memory: about ten times the compressed input. Intermediate files "
        "go to $TMPDIR. benchmarks/README.md explains every figure.",
        allow_abbrev=False,
    )
    add_options(parser)
    parser.add_argument("--preset", choices=sorted(PRESETS), default="cc100", help="rules (default: %(default)s)")
    parsed = parser.parse_args(argv)
    try:
        setup = setup_of(parsed)
        with tempfile.TemporaryDirectory(prefix="limit-") as scratch:
            limit = Limit(setup, parsed.preset, Path(scratch, parsed.preset))
            for number in range(parsed.repeat):
                print(f"limit: round {number + 1} of {parsed.repeat}", file=sys.stderr, flush=True)
                limit.measure()
        report(limit.figures, setup, Console(width=100, highlight=False))
    except UserError as error:
        print(f"limit: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
