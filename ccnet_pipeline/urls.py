"""A URL in the parts by which hosts and pages are compared.

The scheme may be left out. Hosts are in lower case and in their ASCII form (IDNA 2003), without a final dot. User name
and fragment do not count; `http:` and 80, `https:` and 443 are the same as no port.
"""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import unquote

_URL = re.compile(r"(?:([a-z][a-z0-9+.-]*):)?//([^/?#\\]*)([^#]*)", re.I | re.S)
_AUTHORITY = re.compile(r"(?:.*@)?(\[[^\]]*\]|[^:\[\]]*)(?::([0-9]{0,5}))?", re.S)
# What nearly all of them look like: nothing is to be done about these.
_USUAL = re.compile(r"(https?)://([a-z0-9-]+(?:\.[a-z0-9-]+)+)(/[^#]*)")
_DEFAULT_PORTS = {"http": "80", "https": "443"}


class Url(NamedTuple):
    """See above."""

    scheme: str  # in lower case; "" where it is left out
    host: str
    port: str  # "" if it is that of the scheme
    path: str  # and query, as they are; begins with "/"


def split_url(url: str) -> Url | None:
    """Return the parts of a URL; None where there is no host.

    >>> split_url("HTTP://user@Bücher.example:80/a?b#c")
    Url(scheme='http', host='xn--bcher-kva.example', port='', path='/a?b')
    """
    if usual := _USUAL.fullmatch(url):
        return Url(usual[1], usual[2], "", usual[3])
    match = _URL.match(url)
    authority = _AUTHORITY.fullmatch(match[2]) if match else None
    if match is None or authority is None:
        return None
    scheme, host, port = (match[1] or "").lower(), _normal_host(authority[1]), (authority[2] or "").lstrip("0")
    if not host:
        return None
    path = match[3]
    if not path.startswith("/"):
        path = f"/{path}"
    return Url(scheme, host, "" if _DEFAULT_PORTS.get(scheme) == port else port, path)


def _normal_host(host: str) -> str:
    if "%" in host:
        host = unquote(host)
    host = host.rstrip(".").lower()
    if host.isascii():
        return host
    try:
        return host.encode("idna").decode("ascii").lower()
    except UnicodeError:
        return host
