"""The search for duplicates alone: hashes of many segments through the graph's own transforms, from files to bits.

    python benchmarks/dedup.py --hashes 100000000

Files of hashes are made first, by another process. Then Compact, PlanRanges, Resolve and Scatter of the graph run in
Beam's in-process runner, and the answers of each segment are compared with what they must be. CPU time is that of the
whole pipeline, Beam's included; disk is the most that lay in the work folder at one time, the files of hashes included.
Exit status: 0, 1 (an answer is wrong).
"""

import argparse
import logging
import multiprocessing
import resource
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import apache_beam as beam
import msgspec
import numpy as np
from apache_beam.runners.portability.fn_api_runner.fn_runner import FnApiRunner

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from beam_jobs.blocks import GROUP_SEGMENTS, Blocks, block_size  # noqa: E402
from beam_jobs.elements import Extracted, Frame, MineNote  # noqa: E402
from beam_jobs.layout import Layout  # noqa: E402
from beam_jobs.remains import Remains  # noqa: E402
from beam_jobs.transforms.compact import Compact  # noqa: E402
from beam_jobs.transforms.mine import Mine  # noqa: E402
from beam_jobs.transforms.plan import PlanRanges  # noqa: E402
from beam_jobs.transforms.resolve import Resolve  # noqa: E402
from beam_jobs.transforms.scatter import Scatter  # noqa: E402
from benchmarks import counting  # noqa: E402
from ccnet_pipeline import storage  # noqa: E402
from ccnet_pipeline.dedup.copies import Copies  # noqa: E402
from ccnet_pipeline.dedup.hashing import Hashes  # noqa: E402
from ccnet_pipeline.dedup.sorting import Bits  # noqa: E402
from ccnet_pipeline.dedup.tables import packed, packed_table, unpacked  # noqa: E402
from ccnet_pipeline.ledger import Account  # noqa: E402

_SEGMENT_HASHES = 250_000
_OF_OTHERS = 0.4  # of a segment's hashes another segment has, too
_IN_SEVERAL_EVERY = 50  # of its own hashes one stands in two of its records


@dataclass(frozen=True, slots=True)
class Figures:
    """What one run gave."""

    hashes: int
    segments: int
    dropped: int
    cpu_us: float  # a hash
    disk_bytes: float  # a hash
    peak_rss: int

    @staticmethod
    def from_json(line: str) -> "Figures":
        return msgspec.json.decode(line, type=Figures)


