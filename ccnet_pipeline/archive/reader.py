"""The reader of archives: the gzip layer below, the WARC layer above."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from ccnet_pipeline.archive.members import Piece, walk
from ccnet_pipeline.archive.records import Damage, Framer, Record
from ccnet_pipeline.archive.window import Window

MAX_RECORD_BYTES = 16 << 20


def read_archive(stream: BinaryIO, *, max_record_bytes: int = MAX_RECORD_BYTES) -> Iterator[Record | Damage]:
    """Give the records of a WARC or WET archive, in order, and between them the damage that was found.

    Args:
        stream: the archive, plain or gzip (told apart by its first bytes); only `.read(n)` is called.
        max_record_bytes: the block of a longer record is passed over, and the record marked `oversized`.
        Bounds the memory, together with some MiB.

    No bytes raise an error; what `stream.read` raises goes through.
    """
    framer = Framer(max_record_bytes)
    for part in walk(Window(stream)):
        yield from framer.feed(part) if isinstance(part, Piece) else framer.skip(part)
    yield from framer.close()
