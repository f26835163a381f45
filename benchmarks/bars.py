"""Every bar of docs/design.md (How fast), measured, beside the counts of documents and paragraphs that must be equal.

    python benchmarks/bars.py --input 'crawl/**/*.wet.gz' --lid_model lid.176.ftz --lm_dir models \
        --cc_net peers/cc_net/bin/python --datatrove peers/datatrove/bin/python

A run that does other work than it should ends the program with status 1, however fast it was. A bar that is not met is
a line of the table. benchmarks/README.md says what each line means, and what to leave out on a small machine.
"""

import argparse
import math
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks import dedup, inputs, kernels, limit  # noqa: E402
from benchmarks.limit import Limit  # noqa: E402
from benchmarks.measuring import MIB, Held, Run, Setup, held_by, run_pipeline, run_program, spread  # noqa: E402
from benchmarks.peers.comparison import DATATROVE_MAY_DIFFER, compared_by, require_same_documents, run_peer  # noqa: E402
from ccnet_pipeline.errors import UserError  # noqa: E402
from ccnet_pipeline.fetch import FetchPolicy  # noqa: E402
from ccnet_pipeline.segments import Selection, find_segments  # noqa: E402

_GIB = 1 << 30
_MEMORY_BAR = 2e9
_RECORDS_OF_START = 20
_MEMBERS_A_SEGMENT = 3
_FEW, _MANY = 8, 128  # segments of the same pages


@dataclass(frozen=True, slots=True)
class Bar:
    """One line of the table."""

    what: str
    bar: str
    measured: str
    is_met: bool
    counts: str = ""


@dataclass(frozen=True, slots=True)
class Bench:
    """The command line, and where intermediate files go."""

    setup: Setup
    arguments: argparse.Namespace
    scratch: Path
    console: Console

    def run(self, *options: str, inputs: Sequence[str] | None = None) -> tuple[Run, Held]:
        """Run the pipeline, and forget what it wrote."""
        output = self.scratch / "run"
        run = run_pipeline(self.setup, output, *options, inputs=inputs)
        held = held_by(output)
        shutil.rmtree(output)
        return run, held


# --- the bars, each a function that yields its lines


def kernel_bars(bench: Bench) -> Iterator[Bar]:
    """The pipeline against its kernels, and two workers against one, of both presets."""
    with ThreadPoolExecutor() as pool:  # what is recorded is not timed
        limits = list(pool.map(lambda preset: Limit(bench.setup, preset, bench.scratch / preset), ("ccnet", "cc100")))
    for number in range(bench.arguments.repeat):
        for each in limits:
            _say(f"{each.figures.preset}, round {number + 1} of {bench.arguments.repeat}")
            each.measure()
    for figures in (each.figures for each in limits):
        limit.report(figures, bench.setup, bench.console)
        counts = f"{_named(figures.held)}, shards byte-identical in all runs"
        ratio = statistics.median(figures.ratios_without_start)
        what = f"pipeline without start / kernels, {figures.preset}"
        yield Bar(what, "<= 1.5", spread(figures.ratios_without_start), ratio <= 1.5, counts)
        if figures.two[0].processes == 1:
            continue  # an input this small stays in one process
        speedups = [one.wall_s / two.wall_s for one, two in zip(figures.one, figures.two, strict=True)]
        what = f"two workers / one, wall time, {figures.preset}, {len(bench.setup.segments)} segments"
        yield Bar(what, ">= 1.85", spread(speedups), statistics.median(speedups) >= 1.85, counts)
        peak, shared = (max(getattr(run, what) for run in figures.two) for what in ("peak_rss", "peak_pss"))
        what = f"peak memory of the tree, 2 workers, {figures.preset}"
        of_tree = f"{shared / 1e9:.2f} GB, if what processes share counts once"
        yield Bar(what, "<= 2 GB", f"{peak / 1e9:.2f} GB", peak <= _MEMORY_BAR, of_tree)


