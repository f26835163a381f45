"""The record that a document was made of, read again where the crawl lies."""

import re
from collections.abc import Iterator
from pathlib import Path

from ccnet_pipeline import sample
from ccnet_pipeline.archive import Record
from ccnet_pipeline.archive.framer import Framer
from ccnet_pipeline.archive.members import walk
from ccnet_pipeline.archive.pieces import Piece
from ccnet_pipeline.archive.window import Window
from ccnet_pipeline.documents import Document
from ccnet_pipeline.errors import UserError
from ccnet_pipeline.fetch import FetchPolicy, Readable, is_remote, local_path, open_archive, shown
from ccnet_pipeline.listings import COMMONCRAWL, CRAWL_DATA, join
from ccnet_pipeline.pages.page import record_id
from ccnet_pipeline.recipe import CC100
from ccnet_pipeline.shards.recount import shared_page

_BEGIN = re.compile(rb"(?:\A|\n)(WARC/\d)")


def place_of(document: Document, base: str | None) -> str:
    """Return where the archive of a document lies.

    Args:
        document: says the name of its archive.
        base: what holds the crawl; None: CommonCrawl, or the sample of this package.

    Raises:
        UserError: that cannot be known.
    """
    segment = document.segment
    if base is not None:
        return join(base if is_remote(base) else local_path(base), segment)
    if not segment.startswith(CRAWL_DATA):
        raise UserError(
            f"{segment} is no path of CommonCrawl's; say with --base in which folder, or below which URL, it lies"
        )
    in_sample = Path(join(str(sample.crawl_directory()), segment))
    return str(in_sample) if document.dump == sample.DUMP and in_sample.is_file() else join(COMMONCRAWL, segment)


def read_source(document: Document, path: str, policy: FetchPolicy) -> bytes:
    """Return the record of a document, from its first header to the end of its block, unpacked and else as it is.

    One request for the bytes from its offset on, which ends when the record is whole.

    Raises:
        UserError: another record is there, or none; a local archive is not there, or cannot be read.
        FetchError: the archive is out of reach.
    """
    try:
        return _read(document, path, policy)
    except OSError as error:
        raise UserError(f"{shown(path)} cannot be read: {error.strerror or error}; see --base") from error


def _read(document: Document, path: str, policy: FetchPolicy) -> bytes:
    # What stands at the beginning of these may be needed: a dictionary of zstd, the header of bzip2.
    needs_begin = document.offset > 0 and document.segment.endswith((".zst", ".bz2", ".xz"))
    for start in (document.offset, 0) if needs_begin else (document.offset,):
        with open_archive(path, policy, start=start) as stream:
            for record, text in _records(stream, document.offset - start):
                if _is_of(record, document):
                    return _raw(record, text)
    raise UserError(
        f"{shown(path)} has no record {shared_page(document) or document.id} at byte {document.offset}: it is not the "
        "archive that the document is from; see --base"
    )


def _records(stream: Readable, offset: int) -> Iterator[tuple[Record, bytes]]:
    """Yield the records that begin at an offset, each with the text that was read since."""
    framer, text = Framer(CC100.max_record_bytes), bytearray()
    for part in walk(Window(stream)):
        if isinstance(part, Piece) and part.end > offset:
            text += part.text
        for found in framer.feed(part) if isinstance(part, Piece) else framer.skip(part):
            if isinstance(found, Record) and found.offset > offset:
                return
            if isinstance(found, Record) and found.offset == offset:
                yield found, bytes(text)
    yield from (
        (found, bytes(text)) for found in framer.close() if isinstance(found, Record) and found.offset == offset
    )


def _is_of(record: Record, document: Document) -> bool:
    stated = record.headers.get("warc-record-id", "")
    name = record_id(stated, document.segment, document.offset, record.number)
    return name in (document.id, shared_page(document))


def _raw(record: Record, text: bytes) -> bytes:
    """Return a record as it stands in its archive; of ARC, or where it cannot be told, its fields and its block."""
    named = text.find(record.headers.get("warc-record-id", "").encode("utf-8", "surrogateescape"))
    at = text.find(record.body, max(named, 0)) if record.body else -1
    begins = [found.start(1) for found in _BEGIN.finditer(text, 0, max(at, 0))]
    if begins:
        return text[begins[-1] : at + len(record.body)]
    fields = "".join(f"{name}: {value}\r\n" for name, value in record.headers.items())
    return fields.encode("utf-8", "surrogateescape") + b"\r\n" + record.body
