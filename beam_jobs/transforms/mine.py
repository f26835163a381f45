"""Stage 3 as a transform: the answers of all ranges meet, and a segment is judged."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import apache_beam as beam
import numpy as np
from apache_beam.metrics.metric import Metrics
from apache_beam.pvalue import PCollection

from beam_jobs import storage
from beam_jobs.elements import Answer, ExtractNote, MineNote
from beam_jobs.layout import Layout
from beam_jobs.transforms.resolve import packed_size
from ccnet_pipeline.dedup.duplicates import Bits
from ccnet_pipeline.recipe import Recipe


class _MineFn(beam.DoFn):
    def __init__(self, config: "Mine") -> None:
        self._layout = config.layout
        self._recipe = config.recipe
        self._num_buckets = config.num_buckets
        self._mine_segment = config.mine_segment

    def process(self, element: tuple[int, Iterable[Answer]]) -> Iterator[MineNote]:
        number, answers = element
        note = storage.read_json(self._layout.mined(number, "done.json"), MineNote)
        blocks = self._layout.mined(number, "blocks.zst")
        if note is None or storage.size(blocks) != sum(block.size for block in note.blocks):
            note = self._mine_segment(number, self._bits(number, answers))
            Metrics.counter("mine", "segments").inc()
            Metrics.counter("mine", "documents").inc(note.documents)
        yield note

    def _bits(self, number: int, answers: Iterable[Answer]) -> Bits:
        extracted = storage.read_json(self._layout.extracted(number, "done.json"), ExtractNote)
        if extracted is None:
            raise FileNotFoundError(self._layout.extracted(number, "done.json"))
        may_keep: Bits = np.zeros(extracted.hashes, np.bool_)
        scope = self._recipe.scope_of(number)
        for bucket, offset, start, count in answers:
            path = self._layout.resolved(scope, bucket, self._num_buckets)
            packed = storage.read_range(path, offset, packed_size(count))
            may_keep[start : start + count] = np.unpackbits(np.frombuffer(packed, np.uint8), count=count)
        return may_keep


@dataclass
class Mine(beam.PTransform[Any, Any]):
    """PCollection[(segment number, Answer)] -> PCollection[MineNote], one a segment; the documents stay in files."""

    layout: Layout
    recipe: Recipe
    num_buckets: int
    mine_segment: Callable[[int, Bits], MineNote]

    def expand(self, input_or_inputs: PCollection[tuple[int, Answer]]) -> PCollection[MineNote]:
        return (
            input_or_inputs
            | "GroupBySegment" >> beam.GroupByKey()
            | "MineSegment" >> beam.ParDo(_MineFn(self)).with_output_types(MineNote)
        )
