"""Stage 2, third step as a transform: hashes of one range meet, and each block learns which it may keep."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import apache_beam as beam
from apache_beam.pvalue import PCollection

from beam_jobs import storage
from beam_jobs.elements import Answer, HashRange, HashSlice, RangeName
from beam_jobs.layout import Layout
from ccnet_pipeline.dedup.blocks import CELL_HASHES
from ccnet_pipeline.dedup.duplicates import Keep, compare
from ccnet_pipeline.dedup.tables import BitStreams, TableReader, packed, packed_size, parts


class _ResolveFn(beam.DoFn):
    def __init__(self, layout: Layout, keep: Keep) -> None:
        self._layout = layout
        self._keep: Keep = keep

    def process(self, element: tuple[RangeName, Iterable[HashRange]]) -> Iterator[tuple[int, Answer]]:
        (scope, first), [(stop, slices)] = element
        path = self._layout.resolved(scope, first, stop)
        if storage.size(path) != sum(packed_size(count) for _, _, count, _ in slices):
            storage.write(path, self._answers(first, stop, slices))
        offset = 0
        for block, start, count, _ in slices:
            yield block, (start, count, scope, first, stop, offset)
            offset += packed_size(count)

    def _answers(self, first: int, stop: int, slices: Sequence[HashSlice]) -> bytes:
        readers = [
            TableReader(partial(storage.read_range, self._layout.compacted(block, "table")), hashes, start, count)
            for block, start, count, hashes in slices
        ]
        answers = BitStreams(count for _, _, count, _ in slices)
        for part in parts(readers, first * CELL_HASHES, stop * CELL_HASHES):
            answers.extend(compare(part, self._keep))
        return b"".join(map(packed, answers.streams))


@dataclass
class Resolve(beam.PTransform[Any, Any]):
    """PCollection[(RangeName, HashRange)] -> PCollection[(block, Answer)]."""

    layout: Layout
    keep: Keep

    def expand(self, input_or_inputs: PCollection[tuple[RangeName, HashRange]]) -> PCollection[tuple[int, Answer]]:
        resolve = beam.ParDo(_ResolveFn(self.layout, self.keep)).with_output_types(tuple[int, Answer])
        return input_or_inputs | "SpreadRanges" >> beam.GroupByKey() | "ResolveRange" >> resolve
