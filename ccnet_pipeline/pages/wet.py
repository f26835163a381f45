"""One WET record (type `conversion`) to one page: title and paragraphs.

The rules are cc_net's (`process_wet_file`), except that records are framed by Content-Length and headers are read by
name, so that no dump and no page is lost to the layout of a header (docs/method.md, Reading).
"""

from collections.abc import Callable

from ccnet_pipeline.archive import Record
from ccnet_pipeline.pages.page import Page, record_id


def read_page(record: Record, segment: str, *, min_chars: int, strip: Callable[[str], str] = str.strip) -> Page:
    """Return the page of a `conversion` record; bytes that are not UTF-8 become U+FFFD.

    Args:
        record: a record of type `conversion`.
        segment: the name of its archive; identifies records that have no WARC-Record-ID.
        min_chars: pages with fewer code points after the title (line breaks counted) get the reason `too_short`.
        strip: what takes off the ends of a line; cc_net's by default.
    """
    title, text, is_empty = _split(record.body.decode("utf-8", "replace"), strip)
    headers = record.headers
    return Page(
        id=record_id(headers.get("warc-record-id", ""), segment, record.offset, record.number),
        url=headers.get("warc-target-uri", ""),
        date=headers.get("warc-date", ""),
        digest=headers.get("warc-block-digest", ""),
        offset=record.offset,
        title=title,
        text=text,
        reason="empty" if is_empty else "too_short" if len(text or "") < min_chars else None,
    )


def _split(body: str, strip: Callable[[str], str]) -> tuple[str, str | None, bool]:
    """Return (title, text after it, whether every line is blank)."""
    if "\r" in body:
        body = body.replace("\r\n", "\n").replace("\r", "\n")
    # cc_net takes the two line ends that close a record for text: the first ends the last line, the second is a blank
    # line more. It then removes the last two lines if both are blank, and only then, so that a body without a final
    # line feed keeps one blank paragraph. Blank paragraphs take part in the comparison, so this has to be matched.
    lines = list(map(strip, body.split("\n")))
    lines.append("")
    if not lines[-2]:
        del lines[-2:]
    text = "\n".join(lines[1:]) if len(lines) > 1 else None
    return (lines[0] if lines else ""), text, not any(lines)
