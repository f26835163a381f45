"""Stage 3 of one segment: its pages become documents, in one block a language and bucket, and a note says which.

Behind the blocks lies what is noted of the segment for the report (ccnet_pipeline.observations).
"""

import functools
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import BinaryIO

import numpy as np
import zstandard

from beam_jobs.elements import Block, ExtractNote, Frame, MineNote
from beam_jobs.layout import Layout
from beam_jobs.model_places import ModelPlaces
from ccnet_pipeline import storage
from ccnet_pipeline.decontamination.table import RunTable
from ccnet_pipeline.dedup.copies import Copies, records_in
from ccnet_pipeline.dedup.duplicates import indices, verdicts
from ccnet_pipeline.dedup.sorting import Bits
from ccnet_pipeline.documents import Document, Reject, encode
from ccnet_pipeline.errors import UserError
from ccnet_pipeline.filters import Choice, Filter, FilterJudge, OnError, find_filters
from ccnet_pipeline.fluency import FluencyModels, Normalization
from ccnet_pipeline.frames import SHARD_LEVEL, FrameBuilder, compressor
from ccnet_pipeline.language import Judgement, ModelIdentifier, load
from ccnet_pipeline.ledger import total
from ccnet_pipeline.local_copies import local_copy
from ccnet_pipeline.masking.masker import Masker
from ccnet_pipeline.mine import Miner
from ccnet_pipeline.observations.archive import Observer, pack
from ccnet_pipeline.pages.stored import Chunk, read_chunks
from ccnet_pipeline.recipe import Recipe
from ccnet_pipeline.shards.published import REJECTS, SHARDS


# Once a process, however many instances of the DoFn a runner makes in it.
@functools.cache
def _identifier(models: ModelPlaces, judgement: Judgement) -> ModelIdentifier:
    return load(models.lid_models()).identifier(judgement)


@functools.cache
def _models(models: ModelPlaces, normalization: Normalization) -> FluencyModels:
    return FluencyModels(models.lm_folder(), normalization)


@functools.cache
def _test_runs(path: str | None) -> RunTable | None:
    """Open the table once a process; its name has the fingerprint in it."""
    return RunTable(storage.mapped(path)) if path else None


@dataclass(frozen=True, slots=True, kw_only=True)
class FilterPlaces:
    """Which filters to ask, said so that any worker finds them. One's own must be installed there, too."""

    choices: tuple[Choice, ...]
    thresholds: str | None  # as `local_copies.portable` says it
    on_error: OnError

    def judge(self) -> FilterJudge:
        """Return what asks the filters, which are found once a process.

        Raises:
            UserError: they are not what they are where the run was started.
        """
        return FilterJudge(_filters(self.choices, self.thresholds), self.on_error)


@functools.cache
def _filters(choices: tuple[Choice, ...], thresholds: str | None) -> tuple[Filter, ...]:
    path = local_copy(thresholds, "--filter_thresholds") if thresholds else None
    found = find_filters([each.name for each in choices], path)
    for wanted, here in zip(choices, found, strict=True):
        if here.choice != wanted:
            raise UserError(
                f"a worker has another --filters {wanted.name} ({here.choice.version}, not {wanted.version}); the "
                "workers' image or environment must have what the machine has that starts the run"
            )
    return found


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
        self._compressor = compressor(SHARD_LEVEL)  # one for all: there are hundreds of languages and buckets
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

    def append(self, frame: bytes) -> Frame:
        """Write something behind the blocks."""
        self._file.write(frame)
        self._offset += len(frame)
        return Frame(self._offset - len(frame), len(frame))

    def _write(self, block: _OpenBlock, frame: bytes | None) -> None:
        if frame:
            block.frames.append(self.append(frame))


def _chunks(path: str) -> Iterator[Chunk]:
    with storage.open_for_reading(path) as file:
        try:
            yield from read_chunks(file)
        except (ValueError, zstandard.ZstdError) as error:
            raise storage.damaged(path) from error


@dataclass(frozen=True, slots=True, kw_only=True)
class MineSegment:
    """Judges the pages of one segment; all that it needs beside the segment."""

    layout: Layout
    recipe: Recipe
    models: ModelPlaces
    keep_rejects: bool
    keep_labels: bool
    filters: FilterPlaces | None = None
    decontaminates: bool = False

    def load(self, languages: Iterable[str] = ()) -> tuple[ModelIdentifier, FluencyModels]:
        """Return the models, which are loaded once a process; one that is forked afterwards has them.

        Args:
            languages: whose fluency model is loaded now; others are when they come.
        """
        judgement = replace(self.recipe.judgement, keeps_labels=self.keep_labels)
        identifier = _identifier(self.models, judgement)
        models = _models(self.models, self.recipe.normalization)
        for language in languages:
            models.get(language)
        return identifier, models

    def __call__(self, number: int, may_keep: Bits, copies: Copies | None = None) -> MineNote:
        """Write the blocks of a segment, then its note.

        Args:
            number: of the segment.
            may_keep: one bit for each of its distinct hashes, ascending: it may keep the paragraph.
            copies: where they are counted, those of the paragraphs that it may keep.
        """
        began = time.process_time()
        extracted = storage.read_note(self.layout.extracted(number, "done.json"), ExtractNote)
        if extracted is None:
            raise FileNotFoundError(self.layout.extracted(number, "done.json"))
        miner = self._miner(extracted)
        paragraphs = storage.read_range(self.layout.extracted(number, "paragraphs"), 0, extracted.paragraphs * 4)
        table = np.frombuffer(paragraphs, "<u4").astype(np.uint32)
        observer, of_segment = Observer(table, Masker(self.recipe.masks).masked), verdicts(table, may_keep)
        records = None if copies is None else records_in(copies, len(may_keep))[indices(table)]
        with storage.writing(self.layout.mined(number, "blocks.zst")) as file:
            writer = _BlockWriter(file, number)
            chunks = observer.watched(_chunks(self.layout.extracted(number, "pages.zst")))
            for document in miner.mine(chunks, of_segment, records):
                writer.add(document)
                observer.see(document)
            blocks = writer.finish()
            observed = writer.append(pack(observer.observed(miner.cutoffs())))
        note = MineNote(
            segment=extracted.segment,
            account=total([extracted.account, miner.account]),
            blocks=blocks,
            observed=observed,
            pages=extracted.pages,
            documents=sum(block.documents for block in blocks if block.folder.startswith(SHARDS)),
            cpu_s=time.process_time() - began,
            extract_cpu_s=extracted.cpu_s,
        )
        storage.write_note(self.layout.mined(number, "done.json"), note)
        return note

    def _miner(self, extracted: ExtractNote) -> Miner:
        identifier, models = self.load()
        return Miner(
            segment=extracted.segment,
            dump=extracted.dump,
            recipe=self.recipe,
            identifier=identifier,
            models=models,
            keep_rejects=self.keep_rejects,
            keep_labels=self.keep_labels,
            filters=self.filters.judge() if self.filters else None,
            test_runs=_test_runs(self.layout.test_runs_file if self.decontaminates else None),
        )
