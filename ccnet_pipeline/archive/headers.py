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
_NAME = re.compile(r"[A-Za-z0-9_.-]+")
# The lookbehind keeps a run of blanks from being tried from each of them.
_FOLD = re.compile(r"(?<![ \t\r])[ \t\r]*\n[ \t]+")


class _Names(dict[str, str]):
    """Names of fields in lower case, by how they are spelled; KeyError for what is no name."""

    def __missing__(self, name: str) -> str:
        if _NAME.fullmatch(name):
            return name.lower()
        raise KeyError(name)


# As nearly all writers spell the named fields: WARC 1.1, sections 5.1 to 5.19, and what CommonCrawl adds.
_NAMES = _Names(
    (name, name.lower())
    for name in (
        "WARC-Type",
        "WARC-Record-ID",
        "WARC-Date",
        "Content-Length",
        "Content-Type",
        "WARC-Concurrent-To",
        "WARC-Block-Digest",
        "WARC-Payload-Digest",
        "WARC-IP-Address",
        "WARC-Refers-To",
        "WARC-Refers-To-Target-URI",
        "WARC-Refers-To-Date",
        "WARC-Target-URI",
        "WARC-Truncated",
        "WARC-Warcinfo-ID",
        "WARC-Filename",
        "WARC-Profile",
        "WARC-Identified-Payload-Type",
        "WARC-Identified-Content-Charset",
        "WARC-Identified-Content-Language",
        "WARC-Protocol",
        "WARC-Cipher-Suite",
    )
)
_USUAL_VERSIONS = ("WARC/1.0", "WARC/1.1")


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


def parse_usual_head(head: bytes) -> dict[str, str] | None:
    """Do what `parse_fields` does, faster, for a head as nearly all are: one whole field a line, none twice.

    Args:
        head: version line and fields, up to the first CRLF CRLF.

    Returns:
        The fields; None for any other head, and for what has a blank line or a further version line in it.
    """
    lines = head.decode("utf-8", "replace").split("\r\n")
    if lines[0] not in _USUAL_VERSIONS:
        return None
    del lines[0]
    fields: dict[str, str] = {}
    try:
        for line in lines:
            name, colon, value = line.partition(": ")
            if not colon:
                return None
            fields[_NAMES[name]] = value.strip()
    except KeyError:
        return None
    # As many fields as lines, and no line ends with LF alone.
    return fields if len(fields) == len(lines) == head.count(b"\n") else None


def block_length(fields: dict[str, str]) -> int | None:
    """Give Content-Length in bytes; None where it is absent or no length (WARC 1.1, section 5.3)."""
    digits = fields.get("content-length", "")
    if len(digits) <= _LENGTH_DIGITS and digits.isascii() and digits.isdigit():
        return int(digits)
    return None
