"""Stage 1 as a transform: segments in, references to their hashes out.

A segment that the network does not give is no reason to stop: all others are read first, then the run ends and says
which failed (`beam_jobs.transforms.resolve`), and the next run tries just those.
"""

import functools
import itertools
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import apache_beam as beam
import numpy as np
from apache_beam.metrics.metric import Metrics
from apache_beam.pvalue import PCollection, TaggedOutput

from beam_jobs import storage
from beam_jobs.elements import ExtractNote, Failure, HashSlice
from beam_jobs.layout import Layout
from beam_jobs.progress import watched
from ccnet_pipeline.blocklist import Blocklist
from ccnet_pipeline.dedup import bucket_bounds
from ccnet_pipeline.errors import FetchError, UnreachableError
from ccnet_pipeline.extract import Extraction, encode_page
from ccnet_pipeline.fetch import FetchPolicy, open_archive, shown
from ccnet_pipeline.frames import write_lines
from ccnet_pipeline.recipe import Recipe
from ccnet_pipeline.robots import RobotsTable
from ccnet_pipeline.segments import Segment

ScopeBucket = tuple[int, int]
FAILURES = "failures"
# A place that fails so many segments in a row, after all attempts, will fail the next, too; each takes minutes.
_HOPELESS = 5
_PAGES_LEVEL = 1  # of zstd: the file is read once, soon


@functools.cache
def _blocklist(path: Path | None) -> Blocklist | None:
    """Load the list once a process."""
    return Blocklist.load(path) if path else None


@functools.cache
def _robots(path: str | None) -> RobotsTable | None:
    """Open the table once a process; its name has the fingerprint in it."""
    return RobotsTable(storage.mapped(path)) if path else None


class _ExtractFn(beam.DoFn):
    def __init__(self, config: "Extract") -> None:
        self._layout = config.layout
        self._recipe = config.recipe
        self._num_buckets = config.num_buckets
        self._fetch = config.fetch
        self._blocklist = config.blocklist
        self._robots = config.layout.robots_file if config.has_robots else None
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
            note = self._extract(segment)
        except FetchError as error:
            # Any other answer than silence says that the place is there.
            self._failures_in_row = self._failures_in_row + 1 if isinstance(error, UnreachableError) else 0
            return Failure(segment.name, str(error))
        self._failures_in_row = 0
        return note

    def _extract(self, segment: Segment) -> ExtractNote:
        began = time.process_time()
        extraction = Extraction(segment.name, self._recipe, _blocklist(self._blocklist), _robots(self._robots))
        with (
            open_archive(segment.path, self._fetch) as archive,
            storage.writing(self._layout.extracted(segment.number, "pages.zst")) as file,
            watched(archive, self._layout.reading(segment.number)) as stream,
        ):
            write_lines(map(encode_page, extraction.pages(stream)), file, _PAGES_LEVEL)
        if extraction.cut_short and not getattr(archive, "length_is_known", True):
            # The end was taken for one because nothing more came.
            raise UnreachableError(f"{shown(segment.path)}: ends in mid-record, and its server tells no length")
        table = extraction.hashes()
        storage.write(
            self._layout.extracted(segment.number, "hashes"),
            table.unique.astype("<u8").tobytes() + table.in_several.tobytes(),
        )
        storage.write(self._layout.extracted(segment.number, "paragraphs"), table.paragraphs.astype("<u4").tobytes())
        note = ExtractNote(
            segment=segment.name,
            account=extraction.account,
            dump=segment.dump or extraction.dump,
            bytes=stream.bytes,
            pages=extraction.num_pages,
            hashes=len(table.unique),
            paragraphs=len(table.paragraphs),
            cpu_s=time.process_time() - began,
        )
        storage.write_json(self._layout.extracted(segment.number, "done.json"), note)
        return note


@dataclass
class Extract(beam.PTransform[Any, Any]):
    """PCollection[Segment] -> (PCollection[((scope, bucket), HashSlice)], PCollection[Failure]).

    Pages and hashes stay in files.
    """

    layout: Layout
    recipe: Recipe
    num_buckets: int
    fetch: FetchPolicy
    blocklist: Path | None
    has_robots: bool

    def expand(self, input_or_inputs: PCollection[Segment]) -> Any:  # Beam cannot check a pair of collections
        extract = beam.ParDo(_ExtractFn(self)).with_output_types(tuple[ScopeBucket, HashSlice])
        outputs = input_or_inputs | "ExtractSegment" >> extract.with_outputs(FAILURES, main="hashes")
        return outputs["hashes"], outputs[FAILURES]
