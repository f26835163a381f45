"""What is asked to be taken out of a corpus: a list of pages, of digests, or of hosts."""

import gzip
import hashlib
import re
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal, get_args

import msgspec

from ccnet_pipeline import storage
from ccnet_pipeline.blocklist import Blocklist, entries, parse_lines, place_of
from ccnet_pipeline.errors import UserError

Kind = Literal["urls", "digests", "hosts"]
_HAS_SCHEME = re.compile(r"(?:[a-z][a-z0-9+.-]*:)?//", re.IGNORECASE)
KINDS: tuple[Kind, ...] = get_args(Kind)


class Signs(msgspec.Struct):
    """What of a document tells whether it is meant."""

    url: str
    digest: str


@dataclass(frozen=True, slots=True)
class Asked:
    """A list, and what it means."""

    kind: Kind
    name: str  # of the file
    sha256: str  # of the file
    entries: frozenset[str]  # as they are compared

    def matcher(self) -> Callable[[Signs], bool]:
        """Return what tells whether a document is meant."""
        wanted = self.entries
        if self.kind == "digests":
            return lambda signs: _digest(signs.digest) in wanted
        if self.kind == "urls":
            return lambda signs: _page(signs.url.strip("<> \t\r\n")) in wanted
        hosts = Blocklist(hosts=wanted)
        return lambda signs: hosts.covers(signs.url)


def read_list(kind: Kind, path: str) -> Asked:
    """Return what a list asks for: text or gzip, an entry a line, with comments as in a --blocklist.

    urls      pages: the same host, port, path and query; the scheme, a user name and the fragment do not count
    digests   WARC-Block-Digest, with or without the name of the algorithm
    hosts     each with its subdomains

    Raises:
        UserError: it cannot be read, has a line that is no such thing, or nothing.
    """
    option = f"--{kind}"
    try:
        data = storage.read(path)
        lines = (gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data).split(b"\n")
    except (OSError, EOFError, zlib.error) as error:
        why = getattr(error, "strerror", None) or error
        raise UserError(f"{option} {path} cannot be read: {why}") from error
    found = _hosts(lines, path, option) if kind == "hosts" else _compared(kind, lines, path, option)
    if not found:
        raise UserError(f"{option} {path} is empty: it should have an entry a line")
    return Asked(kind, path.rpartition("/")[2], hashlib.sha256(data).hexdigest(), frozenset(found))


def _hosts(lines: Iterable[bytes], path: str, option: str) -> frozenset[str]:
    found = set(parse_lines(lines, f"{option} {path}"))
    if with_more := [host for host, beginning in found if beginning is not None]:
        raise UserError(f"{option} {path}: an entry of {min(with_more)} is more than a host; --urls takes pages")
    return frozenset(host for host, _ in found)


def _compared(kind: Kind, lines: Iterable[bytes], path: str, option: str) -> set[str]:
    found = set()
    for number, entry in entries(lines, f"{option} {path}"):
        compared = _digest(entry) if kind == "digests" else _page(entry if _HAS_SCHEME.match(entry) else f"//{entry}")
        if not compared or any(character.isspace() for character in entry):
            what = "a digest" if kind == "digests" else "a URL"
            raise UserError(f"{option} {path}, line {number}: not {what}: {entry[:80]!r}")
        found.add(compared)
    return found


def _digest(text: str) -> str:
    return text.rpartition(":")[2].upper()


def _page(url: str) -> str:
    place = place_of(url)
    return " ".join(place) if place else ""
