"""Which service disallows what, as bytes that many processes can share, and the question about a URL.

The bytes: 64 that say what they are, in text; then numbers, little-endian:

    how many services, how many rule sets       2 x uint64
    services, sorted                            uint64 each, `service_of`
    where the text of each rule set begins, and where the last one ends   uint64 each
    of each service the number of its rule set  uint32 each
    the texts of the rule sets (robots_txt.py)

So a service takes 12 bytes, and its rules, which most share with others, are there once. A service is known by 64 bits:
among n of them, a page of another is taken for one of theirs with probability n / 2^63 (10 million: 10^-12).
"""

from __future__ import annotations

import functools
import hashlib
import importlib.metadata
import re
from bisect import bisect_left
from collections.abc import Callable, Sequence
from itertools import accumulate

import numpy as np
import numpy.typing as npt
from protego import Protego

from ccnet_pipeline.urls import Url, split_url

_TITLE_BYTES = 64
# Matchers kept for the next page of the same rules: of those with short texts, and of the few with long ones. A matcher
# takes up to 50 times its text.
_MAX_SHORT, _MAX_LONG = 1024, 16
_LONG_BYTES = 8 << 10
# Characters that mean only themselves, in a rule and in a path, whatever is done about percent codes.
_LITERALS = r"/[A-Za-z0-9_.~/=&?,;:+!@()'-]*"
_LITERAL = re.compile(_LITERALS)
# What a path begins with, as it is, that a rule disallows; "" where nothing is sure.
_DISALLOWED = re.compile(rf"^-({_LITERALS})?", re.M)
_SCHEMES = ("http", "https")


def service_of(url: Url) -> int | None:
    """Return a number of 64 bits for (scheme, host, port); None for another scheme.

    With the last bit changed, it is the number of the same host and port under the other scheme.
    """
    if url.scheme not in _SCHEMES:
        return None
    name = hashlib.blake2b(f"{url.host}:{url.port}".encode("utf-8", "replace"), digest_size=8).digest()
    return int.from_bytes(name, "little") & ~1 | _SCHEMES.index(url.scheme)


def pack(services: npt.NDArray[np.uint64], numbers: npt.NDArray[np.uint32], texts: Sequence[bytes]) -> bytes:
    """Return a table of services, sorted, with the number of the text of each one's rules."""
    title = f"robots.txt rules 1, protego {importlib.metadata.version('protego')}\n".encode()
    begins = np.cumsum([0, *map(len, texts)])
    return b"".join(
        [
            title.ljust(_TITLE_BYTES, b"\0"),
            np.array([len(services), len(texts)], "<u8").tobytes(),
            services.astype("<u8").tobytes(),
            begins.astype("<u8").tobytes(),
            numbers.astype("<u4").tobytes(),
            *texts,
        ]
    )


class RobotsTable:
    """Says whether a URL is disallowed."""

    def __init__(self, packed: memoryview) -> None:
        """Take what `pack` gave; nothing is copied."""
        num_services, num_texts = packed[_TITLE_BYTES : _TITLE_BYTES + 16].cast("Q")
        sizes = (_TITLE_BYTES + 16, 8 * num_services, 8 * (num_texts + 1), 4 * num_services)
        begin, begins, numbers, texts = accumulate(sizes)
        self._services = packed[begin:begins].cast("Q")
        self._begins = packed[begins:numbers].cast("Q")
        self._numbers = packed[numbers:texts].cast("I")
        self._texts = packed[texts:]
        self._short = functools.lru_cache(_MAX_SHORT)(self._make_matcher)
        self._long = functools.lru_cache(_MAX_LONG)(self._make_matcher)

    def __len__(self) -> int:
        """How many services disallow anything."""
        return len(self._services)

    def disallows(self, url: str) -> bool:
        """Return whether a URL may not be fetched; what is no URL of HTTP may."""
        parts = split_url(url.strip("<> \t\r\n"))
        service = service_of(parts) if parts else None
        if parts is None or service is None:
            return False
        at = bisect_left(self._services, service)
        if at == len(self._services) or self._services[at] != service:
            return False
        number = self._numbers[at]
        begin, end = self._begins[number], self._begins[number + 1]
        kept = self._short if end - begin < _LONG_BYTES else self._long
        return kept(begin, end)(parts.path)

    def _make_matcher(self, begin: int, end: int) -> Callable[[str], bool]:
        return matcher(bytes(self._texts[begin:end]).decode("ascii"))


def matcher(text: str) -> Callable[[str], bool]:
    """Return the function that says of a path whether rules disallow it.

    Few pages that were crawled begin as a rule that disallows does. Only for these are the rules parsed.
    """
    beginnings = tuple(_DISALLOWED.findall(text))

    @functools.cache
    def parsed() -> Protego:
        lines = (("disallow: " if rule[0] == "-" else "allow: ") + rule[1:] for rule in text.split("\n"))
        return Protego.parse("user-agent: *\n" + "\n".join(lines))

    def disallows(path: str) -> bool:
        if not path.startswith(beginnings):
            literal = _LITERAL.match(path)
            begin = literal[0] if literal else ""
            if begin == path or not any(beginning.startswith(begin) for beginning in beginnings):
                return False
        return not parsed().can_fetch(f"http://host{path}", "*")

    return disallows
