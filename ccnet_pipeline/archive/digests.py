"""Whether the block of a record is what its digest says (WARC 1.1, sections 5.8 and 5.9).

A digest is `algorithm:value`, the value in base32 (with or without padding, in any case) or in hexadecimal, told
apart by its length. WARC-Block-Digest is about the whole block and decides alone where it is given. Else, for a
response of HTTP, WARC-Payload-Digest is about what follows the HTTP header. Section 5.9 leaves open whether a
transfer coding still is in it, and writers differ: CommonCrawl and others take it away before, without changing
the block; so either is accepted.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterable, Iterator

from ccnet_pipeline.archive.records import Record

_DIGEST_BYTES = {"md5": 16, "sha1": 20, "sha256": 32, "sha512": 64}
_HEADER_END = re.compile(rb"\r?\n\r?\n")
_CHUNKED = re.compile(rb"\n(?i:Transfer-Encoding)[ \t]*:[^\n]*(?i:chunked)")
_CHUNK_SIZE = re.compile(rb"([0-9a-fA-F]{1,8})[ \t]*(?:;[^\n]{0,1000})?\r?\n")
# The block of such a record is not the whole of what was fetched; its payload digest is about the whole.
_PARTIAL = ("warc-truncated", "warc-segment-number")


def verify(record: Record) -> bool | None:
    """Say whether the block of a record has the digest that its headers state.

    Returns:
        None where nothing can be verified: no digest, or one in a form or by an algorithm that is not known; a
        block that was passed over; a payload digest alone in a record that does not hold the whole payload.
    """
    if record.oversized:
        return None
    block = _parse(record.headers.get("warc-block-digest"))
    if block is not None:
        return _matches(block, [record.body])
    payload = _parse(record.headers.get("warc-payload-digest"))
    if payload is None or record.type != "response" or any(name in record.headers for name in _PARTIAL):
        return None
    header_end = _HEADER_END.search(record.body) if record.body.startswith(b"HTTP/") else None
    if header_end is None:
        return None
    if _matches(payload, [memoryview(record.body)[header_end.end() :]]):
        return True
    chunked = _CHUNKED.search(record.body, 0, header_end.end()) is not None
    return chunked and _matches(payload, _chunks(record.body, header_end.end()))


def _parse(stated: str | None) -> tuple[str, bytes] | None:
    """Give algorithm and value of a digest; None for any that is not known.

    >>> _parse("sha1:3I42H3S6NNFQ2MSVX7XZKYAYSCX5QBYJ") == _parse("SHA-1:DA39A3EE5E6B4B0D3255BFEF95601890AFD80709")
    True
    """
    algorithm, _, value = (stated or "").strip().partition(":")
    algorithm = algorithm.strip().lower().replace("-", "")
    size = _DIGEST_BYTES.get(algorithm)
    value = value.strip()
    digits = value.rstrip("=")
    if size is None or not value.isascii():
        return None
    try:
        if len(digits) == 2 * size:
            return algorithm, bytes.fromhex(digits)
        if len(digits) == (8 * size + 4) // 5:
            return algorithm, base64.b32decode(digits + "=" * (-len(digits) % 8), casefold=True)
    except (ValueError, binascii.Error):
        pass
    return None


def _matches(digest: tuple[str, bytes], parts: Iterable[bytes | memoryview]) -> bool:
    algorithm, value = digest
    found = hashlib.new(algorithm, usedforsecurity=False)
    for part in parts:
        found.update(part)
    return found.digest() == value


def _chunks(block: bytes, at: int) -> Iterator[memoryview]:
    """Give the chunks of a body (RFC 9112, section 7.1) from `at` on, as far as they are well formed."""
    view = memoryview(block)
    while size := _CHUNK_SIZE.match(block, at):
        begin, at = size.end(), size.end() + int(size[1], 16)
        yield view[begin:at]
        if at == begin:
            return
        at += 2 if block[at : at + 2] == b"\r\n" else block[at : at + 1] == b"\n"
