"""Content codings undone (RFC 9110, section 8.4.1; br: RFC 7932; zstd: RFC 8878), in pieces and bounded.

The field may lie: CommonCrawl's older files hold bodies decoded under fields that say otherwise, and servers send what
they did not encode. What counts is the bytes:

1.  A body that decodes to its end is decoded.
2.  Else, one that is text as it is (no control characters in its first bytes, the rule by which WHATWG MIME Sniffing
    tells text, section 7.2; compressed data have some) is taken as it is.
3.  Else what was decoded before the damage is taken: a defect.
4.  Else there is nothing.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Generator, Iterator
from typing import Any, NamedTuple, cast

import brotli  # type: ignore[import-untyped]
import zstandard
from isal import isal_zlib

MAX_CODINGS = 4
_SLICE = 64 << 10
_PIECE = 1 << 20
# Behind damage, an inflater keeps what it had of a slice to itself: small slices then.
_SMALL_SLICE = 256
# RFC 9659: as a content coding zstd needs no longer window.
_MAX_ZSTD_WINDOW = 8 << 20
# A block has at least 4 bytes and gives at most 128 KiB (RFC 8878, section 3.1.1.2): at most 4 MiB come of a slice.
_ZSTD_SLICE = 128

# WHATWG MIME Sniffing, section 3: binary data bytes; looked for in as much as there is of a resource header.
_BINARY = re.compile(rb"[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f]")
_LOOKED_AT = 1445

_INFLATE_ERRORS: tuple[type[Exception], ...] = (cast(type[Exception], isal_zlib.error), zlib.error)


class Decoded(NamedTuple):
    """What became of a body."""

    body: bytes
    whole: bool = True  # nothing was lost, no coding was unknown
    reason: str | None = None  # why there is no body


class _Unpacked(NamedTuple):
    """The pieces that a decoder gave, and how it ended."""

    body: bytes
    complete: bool
    too_large: bool = False


def decode(body: bytes, codings: list[str], max_bytes: int) -> Decoded:
    """Undo codings, the last first.

    Args:
        body: as sent.
        codings: their names in lower case, in the order in which they were applied.
        max_bytes: a longer body, after any coding, is `too_large`.
    """
    whole = True
    if len(codings) > MAX_CODINGS:
        return Decoded(b"", False, "bad_content_coding")
    for coding in reversed(codings):
        if not body:
            break
        decoded = _decode_one(body, coding, max_bytes)
        if decoded.reason:
            return decoded
        body, whole = decoded.body, whole and decoded.whole
    return Decoded(body, whole)


def _decode_one(body: bytes, coding: str, max_bytes: int) -> Decoded:
    if coding == "identity":
        return Decoded(body)
    decoders = _DECODERS.get(coding, ())
    prefix = b""
    for decoder in decoders:
        unpacked = _gather(decoder(body), max_bytes)
        if unpacked.too_large:
            return Decoded(b"", False, "too_large")
        if unpacked.complete:
            return Decoded(unpacked.body)
        prefix = max(prefix, unpacked.body, key=len)
    if _is_text(body):
        return Decoded(body, whole=bool(decoders))
    return Decoded(prefix, False) if prefix else Decoded(b"", False, "bad_content_coding")


def _is_text(body: bytes) -> bool:
    return _BINARY.search(body, 0, _LOOKED_AT) is None


def _gather(pieces: Iterator[bytes], max_bytes: int) -> _Unpacked:
    """Join the pieces of a decoder, which ends with an error where the data are not whole."""
    given: list[bytes] = []
    size = 0
    try:
        for piece in pieces:
            size += len(piece)
            if size > max_bytes:
                return _Unpacked(b"", False, too_large=True)
            given.append(piece)
    except _BrokenError:
        return _Unpacked(b"".join(given), False)
    return _Unpacked(b"".join(given), True)


class _BrokenError(Exception):
    """The data are not whole, or not of this coding."""


def _gunzip(body: bytes) -> Iterator[bytes]:
    at = 0
    while at < len(body):
        try:
            at = yield from _inflate(body, at, 31)
        except _BrokenError:
            # Zeros and other padding behind a whole member are no damage (RFC 1952 knows none, servers do).
            if at and body[at : at + 2] != b"\x1f\x8b":
                return
            raise


def _inflate_zlib(body: bytes) -> Iterator[bytes]:
    yield from _inflate(body, 0, 15)


def _inflate_raw(body: bytes) -> Iterator[bytes]:
    """`deflate` without the frame of zlib, as some servers send it (RFC 9110, section 8.4.1.2, note)."""
    yield from _inflate(body, 0, -15)


def _inflate(body: bytes, at: int, wbits: int) -> Generator[bytes, None, int]:
    """Give the text of the stream at `at`, and return where it ends."""
    start, given = at, 0
    inflater: Any = isal_zlib.decompressobj(wbits=wbits)
    try:
        while not inflater.eof and at < len(body):
            for piece in _fed(inflater, body[at : at + _SLICE]):
                given += len(piece)
                yield piece
            at = min(at + _SLICE, len(body))
    except _INFLATE_ERRORS:
        yield from _salvage(body, start, wbits, given)
        raise _BrokenError from None
    if not inflater.eof:
        raise _BrokenError
    return at - len(inflater.unused_data)


def _fed(inflater: Any, data: bytes) -> Iterator[bytes]:
    while True:
        piece = inflater.decompress(data, _PIECE)
        yield piece
        data = inflater.unconsumed_tail
        if inflater.eof or (not data and len(piece) < _PIECE):
            return


def _salvage(body: bytes, at: int, wbits: int, given: int) -> Iterator[bytes]:
    """Inflate again up to where it breaks, and give what comes behind the first `given` bytes."""
    inflater = zlib.decompressobj(wbits)
    seen = 0
    try:
        for begin in range(at, len(body), _SMALL_SLICE):
            for piece in _fed(inflater, body[begin : begin + _SMALL_SLICE]):
                yield piece[max(0, given - seen) :]
                seen += len(piece)
            if inflater.eof:
                return
    except zlib.error:
        return


def _unbrotli(body: bytes) -> Iterator[bytes]:
    decoder = brotli.Decompressor()
    try:
        for at in range(0, len(body), _SLICE):
            piece = decoder.process(body[at : at + _SLICE], output_buffer_limit=_PIECE)
            yield piece
            # More may come although it would take more data (brotli 1.2.1).
            while piece and not decoder.is_finished():
                piece = decoder.process(b"", output_buffer_limit=_PIECE)
                yield piece
            if decoder.is_finished():
                return
    except brotli.error:
        raise _BrokenError from None
    raise _BrokenError


def _unzstd(body: bytes) -> Iterator[bytes]:
    decompressor = zstandard.ZstdDecompressor(max_window_size=_MAX_ZSTD_WINDOW)
    decoder = decompressor.decompressobj()
    try:
        for at in range(0, len(body), _ZSTD_SLICE):
            fed = body[at : at + _ZSTD_SLICE]
            while fed:
                if decoder.eof:
                    decoder = decompressor.decompressobj()
                yield decoder.decompress(fed)
                fed = decoder.unused_data if decoder.eof else b""
    except zstandard.ZstdError:
        raise _BrokenError from None
    if not decoder.eof:
        raise _BrokenError


_Decoder = Callable[[bytes], Iterator[bytes]]
_DECODERS: dict[str, tuple[_Decoder, ...]] = {
    "gzip": (_gunzip,),
    "x-gzip": (_gunzip,),
    "deflate": (_inflate_zlib, _inflate_raw),
    "br": (_unbrotli,),
    "zstd": (_unzstd,),
}
