"""Reading WARC and WET archives, sound or damaged: bytes in; records and counted damage out.

    window.py   a stream that gives archive bytes by offset, so that a reader may step back a little
    members.py  archive bytes -> pieces of text and gaps: the gzip layer (RFC 1952), or none in a plain file
    records.py  pieces and gaps -> records and damage: the WARC layer (WARC 1.1)
    headers.py  one header block -> names and values
    reader.py   the two layers put together

A further coding (zstd) is one more generator of pieces in members.py; a further place to read from (HTTP,
object store) is one more object with `.read(n)`. Neither touches the WARC layer.
"""

from ccnet_pipeline.archive.reader import MAX_RECORD_BYTES, read_archive
from ccnet_pipeline.archive.records import Damage, Record

__all__ = ["MAX_RECORD_BYTES", "Damage", "Record", "read_archive"]
