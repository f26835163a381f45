"""The Content-Range header (RFC 9110, section 14.4)."""

from __future__ import annotations

import re
from typing import NamedTuple

_LENGTH = "[0-9]{1,18}"
_CONTENT_RANGE = re.compile(rf"bytes[ \t]+(?:({_LENGTH})-({_LENGTH})|\*)/({_LENGTH}|\*)", re.IGNORECASE)


class ContentRange(NamedTuple):
    """Which bytes an answer holds, or that there are none."""

    start: int | None  # None: unsatisfied range (416)
    stop: int | None  # behind the last byte
    total: int | None  # length of the object, if the server knows it


def content_range(value: str | None) -> ContentRange | None:
    """Parse the header; None where it is absent or cannot be read.

    >>> content_range("bytes 0-99/1234")
    ContentRange(start=0, stop=100, total=1234)
    >>> content_range("bytes */1234")
    ContentRange(start=None, stop=None, total=1234)
    """
    match = _CONTENT_RANGE.fullmatch((value or "").strip())
    if match is None:
        return None
    first, last, total = match.groups()
    start, stop = (int(first), int(last) + 1) if first else (None, None)
    return ContentRange(start, stop, None if total == "*" else int(total))


def content_length(value: str | None) -> int | None:
    """Parse a Content-Length; None where it is absent or cannot be read."""
    digits = (value or "").strip()
    return int(digits) if re.fullmatch(_LENGTH, digits) else None
