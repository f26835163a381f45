"""One header block -> its fields (WARC 1.1, section 4: named fields; the lines of RFC 822, UTF-8).

Looser than the standard where archives are: lines end with CRLF or LF; blanks around name and value do not
count; a line without a colon is passed over. Of a field given twice the first counts (the standard allows
it for WARC-Concurrent-To only). A value may go on in a line that begins with a blank or a tab. Bytes that
are not UTF-8 become U+FFFD.
"""

from __future__ import annotations

import re

# Content-Length of 13 digits is 10 TB: more is no length but a damaged line.
_LENGTH_DIGITS = 13
_FOLD = re.compile(r"[ \t\r]*\n[ \t]+")
_VALUE = r"(?=\S)(.*\S)"


def _layout(*names: str) -> tuple[re.Pattern[str], tuple[str, ...]]:
    values = {"WARC-Type": "(conversion)", "Content-Length": f"([0-9]{{1,{_LENGTH_DIGITS}}})"}
    lines = [r"WARC/1\.[01]", *(f"{name}: {values.get(name, _VALUE)}" for name in names)]
    return re.compile(r"\r\n".join(lines) + r"\Z"), tuple(name.lower() for name in names)


_IDENTITY = (
    "WARC-Type",
    "WARC-Target-URI",
    "WARC-Date",
    "WARC-Record-ID",
    "WARC-Refers-To",
    "WARC-Block-Digest",
)
_LANGUAGE = "WARC-Identified-Content-Language"
# The header blocks of CommonCrawl's WET files: to 2020, then, and of 2024.
_WET_LAYOUTS = (
    _layout(*_IDENTITY, "Content-Type", "Content-Length"),
    _layout(*_IDENTITY, _LANGUAGE, "Content-Type", "Content-Length"),
    _layout(*_IDENTITY, _LANGUAGE, "Content-Type", "Content-Length", "WARC-Payload-Digest"),
)


def parse_fields(block: bytes) -> dict[str, str]:
    r"""Give the fields of a header block, without version line and blank line; names in lower case.

    >>> parse_fields(b"WARC-Type: conversion\r\ncontent-length :\n 12\n")
    {'warc-type': 'conversion', 'content-length': '12'}
    """
    text = block.decode("utf-8", "replace")
    if "\n " in text or "\n\t" in text:
        text = _FOLD.sub(" ", text)
    fields: dict[str, str] = {}
    for line in text.split("\n"):
        name, colon, value = line.partition(":")
        if colon:
            fields.setdefault(name.strip().lower(), value.strip())
    return fields


def parse_wet_fields(head: bytes) -> dict[str, str] | None:
    """Do what `parse_fields` does, at half the cost, for a conversion as CommonCrawl writes it.

    Args:
        head: version line and fields, without the last line end and the blank line.

    Returns:
        The fields, with a Content-Length that is a number; None for any other header block.
    """
    text = head.decode("utf-8", "replace")
    for pattern, names in _WET_LAYOUTS:
        if match := pattern.match(text):
            return dict(zip(names, match.groups(), strict=True))
    return None


def block_length(fields: dict[str, str]) -> int | None:
    """Give Content-Length in bytes; None where it is absent or no length (WARC 1.1, section 5.3)."""
    digits = fields.get("content-length", "")
    if len(digits) <= _LENGTH_DIGITS and digits.isascii() and digits.isdigit():
        return int(digits)
    return None
