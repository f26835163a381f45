"""The real graph over a dump of synthetic segments: what crosses each GroupByKey, and what is asked of the storage.

    python benchmarks/scale.py --segments 1000 8000 64000 --json scale.json

`beam_jobs.graph.build` with its own transforms in Beam's in-process runner, one process a size; only what is done with
one segment is replaced (synthetic.py), and what each may keep is checked. benchmarks/README.md says what is counted.
Exit status: 0, 1 (something grows faster than the input), 2 (a mistake).
"""

import argparse
import json
import logging
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import apache_beam as beam
import msgspec
import numpy as np
from apache_beam.runners.portability.fn_api_runner.fn_runner import FnApiRunner
from rich import box
from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from beam_jobs.graph import Plan, build  # noqa: E402
from beam_jobs.layout import Layout  # noqa: E402
from benchmarks import counting  # noqa: E402
from benchmarks.synthetic import NUM_PLACES, SyntheticExtract, SyntheticMine  # noqa: E402
from ccnet_pipeline import storage  # noqa: E402
from ccnet_pipeline.dedup.ranges import cut_cells  # noqa: E402
from ccnet_pipeline.formats import JSONL  # noqa: E402
from ccnet_pipeline.recipe import CCNET, Configuration  # noqa: E402
from ccnet_pipeline.segments import Segment  # noqa: E402
from ccnet_pipeline.shards.published import SHARDS, Manifest  # noqa: E402

_SHARD_BYTES = 64 << 10  # of languages and buckets that have some ten bytes a segment
_HASHES_OF_A_FILE = 500_000  # distinct ones of a WET file of 40 000 pages, about
_MOST_GROWTH = 1.05  # the exponent of a fit over the sizes
_MIB = 1 << 20

# Of one size: a group of counts -> what -> how many.
Counts = dict[str, dict[str, float]]


def simulate(num_segments: int, folder: Path) -> Counts:
    """Run the graph over so many segments in this process; return what was counted."""
    layout = Layout(output=str(folder / "out"), work=str(folder / "work"))
    segments = [
        Segment(number, f"crawl-data/CC-MAIN-2018-30/{number:06d}.warc.wet.gz", "", "CC-MAIN-2018-30", 1)
        for number in range(num_segments)
    ]
    segments_file = str(folder / "segments.json")
    storage.write_json(segments_file, segments)
    counting.install()
    before_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began, wall = time.process_time(), time.perf_counter()
    pipeline = beam.Pipeline(runner=FnApiRunner())
    build(pipeline, _plan(layout, segments_file, num_segments))
    proto_bytes = pipeline.to_runner_api().ByteSize()
    pipeline.run().wait_until_finish()
    _require_all(folder, num_segments)
    return {
        "whole run": {
            "CPU s": time.process_time() - began,
            "wall s": time.perf_counter() - wall,
            "peak memory, MiB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
            "memory before, MiB": before_kib / 1024,
            "pipeline proto, bytes": proto_bytes,
            "files left": sum(1 for path in folder.rglob("*") if path.is_file()),
        },
        **{f"GroupByKey {label}": dict(counts) for label, counts in counting.shuffled.items()},
        **{f"storage, {stage}": dict(counts) for stage, counts in counting.requests.items()},
    }


def _plan(layout: Layout, segments_file: str, num_segments: int) -> Plan:
    configuration = Configuration(
        package_version="simulated",
        recipe=CCNET,
        formats=(JSONL,),
        shard_bytes=_SHARD_BYTES,
        keep_rejects=False,
        lid_models=(),
        models={},
        blocklist_sha256=None,
        extractor_version="",
        inputs_sha256="",
        num_segments=num_segments,
    )
    return Plan(
        configuration=configuration,
        layout=layout,
        segments_file=segments_file,
        extract_segment=SyntheticExtract(layout, num_segments),
        mine_segment=SyntheticMine(layout),
        began="",
        num_ranges=len(cut_cells(num_segments * _HASHES_OF_A_FILE)),  # as many as of real files
    )


