"""The formats of archives that are read, and what tells a record of one of them from other text."""

from __future__ import annotations

from collections.abc import Iterable

from ccnet_pipeline.archive.arc import Arc
from ccnet_pipeline.archive.records import Format
from ccnet_pipeline.archive.warc import Warc

FEW_BYTES, MORE_BYTES = 16, 2 << 10  # of text: what WARC begins with; a line of ARC

_ARC = Arc()
FORMATS: tuple[Format, ...] = (Warc(), _ARC)


def first_record(text: bytes) -> int:
    """Give where the first line of the first record begins, -1 if there is none; 0 if only line ends are before it."""
    if any(form.first_line.match(text) for form in FORMATS):
        return 0
    return next_record(FORMATS, text, 0)


def next_record(formats: Iterable[Format], text: bytes, at: int) -> int:
    """Give where the first line of a record of any of these formats begins at or behind `at`, -1 if nowhere."""
    found = -1
    for form in formats:
        place = form.later(text, at, len(text) if found < 0 else found)
        found = place if place >= 0 else found
    return found


def begins_record(text: bytes) -> bool | None:
    """Say whether text begins with a record; None: of an ARC record, if it goes on so, which MORE_BYTES tell."""
    text = text.lstrip(b"\r\n")
    if text[:5].upper() == b"WARC/" or _ARC.first_line.match(text):
        return True
    return None if _ARC.may_begin(text, 0) else False