def start_bars(bench: Bench) -> Iterator[Bar]:
    """What a run costs before it does anything."""
    small = inputs.joined(bench.setup.archives, bench.scratch / "few", 1, _RECORDS_OF_START)
    padded = inputs.padded(Path(small[0]), bench.scratch / "padded")
    first, further = [], []
    for _ in range(bench.arguments.repeat):
        first.append(bench.run("--workers", "1", inputs=small)[0].cpu_s)
        two, three = (bench.run("--workers", workers, inputs=padded)[0] for workers in ("2", "3"))
        if three.processes <= two.processes:
            raise SystemExit(f"3 workers were {three.processes} processes, 2 were {two.processes}")
        further.append(three.cpu_s - two.cpu_s)
    met = statistics.median(first) <= 0.9
    yield Bar("start of one worker, CPU s", "<= 0.9", spread(first), met, f"{_RECORDS_OF_START} records")
    yield Bar("start of each further worker, CPU s", "<= 0.6", spread(further), statistics.median(further) <= 0.6)


def cc_net_bars(bench: Bench) -> Iterator[Bar]:
    """Against cc_net, process for process."""
    ratios, named = [], ""
    for _ in range(bench.arguments.peer_repeat):
        ours, theirs = bench.scratch / "ours", bench.scratch / "cc_net"
        run = run_pipeline(bench.setup, ours, "--preset", "ccnet", "--workers", "1")
        peer = run_peer("cc_net", bench.arguments.cc_net, bench.setup, theirs)
        same = require_same_documents(ours, theirs)
        if (held := held_by(ours)) != peer.held:
            raise SystemExit(f"ours holds {_named(held)}, cc_net's output {_named(peer.held)}")
        ratios.append(peer.run.cpu_s / run.cpu_s)
        named = (
            f"all {same:,} documents, {held.paragraphs:,} paragraphs equal; {run.cpu_s:.0f} and {peer.run.cpu_s:.0f} s"
        )
        named += f", {run.peak_rss / MIB:,.0f} and {peer.run.peak_rss / MIB:,.0f} MiB"
        shutil.rmtree(ours)
        shutil.rmtree(theirs)
    bench.console.print(f"cc_net: {_listed(peer.versions)}")
    yield Bar("CPU s of cc_net / ours, ccnet, 1 process each", ">= 3.5", spread(ratios), _median(ratios) >= 3.5, named)


def datatrove_bars(bench: Bench) -> Iterator[Bar]:
    """Against datatrove, process for process; of its output only what stands before its own rules can be equal."""
    ratios, named = [], ""
    for _ in range(bench.arguments.peer_repeat):
        ours, theirs = bench.scratch / "ours", bench.scratch / "datatrove"
        run = run_pipeline(bench.setup, ours, "--preset", "ccnet", "--dedup_keep", "first", "--workers", "1")
        peer = run_peer("datatrove", bench.arguments.datatrove, bench.setup, theirs)
        compared, held = compared_by(ours), held_by(ours)
        if compared != peer.compared:
            raise SystemExit(f"compared are {compared} documents and paragraphs, by datatrove {peer.compared}")
        for mine, its in zip(_numbers(held), _numbers(peer.held), strict=True):
            if abs(mine - its) > DATATROVE_MAY_DIFFER * mine:
                raise SystemExit(f"ours holds {_named(held)}, datatrove's output {_named(peer.held)}")
        ratios.append(peer.run.cpu_s / run.cpu_s)
        named = f"{compared[0]:,} documents, {compared[1]:,} paragraphs compared by both; kept {_named(held)}, its "
        named += f"{_named(peer.held)}; {run.cpu_s:.0f} and {peer.run.cpu_s:.0f} s"
        shutil.rmtree(ours)
        shutil.rmtree(theirs)
    bench.console.print(f"datatrove: {_listed(peer.versions)}")
    what = "CPU s of datatrove / ours, ccnet, keep first, 1 process each"
    yield Bar(what, ">= 8", spread(ratios), _median(ratios) >= 8, named)