def _require_all(folder: Path, num_segments: int) -> None:
    manifest = msgspec.json.decode((folder / "out" / "manifest.json").read_bytes(), type=Manifest)
    documents = sum(file.documents for file in manifest.files if file.path.startswith(SHARDS))
    if documents != num_segments * NUM_PLACES:
        raise SystemExit(f"scale: {documents} documents came out, not {num_segments * NUM_PLACES}")


# --- the fits


def exponent(sizes: Sequence[int], values: Sequence[float]) -> float | None:
    """Return p of the best fit value = c * size^p; None if a value is 0, or there is one size.

    >>> exponent([1, 10, 100], [3, 300, 30000])
    2.0
    """
    if len(sizes) < 2 or min(values) <= 0:
        return None
    return round(float(np.polyfit(np.log(sizes), np.log(values), 1)[0]), 6)


def rows_of(results: Mapping[int, Counts]) -> Iterator[tuple[str, str, list[float], float | None]]:
    """Yield for each count: its group, what, how many by size, and how it grows."""
    sizes = sorted(results)
    for group in dict.fromkeys(group for size in sizes for group in results[size]):
        for what in dict.fromkeys(what for size in sizes for what in results[size].get(group, {})):
            values = [results[size].get(group, {}).get(what, 0) for size in sizes]
            yield group, what, values, exponent(sizes, values)


def table_of(results: Mapping[int, Counts]) -> Table:
    """Return all counts by size, and their exponents."""
    sizes = sorted(results)
    table = Table("", "", *(f"{size:,}" for size in sizes), "exponent", box=box.SIMPLE_HEAD)
    last = ""
    for group, what, values, grows in rows_of(results):
        cells = [f"{value:,.0f}" if value >= 100 else f"{value:.3g}" for value in values]
        table.add_row(group if group != last else "", what, *cells, "" if grows is None else f"{grows:.2f}")
        last = group
    return table


# --- the command line


def _run_apart(num_segments: int, folder: Path) -> Counts:
    command = [sys.executable, __file__, "--one", str(num_segments), str(folder)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"scale: {num_segments} segments ended with status {done.returncode}")
    counts: Counts = json.loads(done.stdout.splitlines()[-1])
    return counts


def main(argv: Sequence[str] | None = None) -> int:
    """Simulate dumps of several sizes, and print what grows how."""
    logging.getLogger().setLevel(logging.ERROR)
    parser = argparse.ArgumentParser(prog="python benchmarks/scale.py", description=__doc__, allow_abbrev=False)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    add: Any = parser.add_argument
    add("--segments", nargs="+", type=int, default=[1000, 8000, 64000], metavar="N", help="sizes (%(default)s)")
    add("--json", type=Path, metavar="FILE", help="where to write all counts, for dump_cost.py")
    add("--one", nargs=2, help=argparse.SUPPRESS)
    parsed = parser.parse_args(argv)
    if parsed.one:
        print(json.dumps(simulate(int(parsed.one[0]), Path(parsed.one[1]))))
        return 0
    if min(parsed.segments) < 2:
        parser.error("--segments: two or more")
    results: dict[int, Counts] = {}
    for size in parsed.segments:
        with tempfile.TemporaryDirectory(prefix="scale-") as folder:
            results[size] = _run_apart(size, Path(folder))
        print(
            f"scale: {size:,} segments in {results[size]['whole run']['CPU s']:.0f} CPU s", file=sys.stderr, flush=True
        )
        if parsed.json:
            parsed.json.write_text(json.dumps(results, indent=1), encoding="utf-8")
    Console(width=160, highlight=False).print(table_of(results))
    fast = [f"{group}, {what}" for group, what, _, grows in rows_of(results) if grows and grows > _MOST_GROWTH]
    for name in fast:
        print(f"scale: {name} grows faster than the input", file=sys.stderr)
    return 1 if fast else 0


if __name__ == "__main__":
    sys.exit(main())
