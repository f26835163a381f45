"""Published files without some of their documents. What stays is as it was: whole frames are copied as they are."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, BinaryIO

import numpy as np

from ccnet_pipeline import storage
from ccnet_pipeline.checksums import HashingWriter
from ccnet_pipeline.formats import JSONL, PARQUET, TEXT, write_parquet, write_texts
from ccnet_pipeline.frames import SHARD_LEVEL, compressor, read_stored_frames
from ccnet_pipeline.processes import Advance
from ccnet_pipeline.shards.finding import Numbers
from ccnet_pipeline.shards.published import FinalFile
from ccnet_pipeline.shards.published_run import located
from ccnet_pipeline.shards.reading import HashedFile, optional_columns_of, parquet_documents, read_texts, sound_file
from ccnet_pipeline.shards.recount import Counts


@dataclass(frozen=True, slots=True)
class Task:
    """A file that is to be written without some documents."""

    file: FinalFile
    numbers: Numbers  # of the documents that go, from 0, ascending; never all of them
    amount: Counts  # of these


@dataclass(frozen=True, slots=True)
class Rewrite:
    """Writes new files of a run directory into another folder."""

    output: str
    folder: str

    def __call__(self, task: Task, advance: Advance) -> FinalFile:
        """Write a file, and return its row of the manifest; UserError: the old one is not what its row says."""
        path = located(self.folder, task.file.path)
        with sound_file(self.output, task.file, advance) as stream, storage.writing(path) as file:
            hashing = HashingWriter(file)
            _WRITERS[task.file.format](stream, hashing, task.numbers)
        return replace(
            task.file,
            documents=task.file.documents - task.amount.documents,
            paragraphs=task.file.paragraphs - task.amount.paragraphs,
            characters=task.file.characters - task.amount.characters,
            bytes=hashing.size,
            sha256=hashing.sha256(),
        )


def _write_frames(stream: BinaryIO, file: BinaryIO, numbers: Numbers) -> None:
    compress, first = compressor(SHARD_LEVEL).compress, 0
    for stored, content in read_stored_frames(stream):
        lines = content.count(b"\n")
        goes = numbers[np.searchsorted(numbers, first) : np.searchsorted(numbers, first + lines)] - first
        first += lines
        if not len(goes):
            file.write(stored)
        elif len(goes) < lines:
            gone = set(goes.tolist())
            kept = [line for at, line in enumerate(content.split(b"\n")) if at not in gone]
            file.write(compress(b"\n".join(kept)))


def _write_parquet(stream: BinaryIO, file: BinaryIO, numbers: Numbers) -> None:
    write_parquet(_without(parquet_documents(stream), numbers), file, optional_columns_of(stream))


def _write_text(stream: BinaryIO, file: BinaryIO, numbers: Numbers) -> None:
    texts = (paragraphs for some in read_texts(HashedFile(stream), _never) for paragraphs in some)
    write_texts(("\n".join(paragraphs) for paragraphs in _without(texts, numbers)), file)


def _never(number: int | None, what: str) -> None:
    raise ValueError(f"document {number}: {what}")


def _without(items: Iterator[Any], numbers: Numbers) -> Iterator[Any]:
    gone = set(numbers.tolist())
    return (item for number, item in enumerate(items) if number not in gone)


_WRITERS: Mapping[str, Callable[[BinaryIO, Any, Numbers], None]] = {
    JSONL: _write_frames,
    PARQUET: _write_parquet,
    TEXT: _write_text,
}
