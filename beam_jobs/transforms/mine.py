"""Stage 3 as a transform: a segment is judged, with the answers of what it may keep."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import apache_beam as beam
from apache_beam.metrics.metric import Metrics
from apache_beam.pvalue import PCollection

from beam_jobs.elements import MineNote, SegmentBits
from beam_jobs.remains import Remains
from ccnet_pipeline import storage
from ccnet_pipeline.dedup.copies import Copies
from ccnet_pipeline.dedup.sections import read_sections
from ccnet_pipeline.dedup.sorting import Bits
from ccnet_pipeline.dedup.tables import packed_size, unpacked


class _MineFn(beam.DoFn):
    def __init__(self, remains: Remains, mine_segment: Callable[[int, Bits, Copies | None], MineNote]) -> None:
        self._remains = remains
        self._mine_segment = mine_segment

    def process(self, element: tuple[int, Iterable[SegmentBits]]) -> Iterator[tuple[int, int]]:
        number, [(block, offset, count)] = element
        layout = self._remains.layout
        if not self._remains.is_mined(number):
            data = storage.read_range(layout.scattered(block), offset, packed_size(count))
            note = self._mine_segment(number, unpacked(data, 0, count), self._copies(number, block))
            Metrics.counter("mine", "segments").inc()
            Metrics.counter("mine", "documents").inc(note.documents)
        self._remains.free(layout.extracted(number, kind) for kind in ("pages.zst", "paragraphs"))
        yield self._remains.blocks.group_of(number), number

    def _copies(self, number: int, block: int) -> Copies | None:
        """Return the copies of a segment, where they are counted."""
        if not self._remains.counts_copies:
            return None
        place = number - block
        with storage.ranges_of(self._remains.layout.scattered(block, "copies")) as read:
            return read_sections(read, place, place + 1, len(self._remains.blocks.of_block(block))).reshape(-1, 2)


@dataclass
class Mine(beam.PTransform[Any, Any]):
    """PCollection[(segment number, SegmentBits)] -> PCollection[(group, segment number)].

    Documents and accounts stay in files.
    """

    remains: Remains
    mine_segment: Callable[[int, Bits, Copies | None], MineNote]

    def expand(self, input_or_inputs: PCollection[tuple[int, SegmentBits]]) -> PCollection[tuple[int, int]]:
        mine = beam.ParDo(_MineFn(self.remains, self.mine_segment)).with_output_types(tuple[int, int])
        return input_or_inputs | "SpreadMining" >> beam.GroupByKey() | "MineSegment" >> mine
