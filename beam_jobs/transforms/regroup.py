"""Stage 4, second step as a transform: what all groups of segments have becomes final files.

Frames are joined, nothing is compressed again.
"""

import hashlib
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from operator import itemgetter
from typing import Any, BinaryIO

import apache_beam as beam
import msgspec
from apache_beam.pvalue import PCollection

from beam_jobs import storage
from beam_jobs.elements import REJECTS, Extent, FilePlan, FinalFile, FinishedNote, Gathered, Row
from beam_jobs.layout import Layout
from beam_jobs.transforms.gather import read_rows
from ccnet_pipeline.documents import Document
from ccnet_pipeline.fluency import BUCKETS
from ccnet_pipeline.formats import JSONL, PARQUET, TEXT, decode_document, write_parquet, write_text
from ccnet_pipeline.frames import read_lines

_READ_BYTES = 1 << 20
RowsOf = Callable[[Gathered], list[Row]]  # reads the rows of a group


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


class _OpenFile:
    """A final file while it is planned."""

    def __init__(self) -> None:
        self.size = 0
        self._buckets: set[str] = set()
        self._documents = self._paragraphs = self._characters = 0
        self._extents: list[Extent] = []

    def add(self, bucket: str, part: Gathered | Row, extents: Iterable[Extent]) -> None:
        self._buckets.add(bucket)
        self._documents += part.documents
        self._paragraphs += part.paragraphs
        self._characters += part.characters
        self.size += part.size
        for path, offset, size in extents:
            if self._extents:
                last_path, last_offset, last_size = self._extents[-1]
                if (path, offset) == (last_path, last_offset + last_size):
                    self._extents[-1] = path, last_offset, last_size + size
                    continue
            self._extents.append((path, offset, size))

    def plan(self, path: str, kind: str) -> FilePlan:
        return FilePlan(
            path=path,
            format=kind,
            buckets=sorted(self._buckets, key=_bucket_order),
            documents=self._documents,
            paragraphs=self._paragraphs,
            characters=self._characters,
            extents=self._extents,
        )


def plan_shards(
    key: tuple[str, str], gathered: Iterable[Gathered], shard_bytes: int, formats: Sequence[str], rows_of: RowsOf
) -> list[FilePlan]:
    """Cut what one language and bucket has into shards of at least `shard_bytes`, the last one excepted.

    The order is that of the segments, and a cut is at the end of one, so neither depends on how things arrive or are
    gathered. The segments of a group are looked at one by one only where a cut may fall among them.
    """
    folder, name = key
    shards = [_OpenFile()]
    for group in sorted(gathered, key=lambda each: each.group):
        if group.extent and shards[-1].size + group.size < shard_bytes:
            shards[-1].add(name, group, [group.extent])
            continue
        for row in rows_of(group):
            if shards[-1].size >= shard_bytes:
                shards.append(_OpenFile())
            shards[-1].add(name, row, row.extents)
    kinds = [JSONL] if folder.startswith(REJECTS) else [kind for kind in formats if kind != TEXT]
    return [
        shard.plan(f"{folder}/{name}-{number:05d}.{kind}", kind)
        for number, shard in enumerate(shards)
        for kind in kinds
    ]


def plan_text(folder: str, gathered: Iterable[Gathered], rows_of: RowsOf) -> FilePlan:
    """Return the plan of a language's text file: its buckets one after the other, the most fluent first."""
    file = _OpenFile()
    for group in sorted(gathered, key=lambda each: (_bucket_order(each.name), each.group)):
        extents = [group.extent] if group.extent else [extent for row in rows_of(group) for extent in row.extents]
        file.add(group.name, group, extents)
    return file.plan(f"{folder}.{TEXT}", TEXT)


def read_extents(extents: Iterable[Extent], layout: Layout) -> Iterator[bytes]:
    """Yield the bytes of extents, one after the other, in pieces that fit in memory; a file is opened once in a row."""
    for path, of_file in itertools.groupby(extents, key=itemgetter(0)):
        with storage.open_for_reading(layout.in_work(path)) as file:
            for _, offset, size in of_file:
                file.seek(offset)
                left = size
                while left:
                    data = file.read(min(left, _READ_BYTES))
                    if not data:
                        raise EOFError(f"{layout.in_work(path)} is cut off; remove it and run the same command again")
                    left -= len(data)
                    yield data


