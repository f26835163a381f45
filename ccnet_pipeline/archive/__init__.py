"""Reading WARC and WET archives, sound or damaged: bytes in; records and counted damage out.

    window.py        a stream that gives archive bytes by offset, so that a reader may step back a little
    pieces.py        what passes between the layers, and what a coding has to offer
    gzip_members.py  a coding: members of gzip (RFC 1952)
    zstd_frames.py   another: frames of zstd (RFC 8878), with or without a dictionary
    members.py       archive bytes -> pieces of text and gaps: tells the codings apart, and goes on behind damage
    records.py       pieces and gaps -> records and damage: the WARC layer (WARC 1.1)
    headers.py       one header block -> names and values
    reader.py        the layers put together
    digests.py       whether a record is what its digest says

A further coding is one more implementation of `pieces.Coding`; a further place to read from (HTTP, object store) is
one more object with `.read(n)`. Neither touches the WARC layer.
"""

from ccnet_pipeline.archive.reader import MAX_RECORD_BYTES, read_archive
from ccnet_pipeline.archive.records import Damage, Record

__all__ = ["MAX_RECORD_BYTES", "Damage", "Record", "read_archive"]
