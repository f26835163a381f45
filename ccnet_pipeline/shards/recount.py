"""One published file, read from its begin to its end: what it holds, and what is wrong with it."""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha1
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ccnet_pipeline import storage
from ccnet_pipeline.dedup.hashing import Hashes, paragraph_hashes
from ccnet_pipeline.documents import Document, encode
from ccnet_pipeline.formats import JSONL, PARQUET
from ccnet_pipeline.shards.checks import Checks, faults_of_order
from ccnet_pipeline.shards.published import REJECTS, FinalFile
from ccnet_pipeline.shards.published_run import located
from ccnet_pipeline.shards.reading import (
    Batch,
    DamagedFileError,
    HashedFile,
    Texts,
    read_jsonl,
    read_parquet,
    read_texts,
    seekable,
)
from ccnet_pipeline.shards.twice import StoredTable, TableWriter

MOST = 10  # differences that are told
_BEFORE_ALL = ("", -1)


@dataclass(frozen=True, slots=True)
class Difference:
    """Something that is not as it should be."""

    file: str  # relative to the run directory
    document: int | None  # its number in the file, from 1; None: the file as a whole
    id: str  # of the document, as far as it is known
    what: str

    def __str__(self) -> str:
        """Return it as a line."""
        place = "" if self.document is None else f", document {self.document:,}" + (f" ({self.id})" if self.id else "")
        return f"{self.file}{place}: {self.what}"


@dataclass(slots=True)
class Counts:
    """What some documents amount to."""

    documents: int = 0
    paragraphs: int = 0
    characters: int = 0  # code points of paragraphs
    texts: int = 0  # the sum of hashes of the texts, modulo 2^64, which no order changes
    fields: int = 0  # the same of all fields; 0 in a format that has the text alone

    def count(self, document: Document) -> None:
        """Add a document, but for its hashes."""
        self.documents += 1
        self.paragraphs += len(document.paragraph_ids)
        self.characters += len(document.text) - max(len(document.paragraph_ids) - 1, 0)

    def add(self, other: "Counts") -> None:
        self.documents += other.documents
        self.paragraphs += other.paragraphs
        self.characters += other.characters
        self.texts = (self.texts + other.texts) % (1 << 64)
        self.fields = (self.fields + other.fields) % (1 << 64)


# Numbers of segments; and a row for each: documents, paragraphs, characters.
SegmentCounts = tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]


@dataclass(slots=True)
class FileReport:
    """What came of a file."""

    path: str
    counts: Counts = field(default_factory=Counts)
    broke_off: bool = False  # the rest could not be read
    differences: int = 0
    first: list[Difference] = field(default_factory=list)
    segments: SegmentCounts | None = None
    places: tuple[tuple[str, int], tuple[str, int]] | None = None  # segment and offset of the first and last document
    ids: list[StoredTable] = field(default_factory=list)
    shared: int = 0  # documents that are one of several of a page
    shared_pages: list[StoredTable] = field(default_factory=list)  # the ids of their pages
    paragraphs: dict[int, list[StoredTable]] = field(default_factory=dict)  # by the scope of deduplication

    def tables(self) -> list[StoredTable]:
        """Return all tables of hashes."""
        return [*self.ids, *self.shared_pages, *(each for of_scope in self.paragraphs.values() for each in of_scope)]

    def differs(self, number: int | None, what: str, document_id: str = "") -> None:
        """Note a difference."""
        self.differences += 1
        if len(self.first) < MOST:
            self.first.append(Difference(self.path, number, document_id, what))


