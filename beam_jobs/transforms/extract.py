"""Stage 1 as a transform: segments in, a note of their hashes out, by block.

A segment that the network does not give is no reason to stop: all others are read first, then the run ends and says
which failed (`beam_jobs.transforms.plan`), and the next run tries just those.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import apache_beam as beam
from apache_beam.metrics.metric import Metrics
from apache_beam.pvalue import PCollection

from beam_jobs.elements import Extracted, ExtractNote, Failure
from beam_jobs.remains import Remains
from ccnet_pipeline.errors import FetchError, UnreachableError
from ccnet_pipeline.segments import Segment

# A place that fails so many segments in a row, after all attempts, will fail the next, too; each takes minutes.
_HOPELESS = 5


class _ExtractFn(beam.DoFn):
    def __init__(self, remains: Remains, extract_segment: Callable[[Segment], ExtractNote]) -> None:
        self._remains = remains
        self._extract_segment = extract_segment
        self._failures_in_row = 0

    def process(self, element: tuple[int, Iterable[Segment]]) -> Iterator[tuple[int, Extracted]]:
        _, [segment] = element
        block = self._remains.blocks.block_of(segment.number)
        hashes = self._remains.extracted_hashes(segment.number)
        if hashes is None:
            outcome = self._try_to_extract(segment)
            if isinstance(outcome, Failure):
                yield block, (segment.number, 0, outcome)
                return
            hashes = outcome.hashes
            Metrics.counter("extract", "segments").inc()
            Metrics.counter("extract", "pages").inc(outcome.pages)
        yield block, (segment.number, hashes, None)

    def _try_to_extract(self, segment: Segment) -> ExtractNote | Failure:
        if self._failures_in_row >= _HOPELESS:
            return Failure(segment.name, "", tried=False)
        try:
            note = self._extract_segment(segment)
        except FetchError as error:
            # Any other answer than silence says that the place is there.
            self._failures_in_row = self._failures_in_row + 1 if isinstance(error, UnreachableError) else 0
            return Failure(segment.name, str(error))
        self._failures_in_row = 0
        return note


@dataclass
class Extract(beam.PTransform[Any, Any]):
    """PCollection[(segment number, Segment)] -> PCollection[(block, Extracted)]; pages and hashes stay in files."""

    remains: Remains
    extract_segment: Callable[[Segment], ExtractNote]

    def expand(self, input_or_inputs: PCollection[tuple[int, Segment]]) -> PCollection[tuple[int, Extracted]]:
        extract = beam.ParDo(_ExtractFn(self.remains, self.extract_segment))
        return (
            input_or_inputs
            | "SpreadSegments" >> beam.GroupByKey()
            | "ExtractSegment" >> extract.with_output_types(tuple[int, tuple[int, int, Any]])
        )
