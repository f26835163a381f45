"""What a dump costs: from the notes of a real run, the counts of a simulated one, and a list of prices.

    python -m beam_jobs.build_cc100 --input 'crawl/**/*.wet.gz' --lid_model ... --lm_dir ... --output run --keep_work
    python benchmarks/scale.py --json scale.json
    python benchmarks/dump_cost.py --run run --scale scale.json --hash_us 0.1

Everything is linear in what it is taken from: CPU time and bytes of stages 1 and 3 in pages, the search for duplicates
in hashes, files and requests in segments. docs/scale.md has the table and says what is left out.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
from rich import box
from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from beam_jobs.elements import ExtractNote, MineNote  # noqa: E402
from beam_jobs.transforms.compact import _READ_HASHES as READ_HASHES_COMPACT  # noqa: E402
from benchmarks.measuring import held_by  # noqa: E402
from benchmarks.scale import Counts  # noqa: E402
from ccnet_pipeline.dedup.tables import READ_HASHES  # noqa: E402

# The list of CC-MAIN-2019-09: WET files, compressed bytes, pages.
_FILES, _DUMP_BYTES, _PAGES = 64_000, 7.62 * (1 << 40), 2.9e9
_CORES = (1, 100, 5_000)
# apache_beam/io/aws/s3io.py, Beam 2.77: an object is written in parts of 5 MiB, and read in pieces of 16 MiB.
_PART_BYTES, _PIECE_BYTES = 5 << 20, 16 << 20
_OPEN_AND_CLOSE = 2  # requests beside the parts of an object that has several
_LARGE_FILES_A_SEGMENT = 3  # pages, hashes, documents
SHARDS_LINE = "shards"
_HOUR, _HOURS_A_MONTH = 3600, 730
_GB, _TB = 1e9, 1e12


@dataclass(frozen=True, slots=True)
class Prices:
    """US dollars. AWS, us-east-1: S3 Standard, and EC2 c5.2xlarge on demand, as published up to November 2026."""

    put: float = 0.005 / 1000  # also lists
    get: float = 0.0004 / 1000  # also lookups; to delete costs nothing
    gb_month: float = 0.023
    core_hour: float = 0.34 / 8


@dataclass(frozen=True, slots=True)
class Measured:
    """One real run, by page; a page is one that has text."""

    pages: int
    extract_s: float  # CPU
    mine_s: float
    hashes: float  # distinct ones of a segment, summed
    pages_bytes: float  # of intermediate pages, with the numbers of their paragraphs
    shard_bytes: float

    @staticmethod
    def of(run: Path) -> "Measured":
        """Read the notes of a run that kept its work."""
        work = next((run / "work").iterdir())
        extracted = [_read(path, ExtractNote) for path in sorted((work / "extract").rglob("*done.json"))]
        mined = [_read(path, MineNote) for path in sorted((work / "mine").rglob("*done.json"))]
        files = [*(work / "extract").rglob("*pages.zst"), *(work / "extract").rglob("*paragraphs")]
        pages = sum(note.pages for note in extracted)
        return Measured(
            pages=pages,
            extract_s=sum(note.cpu_s for note in extracted) / pages,
            mine_s=sum(note.cpu_s for note in mined) / pages,
            hashes=sum(note.hashes for note in extracted) / pages,
            pages_bytes=sum(path.stat().st_size for path in files) / pages,
            shard_bytes=sum(path.stat().st_size for path in (run / "shards").rglob("*.zst")) / pages,
        )


def _read(path: Path, kind: type) -> "ExtractNote | MineNote":
    note: ExtractNote | MineNote = msgspec.json.decode(path.read_bytes(), type=kind)
    return note


@dataclass(frozen=True, slots=True)
class Dump:
    """What a whole dump needs."""

    measured: Measured
    counts: Counts  # of the largest simulated size
    segments: int  # of that size
    hash_us: float

    def cpu_hours(self) -> dict[str, float]:
        """Return CPU hours by stage."""
        graph_s = self.counts["whole run"]["CPU s"] / self.segments * _FILES
        return {
            "read and hash": self.measured.extract_s * _PAGES / _HOUR,
            "duplicates": self.hash_us * 1e-6 * self.measured.hashes * _PAGES / _HOUR,
            "language and fluency": self.measured.mine_s * _PAGES / _HOUR,
            "graph, notes and small files": graph_s / _HOUR,
        }

    def bytes(self) -> dict[str, float]:
        """Return bytes by what lies there, at the end of stage 1 (the most of the work folder), and at the end."""
        hashes = self.measured.hashes * _PAGES
        return {
            "pages between the stages": self.measured.pages_bytes * _PAGES,
            "hashes": hashes * 8.125,
            "documents, twice while they are gathered": 2 * self.measured.shard_bytes * _PAGES,
            SHARDS_LINE: self.measured.shard_bytes * _PAGES,
        }

    def requests(self) -> dict[str, tuple[float, float]]:
        """Return, by cause, the requests to an object store that write, and those that read or look up."""
        grown = _FILES / self.segments
        counted = [counts for group, counts in self.counts.items() if group.startswith("storage, ")]
        hashes, moved = self.measured.hashes * _PAGES, self.bytes()
        written = sum(moved.values()) + hashes * 9.125  # documents, pages and hashes; once more hashes, with owners
        return {
            "files, notes and looking for them": (
                sum(counts.get("writes", 0) for counts in counted) * grown,
                sum(counts.get("reads", 0) + counts.get("lookups", 0) for counts in counted) * grown,
            ),
            "parts of large files": (
                written / _PART_BYTES + _OPEN_AND_CLOSE * _LARGE_FILES_A_SEGMENT * _FILES,
                (written + _DUMP_BYTES) / _PIECE_BYTES,
            ),
            # The simulated segments have few hashes; those of a real one are read some at a time, twice.
            "hashes of tables": (0, hashes / READ_HASHES_COMPACT + hashes / READ_HASHES),
        }


def lines_of(dump: Dump, prices: Prices) -> Iterator[tuple[str, ...]]:
    """Yield the rows of the table: what, how much in all, and what it is with each number of cores."""
    hours = dump.cpu_hours()
    total = sum(hours.values())
    for stage, of_stage in hours.items():
        yield f"{stage}, hours", f"{of_stage:,.1f}", *(f"{of_stage / cores:,.2f}" for cores in _CORES)
    yield "all, hours", f"{total:,.0f}", *(f"{total / cores:,.1f}" for cores in _CORES)
    yield "cores, $", f"{total * prices.core_hour:,.0f}"
    for what, size in dump.bytes().items():
        yield f"{what}, TB", f"{size / _TB:.2f}"
    work = sum(size for what, size in dump.bytes().items() if what != SHARDS_LINE)
    months = [total / cores / _HOURS_A_MONTH for cores in _CORES]
    dollars = (f"{work / _GB * prices.gb_month * each:,.0f}" for each in months)
    yield "the work folder in an object store while it runs, $", "", *dollars
    for what, (writes, reads) in dump.requests().items():
        cost = writes * prices.put + reads * prices.get
        yield f"requests, {what}", f"{writes / 1e6:.1f} + {reads / 1e6:.1f} million, $ {cost:,.0f}"


def main(argv: Sequence[str] | None = None) -> int:
    """Print what a dump costs."""
    parser = argparse.ArgumentParser(prog="python benchmarks/dump_cost.py", description=__doc__, allow_abbrev=False)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    add = parser.add_argument
    add("--run", type=Path, required=True, metavar="DIR", help="a run of build_cc100 with --keep_work")
    add("--scale", type=Path, required=True, metavar="FILE", help="the JSON of scale.py")
    add("--hash_us", type=float, required=True, metavar="US", help="microseconds a hash, of dedup.py")
    parsed = parser.parse_args(argv)
    results: dict[str, Counts] = json.loads(parsed.scale.read_text(encoding="utf-8"))
    largest = max(results, key=int)
    measured = Measured.of(parsed.run)
    dump = Dump(measured, results[largest], int(largest), parsed.hash_us)
    console = Console(width=140, highlight=False)
    held = held_by(parsed.run)
    console.print(
        f"From a run of {measured.pages:,} pages ({held.documents:,} documents kept) and {int(largest):,} simulated "
        f"segments to {_FILES:,} files, {_PAGES / 1e9:.1f} billion pages, {_DUMP_BYTES / _TB:.1f} TB."
    )
    console.print(
        f"A page: {measured.extract_s * 1e3:.3f} and {measured.mine_s * 1e3:.3f} CPU ms, {measured.hashes:.1f} hashes, "
        f"{measured.pages_bytes:.0f} bytes between the stages, {measured.shard_bytes:.0f} bytes of shards."
    )
    table = Table("", "in all", *(f"{cores:,} cores" for cores in _CORES), box=box.SIMPLE_HEAD)
    for row in lines_of(dump, Prices()):
        table.add_row(*row)  # short rows are the same for any number of cores
    console.print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