def table_of(number: int, num_segments: int) -> tuple[Hashes, Bits, Bits]:
    """Return the distinct hashes of a segment, whether several of its records have each, and whether it may keep it.

    What it shares it shares with the segment half the input away: of another block, unless there is one.
    """
    partner = number % max(1, num_segments // 2)
    shared = np.random.default_rng([1, partner]).integers(0, 1 << 64, int(_SEGMENT_HASHES * _OF_OTHERS), np.uint64)
    own = np.random.default_rng([0, number]).integers(0, 1 << 64, _SEGMENT_HASHES - len(shared), np.uint64)
    hashes = np.concatenate([shared, own])
    has_partner = num_segments > 1 and number < 2 * (num_segments // 2)
    may_keep = np.arange(len(hashes)) >= (len(shared) if has_partner else 0)
    in_several = np.arange(len(hashes)) % _IN_SEVERAL_EVERY == _IN_SEVERAL_EVERY - 1
    order = np.argsort(hashes)
    return hashes[order], in_several[order], (may_keep & ~in_several)[order]


def _make(layout: Layout, num_segments: int) -> None:
    for number in range(num_segments):
        hashes, in_several, _ = table_of(number, num_segments)
        storage.write(layout.extracted(number, "hashes"), packed_table((hashes, in_several)))


@dataclass(frozen=True, slots=True)
class _KeepAnswers:
    """Stands in the place of stage 3: what a segment may keep is written down, and looked at off the clock."""

    folder: Path

    def __call__(self, number: int, may_keep: Bits, copies: Copies | None) -> MineNote:
        (self.folder / str(number)).write_bytes(packed(may_keep))
        return MineNote(
            segment="",
            account=Account(),
            blocks=[],
            observed=Frame(0, 0),
            pages=0,
            documents=0,
            cpu_s=0.0,
            extract_cpu_s=0.0,
        )

    def dropped(self, number: int, num_segments: int) -> int:
        """Return how many hashes a segment lost; ValueError: not the right ones."""
        may_keep = unpacked((self.folder / str(number)).read_bytes(), 0, _SEGMENT_HASHES)
        if wrong := int((may_keep != table_of(number, num_segments)[2]).sum()):
            raise ValueError(f"segment {number}: {wrong} of {_SEGMENT_HASHES} answers are wrong")
        return int(_SEGMENT_HASHES - may_keep.sum())


def _add_graph(pipeline: beam.Pipeline, layout: Layout, num_segments: int, answers: _KeepAnswers) -> None:
    """Add the graph from the hashes of segments to what each may keep."""
    blocks = Blocks(
        num_segments=num_segments,
        scope_segments=None,
        block_segments=block_size(num_segments),
        group_segments=GROUP_SEGMENTS,
    )
    remains = Remains(layout, blocks, frees=True)
    extracted: list[tuple[int, Extracted]] = [
        (blocks.block_of(number), (number, _SEGMENT_HASHES, None)) for number in range(num_segments)
    ]
    ranges, settled = (
        pipeline
        | beam.Create(extracted, reshuffle=False)
        | "Compact" >> Compact(remains, "none")
        | "PlanRanges" >> PlanRanges(blocks, 0, layout.failures_file)
    )
    resolved, _ = ranges | "Resolve" >> Resolve(remains, "none", None)
    scattered = resolved | "Scatter" >> Scatter(remains)
    _ = (scattered, settled) | "AllAnswers" >> beam.Flatten() | "Mine" >> Mine(remains, answers)


def measure(num_hashes: int, folder: Path) -> Figures:
    """Answer so many hashes in this process."""
    layout = Layout(output=str(folder / "out"), work=str(folder / "work"))
    answers = _KeepAnswers(folder / "answers")
    answers.folder.mkdir()
    num_segments = max(1, num_hashes // _SEGMENT_HASHES)
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        pool.submit(_make, layout, num_segments).result()
    counting.install(stored_before=sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()))
    began = time.process_time()
    pipeline = beam.Pipeline(runner=FnApiRunner())
    _add_graph(pipeline, layout, num_segments, answers)
    pipeline.run().wait_until_finish()
    cpu_s = time.process_time() - began
    peak_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    total = num_segments * _SEGMENT_HASHES
    return Figures(
        hashes=total,
        segments=num_segments,
        dropped=sum(answers.dropped(number, num_segments) for number in range(num_segments)),
        cpu_us=1e6 * cpu_s / total,
        disk_bytes=counting.stored.most / total,
        peak_rss=peak_kib << 10,
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, and print."""
    logging.getLogger().setLevel(logging.ERROR)
    parser = argparse.ArgumentParser(
        prog="python benchmarks/dedup.py",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    text = "how many, in segments of 250 000 (default: 100 million)"
    parser.add_argument("--hashes", type=int, default=100_000_000, metavar="N", help=text)
    parser.add_argument("--json", action="store_true", help="print one line of JSON")
    parsed = parser.parse_args(argv)
    try:
        with tempfile.TemporaryDirectory(prefix="dedup-") as folder:
            figures = measure(parsed.hashes, Path(folder))
    except ValueError as error:
        print(f"dedup: {error}", file=sys.stderr)
        return 1
    if parsed.json:
        print(msgspec.json.encode(figures).decode())
        return 0
    print(f"{figures.hashes:,} hashes of {figures.segments} segments, {figures.dropped:,} dropped, as they must be")
    print(f"{figures.cpu_us:.2f} us a hash, {figures.disk_bytes:.1f} bytes on disk a hash at most", end="")
    print(f", {figures.peak_rss / 1e9:.2f} GB of memory")
    return 0


if __name__ == "__main__":
    sys.exit(main())
