"""One WET record (type `conversion`) to one page: title and paragraphs.

The rules are cc_net's (`process_wet_file`), except that records are framed by Content-Length and headers are read by
name, so that no dump and no page is lost to the layout of a header (docs/method.md, Reading).
"""

from collections.abc import Callable

from ccnet_pipeline.archive import Record
from ccnet_pipeline.pages.page import Page, record_id, text_length


def read_page(record: Record, segment: str, *, min_chars: int, strip: Callable[[str], str] = str.strip) -> Page:
    """Return the page of a `conversion` record; bytes that are not UTF-8 become U+FFFD.

    Args:
        record: a record of type `conversion`.
        segment: the name of its archive; identifies records that have no WARC-Record-ID.
        min_chars: pages with fewer code points after the title (line breaks counted) get the reason `too_short`.
        strip: what takes off the ends of a line; cc_net's by default.
    """
    title, *lines = _lines(record.body.decode("utf-8", "replace"), strip) or [""]
    headers = record.headers
    return Page(
        id=record_id(headers.get("warc-record-id", ""), segment, record.offset, record.number),
        url=headers.get("warc-target-uri", ""),
        date=headers.get("warc-date", ""),
        digest=headers.get("warc-block-digest", ""),
        offset=record.offset,
        title=title,
        lines=lines,
        reason=_reason(title, lines, min_chars),
    )


def _lines(body: str, strip: Callable[[str], str]) -> list[str]:
    if "\r" in body:
        body = body.replace("\r\n", "\n").replace("\r", "\n")
    # cc_net takes the two line ends that close a record for text: the first ends the last line, the second is a blank
    # line more. It then removes the last two lines if both are blank, and only then, so that a body without a final
    # line feed keeps one blank paragraph. Blank paragraphs take part in the comparison, so this has to be matched.
    lines = list(map(strip, body.split("\n")))
    if lines[-1]:
        lines.append("")
    else:
        del lines[-1]
    return lines


def _reason(title: str, lines: list[str], min_chars: int) -> str | None:
    if not title and not any(lines):
        return "empty"
    return "too_short" if text_length(lines) < min_chars else None
