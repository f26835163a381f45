"""Reading WARC, WET and ARC archives, sound or damaged: bytes in; records and counted damage out.

    window.py         a stream that gives archive bytes by offset, so that a reader may step back a little
    pieces.py         what passes between the layers, and what a coding has to offer
    gzip_members.py   a coding: members of gzip (RFC 1952)
    zstd_frames.py    another: frames of zstd (RFC 8878), with or without a dictionary
    bzip2_blocks.py   another: blocks of bzip2
    xz_streams.py     another: streams of xz
    bombs.py          a few bytes that unpack to gigabytes
    members.py        archive bytes -> pieces of text and gaps: tells the codings apart, and goes on behind damage
    patience.py       how much may be read twice
    text.py           the text of pieces, and where in the archive it is from
    records.py        what is handed on, and what is to know of a format
    warc.py, arc.py   the formats: how a record begins
    formats.py        both of them
    headers.py        one header block of WARC -> names and values
    blocks.py         where a block ends when its length is wrong
    open_record.py    a record while its block is read
    output.py         what is held back until it can be relied on
    framer.py         pieces and gaps -> records and damage: the layer of records
    reader.py         the layers put together
    digests.py        whether a record is what its digest says

A further coding is one more implementation of `pieces.Coding`, a further format one of `records.Format`; a further
place to read from (HTTP, object store) is one more object with `.read(n)`. None of them touches the layer of records.
"""

from ccnet_pipeline.archive.reader import MAX_RECORD_BYTES, read_archive
from ccnet_pipeline.archive.records import Damage, Record

__all__ = ["MAX_RECORD_BYTES", "Damage", "Record", "read_archive"]
