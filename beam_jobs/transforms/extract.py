"""Stage 1 as a transform: segments in, references to their hashes out."""

import itertools
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import apache_beam as beam
import numpy as np
from apache_beam.metrics.metric import Metrics
from apache_beam.pvalue import PCollection

from beam_jobs import storage
from beam_jobs.elements import ExtractNote, HashSlice
from beam_jobs.layout import Layout
from ccnet_pipeline.dedup import bucket_bounds
from ccnet_pipeline.extract import Extraction, encode_page
from ccnet_pipeline.frames import write_lines
from ccnet_pipeline.recipe import Recipe
from ccnet_pipeline.segments import Segment

ScopeBucket = tuple[int, int]
_PAGES_LEVEL = 1  # of zstd: the file is read once, soon


class _ExtractFn(beam.DoFn):
    def __init__(self, layout: Layout, recipe: Recipe, num_buckets: int) -> None:
        self._layout = layout
        self._recipe = recipe
        self._num_buckets = num_buckets

    def process(self, segment: Segment) -> Iterator[tuple[ScopeBucket, HashSlice]]:
        note = storage.read_json(self._layout.extracted(segment.number, "done.json"), ExtractNote)
        if note is None or not self._is_whole(segment.number, note):
            note = self._extract(segment)
            Metrics.counter("extract", "segments").inc()
            Metrics.counter("extract", "pages").inc(note.pages)
        hashes_file = self._layout.extracted(segment.number, "hashes")
        unique = np.frombuffer(storage.read_range(hashes_file, 0, note.hashes * 8), "<u8")
        bounds = bucket_bounds(unique, self._num_buckets)
        scope = self._recipe.scope_of(segment.number)
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

    def _extract(self, segment: Segment) -> ExtractNote:
        began = time.process_time()
        extraction = Extraction(segment.name, self._recipe)
        with (
            storage.open_for_reading(segment.path) as archive,
            storage.writing(self._layout.extracted(segment.number, "pages.zst")) as file,
        ):
            write_lines(map(encode_page, extraction.pages(archive)), file, _PAGES_LEVEL)
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
            pages=extraction.num_pages,
            hashes=len(table.unique),
            paragraphs=len(table.paragraphs),
            cpu_s=time.process_time() - began,
        )
        storage.write_json(self._layout.extracted(segment.number, "done.json"), note)
        return note


@dataclass
class Extract(beam.PTransform[Any, Any]):
    """PCollection[Segment] -> PCollection[((scope, bucket), HashSlice)]; pages and hashes stay in files."""

    layout: Layout
    recipe: Recipe
    num_buckets: int

    def expand(self, input_or_inputs: PCollection[Segment]) -> PCollection[tuple[ScopeBucket, HashSlice]]:
        extract = _ExtractFn(self.layout, self.recipe, self.num_buckets)
        return input_or_inputs | "ExtractSegment" >> beam.ParDo(extract).with_output_types(
            tuple[ScopeBucket, HashSlice]
        )
