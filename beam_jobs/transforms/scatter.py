"""Stage 2, last step as a transform: the answers of all ranges meet, and each segment of a block gets its own."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import apache_beam as beam
import numpy as np
from apache_beam.pvalue import PCollection

from beam_jobs.elements import Answer, CompactNote, SegmentBits
from beam_jobs.remains import Remains
from beam_jobs.transforms.plan import segment_bits
from ccnet_pipeline import storage
from ccnet_pipeline.dedup.blocks import hand_back
from ccnet_pipeline.dedup.sorting import PART_HASHES, Bits
from ccnet_pipeline.dedup.tables import BitStreams, packed_size, unpacked


class _ScatterFn(beam.DoFn):
    def __init__(self, remains: Remains) -> None:
        self._remains = remains
        self._layout = remains.layout

    def process(self, element: tuple[int, Iterable[Answer]]) -> Iterator[tuple[int, SegmentBits]]:
        block, answers = element
        note = self._remains.compact_note(block)
        if note is None:
            raise FileNotFoundError(self._layout.compacted(block, "done.json"))
        if not self._remains.has_answers(note):
            storage.write(self._layout.scattered(block), self._of_segments(note, self._of_block(note, answers)))
        # Its table stays as long as there may be a block that has no answers yet.
        self._remains.free([self._layout.compacted(block, "owners")])
        yield from segment_bits(note)

    def _of_block(self, note: CompactNote, answers: Iterable[Answer]) -> Bits:
        """Return one answer for each hash of the block."""
        may_keep: Bits = np.zeros(note.hashes, np.bool_)
        for start, count, scope, first, stop, offset in answers:
            data = storage.read_range(self._layout.resolved(scope, first, stop), offset, packed_size(count))
            may_keep[start : start + count] = unpacked(data, 0, count)
        return may_keep

    def _of_segments(self, note: CompactNote, may_keep: Bits) -> bytes:
        """Return one answer for each hash of each segment."""
        path, begun = self._layout.compacted(note.block, "owners"), 0
        streams = BitStreams(hashes for _, hashes in note.segments)
        with storage.ranges_of(path) as read:
            for start in range(0, note.entries, PART_HASHES):
                owners = np.frombuffer(read(start, min(PART_HASHES, note.entries - start)), np.uint8)
                begin = int(np.count_nonzero(owners & 1))
                streams.extend(hand_back(owners, may_keep[begun : begun + begin], len(note.segments)))
                begun += begin
        return streams.packed()


@dataclass
class Scatter(beam.PTransform[Any, Any]):
    """PCollection[(block, Answer)] -> PCollection[(segment number, SegmentBits)]."""

    remains: Remains

    def expand(self, input_or_inputs: PCollection[tuple[int, Answer]]) -> PCollection[tuple[int, SegmentBits]]:
        scatter = beam.ParDo(_ScatterFn(self.remains)).with_output_types(tuple[int, SegmentBits])
        return input_or_inputs | "GroupAnswers" >> beam.GroupByKey() | "ScatterBlock" >> scatter
