"""A list of hosts and URLs that are not wanted.

A text file, UTF-8, plain or gzip (told by its first bytes), one entry a line; blank lines and what follows `#` at the
beginning of a line or behind a blank do not count. An entry is

- a host: `example.org` covers itself and its subdomains (`*.example.org` and `.example.org` mean the same);
- the beginning of a URL: `https://example.org/private/`, or without scheme `example.org/private/` or
  `example.org:8080`: covers the URLs of this very host, no subdomain, with a path (and query) that begins so. Without a
  port it covers all ports. The scheme counts neither way. The path is compared as text: `/private` covers `/privateer`.

Compared are hosts, ports and paths as urls.py has them, paths with percent codes decoded.
"""

from __future__ import annotations

import gzip
import re
import zlib
from bisect import bisect_right
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote

from ccnet_pipeline.errors import UserError
from ccnet_pipeline.urls import split_url

Entry = tuple[str, "str | None"]
"""A host, and the beginning of a path there; None: the host as a whole, with its subdomains."""

_COMMENT = re.compile(r"(?:^|\s)#.*")
_HAS_SCHEME = re.compile(r"(?:[a-z][a-z0-9+.-]*:)?//", re.I)
_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_HOST = re.compile(rf"(?=.{{1,253}}\Z)(?:{_LABEL}\.)*{_LABEL}")
_IPV6 = re.compile(r"\[[0-9a-f:.]{2,45}\]")


@dataclass(frozen=True, slots=True)
class Blocklist:
    """Hosts and beginnings of URLs; a look-up takes as many steps as the host has labels."""

    hosts: Container[str] = frozenset()
    # By host, or host:port: sorted, and none begins with another; so only the one before a path can be its beginning.
    paths: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @classmethod
    def load(cls, path: str | Path) -> Blocklist:
        """Read a list.

        Raises:
            UserError: the file cannot be read, or has a line that is no entry.
        """
        return cls.of(load_entries(path))

    @classmethod
    def parse(cls, lines: Iterable[bytes], name: str, option: str = "--blocklist") -> Blocklist:
        """Read the lines of a list; `option` and `name` say in the UserError of a bad one where it stands."""
        return cls.of(parse_lines(lines, f"{option} {name}"))

    @classmethod
    def of(cls, parsed: Iterable[Entry]) -> Blocklist:
        """Return the list of some entries."""
        hosts: set[str] = set()
        paths: dict[str, list[str]] = {}
        for host, beginning in parsed:
            if beginning is None:
                hosts.add(host)
            else:
                paths.setdefault(host, []).append(beginning)
        return cls(frozenset(hosts), {host: _without_covered(given) for host, given in paths.items()})

    def covers(self, url: str) -> bool:
        """Return whether a URL is on the list; what is no URL with a host is not."""
        parsed = place_of(url.strip("<> \t\r\n"))
        if parsed is None:
            return False
        host, port, path = parsed
        if self.paths and (self._begins(host, path) or (port and self._begins(f"{host}:{port}", path))):
            return True
        domain = host
        while domain:
            if domain in self.hosts:
                return True
            domain = domain.partition(".")[2]
        return False

    def _begins(self, host: str, path: str) -> bool:
        beginnings = self.paths.get(host)
        if beginnings is None:
            return False
        before = bisect_right(beginnings, path) - 1
        return before >= 0 and path.startswith(beginnings[before])


def load_entries(path: str | Path, option: str = "--blocklist") -> Iterator[Entry]:
    """Yield the entries of a file, as `parse_entry` returns them.

    Raises:
        UserError: the file cannot be read, or has a line that is no entry.
    """
    try:
        with Path(path).open("rb") as plain:
            is_gzip = plain.read(2) == b"\x1f\x8b"
        with gzip.open(path) if is_gzip else Path(path).open("rb") as stream:
            yield from parse_lines(stream, f"{option} {path}")
    except (OSError, EOFError, zlib.error) as error:
        raise UserError(f"{option} {path} cannot be read: {error}") from error


def parse_lines(lines: Iterable[bytes], name: str) -> Iterator[Entry]:
    """Yield the entries of some lines, as `parse_entry` returns them; `name` says in a UserError where one stands."""
    for number, entry in entries(lines, name):
        parsed = parse_entry(entry)
        if parsed is None:
            raise UserError(f"{name}, line {number}: neither a host nor a URL: {entry[:80]!r}")
        yield parsed


def entries(lines: Iterable[bytes], name: str) -> Iterator[tuple[int, str]]:
    """Yield the entries of a list, each with the number of its line; `name` says in a UserError where it stands."""
    for number, line in enumerate(lines, 1):
        try:
            entry = _COMMENT.sub("", line.decode("utf-8-sig" if number == 1 else "utf-8")).strip()
        except UnicodeDecodeError as error:
            raise UserError(f"{name}, line {number}: not UTF-8 ({error.reason})") from error
        if entry:
            yield number, entry


def _without_covered(beginnings: list[str]) -> list[str]:
    kept: list[str] = []
    for beginning in sorted(beginnings):
        if not kept or not beginning.startswith(kept[-1]):
            kept.append(beginning)
    return kept


def parse_entry(entry: str) -> Entry | None:
    """Return (host, beginning of the path; None for the host as a whole), or None for what is no entry."""
    has_scheme = "//" in entry.partition("?")[0] and _HAS_SCHEME.match(entry) is not None
    parsed = place_of(entry if has_scheme else f"//{entry.removeprefix('*').removeprefix('.')}")
    if parsed is None or any(character.isspace() for character in entry):
        return None
    host, port, path = parsed
    if not _HOST.fullmatch(host) and not _IPV6.fullmatch(host):
        return None
    if not has_scheme and not port and "/" not in entry and "?" not in entry:
        return host, None
    return (f"{host}:{port}" if port else host), path


def place_of(url: str) -> tuple[str, str, str] | None:
    """Return (host, port, path and query), as they are compared; None where there is no host."""
    parts = split_url(url)
    if parts is None:
        return None
    return parts.host, parts.port, unquote(parts.path) if "%" in parts.path else parts.path
