"""Stage 2 as a transform: hashes of one range meet, and each segment learns which it may keep."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import apache_beam as beam
import numpy as np
from apache_beam.pvalue import PCollection

from beam_jobs import storage
from beam_jobs.elements import Answer, HashSlice
from beam_jobs.layout import Layout
from beam_jobs.transforms.extract import ScopeBucket
from ccnet_pipeline.dedup import Bits, Keep, resolve
from ccnet_pipeline.text.hashing import Hashes


class _ResolveFn(beam.DoFn):
    def __init__(self, layout: Layout, num_buckets: int, keep: Keep) -> None:
        self._layout = layout
        self._num_buckets = num_buckets
        self._keep: Keep = keep

    def process(self, element: tuple[ScopeBucket, Iterable[HashSlice]]) -> Iterator[tuple[int, Answer]]:
        (scope, bucket), unordered = element
        slices = sorted(unordered, key=lambda each: each.segment_number)
        path = self._layout.resolved(scope, bucket, self._num_buckets)
        if not storage.exists(path):
            answers = resolve([self._load(each) for each in slices], self._keep)
            storage.write(path, b"".join(np.packbits(bits).tobytes() for bits in answers))
        offset = 0
        for each in slices:
            yield each.segment_number, Answer(path, offset, each.start, each.count)
            offset += -(-each.count // 8)

    def _load(self, each: HashSlice) -> tuple[Hashes, Bits]:
        path = self._layout.extracted(each.segment_number, "hashes")
        hashes = storage.read_range(path, each.start * 8, each.count * 8)
        several = storage.read_range(path, each.total * 8 + each.start, each.count)
        return np.frombuffer(hashes, "<u8").astype(np.uint64), np.frombuffer(several, np.bool_)


@dataclass
class Resolve(beam.PTransform[Any, Any]):
    """PCollection[((scope, bucket), HashSlice)] -> PCollection[(segment number, Answer)]."""

    layout: Layout
    num_buckets: int
    keep: Keep

    def expand(self, input_or_inputs: PCollection[tuple[ScopeBucket, HashSlice]]) -> PCollection[tuple[int, Answer]]:
        resolve_range = _ResolveFn(self.layout, self.num_buckets, self.keep)
        return (
            input_or_inputs
            | "GroupByRange" >> beam.GroupByKey()
            | "ResolveRange" >> beam.ParDo(resolve_range).with_output_types(tuple[int, Answer])
        )
