"""Stage 2, second step as a transform: all blocks are counted, and the ranges follow in which their hashes meet.

What a segment may keep depends on all the others of its scope, so nothing goes on before every one has been read: here
the run ends if a segment failed: it is noted which, and no further step has anything to do.
"""

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

import apache_beam as beam
from apache_beam.pvalue import PCollection, TaggedOutput

from beam_jobs.blocks import Blocks
from beam_jobs.elements import Compacted, CompactNote, Failure, HashRange, HashSlice, RangeName, SegmentBits
from ccnet_pipeline import storage
from ccnet_pipeline.dedup.ranges import cut_cells
from ccnet_pipeline.dedup.tables import packed_size
from ccnet_pipeline.errors import FetchError

SETTLED = "settled"
_NAMED = 10  # failures in a message


def check_failures(failures: Iterable[Failure]) -> None:
    """Raise FetchError if there are any; it names them."""
    failures = list(failures)
    tried = sorted((each for each in failures if each.tried), key=attrgetter("segment"))
    untried = len(failures) - len(tried)
    if failures:
        named = "; ".join(each.reason for each in tried[:_NAMED])
        more = f"; and {len(tried) - _NAMED} more" if len(tried) > _NAMED else ""
        rest = f", {untried} were then not tried" if untried else ""
        raise FetchError(
            f"{len(tried)} segment{'s' * (len(tried) != 1)} could not be read{rest}, all others were; the same command "
            f"tries again what is missing: {named}{more}"
        )


def segment_bits(note: CompactNote) -> Iterator[tuple[int, SegmentBits]]:
    """Yield, by the segment's number, where the answers for each segment of a block lie: those of the largest first.

    For a runner gives out its work in this order, and what takes longest must not come last.
    """
    ends = itertools.accumulate(packed_size(hashes) for _, hashes in note.segments)
    bits = [
        (number, (note.block, end - packed_size(hashes), hashes))
        for (number, hashes), end in zip(note.segments, ends, strict=True)
    ]
    yield from sorted(bits, key=lambda of_segment: of_segment[1][2], reverse=True)


def plan_ranges(scope: int, notes: Sequence[CompactNote], num_ranges: int) -> Iterator[tuple[RangeName, HashRange]]:
    """Yield the ranges of the hashes of a scope, each with the slices of its blocks in their order."""
    starts = {note.block: list(itertools.accumulate(note.cells, initial=0)) for note in notes}
    for first, stop in cut_cells(sum(note.hashes for note in notes), num_ranges):
        slices: list[HashSlice] = []
        for note in notes:
            start, end = starts[note.block][first], starts[note.block][stop]
            # The first range has a slice of every block, even an empty one, so that each reaches the next step.
            if start < end or first == 0:
                slices.append((note.block, start, end - start, note.hashes))
        if slices:
            yield (scope, first), (stop, slices)


class _PlanFn(beam.DoFn):
    def __init__(self, blocks: Blocks, num_ranges: int, failures_file: str) -> None:
        self._blocks = blocks
        self._num_ranges = num_ranges
        self._failures_file = failures_file

    def process(self, element: tuple[int, Iterable[Compacted]]) -> Iterator[Any]:  # ranges, and tagged SegmentBits
        compacted = list(element[1])
        if failures := [failure for each in compacted for failure in each.failures]:
            # Nothing goes on. An exception would let a runner on a cluster try again what has no hope.
            storage.write_json(self._failures_file, failures)
            return
        with_answers = {each.note.block for each in compacted if each.note and each.has_answers}
        notes = sorted((each.note for each in compacted if each.note), key=attrgetter("block"))
        for scope, of_scope in itertools.groupby(notes, key=lambda note: self._blocks.scope_of(note.block)):
            together = list(of_scope)
            # With an index every range is asked for its part of the new one, also where its answers are there.
            if all(note.block in with_answers for note in together) and not self._blocks.has_index:
                for note in together:
                    yield from (TaggedOutput(SETTLED, bits) for bits in segment_bits(note))
            else:
                yield from plan_ranges(scope, together, self._num_ranges)


@dataclass
class PlanRanges(beam.PTransform[Any, Any]):
    """PCollection[(ALL, Compacted)] -> two of them.

    PCollection[(RangeName, HashRange)], and PCollection[(segment number, SegmentBits)] of scopes that have answers.
    """

    blocks: Blocks
    num_ranges: int
    failures_file: str  # is written if segments failed

    def expand(self, input_or_inputs: PCollection[tuple[int, Compacted]]) -> Any:  # Beam cannot check a pair
        plan = beam.ParDo(_PlanFn(self.blocks, self.num_ranges, self.failures_file)).with_output_types(
            tuple[RangeName, HashRange]
        )
        outputs = (
            input_or_inputs | "GatherBlocks" >> beam.GroupByKey() | "Plan" >> plan.with_outputs(SETTLED, main="ranges")
        )
        return outputs["ranges"], outputs[SETTLED]
