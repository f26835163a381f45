"""Stage 2, third step as a transform: hashes of one range meet, and each block learns which it may keep."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import apache_beam as beam
import numpy as np
from apache_beam.pvalue import PCollection, TaggedOutput

from beam_jobs.earlier_dumps import EarlierDumps, PartNote
from beam_jobs.elements import ALL, Answer, HashRange, HashSlice, RangeName
from beam_jobs.remains import Remains
from ccnet_pipeline import storage
from ccnet_pipeline.dedup.blocks import CELL_HASHES, CELLS
from ccnet_pipeline.dedup.copies import Copies, CopyCounter, CountsReader
from ccnet_pipeline.dedup.duplicates import Keep, compare_range
from ccnet_pipeline.dedup.sections import packed_sections, read_sections
from ccnet_pipeline.dedup.sorting import Table, sort
from ccnet_pipeline.dedup.tables import BitStreams, Reader, TableReader, packed_size, parts
from ccnet_pipeline.hash_index.union import Additions, extend

EXTENDED = "extended"


class _ResolveFn(beam.DoFn):
    def __init__(self, remains: Remains, keep: Keep, earlier: EarlierDumps | None) -> None:
        self._remains = remains
        self._layout = remains.layout
        self._keep: Keep = keep
        self._earlier = earlier

    def process(self, element: tuple[RangeName, Iterable[HashRange]]) -> Iterator[Any]:
        """Yield the answers by block, and, tagged, the note of the new index."""
        (scope, first), [(stop, slices)] = element
        path = self._layout.resolved(scope, first, stop)
        has_bits = storage.size(path) == sum(packed_size(count) for _, _, count, _ in slices)
        has_answers = has_bits and self._remains.has_copies(self._layout.resolved(scope, first, stop, "copies"))
        if self._earlier:
            note = storage.read_note(self._layout.extended(first, stop), PartNote)
            if not has_answers or note is None or not self._earlier.has(note):
                note = self._extend(self._earlier, scope, first, stop, slices)
            yield TaggedOutput(EXTENDED, (ALL, note))
        elif not has_answers:
            counter = self._counter(first, stop, slices)
            with self._readers(slices) as readers:
                answers = compare_range(readers, first * CELL_HASHES, stop * CELL_HASHES, self._keep, counter)
            if counter:
                self._write_copies(scope, first, stop, slices, counter.copies())
            storage.write(path, answers.packed())
        offset = 0
        for block, start, count, _ in slices:
            yield block, (start, count, scope, first, stop, offset)
            offset += packed_size(count)

    def _extend(
        self, earlier: EarlierDumps, scope: int, first: int, stop: int, slices: Sequence[HashSlice]
    ) -> PartNote:
        """Compare with the index, too, write the answers and the part of the new index."""
        answers, additions = BitStreams(count for _, _, count, _ in slices), Additions()
        # What the index has is dropped, so what is kept stands in records of this run alone.
        counter = self._counter(first, stop, slices, CountsReader(None))

        def unions() -> Iterator[Table]:
            with self._readers(slices) as of_slices:
                readers: list[Reader] = [earlier.reader(first, stop), *of_slices]
                for tables in parts(readers, first * CELL_HASHES, stop * CELL_HASHES):
                    part = sort(tables)
                    of_each, union, added = extend(part, self._keep)
                    answers.extend(of_each)
                    additions.add(added)
                    if counter:
                        counter.add(part, counter.records_of(part, tables))
                    yield union

        note = PartNote(earlier.write_part(first, stop, unions()), additions)
        if counter:
            _, *of_blocks = counter.copies()
            self._write_copies(scope, first, stop, slices, of_blocks)
        storage.write(self._layout.resolved(scope, first, stop), answers.packed())
        storage.write_note(self._layout.extended(first, stop), note)
        return note

    def _counter(self, first: int, stop: int, slices: Sequence[HashSlice], *before: CountsReader) -> CopyCounter | None:
        """Return what counts copies, where they are counted; `before`: of the sources before the slices."""
        if not self._remains.counts_copies:
            return None
        readers = list(before)
        for block, *_ in slices:
            with storage.ranges_of(self._layout.compacted(block, "counts")) as read:
                readers.append(CountsReader(read_sections(read, first, stop, CELLS)))
        return CopyCounter(readers)

    def _write_copies(
        self, scope: int, first: int, stop: int, slices: Sequence[HashSlice], copies: Sequence[Copies]
    ) -> None:
        """Write the copies of each block of the scope, also where it has no slice: so it finds them by its number."""
        of_blocks = dict(zip((block for block, *_ in slices), copies, strict=True))
        blocks = self._remains.blocks.of_scope(scope)
        sections = [of_blocks.get(block, np.empty((0, 2), np.uint32)) for block in blocks]
        storage.write(self._layout.resolved(scope, first, stop, "copies"), packed_sections(sections))

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

    remains: Remains
    keep: Keep
    earlier: EarlierDumps | None

    def expand(self, input_or_inputs: PCollection[tuple[RangeName, HashRange]]) -> Any:  # Beam cannot check a pair
        resolve = beam.ParDo(_ResolveFn(self.remains, self.keep, self.earlier)).with_output_types(tuple[int, Answer])
        outputs = (
            input_or_inputs
            | "SpreadRanges" >> beam.GroupByKey()
            | "ResolveRange" >> resolve.with_outputs(EXTENDED, main="answers")
        )
        return outputs["answers"], outputs[EXTENDED]
