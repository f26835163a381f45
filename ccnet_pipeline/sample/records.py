"""WARC records as CommonCrawl writes them (WET of 2021 and later, WARC), each a gzip member of its own.

Layout: https://iipc.github.io/warc-specifications/specifications/warc-format/warc-1.1/ ; the order and the
names of the header fields are those of the public crawls.
"""

import base64
import hashlib
import time
import zlib
from dataclasses import dataclass
from email.utils import formatdate

CRLF = b"\r\n"


@dataclass(frozen=True)
class Exchange:
    """What a crawler saw for one address: status line, media type, further header lines, body."""

    url: str
    status: str
    content_type: str
    body: bytes
    further: tuple[str, ...] = ()


@dataclass(frozen=True)
class Identity:
    """The ids and the time of one page: WET and WARC records of the same page refer to each other by them."""

    conversion: str
    response: str
    request: str
    seconds: int


def timestamp(seconds: int) -> str:
    """Seconds since 1970 as a WARC-Date (ISO 8601, UTC)."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def http_date(seconds: int) -> str:
    """Seconds since 1970 as HTTP writes dates; the names do not follow the locale."""
    return formatdate(seconds, usegmt=True)


def digest(block: bytes) -> str:
    """The value of WARC-Block-Digest: SHA-1 in base 32."""
    return "sha1:" + base64.b32encode(hashlib.sha1(block).digest()).decode("ascii")


def member(content: bytes) -> bytes:
    """One gzip member without a time stamp or a file name, so that the bytes are the same at every build."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    return packer.compress(content) + packer.flush()


def record(fields: list[tuple[str, str]], block: bytes) -> bytes:
    """One WARC record, not compressed; Content-Length is added last, as CommonCrawl does."""
    lines = ["WARC/1.0", *(f"{name}: {value}" for name, value in fields), f"Content-Length: {len(block)}"]
    return "\r\n".join(lines).encode("utf-8") + CRLF + CRLF + block + CRLF + CRLF


def warcinfo(filename: str, record_id: str, seconds: int, lines: list[str]) -> bytes:
    """The record at the head of an archive."""
    fields = [
        ("WARC-Type", "warcinfo"),
        ("WARC-Date", timestamp(seconds)),
        ("WARC-Filename", filename),
        ("WARC-Record-ID", record_id),
        ("Content-Type", "application/warc-fields"),
    ]
    return record(fields, "".join(line + "\r\n" for line in lines).encode("utf-8") + CRLF)


def conversion(url: str, identity: Identity, languages: str, text: bytes) -> bytes:
    """A page's record in a WET file; `languages` are ISO 639-3 codes with commas, or empty."""
    fields = [
        ("WARC-Type", "conversion"),
        ("WARC-Target-URI", url),
        ("WARC-Date", timestamp(identity.seconds)),
        ("WARC-Record-ID", identity.conversion),
        ("WARC-Refers-To", identity.response),
        ("WARC-Block-Digest", digest(text)),
    ]
    if languages:
        fields.append(("WARC-Identified-Content-Language", languages))
    return record([*fields, ("Content-Type", "text/plain")], text)


def request(url: str, identity: Identity, info_id: str, address: str) -> bytes:
    """The request record that stands before a response in a WARC file."""
    host, _, path = url.split("://", 1)[1].partition("/")
    lines = [
        f"GET /{path} HTTP/1.1",
        "User-Agent: CCBot/2.0 (https://commoncrawl.org/faq/)",
        "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
        "Accept-Language: en-US,en;q=0.5",
        f"Host: {host}",
        "Connection: Keep-Alive",
    ]
    fields = [
        ("WARC-Type", "request"),
        ("WARC-Date", timestamp(identity.seconds)),
        ("WARC-Record-ID", identity.request),
        ("Content-Type", "application/http; msgtype=request"),
        ("WARC-Warcinfo-ID", info_id),
        ("WARC-IP-Address", address),
        ("WARC-Target-URI", url),
    ]
    return record(fields, ("\r\n".join(lines) + "\r\n\r\n").encode("utf-8"))


def response(seen: Exchange, identity: Identity, info_id: str, address: str) -> bytes:
    """The response record: HTTP header and body, with both digests."""
    lines = [
        f"HTTP/1.1 {seen.status}",
        f"Date: {http_date(identity.seconds)}",
        f"Content-Type: {seen.content_type}",
        *seen.further,
        f"Content-Length: {len(seen.body)}",
    ]
    block = ("\r\n".join(lines) + "\r\n\r\n").encode("utf-8") + seen.body
    fields = [
        ("WARC-Type", "response"),
        ("WARC-Date", timestamp(identity.seconds)),
        ("WARC-Record-ID", identity.response),
        ("Content-Type", "application/http; msgtype=response"),
        ("WARC-Warcinfo-ID", info_id),
        ("WARC-Concurrent-To", identity.request),
        ("WARC-IP-Address", address),
        ("WARC-Target-URI", seen.url),
        ("WARC-Payload-Digest", digest(seen.body)),
        ("WARC-Block-Digest", digest(block)),
        ("WARC-Identified-Payload-Type", seen.content_type.split(";")[0]),
    ]
    return record(fields, block)
