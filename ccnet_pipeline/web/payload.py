"""What a response carries: its body without chunks and codings."""

from __future__ import annotations

from typing import NamedTuple

from ccnet_pipeline.web import codings
from ccnet_pipeline.web.http import Response, join_chunks


class Payload(NamedTuple):
    """A body, as far as there is one."""

    body: bytes
    reason: str | None  # why there is none
    defects: tuple[str, ...]  # what was worked round


def payload_of(response: Response, max_bytes: int) -> Payload:
    """Join the chunks of a response and undo its codings, as the bytes have them (http.py, codings.py).

    Args:
        response: as stored.
        max_bytes: a body that is longer once decoded is `too_large`.
    """
    defects: list[str] = []
    body, transfer = response.body, response.tokens("transfer-encoding")
    if "chunked" in transfer:
        body, sound = join_chunks(body)
        if not sound:
            defects.append("bad_chunking")
    applied = [*response.tokens("content-encoding"), *(coding for coding in transfer if coding != "chunked")]
    decoded = codings.decode(body, applied, max_bytes)
    if not decoded.whole and not decoded.reason:
        defects.append("bad_content_coding")
    return Payload(decoded.body, decoded.reason, tuple(defects))
