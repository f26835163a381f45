"""What a few segments of a run take, and what comes of them: what `--estimate` scales to all.

They go through reading, comparison and judging as in a run, in a temporary folder, and nothing of it stays.
"""

import resource
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import TypeVar

import numpy as np
import psutil

from beam_jobs.earlier_dumps import FoundIndex
from beam_jobs.elements import Block, ExtractNote
from beam_jobs.estimate_growth import Compared, Growth, growth_of
from beam_jobs.graph import Plan
from beam_jobs.layout import Layout
from beam_jobs.preparation import Prepared
from ccnet_pipeline import storage
from ccnet_pipeline.command import enumerated
from ccnet_pipeline.dedup.blocks import CELL_HASHES, CELLS
from ccnet_pipeline.dedup.duplicates import Keep, indices, resolve
from ccnet_pipeline.dedup.sorting import HASH_BITS, Table
from ccnet_pipeline.dedup.tables import TableReader, below, parts
from ccnet_pipeline.hash_index.directory import IndexReader
from ccnet_pipeline.ledger import Account, total
from ccnet_pipeline.listings import Pick
from ccnet_pipeline.pages.stored import read_chunks
from ccnet_pipeline.segments import Segment
from ccnet_pipeline.shards.published import SHARDS

_T = TypeVar("_T")
# What a process does once (tables, models) is found by doing the first segment again, unless that takes long.
_LONG_CPU_S = 20.0
_LOOKED_UP = 4000  # hashes, in an index


