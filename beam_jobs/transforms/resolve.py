"""Stage 2 as a transform: hashes of one range meet, and each segment learns which it may keep.

What a segment may keep depends on all the others, so it begins only when every one has been read.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

import apache_beam as beam
import numpy as np
from apache_beam.pvalue import PCollection

from beam_jobs import storage
from beam_jobs.elements import Answer, Failure, HashSlice
from beam_jobs.layout import Layout
from beam_jobs.transforms.extract import ScopeBucket
from ccnet_pipeline.dedup.duplicates import Bits, Keep, resolve
from ccnet_pipeline.dedup.hashing import Hashes
from ccnet_pipeline.errors import FetchError

_NAMED = 10  # failures in a message


def packed_size(bits: int) -> int:
    """Return the bytes that so many bits take."""
    return -(-bits // 8)


class _ResolveFn(beam.DoFn):
    def __init__(self, layout: Layout, num_buckets: int, keep: Keep) -> None:
        self._layout = layout
        self._num_buckets = num_buckets
        self._keep: Keep = keep

    def process(
        self, element: tuple[ScopeBucket, Iterable[HashSlice]], failures: Sequence[Failure]
    ) -> Iterator[tuple[int, Answer]]:
        check_failures(failures)
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


def check_failures(failures: Sequence[Failure]) -> None:
    """Raise FetchError if there are any; it names them."""
    tried = sorted((each for each in failures if each.tried), key=attrgetter("segment"))
    untried = len(failures) - len(tried)
    if failures:
        named = "; ".join(each.reason for each in tried[:_NAMED])
        more = f"; and {len(tried) - _NAMED} more" if len(tried) > _NAMED else ""
        rest = f", {untried} were then not tried" if untried else ""
        raise FetchError(
            f"{len(tried)} segment{'s' * (len(tried) != 1)} could not be read{rest}, all others were; the same command "
            f"tries again what is missing: {named}{more}"
        )


@dataclass
class Resolve(beam.PTransform[Any, Any]):
    """(PCollection[((scope, bucket), HashSlice)], PCollection[Failure]) -> PCollection[(segment number, Answer)]."""

    layout: Layout
    num_buckets: int
    keep: Keep

    def expand(self, input_or_inputs: Any) -> PCollection[tuple[int, Answer]]:  # Beam cannot check a pair
        hashes, failures = input_or_inputs
        resolve_range = beam.ParDo(_ResolveFn(self.layout, self.num_buckets, self.keep), beam.pvalue.AsList(failures))
        return (
            hashes
            | "GroupByRange" >> beam.GroupByKey()
            | "ResolveRange" >> resolve_range.with_output_types(tuple[int, Answer])
        )
