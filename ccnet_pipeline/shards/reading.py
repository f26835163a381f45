"""The documents of a published file, batch by batch, whatever its format; and what is wrong with its bytes.

What is wrong with a document is told (`Tell`), and the next ones are read. Where the bytes end, or make no sense, there
is a DamagedFileError and no other.
"""

import hashlib
import lzma
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import BinaryIO, cast

import msgspec
import zstandard

from ccnet_pipeline import storage
from ccnet_pipeline.documents import Document
from ccnet_pipeline.errors import UserError
from ccnet_pipeline.formats import ROWS_AT_ONCE, optional_in, parquet_columns
from ccnet_pipeline.frames import read_stored_frames
from ccnet_pipeline.shards.lines import line_type
from ccnet_pipeline.shards.published import FinalFile
from ccnet_pipeline.shards.published_run import located

_READ_BYTES = 1 << 20
_TEXTS_AT_ONCE = 1000
_IN_MEMORY_BYTES = 64 << 20

Tell = Callable[[int | None, str], None]  # (number of the document, from 1; None: of the file; what is wrong)


@dataclass(frozen=True, slots=True)
class Batch:
    """Consecutive documents of a file."""

    first: int  # number of the first one, from 1
    documents: list[Document]


Texts = list[list[str]]  # the paragraphs of consecutive documents, of which no more is known


class DamagedFileError(Exception):
    """From a document on a file cannot be read."""

    def __init__(self, document: int, why: object) -> None:
        super().__init__(f"from here on the file cannot be read: {str(why).partition(chr(10))[0]}")
        self.document = document  # its number, from 1


class HashedFile:
    """A file that is read once from its begin, and knows the size and the sha256 of what was read."""

    def __init__(self, file: BinaryIO, advance: Callable[[int], None] = lambda _: None) -> None:
        self._file = file
        self._advance = advance
        self._digest = hashlib.sha256()
        self.size = 0

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(size)
        self._digest.update(data)
        self.size += len(data)
        self._advance(len(data))
        return data

    def finish(self) -> str:
        """Read the rest; return the sha256 of all, hexadecimal."""
        while self.read(_READ_BYTES):
            pass
        return self._digest.hexdigest()


def read_jsonl(file: HashedFile, tell: Tell, *, is_reject: bool) -> Iterator[Batch]:
    """Yield the documents of frames; a line that is no document is told, and left out."""
    decoder = msgspec.json.Decoder(line_type(is_reject=is_reject))
    number = 1
    try:
        for stored, frame in read_stored_frames(cast("BinaryIO", file)):
            lines = frame.count(b"\n") + (not frame.endswith(b"\n"))
            if not frame.endswith(b"\n"):
                tell(number + lines - 1, "its line does not end in its frame: a frame must hold whole lines")
            parameters = zstandard.get_frame_parameters(stored)
            if not parameters.has_checksum or parameters.content_size != len(frame):
                tell(number, "the frame that begins with it has no checksum, or does not state its size")
            try:
                documents = decoder.decode_lines(frame)
            except (msgspec.DecodeError, UnicodeDecodeError):
                yield from _one_by_one(frame, number, decoder, tell)
            else:
                yield Batch(number, documents)
            number += lines
    except (ValueError, zstandard.ZstdError) as error:
        raise DamagedFileError(number, error) from error


def _one_by_one(frame: bytes, number: int, decoder: msgspec.json.Decoder[Document], tell: Tell) -> Iterator[Batch]:
    for place, line in enumerate(frame.removesuffix(b"\n").split(b"\n"), number):
        try:
            yield Batch(place, [decoder.decode(line)])
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            tell(place, f"not as the format has it: {error}")