@dataclass(slots=True)
class Kept:
    """How much is kept of one language."""

    documents: float = 0
    characters: float = 0
    bytes: float = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What some segments took, and what came of them."""

    segments: int
    bytes: int  # of the archives
    account: Account
    pages: int
    hashes: int  # distinct in each segment
    read_cpu_s: float
    judge_cpu_s: float
    start_cpu_s: float  # once a process: all that it did before, too
    waiting_s: float  # for the network
    read_bytes: int  # that reading leaves for judging
    judged_bytes: int  # of documents, rejects included
    buckets: int  # languages and buckets, or reasons, that they are of
    memory_bytes: int  # of the process, at most
    shared_bytes: int  # of these, those that are pages of files, which processes share
    languages: dict[str, Kept]
    growth: Growth
    known_share: float  # of the characters that stay, those of paragraphs that earlier dumps had


class _Meter:
    """CPU and wall time of one stage, in seconds; what the first call takes beyond what it takes again is apart."""

    def __init__(self) -> None:
        self.cpu_s = self.wall_s = self.start_s = 0.0
        self._is_new = True

    def run(self, work: Callable[[], _T]) -> _T:
        result, cpu_s, wall_s = _timed(work)
        if self._is_new and cpu_s < _LONG_CPU_S:
            first_s = cpu_s
            result, cpu_s, wall_s = _timed(work)
            self.start_s = max(0.0, first_s - cpu_s)
        self._is_new = False
        self.cpu_s += cpu_s
        self.wall_s += wall_s
        return result


def _timed(work: Callable[[], _T]) -> tuple[_T, float, float]:
    cpu_s, wall_s = time.process_time(), time.perf_counter()
    result = work()
    return result, time.process_time() - cpu_s, time.perf_counter() - wall_s


def choose(segments: Sequence[Segment], pick: Pick) -> list[Segment]:
    """Return as many segments as a pick has lines, one from each of as many equal runs of them, chosen by its seed.

    Neighbours of a crawl were fetched at about the same time and share more than others do.
    """
    edges = [len(segments) * number // (pick.sample or 1) for number in range((pick.sample or 1) + 1)]
    runs = [segments[start:stop] for start, stop in pairwise(edges)]
    one = replace(pick, sample=1)
    names = {name for run in runs for name in one.of([segment.name for segment in run])}
    return [segment for segment in segments if segment.name in names]


def measure(prepared: Prepared, plan_in: Callable[[Prepared, Layout], Plan], pick: Pick, place: str | None) -> Measured:
    """Put a few segments through the stages of a run.

    Args:
        prepared: of the whole run.
        plan_in: returns the plan for what is prepared, with its files in a layout.
        pick: how many segments, and the seed.
        place: the folder for the temporary one; None: where the system has them.

    Raises:
        FetchError: one of them cannot be read.
    """
    chosen = choose(prepared.segments, pick)
    segments = [replace(segment, number=number) for number, segment in enumerate(chosen)]
    configuration = replace(prepared.configuration, num_segments=len(segments))
    with tempfile.TemporaryDirectory(prefix="estimate-", dir=place) as folder:
        sample = replace(prepared, segments=segments, configuration=configuration)
        return _measure(segments, plan_in(sample, Layout(output=folder, work=folder)), prepared.index)


def _measure(segments: Sequence[Segment], plan: Plan, index: FoundIndex | None) -> Measured:
    layout, reading, judging, begun_cpu_s = plan.layout, _Meter(), _Meter(), time.process_time()
    print(f"build_cc100: reads {enumerated([segment.name for segment in segments])}", file=sys.stderr)
    notes = [reading.run(partial(plan.extract_segment, segment)) for segment in segments]
    tables = [_unique(layout, number, note) for number, note in enumerate(notes)]
    compared = _compared(layout, notes, tables)
    answers = resolve(tables, plan.configuration.recipe.dedup_keep)
    print("build_cc100: has read and compared; judges language and fluency", file=sys.stderr)
    mined = [judging.run(partial(plan.mine_segment, number, bits)) for number, bits in enumerate(answers)]
    blocks = [block for note in mined for block in note.blocks]
    is_remote = any(segment.size is None for segment in segments)
    return Measured(
        segments=len(segments),
        bytes=sum(note.bytes for note in notes),
        account=total(note.account for note in mined),
        pages=sum(note.pages for note in notes),
        hashes=sum(note.hashes for note in notes),
        read_cpu_s=reading.cpu_s,
        judge_cpu_s=judging.cpu_s,
        start_cpu_s=begun_cpu_s + reading.start_s + judging.start_s,
        waiting_s=max(0.0, reading.wall_s - reading.cpu_s) if is_remote else 0.0,
        read_bytes=sum(file.stat().st_size for file in Path(layout.extracted(0, "hashes")).parent.iterdir()),
        judged_bytes=sum(block.size for block in blocks),
        buckets=len({(block.folder, block.name) for block in blocks}),
        memory_bytes=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10,
        shared_bytes=psutil.Process().memory_info().shared if sys.platform == "linux" else 0,
        languages=_by_language(blocks),
        growth=growth_of(compared),
        known_share=known_share(compared, index, plan.configuration.recipe.dedup_keep) if index else 0.0,
    )


def _unique(layout: Layout, number: int, note: ExtractNote) -> Table:
    """Return the table of hashes that reading has left of a segment."""
    reader = TableReader(partial(storage.read_range, layout.extracted(number, "hashes")), note.hashes)
    return reader.take(1 << HASH_BITS)


def _compared(layout: Layout, notes: Sequence[ExtractNote], tables: Sequence[Table]) -> Compared:
    """Return the paragraphs of all segments that take part in the comparison."""
    hashes, lengths, paragraphs_of = [], [], []
    for number, (note, (unique, _)) in enumerate(zip(notes, tables, strict=True)):
        coded = storage.read_range(layout.extracted(number, "paragraphs"), 0, note.paragraphs * 4)
        hashes.append(unique[indices(np.frombuffer(coded, "<u4"))])
        with storage.open_for_reading(layout.extracted(number, "pages.zst")) as file:
            for chunk in read_chunks(file):
                lengths.append(chunk.lengths[np.repeat(chunk.goes_on, chunk.num_paragraphs)])
                paragraphs_of.append(chunk.num_paragraphs[chunk.goes_on])
    of_pages = np.concatenate([np.empty(0, np.int32), *paragraphs_of])
    return Compared(
        hashes=np.concatenate([np.empty(0, np.uint64), *hashes]),
        lengths=np.concatenate([np.empty(0, np.uint32), *lengths]).astype(np.int64),
        page=np.repeat(np.arange(len(of_pages)), of_pages),
    )


def known_share(compared: Compared, index: FoundIndex, keep: Keep) -> float:
    """Return how much of what stays, in characters, an index has.

    Hashes are spread evenly, so a part of them tells it of all: whole cells are read until enough were looked up.
    """
    unique, first, counts = np.unique(compared.hashes, return_index=True, return_counts=True)
    stay = counts == 1 if keep == "none" else np.ones(len(counts), np.bool_)
    staying, lengths = unique[stay], compared.lengths[first[stay]]
    base = index.base()
    looked_up = read = known = 0
    for cell in range(CELLS):
        start, stop = (below(staying, edge * CELL_HASHES) for edge in (cell, cell + 1))
        reader = IndexReader(base, index.folder, cell, cell + 1)
        is_known = np.zeros(stop - start, np.bool_)
        for [(hashes, _)] in parts([reader], cell * CELL_HASHES, (cell + 1) * CELL_HASHES):
            is_known |= np.isin(staying[start:stop], hashes)
        looked_up += stop - start
        read += int(lengths[start:stop].sum())
        known += int(lengths[start:stop][is_known].sum())
        if looked_up >= _LOOKED_UP:
            break
    return known / read if read else 0.0


def _by_language(blocks: Iterable[Block]) -> dict[str, Kept]:
    languages: dict[str, Kept] = defaultdict(Kept)
    for block in blocks:
        if block.folder.startswith(SHARDS):
            kept = languages[block.folder.removeprefix(SHARDS)]
            kept.documents += block.documents
            kept.characters += block.characters
            kept.bytes += block.size
    return dict(languages)
