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


def packed_size(bits: int) -> int:
    """Return the bytes that so many bits take."""
    return -(-bits // 8)


class _ResolveFn(beam.DoFn):
    def __init__(self, layout: Layout, num_buckets: int, keep: Keep) -> None:
        self._layout = layout
        self._num_buckets = num_buckets
        self._keep: Keep = keep

    def process(self, element: tuple[ScopeBucket, Iterable[HashSlice]]) -> Iterator[tuple[int, Answer]]:
        (scope, bucket), unordered = element
        slices = sorted(unordered)  # by segment number
        path = self._layout.resolved(scope, bucket, self._num_buckets)
        if storage.size(path) != sum(packed_size(count) for _, _, count, _ in slices):
            answers = resolve([self._load(each) for each in slices], self._keep)
            storage.write(path, b"".join(np.packbits(bits).tobytes() for bits in answers))
        offset = 0
        for segment_number, start, count, _ in slices:
            yield segment_number, (bucket, offset, start, count)
            offset += packed_size(count)

    def _load(self, each: HashSlice) -> tuple[Hashes, Bits]:
        segment_number, start, count, total = each
        path = self._layout.extracted(segment_number, "hashes")
        hashes = storage.read_range(path, start * 8, count * 8)
        several = storage.read_range(path, total * 8 + start, count)
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