class _PieceStream:
    """Pieces of bytes as a file that can be read once."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._rest = b""

    def read(self, size: int = -1) -> bytes:
        if not self._rest:
            self._rest = next(self._pieces, b"")
        if size < 0:
            size = len(self._rest)
        data, self._rest = self._rest[:size], self._rest[size:]
        return data


def documents_of(pieces: Iterator[bytes]) -> Iterator[Document]:
    """Yield the documents in pieces of frames, in order."""
    return map(decode_document, read_lines(_PieceStream(pieces)))  # type: ignore[arg-type]


class _WriteFn(beam.DoFn):
    """Writes final files and notes their size and sha256; what is noted is not written again."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout

    def process(self, plan: FilePlan) -> Iterator[FinalFile]:
        note_path = self._layout.finished(plan.path)
        plan_sha256 = hashlib.sha256(msgspec.msgpack.encode(plan)).hexdigest()
        note = storage.read_json(note_path, FinishedNote)
        if (
            note is None
            or note.plan_sha256 != plan_sha256
            or storage.size(self._layout.final(plan.path)) != note.file.bytes
        ):
            note = FinishedNote(plan_sha256, self._write(plan))
            storage.write_json(note_path, note)
        yield note.file

    def _write(self, plan: FilePlan) -> FinalFile:
        with storage.writing(self._layout.final(plan.path)) as file:
            hashing = _HashingWriter(file)
            _WRITERS[plan.format](read_extents(plan.extents, self._layout), hashing)
        return FinalFile(
            path=plan.path,
            language=plan.path.split("/")[1].removesuffix(f".{TEXT}"),
            bucket="+".join(plan.buckets),
            format=plan.format,
            documents=plan.documents,
            paragraphs=plan.paragraphs,
            characters=plan.characters,
            bytes=hashing.size,
            sha256=hashing.sha256(),
        )


def _bucket_order(name: str) -> int:
    return list(BUCKETS).index(name) if name in BUCKETS else len(BUCKETS)


def _write_frames(pieces: Iterator[bytes], file: BinaryIO) -> None:
    for piece in pieces:
        file.write(piece)


def _write_parquet(pieces: Iterator[bytes], file: BinaryIO) -> None:
    write_parquet(documents_of(pieces), file)


def _write_text(pieces: Iterator[bytes], file: BinaryIO) -> None:
    write_text(documents_of(pieces), file)


_WRITERS: Mapping[str, Callable[[Iterator[bytes], Any], None]] = {
    JSONL: _write_frames,
    PARQUET: _write_parquet,
    TEXT: _write_text,
}


@dataclass
class Regroup(beam.PTransform[Any, Any]):
    """PCollection[Gathered] -> PCollection[FinalFile]."""

    layout: Layout
    formats: tuple[str, ...]
    shard_bytes: int

    def expand(self, input_or_inputs: PCollection[Gathered]) -> PCollection[FinalFile]:
        shard_bytes, formats = self.shard_bytes, self.formats
        rows_of = partial(read_rows, layout=self.layout)
        plans = (
            input_or_inputs
            | "KeyByShardName" >> beam.Map(lambda gathered: ((gathered.folder, gathered.name), gathered))
            | "GroupByShardName" >> beam.GroupByKey()
            | "PlanShards"
            >> beam.FlatMapTuple(lambda key, gathered: plan_shards(key, gathered, shard_bytes, formats, rows_of))
        )
        if TEXT in formats:
            texts = (
                input_or_inputs
                | "OnlyKept" >> beam.Filter(lambda gathered: not gathered.folder.startswith(REJECTS))
                | "KeyByLanguage" >> beam.Map(lambda gathered: (gathered.folder, gathered))
                | "GroupByLanguage" >> beam.GroupByKey()
                | "PlanTexts" >> beam.MapTuple(lambda folder, gathered: plan_text(folder, gathered, rows_of))
            )
            plans = (plans, texts) | "AllPlans" >> beam.Flatten()
        return plans | "SpreadFiles" >> beam.Reshuffle() | "WriteFile" >> beam.ParDo(_WriteFn(self.layout))
