"""The reader of archives: the layer of members below, the layer of records above."""

from __future__ import annotations

from collections.abc import Iterator

from ccnet_pipeline.archive.framer import Framer
from ccnet_pipeline.archive.members import walk
from ccnet_pipeline.archive.pieces import Piece
from ccnet_pipeline.archive.records import Damage, Record
from ccnet_pipeline.archive.window import ByteStream, Window

MAX_RECORD_BYTES = 16 << 20


def read_archive(stream: ByteStream, *, max_record_bytes: int = MAX_RECORD_BYTES) -> Iterator[Record | Damage]:
    """Give the records of a WARC, WET or ARC archive, in order, and between them the damage that was found.

    Args:
        stream: the archive, plain, gzip, zstd, bzip2 or xz (told apart by its first bytes); only `.read(n)` is called.
        max_record_bytes: the block of a longer record is passed over, and the record marked `oversized`.
        Bounds the memory, together with some MiB.

    No bytes raise an error; what `stream.read` raises goes through.
    """
    framer = Framer(max_record_bytes)
    for part in walk(Window(stream)):
        yield from framer.feed(part) if isinstance(part, Piece) else framer.skip(part)
    yield from framer.close()
