"""Stage 2, last step as a transform: the answers of all ranges meet, and each segment of a block gets its own."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import apache_beam as beam
import numpy as np
from apache_beam.pvalue import PCollection

from beam_jobs.elements import Answer, CompactNote, SegmentBits
from beam_jobs.remains import Remains
from beam_jobs.transforms.plan import segment_bits
from ccnet_pipeline import storage
from ccnet_pipeline.dedup.blocks import Owners, copies_within, hand_back, segments_of
from ccnet_pipeline.dedup.copies import Copies, CopyStreams
from ccnet_pipeline.dedup.sections import packed_sections, read_sections
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
            self._scatter(note, sorted(answers))
        # Its table stays as long as there may be a block that has no answers yet.
        self._remains.free([self._layout.compacted(block, "owners")])
        yield from segment_bits(note)

    def _scatter(self, note: CompactNote, answers: Sequence[Answer]) -> None:
        """Write the answers for each segment of a block; `answers`: in the order of the hashes."""
        may_keep = self._of_block(note, answers)
        copies = self._copies_of_block(note, answers) if self._remains.counts_copies else None
        bits, of_segments = BitStreams(hashes for _, hashes in note.segments), CopyStreams(len(note.segments))
        for owners, some in self._owners(note):
            bits.extend(hand_back(owners, may_keep[some], len(note.segments)))
            if copies is not None:
                kept, records = copies_within(copies, owners, some)
                of_segments.extend(segments_of(owners), kept, records)
        if copies is not None:
            storage.write(self._layout.scattered(note.block, "copies"), packed_sections(of_segments.copies()))
        storage.write(self._layout.scattered(note.block), bits.packed())

    def _owners(self, note: CompactNote) -> Iterator[tuple[Owners, slice]]:
        """Yield the owners of a block, some at a time, and the hashes that begin in them."""
        begun = 0
        with storage.ranges_of(self._layout.compacted(note.block, "owners")) as read:
            for start in range(0, note.entries, PART_HASHES):
                owners = np.frombuffer(read(start, min(PART_HASHES, note.entries - start)), np.uint8)
                stop = begun + int(np.count_nonzero(owners & 1))
                yield owners, slice(begun, stop)
                begun = stop

    def _of_block(self, note: CompactNote, answers: Sequence[Answer]) -> Bits:
        """Return one answer for each hash of the block."""
        may_keep: Bits = np.zeros(note.hashes, np.bool_)
        for start, count, scope, first, stop, offset in answers:
            data = storage.read_range(self._layout.resolved(scope, first, stop), offset, packed_size(count))
            may_keep[start : start + count] = unpacked(data, 0, count)
        return may_keep

    def _copies_of_block(self, note: CompactNote, answers: Sequence[Answer]) -> Copies:
        """Return the copies of a block, by their places in its table."""
        blocks = self._remains.blocks.of_scope(self._remains.blocks.scope_of(note.block))
        number, found = blocks.index(note.block), [np.empty((0, 2), np.uint32)]
        for start, _, scope, first, stop, _ in answers:
            with storage.ranges_of(self._layout.resolved(scope, first, stop, "copies")) as read:
                of_range = read_sections(read, number, number + 1, len(blocks)).reshape(-1, 2)
            found.append(of_range + np.array([start, 0], np.uint32))
        return np.concatenate(found)


@dataclass
class Scatter(beam.PTransform[Any, Any]):
    """PCollection[(block, Answer)] -> PCollection[(segment number, SegmentBits)]."""

    remains: Remains

    def expand(self, input_or_inputs: PCollection[tuple[int, Answer]]) -> PCollection[tuple[int, SegmentBits]]:
        scatter = beam.ParDo(_ScatterFn(self.remains)).with_output_types(tuple[int, SegmentBits])
        return input_or_inputs | "GroupAnswers" >> beam.GroupByKey() | "ScatterBlock" >> scatter
