"""Stage 2, first step as a transform: the hashes of a block's segments become one sorted table.

Where the block is its whole scope there is nothing else to compare it with: its segments get their answers at once.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, BinaryIO

import apache_beam as beam
import numpy as np
from apache_beam.pvalue import PCollection

from beam_jobs.elements import ALL, Compacted, CompactNote, Extracted
from beam_jobs.remains import Remains
from ccnet_pipeline import storage
from ccnet_pipeline.dedup.blocks import CELLS, count_cells, owners_of
from ccnet_pipeline.dedup.copies import CopyCounter, Counts, CountsReader
from ccnet_pipeline.dedup.duplicates import Keep, compare_range
from ccnet_pipeline.dedup.sections import packed_sections
from ccnet_pipeline.dedup.sorting import HASH_BITS, Bits, sort
from ccnet_pipeline.dedup.tables import TableReader, packed, parts

_READ_HASHES = 1 << 17  # at a time, 1 MiB a segment


class _CompactFn(beam.DoFn):
    def __init__(self, remains: Remains, keep: Keep) -> None:
        self._remains = remains
        self._keep: Keep = keep

    def process(self, element: tuple[int, Iterable[Extracted]]) -> Iterator[tuple[int, Compacted]]:
        block, unordered = element
        extracted = sorted(unordered, key=lambda each: each[0])
        failures = [failure for _, _, failure in extracted if failure]
        if failures:
            yield ALL, Compacted(None, has_answers=False, failures=failures)
            return
        note = self._remains.compact_note(block) or self._compact(block, [(number, n) for number, n, _ in extracted])
        self._remains.free(
            self._remains.layout.extracted(number, kind)
            for number, _ in note.segments
            for kind in self._remains.hash_kinds("hashes")
        )
        yield ALL, Compacted(note, has_answers=self._remains.has_answers(note), failures=[])

    def _compact(self, block: int, segments: list[tuple[int, int]]) -> CompactNote:
        layout = self._remains.layout
        cells, counts = list[int](), None
        with ExitStack() as stack:
            readers = []
            for number, hashes in segments:
                read = stack.enter_context(storage.ranges_of(layout.extracted(number, "hashes")))
                readers.append(TableReader(read, hashes, at_once=_READ_HASHES))
            counter = self._counter(segments)
            if self._remains.blocks.is_alone(block):
                may_keep = compare_range(readers, 0, 1 << HASH_BITS, self._keep, counter)
                if counter:
                    storage.write(layout.scattered(block, "copies"), packed_sections(counter.copies()))
                storage.write(layout.scattered(block), may_keep.packed())
            else:
                table = stack.enter_context(storage.writing(layout.compacted(block, "table")))
                owners = stack.enter_context(storage.writing(layout.compacted(block, "owners")))
                cells, counts = _write_run(readers, table, owners, counter)
        if counts is not None:
            storage.write(layout.compacted(block, "counts"), counts)
        entries = sum(hashes for _, hashes in segments)
        note = CompactNote(block, segments, cells, entries, None if counts is None else len(counts))
        storage.write_note(layout.compacted(block, "done.json"), note)
        return note

    def _counter(self, segments: Sequence[tuple[int, int]]) -> CopyCounter | None:
        """Return what counts copies, where they are counted: with a number for each hash that several records have."""
        if not self._remains.counts_copies:
            return None
        files = [storage.read(self._remains.layout.extracted(number, "counts")) for number, _ in segments]
        return CopyCounter([CountsReader(np.frombuffer(data, "<u4").astype(np.uint32, copy=False)) for data in files])


def _write_run(
    readers: Sequence[TableReader], table: BinaryIO, owners: BinaryIO, counter: CopyCounter | None
) -> tuple[list[int], bytes | None]:
    """Write the table of a block and its owners; return how many hashes there are in each cell, and the counts."""
    cells, counted = np.zeros(CELLS, np.int64), np.zeros(CELLS, np.int64)
    in_several, counts = list[Bits](), list[Counts]()
    for tables in parts(readers, 0, 1 << HASH_BITS):
        part = sort(tables)
        hashes, several = part.distinct()
        table.write(hashes.astype("<u8", copy=False).tobytes())
        owners.write(owners_of(part).tobytes())
        in_several.append(several)
        cells += count_cells(hashes)
        if counter:
            counts.append(counter.records_of(part, tables)[several])
            counted += count_cells(hashes[several])
    table.write(packed(np.concatenate(in_several)))
    if not counter:
        return cells.tolist(), None
    return cells.tolist(), packed_sections(np.split(np.concatenate(counts), np.cumsum(counted)[:-1]))


@dataclass
class Compact(beam.PTransform[Any, Any]):
    """PCollection[(block, Extracted)] -> PCollection[(ALL, Compacted)], one a block."""

    remains: Remains
    keep: Keep

    def expand(self, input_or_inputs: PCollection[tuple[int, Extracted]]) -> PCollection[tuple[int, Compacted]]:
        compact = beam.ParDo(_CompactFn(self.remains, self.keep)).with_output_types(tuple[int, Compacted])
        return input_or_inputs | "GroupByBlock" >> beam.GroupByKey() | "CompactBlock" >> compact
