"""Stage 3 as a transform: a segment's pages become documents, in one block a language and bucket."""

import functools
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, BinaryIO

import apache_beam as beam
import numpy as np
from apache_beam.metrics.metric import Metrics
from apache_beam.pvalue import PCollection

from beam_jobs import storage
from beam_jobs.elements import REJECTS, SHARDS, Answer, Block, ExtractNote, Frame, MineNote
from beam_jobs.layout import Layout
from beam_jobs.transforms.resolve import packed_size
from ccnet_pipeline.dedup import Bits, Verdicts, verdicts
from ccnet_pipeline.documents import Document, Reject, encode
from ccnet_pipeline.extract import decode_page
from ccnet_pipeline.fluency import FluencyModels, Normalization
from ccnet_pipeline.frames import FrameBuilder, compressor, read_lines
from ccnet_pipeline.language import Judgement, LidModels, ModelIdentifier, load
from ccnet_pipeline.ledger import total
from ccnet_pipeline.mine import Miner
from ccnet_pipeline.recipe import Recipe

_SHARD_LEVEL = 3  # of zstd


# Once a process, however many instances of the DoFn a runner makes in it.
@functools.cache
def _identifier(models: LidModels, judgement: Judgement) -> ModelIdentifier:
    return load(models).identifier(judgement)


@functools.cache
def _models(directory: Path | None, normalization: Normalization) -> FluencyModels:
    return FluencyModels(directory, normalization)


@dataclass(slots=True)
class _OpenBlock:
    """The block of one language and bucket while a segment is written."""

    builder: FrameBuilder
    frames: list[Frame] = field(default_factory=list)
    documents: int = 0
    paragraphs: int = 0
    characters: int = 0

    def count(self, document: Document) -> None:
        self.documents += 1
        self.paragraphs += len(document.paragraph_ids)
        self.characters += len(document.text) - max(len(document.paragraph_ids) - 1, 0)


class _BlockWriter:
    """Writes the documents of a segment to one file: frames as they fill, and an index of whose they are."""

    def __init__(self, file: BinaryIO, segment_number: int) -> None:
        self._file = file
        self._segment_number = segment_number
        self._offset = 0
        self._compressor = compressor(_SHARD_LEVEL)  # one for all: there are hundreds of languages and buckets
        self._open: dict[tuple[str, str], _OpenBlock] = {}

    def add(self, document: Document) -> None:
        if isinstance(document, Reject):
            key = (REJECTS + document.language, document.reason)
        else:
            key = (SHARDS + document.language, document.bucket)
        block = self._open.get(key)
        if block is None:
            block = self._open[key] = _OpenBlock(FrameBuilder(self._compressor))
        block.count(document)
        self._write(block, block.builder.add(encode(document)))

    def finish(self) -> list[Block]:
        blocks = []
        for (folder, name), block in sorted(self._open.items()):
            self._write(block, block.builder.flush())
            blocks.append(
                Block(
                    folder, name, self._segment_number, block.frames,
                    block.documents, block.paragraphs, block.characters,
                )
            )  # fmt: skip
        return blocks

    def _write(self, block: _OpenBlock, frame: bytes | None) -> None:
        if frame:
            self._file.write(frame)
            block.frames.append(Frame(self._offset, len(frame)))
            self._offset += len(frame)


class _MineFn(beam.DoFn):
    def __init__(self, config: "Mine") -> None:
        self._layout = config.layout
        self._recipe = config.recipe
        self._num_buckets = config.num_buckets
        self._lid_models = config.lid_models
        self._lm_dir = config.lm_dir
        self._keep_rejects = config.keep_rejects
        self._judgement = replace(config.recipe.judgement, keeps_labels=config.keep_labels)

    def process(self, element: tuple[int, Iterable[Answer]]) -> Iterator[MineNote]:
        number, answers = element
        note = storage.read_json(self._layout.mined(number, "done.json"), MineNote)
        blocks = self._layout.mined(number, "blocks.zst")
        if note is None or storage.size(blocks) != sum(block.size for block in note.blocks):
            note = self._mine(number, list(answers))
            Metrics.counter("mine", "segments").inc()
            Metrics.counter("mine", "documents").inc(note.documents)
        yield note

    def _mine(self, number: int, answers: list[Answer]) -> MineNote:
        began = time.process_time()
        extracted = storage.read_json(self._layout.extracted(number, "done.json"), ExtractNote)
        if extracted is None:
            raise FileNotFoundError(self._layout.extracted(number, "done.json"))
        miner = Miner(
            segment=extracted.segment,
            dump=extracted.dump,
            recipe=self._recipe,
            identifier=_identifier(self._lid_models, self._judgement),
            models=_models(self._lm_dir, self._recipe.normalization),
            keep_rejects=self._keep_rejects,
            keep_labels=self._judgement.keeps_labels,
        )
        verdicts_of_segment = self._verdicts(number, extracted, answers)
        with (
            storage.open_for_reading(self._layout.extracted(number, "pages.zst")) as pages,
            storage.writing(self._layout.mined(number, "blocks.zst")) as file,
        ):
            writer = _BlockWriter(file, number)
            for document in miner.mine(map(decode_page, read_lines(pages)), verdicts_of_segment):
                writer.add(document)
            blocks = writer.finish()
        note = MineNote(
            segment=extracted.segment,
            account=total([extracted.account, miner.account]),
            blocks=blocks,
            pages=extracted.pages,
            documents=sum(block.documents for block in blocks if block.folder.startswith(SHARDS)),
            cpu_s=time.process_time() - began,
        )
        storage.write_json(self._layout.mined(number, "done.json"), note)
        return note

    def _verdicts(self, number: int, extracted: ExtractNote, answers: list[Answer]) -> Verdicts:
        may_keep: Bits = np.zeros(extracted.hashes, np.bool_)
        scope = self._recipe.scope_of(number)
        for bucket, offset, start, count in answers:
            path = self._layout.resolved(scope, bucket, self._num_buckets)
            packed = storage.read_range(path, offset, packed_size(count))
            may_keep[start : start + count] = np.unpackbits(np.frombuffer(packed, np.uint8), count=count)
        paragraphs = storage.read_range(self._layout.extracted(number, "paragraphs"), 0, extracted.paragraphs * 4)
        return verdicts(np.frombuffer(paragraphs, "<u4").astype(np.uint32), may_keep)


@dataclass
class Mine(beam.PTransform[Any, Any]):
    """PCollection[(segment number, Answer)] -> PCollection[MineNote], one a segment; the documents stay in files."""

    layout: Layout
    recipe: Recipe
    num_buckets: int
    lid_models: LidModels
    lm_dir: Path | None
    keep_rejects: bool
    keep_labels: bool

    def expand(self, input_or_inputs: PCollection[tuple[int, Answer]]) -> PCollection[MineNote]:
        return (
            input_or_inputs
            | "GroupBySegment" >> beam.GroupByKey()
            | "MineSegment" >> beam.ParDo(_MineFn(self)).with_output_types(MineNote)
        )