@dataclass(frozen=True, slots=True, kw_only=True)
class Recount:
    """Recounts files of a run directory; all that this needs beside the file."""

    output: str  # the run directory
    segments: Mapping[str, int]  # names of the archives that were read -> their numbers
    group_size: int | None  # segments of a scope of deduplication; None: all
    leading: str  # the format whose documents are compared with each other
    has_several: bool  # formats, whose documents are compared
    keeps_labels: bool  # in every document
    counts_copies: bool  # in every document that was kept
    placeholders: tuple[str, ...]  # paragraphs that have one may stand twice: they differed before they were masked
    tables: str  # folder on this machine for hashes

    def __call__(self, file: FinalFile, advance: Callable[[int], None] = lambda _: None) -> FileReport:
        """Return what a file holds; `advance` is told of the bytes that were read."""
        report = FileReport(file.path)
        path = located(self.output, file.path)
        try:
            size, digest = self._read(path, file, report, advance)
        except FileNotFoundError:
            report.differs(None, "it is missing")
            return report
        except OSError as error:
            report.differs(None, f"it cannot be read: {error.strerror or error}")
            return report
        for what, is_, stated in (
            ("bytes", size, file.bytes),
            ("sha256", digest, file.sha256),
            ("documents", report.counts.documents, file.documents),
            ("paragraphs", report.counts.paragraphs, file.paragraphs),
            ("characters", report.counts.characters, file.characters),
        ):
            if is_ != stated:
                report.differs(None, f"{what}: {_shown(is_)}, and {_shown(stated)} in manifest.json")
            if what == "sha256" and report.broke_off:
                break
        return report

    def _read(self, path: str, file: FinalFile, report: FileReport, advance: Callable[[int], None]) -> tuple[int, str]:
        """Read all of a file; return its size and sha256."""
        if file.format == PARQUET:
            with seekable(path, advance) as (seekable_file, size, digest):
                self._take(read_parquet(seekable_file, report.differs), file, report)
                return size, digest
        with storage.open_for_reading(path) as stream:
            hashed = HashedFile(stream, advance)
            if file.format == JSONL:
                is_reject = file.path.startswith(REJECTS)
                self._take(read_jsonl(hashed, report.differs, is_reject=is_reject), file, report)
            else:
                self._take(read_texts(hashed, report.differs), file, report)
            digest = hashed.finish()
            return hashed.size, digest

    def _take(self, batches: Iterator[Batch | Texts], file: FinalFile, report: FileReport) -> None:
        reader = _Reader(self, file, report)
        try:
            for batch in batches:
                if isinstance(batch, Batch):
                    reader.take(batch)
                else:
                    reader.take_texts(batch)
        except DamagedFileError as error:
            report.differs(error.document, str(error))
            report.broke_off = True
        reader.finish()


def _shown(value: int | str) -> str:
    return f"{value:,}" if isinstance(value, int) else value


