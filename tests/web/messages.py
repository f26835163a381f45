"""Small responses for the tests."""

from __future__ import annotations

from typing import Any

from ccnet_pipeline.archive import Record
from ccnet_pipeline.pages.page import Page
from ccnet_pipeline.web import WebReader, WebResult

HTML = "Content-Type: text/html; charset=utf-8"
ARTICLE = "A paragraph long enough to be taken for the main text of a page, whatever looks for it. " * 3


def message(body: bytes | str, *fields: str, status: str = "HTTP/1.1 200 OK") -> bytes:
    payload = body if isinstance(body, bytes) else body.encode()
    return "\r\n".join([status, *fields]).encode("latin-1") + b"\r\n\r\n" + payload


def record(block: bytes, **headers: str) -> Record:
    named = {
        "warc-type": "response",
        "warc-target-uri": "http://example.org/page",
        "warc-date": "2024-05-18T01:58:10Z",
        "warc-record-id": "<urn:uuid:0000>",
        "warc-block-digest": "sha1:BLOCK",
        "content-type": "application/http; msgtype=response",
    }
    named.update({name.replace("_", "-"): value for name, value in headers.items()})
    return Record("response", {name: value for name, value in named.items() if value}, block, 17)


def reader(**options: Any) -> WebReader:
    defaults = {"extractor": "cascade", "ignore_opt_out": False, "min_chars": 0, "max_record_bytes": 1 << 20}
    return WebReader(**{**defaults, **options})


def read(body: bytes | str, *fields: str, status: str = "HTTP/1.1 200 OK", **options: Any) -> WebResult:
    return reader(**options).read(record(message(body, *(fields or (HTML,)), status=status)), "segment")


def page_of(body: bytes | str, *fields: str, **options: Any) -> Page:
    result = read(body, *fields, **options)
    assert result.page is not None, result.reason
    return result.page
