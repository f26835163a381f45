"""One file of an export, made of files of the run."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from typing import BinaryIO, cast

from ccnet_pipeline import storage
from ccnet_pipeline.checksums import HashingWriter
from ccnet_pipeline.documents import Document, encode
from ccnet_pipeline.errors import UserError
from ccnet_pipeline.export.plan import Conversion
from ccnet_pipeline.export.state import note_done
from ccnet_pipeline.formats import JSONL, PARQUET, WRITERS, decode_document
from ccnet_pipeline.frames import SHARD_LEVEL, read_lines, write_lines
from ccnet_pipeline.processes import Advance
from ccnet_pipeline.shards.published import FinalFile
from ccnet_pipeline.shards.published_run import located
from ccnet_pipeline.shards.reading import HashedFile, damage_explained, parquet_documents, sound_file
from ccnet_pipeline.shards.recount import Counts

_OTHER_SHA256 = "its sha256 is not that in manifest.json"


@dataclass(frozen=True, slots=True)
class Convert:
    """Makes files, and notes each that is whole."""

    output: str  # the run directory
    target: str  # the folder that they go to
    optional: tuple[str, ...]  # columns of the run

    def __call__(self, conversion: Conversion, advance: Advance) -> FinalFile:
        """Make a file, and return its row of the manifest.

        Raises:
            UserError: one that it is made of is not what the manifest says.
        """
        if conversion.is_copy:
            return self._copy(conversion, advance)
        counts = Counts()
        with storage.writing(located(self.target, conversion.path)) as file:
            hashing = HashingWriter(file)
            self._write(conversion, self._documents(conversion, counts, advance), cast("BinaryIO", hashing))
        made = FinalFile(
            path=conversion.path,
            language=conversion.language,
            bucket=conversion.bucket,
            format=conversion.format,
            documents=counts.documents,
            paragraphs=counts.paragraphs,
            characters=counts.characters,
            bytes=hashing.size,
            sha256=hashing.sha256(),
        )
        note_done(self.target, conversion, made)
        return made

    def _copy(self, conversion: Conversion, advance: Advance) -> FinalFile:
        [source] = conversion.sources
        path = located(self.output, source.path)
        with storage.writing(located(self.target, source.path)) as copy, damage_explained(path):
            with storage.open_for_reading(path) as file:
                hashed = HashedFile(file, advance)
                shutil.copyfileobj(hashed, copy)
                digest = hashed.finish()
            if digest != source.sha256:
                raise ValueError(_OTHER_SHA256)
        note_done(self.target, conversion, source)
        return source

    def _write(self, conversion: Conversion, documents: Iterator[Document], file: BinaryIO) -> None:
        if conversion.format == JSONL:
            for _, of_segment in groupby(documents, attrgetter("segment")):  # a frame ends with its segment
                write_lines(map(encode, of_segment), file, SHARD_LEVEL)
        else:
            WRITERS[conversion.format](documents, file, self.optional)

    def _documents(self, conversion: Conversion, counts: Counts, advance: Advance) -> Iterator[Document]:
        """Yield the documents, and see that they are as many as the manifest says."""
        for source in conversion.sources:
            before = counts.documents, counts.paragraphs, counts.characters
            for document in self._documents_of(source, advance):
                breaks = document.text.count("\n")
                counts.add(Counts(1, breaks + 1, len(document.text) - breaks))
                yield document
            after = counts.documents, counts.paragraphs, counts.characters
            found = tuple(new - old for new, old in zip(after, before, strict=True))
            if found != (source.documents, source.paragraphs, source.characters):
                raise UserError(
                    f"{located(self.output, source.path)} does not hold what manifest.json says; beam_jobs.verify "
                    "tells what is wrong; restore the file from a copy"
                )

    def _documents_of(self, source: FinalFile, advance: Advance) -> Iterator[Document]:
        if source.format == PARQUET:
            with sound_file(self.output, source, advance) as stream:
                yield from parquet_documents(stream)
            return
        path = located(self.output, source.path)
        with damage_explained(path), storage.open_for_reading(path) as file:
            hashed = HashedFile(file, advance)
            yield from map(decode_document, read_lines(cast("BinaryIO", hashed)))
            if hashed.finish() != source.sha256:
                raise ValueError(_OTHER_SHA256)
