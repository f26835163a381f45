"""A document by its id: which files may hold it, and a quick look into each."""

import bisect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, BinaryIO

import msgspec

from ccnet_pipeline import storage
from ccnet_pipeline.documents import Document, encode
from ccnet_pipeline.errors import UserError
from ccnet_pipeline.formats import PARQUET
from ccnet_pipeline.frames import read_frames
from ccnet_pipeline.processes import Advance
from ccnet_pipeline.shards.published import FinalFile
from ccnet_pipeline.shards.published_run import PublishedRun, located
from ccnet_pipeline.shards.reading import HashedFile, damage_explained

_decode = msgspec.json.Decoder(Document).decode


class _Place(msgspec.Struct):
    """Where a line is from."""

    segment: str


_place = msgspec.json.Decoder(_Place).decode


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is looked for."""

    id: str  # of a document, or of a page, whose documents have "/<language>" behind it
    language: str | None = None
    segment: str | None = None  # name of the archive

    def fits(self, found: str, segment: str) -> bool:
        """Tell whether an id is the one, or that of a document of the page; `segment`: the archive that it is from."""
        is_named = found == self.id or found.startswith(f"{self.id}/")
        return is_named and self.segment in (None, segment)


def files_to_read(run: PublishedRun, wanted: Wanted) -> list[list[FinalFile]]:
    """Return the files that may hold it, in groups: the next ones only if the ones before do not have it.

    Raises:
        UserError: no file has ids.
    """
    kind = run.format_of_documents
    if kind is None and not run.rejects():
        raise UserError(f"{run.output} has no ids: its shards are text alone; build it with --formats jsonl.zst")
    groups = [run.shards(kind) if kind else [], run.rejects()]
    language = wanted.language or _language_of(wanted.id, groups)
    if language:
        groups = [[file for file in files if file.language == language] for files in groups]
    if wanted.segment:
        groups[0] = [file for files in _by_bucket(groups[0]) for file in _with_segment(run, files, wanted.segment)]
    return groups


def _language_of(name: str, groups: Sequence[Sequence[FinalFile]]) -> str | None:
    """Return the language that an id ends with."""
    language = name.rpartition("/")[2] if "/" in name else None
    return language if any(file.language == language for files in groups for file in files) else None


def _by_bucket(files: Sequence[FinalFile]) -> Iterator[list[FinalFile]]:
    ordered = sorted(files, key=lambda file: file.path)
    for _, of_bucket in groupby(ordered, lambda file: (file.language, file.bucket)):
        yield list(of_bucket)


def _with_segment(run: PublishedRun, files: Sequence[FinalFile], segment: str) -> Sequence[FinalFile]:
    """Return the one file of a language and bucket that can hold a segment: the last that does not begin behind it."""
    behind = bisect.bisect_right(files, segment, key=lambda file: _first_segment(run.path(file.path), file.format))
    return files[behind - 1 : behind] if behind else []


def _first_segment(path: str, kind: str) -> str:
    with damage_explained(path), storage.open_for_reading(path) as file:
        if kind == PARQUET:
            import pyarrow.parquet as pq

            return str(pq.ParquetFile(file).read_row_group(0, ["segment"])["segment"][0])
        return _place(next(read_frames(file), b"").partition(b"\n")[0]).segment


@dataclass(frozen=True, slots=True)
class Lookup:
    """Looks into files of a run directory."""

    output: str
    wanted: Wanted

    def __call__(self, file: FinalFile, advance: Advance) -> list[bytes]:
        """Return the documents of a file that are wanted, as lines of JSON.

        Raises:
            UserError: the file is damaged.
        """
        path = located(self.output, file.path)
        with damage_explained(path), storage.open_for_reading(path) as stream:
            if file.format == PARQUET:
                return list(self._in_parquet(stream))
            return list(self._in_frames(HashedFile(stream, advance)))

    def _in_frames(self, file: HashedFile) -> Iterator[bytes]:
        needle = b'{"id":' + msgspec.json.encode(self.wanted.id)[:-1]  # id is the first field
        for frame in read_frames(file):  # type: ignore[arg-type]  # it reads, and no more is needed
            if self.wanted.segment and _place(frame.partition(b"\n")[0]).segment > self.wanted.segment:
                return
            at = frame.find(needle)
            while at >= 0:
                line = frame[at : frame.index(b"\n", at)]
                if at == 0 or frame[at - 1 : at] == b"\n":
                    document = _decode(line)
                    if self.wanted.fits(document.id, document.segment):
                        yield line
                        if document.id == self.wanted.id:
                            return
                at = frame.find(needle, at + 1)

    def _in_parquet(self, stream: BinaryIO) -> Iterator[bytes]:
        import pyarrow.parquet as pq

        file = pq.ParquetFile(stream)
        for group in range(file.num_row_groups):
            names: list[Any] = file.read_row_group(group, ["id", "segment"]).to_pylist()
            rows = [row for row, name in enumerate(names) if self.wanted.fits(name["id"], name["segment"])]
            if rows:
                found = file.read_row_group(group).take(rows).to_pylist()
                yield from map(encode, msgspec.convert(found, list[Document]))
