"""WARC `response` records -> pages: the steps in order, each of which may drop the record."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ccnet_pipeline.archive import Record
from ccnet_pipeline.extractors import Extractor
from ccnet_pipeline.pages.page import Page, record_id, text_length
from ccnet_pipeline.web import html
from ccnet_pipeline.web.charset import decode
from ccnet_pipeline.web.html import Html
from ccnet_pipeline.web.http import Response, parse_response
from ccnet_pipeline.web.main_text import MainText, Pass, main_text_of
from ccnet_pipeline.web.media_type import declared_type, essence_of, is_html, is_xhtml
from ccnet_pipeline.web.opt_out import refused_by_fields, refused_by_meta
from ccnet_pipeline.web.payload import payload_of
from ccnet_pipeline.web.xhtml import as_html

# What writers of archives call an HTTP message; the first is right (ISO 28500, section 6.3).
_HTTP_TYPES = frozenset({"application/http", "application/https", "message/http"})


@dataclass(frozen=True, slots=True)
class WebResult:
    """What became of a record."""

    page: Page | None  # None: dropped
    reason: str | None  # why there is no page; None with a page, which may carry its own reason
    defects: tuple[str, ...] = ()  # small damage inside the record, with which reading went on
    found_by: Pass | None = None  # with a page: how its text was found


class _DroppedError(Exception):
    """There is no page; the message is the reason."""


class WebReader:
    """Reads `response` records. Costs nothing to make; not to be pickled."""

    def __init__(
        self,
        *,
        extractor: Extractor,
        ignore_opt_out: bool,
        min_chars: int,
        max_record_bytes: int,
        strip: Callable[[str], str] = str.strip,
    ) -> None:
        """Take the settings.

        Args:
            extractor: what finds the main text.
            ignore_opt_out: keep pages that ask to be left out.
            min_chars: pages with fewer code points after the title (line breaks counted) get the reason `too_short`.
            max_record_bytes: a body that is longer once decoded is dropped.
            strip: what takes off the ends of a line.

        Raises:
            UserError: the extractor is not installed.
        """
        self._main_text = main_text_of(extractor)
        self._ignore_opt_out = ignore_opt_out
        self._min_chars = min_chars
        self._max_record_bytes = max_record_bytes
        self._strip = strip

    def read(self, record: Record, segment: str) -> WebResult:
        """Return the page of a record, or why there is none. No bytes raise an error.

        Args:
            record: of type `response`, not oversized.
            segment: the name of its archive; identifies records that have no WARC-Record-ID.
        """
        defects: list[str] = []
        try:
            title, found = self._read(record, defects)
        except _DroppedError as dropped:
            return WebResult(None, str(dropped), tuple(defects))
        return WebResult(self._page(record, segment, title, found), None, tuple(defects), found.found_by)

    def _read(self, record: Record, defects: list[str]) -> tuple[str, MainText]:
        """Return title and main text; what was worked round is added to `defects`."""
        response = self._response(record)
        content_type = declared_type(response.fields.get("content-type", ()))
        body = self._body(response, defects)
        if not is_html(content_type, record.headers.get("warc-identified-payload-type", ""), body):
            raise _DroppedError("not_html")
        text = decode(body, content_type)
        page = html.parse(as_html(text) if is_xhtml(content_type, body) else text)
        if page is None:
            raise _DroppedError("too_complex")
        refusal = None if self._ignore_opt_out else refused_by_meta(page.directives())
        if refusal:
            raise _DroppedError(refusal)
        title = self._strip(page.title())
        found = self._extract(page)
        if found.lines and found.lines[0] == title:
            del found.lines[0]  # As in text of a WET file, the title stands before the text, once.
        return title, found

    def _response(self, record: Record) -> Response:
        if not _is_http(record):
            raise _DroppedError("not_http")
        response = parse_response(record.body)
        if response is None:
            raise _DroppedError("bad_http")
        if response.status != 200:
            raise _DroppedError("http_status")
        refusal = None if self._ignore_opt_out else refused_by_fields(response.fields)
        if refusal:
            raise _DroppedError(refusal)
        return response

    def _body(self, response: Response, defects: list[str]) -> bytes:
        payload = payload_of(response, self._max_record_bytes)
        defects += payload.defects
        if payload.reason:
            raise _DroppedError(payload.reason)
        return payload.body

    def _extract(self, page: Html) -> MainText:
        try:
            return self._main_text(page, self._strip)
        except Exception as error:
            raise _DroppedError("extractor_failed") from error

    def _page(self, record: Record, segment: str, title: str, found: MainText) -> Page:
        headers = record.headers
        lines = found.lines
        empty = not title and not lines
        return Page(
            id=record_id(headers.get("warc-record-id", ""), segment, record.offset, record.number),
            url=headers.get("warc-target-uri", "").strip("<> "),
            date=headers.get("warc-date", ""),
            digest=headers.get("warc-block-digest") or headers.get("warc-payload-digest", ""),
            offset=record.offset,
            title=title,
            lines=lines,
            reason="empty" if empty else "too_short" if text_length(lines) < self._min_chars else None,
            main_share=found.share,
        )


def _is_http(record: Record) -> bool:
    """Return whether the block is an HTTP message: by its URL, and by its type or, whatever that is, by its bytes."""
    scheme, colon, _ = record.headers.get("warc-target-uri", "").lstrip("< ").partition(":")
    if colon and scheme.lower() not in ("http", "https"):
        return False
    if essence_of(record.headers.get("content-type", "")) in _HTTP_TYPES:
        return True
    return record.body[:16].lstrip(b"\r\n")[:5].upper() == b"HTTP/"