def memory_bars(bench: Bench) -> Iterator[Bar]:
    """Peak memory of the input and of a large one, with two workers."""
    options = ("--preset", "ccnet", "--workers", "2")
    small, held = bench.run(*options)
    large, held_large = bench.run(*options, inputs=bench.arguments.large)
    grown = large.peak_rss / small.peak_rss
    size = sum(
        segment.size or 0 for segment in find_segments(Selection(inputs=tuple(bench.arguments.large)), FetchPolicy())
    )
    counts = f"{size / _GIB:.1f} GiB compressed, {_named(held_large)}; the input: {_named(held)}"
    peak = f"{large.peak_rss / 1e9:.2f} GB"
    yield Bar("peak memory, large input, 2 workers", "<= 2 GB", peak, large.peak_rss <= _MEMORY_BAR, counts)
    yield Bar("peak memory, large input / input", "0.9 .. 1.1", f"{grown:.2f}", abs(grown - 1) <= 0.1)


def page_bars(bench: Bench) -> Iterator[Bar]:
    """CPU of the same pages in few and in many segments."""
    cut = {
        number: inputs.joined(bench.setup.archives, bench.scratch / f"in-{number}", number) for number in (_FEW, _MANY)
    }
    ratios, held = [], Held(0, 0, 0)
    for _ in range(bench.arguments.repeat):
        (few, held), (many, held_many) = (
            bench.run("--preset", "ccnet", "--workers", "1", inputs=cut[number]) for number in (_FEW, _MANY)
        )
        if held != held_many:
            raise SystemExit(f"{_FEW} segments give {_named(held)}, {_MANY} {_named(held_many)}")
        ratios.append(many.cpu_s / few.cpu_s)
    what = f"CPU of the same pages, {_MANY} segments / {_FEW}"
    yield Bar(what, "0.95 .. 1.05", spread(ratios, "{:.3f}"), abs(_median(ratios) - 1) <= 0.05, _named(held))


def again_bars(bench: Bench) -> Iterator[Bar]:
    """A finished run started again."""
    number = bench.arguments.segments
    many = inputs.joined(bench.setup.archives, bench.scratch / "many", number, number * _MEMBERS_A_SEGMENT)
    output = bench.scratch / "again"
    options = ("--preset", "ccnet", "--workers", "1")
    run_pipeline(bench.setup, output, *options, inputs=many)
    held = held_by(output)
    runs = [run_pipeline(bench.setup, output, *options, inputs=many) for _ in range(bench.arguments.repeat)]
    if held_by(output) != held:
        raise SystemExit("a finished run that was started again holds something else")
    shutil.rmtree(output)
    seconds = [run.wall_s for run in runs]
    counts = f"{_named(held)}, as before; {spread([run.cpu_s for run in runs])} CPU s"
    yield Bar(f"finished run of {number:,} segments again, s", "<= 3", spread(seconds), _median(seconds) <= 3, counts)


def dedup_bars(bench: Bench) -> Iterator[Bar]:
    """The comparison of hashes alone, in a process of its own."""
    command = [sys.executable, str(ROOT / "benchmarks" / "dedup.py"), "--hashes", str(bench.arguments.hashes), "--json"]
    _, line = run_program(command)
    figures = dedup.Figures.from_json(line)
    counts = f"{figures.hashes:,} hashes, {figures.dropped:,} dropped as they must be"
    yield Bar("dedup alone, us a hash", "<= 0.5", f"{figures.cpu_us:.2f}", figures.cpu_us <= 0.5, counts)
    yield Bar("dedup alone, peak memory", "<= 1 GB", f"{figures.peak_rss / 1e9:.2f} GB", figures.peak_rss <= 1e9)
    yield Bar("dedup alone, bytes on disk a hash", "<= 12", f"{figures.disk_bytes:.1f}", figures.disk_bytes <= 12)


