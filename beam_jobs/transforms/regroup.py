"""Stage 4, second step as a transform: what all groups of segments have becomes final files.

Frames are joined, nothing is compressed again.
"""

import hashlib
import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from operator import attrgetter, itemgetter
from typing import Any, BinaryIO, cast

import apache_beam as beam
import msgspec
from apache_beam.pvalue import PCollection

from beam_jobs.elements import ALL, Extent, FilePlan, FinishedNote, Place
from beam_jobs.final_files import plan_shards, plan_text
from beam_jobs.layout import Layout
from beam_jobs.listings import Listings
from beam_jobs.transforms.gather import read_rows, unpack
from ccnet_pipeline import storage
from ccnet_pipeline.checksums import HashingWriter
from ccnet_pipeline.documents import Document
from ccnet_pipeline.formats import JSONL, TEXT, WRITERS, decode_document
from ccnet_pipeline.frames import read_lines
from ccnet_pipeline.shards.published import REJECTS, FinalFile

_READ_BYTES = 8 << 20
_SMALL_BYTES = 1 << 20  # of a file that is written together with others


def read_extents(extents: Iterable[Extent], layout: Layout) -> Iterator[bytes]:
    """Yield the bytes of extents, one after the other, in pieces that fit in memory; a file is opened once in a row."""
    for path, of_file in itertools.groupby(extents, key=itemgetter(0)):
        # Not one open stream: of an object that would fetch much more than a small extent.
        with storage.ranges_of(layout.in_work(path)) as read:
            for _, offset, size in of_file:
                for start in range(0, size, _READ_BYTES):
                    yield read(offset + start, min(_READ_BYTES, size - start))


def read_together(plans: Iterable[FilePlan], layout: Layout) -> dict[Extent, bytes]:
    """Return the bytes of the extents of small files; each file that they lie in is opened once."""
    extents = sorted({extent for plan in plans for extent in plan.extents})
    found: dict[Extent, bytes] = {}
    for path, of_file in itertools.groupby(extents, key=itemgetter(0)):
        wanted = list(of_file)
        data = storage.read_many(layout.in_work(path), [(offset, size) for _, offset, size in wanted])
        found.update(zip(wanted, data, strict=True))
    return found


def _together(plans: Iterable[FilePlan]) -> Iterator[list[FilePlan]]:
    """Yield plans in lists that are read together."""
    some: list[FilePlan] = []
    size = 0
    for plan in plans:
        if some and size + plan.size > _READ_BYTES:
            yield some
            some, size = [], 0
        some.append(plan)
        size += plan.size
    yield some


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
    """Writes final files and notes their sizes and sha256; what is noted is not written again."""

    def __init__(self, layout: Layout, optional: tuple[str, ...]) -> None:
        self._layout = layout
        self._optional = optional
        self._listings = Listings()

    def process(self, element: tuple[str, Iterable[FilePlan]]) -> Iterator[tuple[int, FinalFile]]:
        name, plans = element[0], sorted(element[1], key=attrgetter("path"))
        plan_sha256 = hashlib.sha256(msgspec.msgpack.encode(plans)).hexdigest()
        note = storage.read_note(self._layout.finished(name), FinishedNote)
        if note is None or note.plan_sha256 != plan_sha256 or not all(map(self._is_there, note.files)):
            note = FinishedNote(plan_sha256, list(self._write_all(plans)))
            storage.write_note(self._layout.finished(name), note)
        yield from ((ALL, file) for file in note.files)

    def _is_there(self, file: FinalFile) -> bool:
        folder = self._layout.final(file.path.partition("/")[0])
        return self._listings.listed(self._layout.final(file.path), folder) == file.bytes

    def _write_all(self, plans: list[FilePlan]) -> Iterator[FinalFile]:
        if len(plans) == 1:
            yield self._write(plans[0], read_extents(plans[0].extents, self._layout))
            return
        for some in _together(plans):
            found = read_together(some, self._layout)
            yield from (self._write(plan, map(found.__getitem__, plan.extents)) for plan in some)

    def _write(self, plan: FilePlan, pieces: Iterator[bytes]) -> FinalFile:
        with storage.writing(self._layout.final(plan.path)) as file:
            hashing = HashingWriter(file)
            self._write_as(plan.format, pieces, cast("BinaryIO", hashing))
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

    def _write_as(self, kind: str, pieces: Iterator[bytes], file: BinaryIO) -> None:
        if kind == JSONL:
            for piece in pieces:
                file.write(piece)
        else:
            WRITERS[kind](documents_of(pieces), file, self._optional)


def _named(plan: FilePlan) -> tuple[str, FilePlan]:
    """Return a plan by the name of the work that it is part of: a large file's own, or its language's first letter.

    What is read for small files, noted of them and looked for later would be more requests than there are files.
    """
    if plan.size > _SMALL_BYTES:
        return plan.path, plan
    folder, _, name = plan.path.partition("/")
    return f"{folder}/{name[0]}", plan


class _PlanShardsFn(beam.DoFn):
    def __init__(self, config: "Regroup") -> None:
        self._config = config

    def process(self, element: tuple[Place, Iterable[bytes]]) -> Iterator[tuple[str, FilePlan]]:
        config, rows_of = self._config, partial(read_rows, layout=self._config.layout)
        plans = plan_shards(element[0], map(unpack, element[1]), config.shard_bytes, config.formats, rows_of)
        yield from map(_named, plans)


class _PlanTextFn(beam.DoFn):
    def __init__(self, layout: Layout) -> None:
        self._rows_of = partial(read_rows, layout=layout)

    def process(self, element: tuple[str, Iterable[bytes]]) -> Iterator[tuple[str, FilePlan]]:
        plan = plan_text(element[0], map(unpack, element[1]), self._rows_of)
        yield _named(plan)


def _by_language(element: tuple[Place, bytes]) -> Iterator[tuple[str, bytes]]:
    (folder, _), gathered = element
    if not folder.startswith(REJECTS):
        yield folder, gathered


@dataclass
class Regroup(beam.PTransform[Any, Any]):
    """PCollection[(Place, packed Gathered)] -> PCollection[(ALL, FinalFile)]."""

    layout: Layout
    formats: tuple[str, ...]
    shard_bytes: int
    optional: tuple[str, ...]  # columns of tables

    def expand(self, input_or_inputs: PCollection[tuple[Place, bytes]]) -> PCollection[tuple[int, FinalFile]]:
        kind = tuple[str, FilePlan]
        shards = input_or_inputs | "GroupByPlace" >> beam.GroupByKey()
        plans = shards | "PlanShards" >> beam.ParDo(_PlanShardsFn(self)).with_output_types(kind)
        if TEXT in self.formats:
            of_languages = input_or_inputs | "KeyByLanguage" >> beam.FlatMap(_by_language)
            texts = of_languages | "GroupByLanguage" >> beam.GroupByKey()
            text_plans = texts | "PlanTexts" >> beam.ParDo(_PlanTextFn(self.layout)).with_output_types(kind)
            plans = (plans, text_plans) | "AllPlans" >> beam.Flatten()
        write = beam.ParDo(_WriteFn(self.layout, self.optional)).with_output_types(tuple[int, FinalFile])
        return plans | "SpreadFiles" >> beam.GroupByKey() | "WriteFile" >> write
