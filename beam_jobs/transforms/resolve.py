"""Stage 2, third step as a transform: hashes of one range meet, and each block learns which it may keep."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import apache_beam as beam
from apache_beam.pvalue import PCollection, TaggedOutput

from beam_jobs.earlier_dumps import EarlierDumps, PartNote
from beam_jobs.elements import ALL, Answer, HashRange, HashSlice, RangeName
from beam_jobs.layout import Layout
from ccnet_pipeline import storage
from ccnet_pipeline.dedup.blocks import CELL_HASHES
from ccnet_pipeline.dedup.duplicates import Keep, compare_range
from ccnet_pipeline.dedup.sorting import Table
from ccnet_pipeline.dedup.tables import BitStreams, Reader, TableReader, packed_size, parts
from ccnet_pipeline.hash_index.union import Additions, extend

EXTENDED = "extended"


class _ResolveFn(beam.DoFn):
    def __init__(self, layout: Layout, keep: Keep, earlier: EarlierDumps | None) -> None:
        self._layout = layout
        self._keep: Keep = keep
        self._earlier = earlier

    def process(self, element: tuple[RangeName, Iterable[HashRange]]) -> Iterator[Any]:
        """Yield the answers by block, and, tagged, the note of the new index."""
        (scope, first), [(stop, slices)] = element
        path = self._layout.resolved(scope, first, stop)
        has_answers = storage.size(path) == sum(packed_size(count) for _, _, count, _ in slices)
        if self._earlier:
            note = storage.read_note(self._layout.extended(first, stop), PartNote)
            if not has_answers or note is None or not self._earlier.has(note):
                note = self._extend(self._earlier, path, first, stop, slices)
            yield TaggedOutput(EXTENDED, (ALL, note))
        elif not has_answers:
            with self._readers(slices) as readers:
                answers = compare_range(readers, first * CELL_HASHES, stop * CELL_HASHES, self._keep)
            storage.write(path, answers.packed())
        offset = 0
        for block, start, count, _ in slices:
            yield block, (start, count, scope, first, stop, offset)
            offset += packed_size(count)

    def _extend(self, earlier: EarlierDumps, path: str, first: int, stop: int, slices: Sequence[HashSlice]) -> PartNote:
        """Compare with the index, too, write the answers and the part of the new index."""
        answers, additions = BitStreams(count for _, _, count, _ in slices), Additions()

        def unions() -> Iterator[Table]:
            with self._readers(slices) as of_slices:
                readers: list[Reader] = [earlier.reader(first, stop), *of_slices]
                for of_index, *of_blocks in parts(readers, first * CELL_HASHES, stop * CELL_HASHES):
                    of_each, union, added = extend(of_index, of_blocks, self._keep)
                    answers.extend(of_each)
                    additions.add(added)
                    yield union

        note = PartNote(earlier.write_part(first, stop, unions()), additions)
        storage.write(path, answers.packed())
        storage.write_note(self._layout.extended(first, stop), note)
        return note

    @contextmanager
    def _readers(self, slices: Sequence[HashSlice]) -> Iterator[list[TableReader]]:
        """Open the tables of the blocks, each once."""
        with ExitStack() as stack:
            yield [
                TableReader(
                    stack.enter_context(storage.ranges_of(self._layout.compacted(block, "table"))), hashes, start, count
                )
                for block, start, count, hashes in slices
            ]


@dataclass
class Resolve(beam.PTransform[Any, Any]):
    """PCollection[(RangeName, HashRange)] -> two of them.

    PCollection[(block, Answer)], and PCollection[(ALL, PartNote)], which is empty where there is no index.
    """

    layout: Layout
    keep: Keep
    earlier: EarlierDumps | None

    def expand(self, input_or_inputs: PCollection[tuple[RangeName, HashRange]]) -> Any:  # Beam cannot check a pair
        resolve = beam.ParDo(_ResolveFn(self.layout, self.keep, self.earlier)).with_output_types(tuple[int, Answer])
        outputs = (
            input_or_inputs
            | "SpreadRanges" >> beam.GroupByKey()
            | "ResolveRange" >> resolve.with_outputs(EXTENDED, main="answers")
        )
        return outputs["answers"], outputs[EXTENDED]
