"""Stage 1 as a transform: segments in, references to their hashes out.

A segment that the network does not give is no reason to stop: all others are read first, then the run ends and says
which failed (`beam_jobs.transforms.resolve`), and the next run tries just those.
"""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import apache_beam as beam
import numpy as np
from apache_beam.metrics.metric import Metrics
from apache_beam.pvalue import PCollection, TaggedOutput

from beam_jobs import storage
from beam_jobs.elements import ExtractNote, Failure, HashSlice
from beam_jobs.layout import Layout
from ccnet_pipeline.dedup.duplicates import bucket_bounds
from ccnet_pipeline.errors import FetchError, UnreachableError
from ccnet_pipeline.recipe import Recipe
from ccnet_pipeline.segments import Segment

ScopeBucket = tuple[int, int]
FAILURES = "failures"
# A place that fails so many segments in a row, after all attempts, will fail the next, too; each takes minutes.
_HOPELESS = 5


class _ExtractFn(beam.DoFn):
    def __init__(self, config: "Extract") -> None:
        self._layout = config.layout
        self._recipe = config.recipe
        self._num_buckets = config.num_buckets
        self._extract_segment = config.extract_segment
        self._failures_in_row = 0

    def process(self, segment: Segment) -> Iterator[Any]:  # slices, and tagged failures
        scope = self._recipe.scope_of(segment.number)
        note = storage.read_json(self._layout.extracted(segment.number, "done.json"), ExtractNote)
        if note is None or not self._is_whole(segment.number, note):
            outcome = self._try_to_extract(segment)
            if isinstance(outcome, Failure):
                yield TaggedOutput(FAILURES, outcome)
                yield (scope, 0), (segment.number, 0, 0, 0)  # so that the next stage begins, and ends the run
                return
            note = outcome
            Metrics.counter("extract", "segments").inc()
            Metrics.counter("extract", "pages").inc(note.pages)
        hashes_file = self._layout.extracted(segment.number, "hashes")
        unique = np.frombuffer(storage.read_range(hashes_file, 0, note.hashes * 8), "<u8")
        bounds = bucket_bounds(unique, self._num_buckets)
        for bucket, (start, end) in enumerate(itertools.pairwise(bounds)):
            # The first range is sent even if empty, so that a segment without a paragraph reaches the next stage.
            if start < end or bucket == 0:
                yield (scope, bucket), (segment.number, start, end - start, note.hashes)

    def _is_whole(self, segment_number: int, note: ExtractNote) -> bool:
        """Tell whether the files that a note speaks of are there, for they may have been lost since."""
        sizes = {"hashes": note.hashes * 9, "paragraphs": note.paragraphs * 4}
        return storage.exists(self._layout.extracted(segment_number, "pages.zst")) and all(
            storage.size(self._layout.extracted(segment_number, kind)) == size for kind, size in sizes.items()
        )

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
    """PCollection[Segment] -> (PCollection[((scope, bucket), HashSlice)], PCollection[Failure]).

    Pages and hashes stay in files.
    """

    layout: Layout
    recipe: Recipe
    num_buckets: int
    extract_segment: Callable[[Segment], ExtractNote]

    def expand(self, input_or_inputs: PCollection[Segment]) -> Any:  # Beam cannot check a pair of collections
        extract = beam.ParDo(_ExtractFn(self)).with_output_types(tuple[ScopeBucket, HashSlice])
        outputs = input_or_inputs | "ExtractSegment" >> extract.with_outputs(FAILURES, main="hashes")
        return outputs["hashes"], outputs[FAILURES]
