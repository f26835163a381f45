"""HTML or XML where a file was asked for: with an error status, or with 200 from a proxy or a login page."""

from __future__ import annotations

import re

SHOWN_CHARACTERS = 80
HEAD_BYTES = 2048
# Gone for good, whatever status it comes with.
MISSING_CODES = ("NoSuchKey", "NoSuchBucket")

_PAGE_TYPES = ("text/html", "application/xhtml+xml", "application/xml", "text/xml")
_TAG = re.compile(r"<[^>]*>?")
_MARK_UP = re.compile(rb"\A(?:\xef\xbb\xbf)?[ \t\r\n]*<")
_OBJECT_SIZE = re.compile(rb"<ActualObjectSize>\s*([0-9]{1,18})\s*</ActualObjectSize>")
_CODE = re.compile(rb"<Code>\s*([A-Za-z0-9._-]{1,80})\s*</Code>")


def is_page(content_type: str, head: bytes) -> bool:
    """Tell whether this is a page: by its type, or as its first bytes are mark-up. No archive or listing begins so."""
    return content_type.partition(";")[0].strip().lower() in _PAGE_TYPES or _MARK_UP.match(head) is not None


def error_code(head: bytes) -> str:
    """Give the code of an S3 error (`<Code>SlowDown</Code>`), or ""."""
    match = _CODE.search(head)
    return match[1].decode() if match else ""


def object_size(head: bytes) -> int | None:
    """Give the length of the object that S3's error InvalidRange (416) states; its headers do not."""
    match = _OBJECT_SIZE.search(head)
    return int(match[1]) if match else None


def excerpt(head: bytes) -> str:
    """Give what a message shows of a page: its S3 error code, else its first characters, on one line."""
    text = " ".join(_TAG.sub(" ", head.decode("utf-8", "replace").lstrip("\ufeff")).split())
    text = "".join(char if char.isprintable() else "\ufffd" for char in text)
    return error_code(head) or text[:SHOWN_CHARACTERS]
