"""Stage 4 as a transform: blocks of all segments become final files. Frames are joined, nothing is compressed again."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

import apache_beam as beam
from apache_beam.pvalue import PCollection

from beam_jobs import storage
from beam_jobs.elements import REJECTS, Block, FilePlan, FinalFile
from beam_jobs.layout import Layout
from ccnet_pipeline.documents import Document
from ccnet_pipeline.fluency import BUCKETS
from ccnet_pipeline.formats import JSONL, PARQUET, TEXT, decode_document, write_parquet, write_text
from ccnet_pipeline.frames import read_lines


class _HashingWriter:
    """A file that knows the size and the sha256 of what was written to it."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._digest = hashlib.sha256()
        self.size = 0

    def write(self, data: bytes) -> int:
        self._digest.update(data)
        self.size += len(data)
        return self._file.write(data)

    def flush(self) -> None:
        self._file.flush()

    @property
    def closed(self) -> bool:
        return False

    def sha256(self) -> str:
        return self._digest.hexdigest()


def plan_shards(
    folder: str, name: str, blocks: Iterable[Block], shard_bytes: int, formats: Sequence[str]
) -> list[FilePlan]:
    """Cut the blocks of one language and bucket into shards of at least `shard_bytes`, the last one excepted.

    The order is that of the segments, so the cut does not depend on the order in which blocks arrive.
    """
    shards: list[list[Block]] = [[]]
    size = 0
    for block in sorted(blocks, key=lambda each: each.segment_number):
        if size >= shard_bytes:
            shards.append([])
            size = 0
        shards[-1].append(block)
        size += block.size
    kinds = [JSONL] if folder.startswith(REJECTS) else [kind for kind in formats if kind != TEXT]
    return [
        FilePlan(f"{folder}/{name}-{number:05d}.{kind}", kind, shard)
        for number, shard in enumerate(shards)
        for kind in kinds
    ]


def plan_text(folder: str, blocks: Iterable[Block]) -> FilePlan:
    """Return the plan of a language's text file: its buckets one after the other, the most fluent first."""
    return FilePlan(
        f"{folder}.{TEXT}", TEXT, sorted(blocks, key=lambda block: (_bucket_order(block.name), block.segment_number))
    )


def frames_of(blocks: Iterable[Block], layout: Layout) -> Iterator[bytes]:
    """Yield the zstd frames of blocks, one after the other."""
    for block in blocks:
        path = layout.mined(block.segment_number, "blocks.zst")
        with storage.open_for_reading(path) as file:
            for frame in block.frames:
                file.seek(frame.offset)
                data = file.read(frame.size)
                if len(data) != frame.size:
                    raise EOFError(f"{path} is cut off; remove it and run the same command again")
                yield data


class _FrameStream:
    """Frames as a file that can be read once."""

    def __init__(self, frames: Iterator[bytes]) -> None:
        self._frames = frames
        self._rest = b""

    def read(self, size: int = -1) -> bytes:
        if not self._rest:
            self._rest = next(self._frames, b"")
        if size < 0:
            size = len(self._rest)
        data, self._rest = self._rest[:size], self._rest[size:]
        return data


def documents_of(frames: Iterator[bytes]) -> Iterator[Document]:
    """Yield the documents of frames in order."""
    return map(decode_document, read_lines(_FrameStream(frames)))  # type: ignore[arg-type]


class _WriteFn(beam.DoFn):
    """Writes final files and notes their size and sha256; what is noted is not written again."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout

    def process(self, plan: FilePlan) -> Iterator[FinalFile]:
        note_path = self._layout.finished(plan.path)
        note = storage.read_json(note_path, FinalFile)
        if note is None or storage.size(self._layout.final(plan.path)) != note.bytes:
            note = self._write(plan)
            storage.write_json(note_path, note)
        yield note

    def _write(self, plan: FilePlan) -> FinalFile:
        with storage.writing(self._layout.final(plan.path)) as file:
            hashing = _HashingWriter(file)
            _WRITERS[plan.format](frames_of(plan.blocks, self._layout), hashing)
        return FinalFile(
            path=plan.path,
            language=plan.blocks[0].folder.rpartition("/")[2],
            bucket="+".join(sorted({block.name for block in plan.blocks}, key=_bucket_order)),
            format=plan.format,
            documents=sum(block.documents for block in plan.blocks),
            paragraphs=sum(block.paragraphs for block in plan.blocks),
            characters=sum(block.characters for block in plan.blocks),
            bytes=hashing.size,
            sha256=hashing.sha256(),
        )


def _bucket_order(name: str) -> int:
    return list(BUCKETS).index(name) if name in BUCKETS else len(BUCKETS)


def _write_frames(frames: Iterator[bytes], file: BinaryIO) -> None:
    for frame in frames:
        file.write(frame)


def _write_parquet(frames: Iterator[bytes], file: BinaryIO) -> None:
    write_parquet(documents_of(frames), file)


def _write_text(frames: Iterator[bytes], file: BinaryIO) -> None:
    write_text(documents_of(frames), file)


_WRITERS: Mapping[str, Callable[[Iterator[bytes], Any], None]] = {
    JSONL: _write_frames,
    PARQUET: _write_parquet,
    TEXT: _write_text,
}


@dataclass
class Regroup(beam.PTransform[Any, Any]):
    """PCollection[Block] -> PCollection[FinalFile]."""

    layout: Layout
    formats: tuple[str, ...]
    shard_bytes: int

    def expand(self, input_or_inputs: PCollection[Block]) -> PCollection[FinalFile]:
        shard_bytes, formats = self.shard_bytes, self.formats
        plans = (
            input_or_inputs
            | "KeyByShardName" >> beam.Map(lambda block: ((block.folder, block.name), block))
            | "GroupByShardName" >> beam.GroupByKey()
            | "PlanShards"
            >> beam.FlatMapTuple(lambda key, blocks: plan_shards(key[0], key[1], blocks, shard_bytes, formats))
        )
        if TEXT in formats:
            texts = (
                input_or_inputs
                | "OnlyKept" >> beam.Filter(lambda block: not block.folder.startswith(REJECTS))
                | "KeyByLanguage" >> beam.Map(lambda block: (block.folder, block))
                | "GroupByLanguage" >> beam.GroupByKey()
                | "PlanTexts" >> beam.MapTuple(plan_text)
            )
            plans = (plans, texts) | "AllPlans" >> beam.Flatten()
        return plans | "SpreadFiles" >> beam.Reshuffle() | "WriteFile" >> beam.ParDo(_WriteFn(self.layout))
