"""The formats of archives that are read, and what tells a record of one of them from other text."""

from __future__ import annotations

from collections.abc import Iterable

from ccnet_pipeline.archive.arc import Arc
from ccnet_pipeline.archive.records import Format
from ccnet_pipeline.archive.warc import Warc

FEW_BYTES, MORE_BYTES = 16, 2 << 10  # of text: what WARC begins with; a line of ARC
_FIRST_LOOK_BYTES = 256

_ARC = Arc()
FORMATS: tuple[Format, ...] = (Warc(), _ARC)


def first_record(text: bytes) -> int:
    """Give where the first line of the first record begins, -1 if there is none; 0 if only line ends are before it."""
    if any(form.first_line.match(text) for form in FORMATS):
        return 0
    return next_record(FORMATS, text, 0)


def next_record(formats: Iterable[Format], text: bytes, at: int) -> int:
    """Give where the first line of a record of any of these formats begins at or behind `at`, -1 if nowhere.

    All look at a little, then at more: where one of them finds a record soon, none goes through all the text.
    """
    size = _FIRST_LOOK_BYTES
    while at < len(text):
        end = min(at + size, len(text))
        found = [place for form in formats if (place := form.later(text, at, end)) >= 0]
        if found:
            return min(found)
        at, size = end, 2 * size
    return -1


def begins_record(text: bytes) -> bool | None:
    """Say whether text begins with a record; None: of an ARC record, if it goes on so, which MORE_BYTES tell."""
    text = text.lstrip(b"\r\n")
    if text[:5].upper() == b"WARC/" or _ARC.first_line.match(text):
        return True
    return None if _ARC.may_begin(text, 0) else False