def read_parquet(file: BinaryIO, tell: Tell) -> Iterator[Batch]:
    """Yield the documents of a Parquet file, which must be seekable; rows that are no documents are told."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    kind, number = list[line_type(is_reject=False)], 1  # type: ignore[misc]  # made at run time
    try:
        table = pq.ParquetFile(file)
        if (found := parquet_columns(table.schema_arrow)) is not None:
            raise DamagedFileError(number, f"its columns are {found}")
        for rows in table.iter_batches(ROWS_AT_ONCE):
            try:
                yield Batch(number, msgspec.convert(rows.to_pylist(), kind))
            except msgspec.ValidationError as error:
                tell(number, f"it, or one of the {rows.num_rows - 1:,} after it, is not as the format has it: {error}")
            number += rows.num_rows
    except (pa.ArrowException, OSError, ValueError) as error:
        raise DamagedFileError(number, error) from error


def read_texts(file: HashedFile, tell: Tell) -> Iterator[Texts]:
    """Yield the paragraphs of the documents of a text file, some documents at a time."""
    number = 1
    try:
        with lzma.open(cast("BinaryIO", file), "rb") as stream:
            documents = _paragraphs(cast("BinaryIO", stream), tell)
            while batch := list(islice(documents, _TEXTS_AT_ONCE)):
                yield batch
                number += len(batch)
    except (EOFError, lzma.LZMAError, ValueError) as error:
        raise DamagedFileError(number, error) from error


def _paragraphs(stream: BinaryIO, tell: Tell) -> Iterator[list[str]]:
    number, paragraphs = 1, list[str]()
    for line in stream:
        if line != b"\n":
            paragraphs.append(line.removesuffix(b"\n").decode("utf-8"))
            continue
        if not paragraphs:
            tell(number, "it is empty")
        yield paragraphs
        number, paragraphs = number + 1, []
    if paragraphs:
        tell(number, "the blank line after it is missing")
        yield paragraphs


def parquet_documents(file: BinaryIO) -> Iterator[Document]:
    """Yield the documents of a Parquet file that is sound."""
    import pyarrow.parquet as pq

    for rows in pq.ParquetFile(file).iter_batches(ROWS_AT_ONCE):
        yield from msgspec.convert(rows.to_pylist(), list[Document])


def optional_columns_of(file: BinaryIO) -> tuple[str, ...]:
    """Return the optional columns of a Parquet file that is sound."""
    import pyarrow.parquet as pq

    return optional_in(pq.ParquetFile(file).schema_arrow)


@contextmanager
def damage_explained(path: str) -> Iterator[None]:
    """Turn what is wrong with a file that is read into a UserError."""
    import pyarrow as pa

    try:
        yield
    except (ValueError, EOFError, lzma.LZMAError, zstandard.ZstdError, pa.ArrowException, OSError) as error:
        why = getattr(error, "strerror", None) or str(error).partition("\n")[0]
        raise UserError(
            f"{path} cannot be read: {why}; beam_jobs.verify tells what is wrong; restore the file from a copy"
        ) from error


@contextmanager
def seekable(path: str, advance: Callable[[int], None]) -> Iterator[tuple[BinaryIO, int, str]]:
    """Open a file for reading here and there, and give its size and sha256, too; a remote one is fetched once."""
    with storage.open_for_reading(path) as file:
        hashed = HashedFile(file, advance)
        if storage.is_local(path):
            digest = hashed.finish()
            file.seek(0)
            yield file, hashed.size, digest
            return
        with tempfile.SpooledTemporaryFile(_IN_MEMORY_BYTES) as copy:
            shutil.copyfileobj(hashed, copy, _READ_BYTES)
            copy.seek(0)
            yield cast("BinaryIO", copy), hashed.size, hashed.finish()


@contextmanager
def sound_file(output: str, file: FinalFile, advance: Callable[[int], None]) -> Iterator[BinaryIO]:
    """Open a file of a run directory for reading; UserError: it is not what its row of the manifest says."""
    path = located(output, file.path)
    with damage_explained(path), seekable(path, advance) as (stream, _, digest):
        if digest != file.sha256:
            raise ValueError("its sha256 is not that in manifest.json")
        yield stream