class _Reader:
    """Takes the documents of a file, and books them."""

    def __init__(self, config: Recount, file: FinalFile, report: FileReport) -> None:
        self._config = config
        self._report = report
        self._checks = Checks(file, config.segments, config.keeps_labels, config.counts_copies)
        self._is_leading = file.format == config.leading and not file.path.startswith(REJECTS)
        self._hashes_all = config.has_several and not file.path.startswith(REJECTS)
        self._last = _BEFORE_ALL
        self._ids = self._writer("ids", report.ids)
        self._pages = self._writer("pages", report.shared_pages)
        self._paragraphs: TableWriter | None = None
        self._by_segment: dict[int, Counts] = {}
        self._scope = 0

    def _writer(self, kind: str, tables: list[StoredTable]) -> TableWriter:
        return TableWriter(Path(self._config.tables, f"{kind}-{os.getpid()}"), self._report.path, tables)

    def take(self, batch: Batch) -> None:
        first, documents = batch.first, batch.documents
        texts = [_paragraphs_of(document) for document in documents]
        for number, (document, paragraphs) in enumerate(zip(documents, texts, strict=True), first):
            for fault in self._checks.faults(document, paragraphs):
                self._report.differs(number, fault, document.id)
        places = [self._last, *((document.segment, document.offset) for document in documents)]
        for index in faults_of_order(places):
            segment, offset = places[index - 1]
            what = f"it stands after what comes from {segment}, offset {offset:,}"
            self._report.differs(first + index - 1, what, documents[index - 1].id)
        self._last = places[-1]
        if documents:
            begin = self._report.places[0] if self._report.places else places[1]
            self._report.places = begin, self._last
        self._count(documents, texts)

    def take_texts(self, texts: Texts) -> None:
        self._report.counts.add(Counts(len(texts), *_sizes(texts)))
        if self._hashes_all:
            whole = ["\n".join(paragraphs).encode() for paragraphs in texts]
            self._report.counts.add(Counts(texts=_sum_of_hashes(whole)))
        if self._is_leading and self._config.group_size is None:
            self._hash(texts, 0)

    def _count(self, documents: Sequence[Document], texts: Sequence[Sequence[str]]) -> None:
        self._report.counts.add(Counts(len(texts), *_sizes(texts)))
        if self._hashes_all:
            of_texts = _sum_of_hashes([document.text.encode() for document in documents])
            self._report.counts.add(Counts(texts=of_texts, fields=_sum_of_hashes(map(encode, documents))))
        if not self._is_leading:
            return
        self._ids.add(hashes_of([document.id for document in documents]))
        pages = [page for document in documents if (page := shared_page(document))]
        self._report.shared += len(pages)
        self._pages.add(hashes_of(pages))
        for segment, start, stop in _runs([document.segment for document in documents]):
            number = self._config.segments.get(segment, 0)  # of another one it was told
            self._by_segment.setdefault(number, Counts()).add(Counts(stop - start, *_sizes(texts[start:stop])))
            self._hash(texts[start:stop], number // self._config.group_size if self._config.group_size else 0)

    def _hash(self, texts: Sequence[Sequence[str]], scope: int) -> None:
        """Write the hashes of paragraphs, which are compared with those of their scope."""
        if self._paragraphs is None or scope != self._scope:
            if self._paragraphs:
                self._paragraphs.flush()
            self._scope = scope
            self._paragraphs = self._writer("paragraphs", self._report.paragraphs.setdefault(scope, []))
        lines = [line for of_document in texts for line in of_document]
        for placeholder in self._config.placeholders:
            lines = [line for line in lines if placeholder not in line]
        self._paragraphs.add(paragraph_hashes(lines))

    def finish(self) -> None:
        if self._by_segment:
            rows = [(each.documents, each.paragraphs, each.characters) for each in self._by_segment.values()]
            self._report.segments = np.array(list(self._by_segment), np.int64), np.array(rows, np.int64)
        for writer in (self._ids, self._pages, self._paragraphs):
            if writer:
                writer.flush()


def _paragraphs_of(document: Document) -> list[str]:
    return document.text.split("\n") if document.text or document.paragraph_ids else []


def _sizes(texts: Sequence[Sequence[str]]) -> tuple[int, int]:
    """Return the number of paragraphs, and of their characters."""
    return sum(map(len, texts)), sum([sum(map(len, paragraphs)) for paragraphs in texts])


def _runs(names: Sequence[str]) -> Iterator[tuple[str, int, int]]:
    """Yield each run of equal names, and where it begins and ends."""
    start = 0
    for stop in range(1, len(names) + 1):
        if stop == len(names) or names[stop] != names[start]:
            yield names[start], start, stop
            start = stop


def hashes_of(texts: Sequence[str]) -> Hashes:
    """Return 64 bits that stand for each text."""
    return _hashes_of_bytes(text.encode("utf-8", "surrogatepass") for text in texts)


def _hashes_of_bytes(items: Iterable[bytes]) -> Hashes:
    digests = [sha1(item).digest()[:8] for item in items]
    return np.frombuffer(b"".join(digests), "<u8").astype(np.uint64, copy=False)


def _sum_of_hashes(items: Iterable[bytes]) -> int:
    return int(_hashes_of_bytes(items).sum(dtype=np.uint64))


def shared_page(document: Document) -> str:
    """Return the id of the page of a document whose id says that it is one of several of a page, else ""."""
    suffix = f"/{document.language}"
    return document.id.removesuffix(suffix) if document.id.endswith(suffix) else ""