_BARS: dict[str, Callable[[Bench], Iterator[Bar]]] = {
    "kernels": kernel_bars,
    "start": start_bars,
    "cc_net": cc_net_bars,
    "datatrove": datatrove_bars,
    "pages": page_bars,
    "memory": memory_bars,
    "again": again_bars,
    "dedup": dedup_bars,
}


# --- the table


def _numbers(held: Held) -> tuple[int, int, int]:
    return held.documents, held.paragraphs, held.characters


def _named(held: Held) -> str:
    return f"{held.documents:,} documents, {held.paragraphs:,} paragraphs"


def _listed(versions: dict[str, str]) -> str:
    return ", ".join(f"{package} {version}" for package, version in versions.items())


def _median(values: Sequence[float]) -> float:
    return statistics.median(values) if values else math.nan


def _say(text: str) -> None:
    print(f"bars: {time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


def table_of(bars: Sequence[Bar]) -> Table:
    """Return the bars as a table."""
    table = Table("what", "bar", "measured", "met", "exact counts", box=box.SIMPLE_HEAD)
    for bar in bars:
        table.add_row(bar.what, bar.bar, bar.measured, "yes" if bar.is_met else "no", bar.counts)
    return table


# --- the command line


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python benchmarks/bars.py",
        description="Every bar of docs/design.md (How fast), measured. Exit status 1: a run did other work than it "
        "should. A bar that is not met is no error.",
        epilog="Intermediate files go to $TMPDIR: about three times the input. benchmarks/README.md has more.",
        allow_abbrev=False,
    )
    limit.add_options(parser)
    add = parser.add_argument
    add("--cc_net", type=Path, metavar="PYTHON", help="of an environment with cc_net; else its bar is left out")
    add("--datatrove", type=Path, metavar="PYTHON", help="of an environment with datatrove; else its bar is left out")
    add("--peer_repeat", type=int, default=1, metavar="N", help="rounds against each of them (default: %(default)s)")
    text = "a much larger input, whose peak memory is compared with that of --input; else this bar is left out"
    add("--large", nargs="+", metavar="PATH", help=text)
    text = "hashes of the comparison alone (default: 100 million)"
    add("--hashes", type=int, default=100_000_000, metavar="N", help=text)
    text = "segments of the finished run that is started again (default: %(default)s)"
    add("--segments", type=int, default=1000, metavar="N", help=text)
    add("--only", nargs="+", choices=sorted(_BARS), metavar="BAR", help=f"some of {', '.join(_BARS)}")
    return parser


def _wanted(arguments: argparse.Namespace) -> list[str]:
    given = {"cc_net": arguments.cc_net, "datatrove": arguments.datatrove, "memory": arguments.large}
    options = {"cc_net": "--cc_net", "datatrove": "--datatrove", "memory": "--large"}
    if arguments.only:
        for name in arguments.only:
            if name in given and not given[name]:
                raise UserError(f"--only {name} needs {options[name]}")
        return [name for name in _BARS if name in arguments.only]
    return [name for name in _BARS if name not in given or given[name]]


def main(argv: Sequence[str] | None = None) -> int:
    """Measure; the exit status is 0, 1 (work that differs), or 2 for a user's mistake."""
    arguments = _parser().parse_args(argv)
    console, bars = Console(width=200, highlight=False), []
    try:
        setup = limit.setup_of(arguments)
        console.print(f"Kernels: {kernels.versions()}")
        for name in _wanted(arguments):
            _say(name)
            with tempfile.TemporaryDirectory(prefix="bars-") as scratch:
                bars += _BARS[name](Bench(setup, arguments, Path(scratch), console))
    except UserError as error:
        print(f"bars: {error}", file=sys.stderr)
        return 2
    finally:
        if bars:  # what was measured before a mistake, too
            console.print(table_of(bars))
    return 0


if __name__ == "__main__":
    sys.exit(main())
