"""Archives of robots.txt files -> a table. Neither their order nor where they lie changes a byte of it.

While it is compiled, a capture takes about 100 bytes, and the rules of all captures are kept once each.
"""

from __future__ import annotations

import hashlib
import re
from array import array
from collections.abc import Iterable
from dataclasses import dataclass, field
from urllib.parse import urljoin

import numpy as np
import numpy.typing as npt

from ccnet_pipeline.archive import Record, read_archive
from ccnet_pipeline.errors import FetchError, UserError
from ccnet_pipeline.fetch import FetchPolicy, open_archive, shown
from ccnet_pipeline.ledger import DamageTally
from ccnet_pipeline.robots.robots_txt import MAX_BYTES, rules_of
from ccnet_pipeline.robots.table import pack, service_of
from ccnet_pipeline.urls import split_url
from ccnet_pipeline.web.http import Response, parse_response
from ccnet_pipeline.web.payload import payload_of

_MAX_HOPS = 5
_NOT_DIGITS = re.compile(r"\D+")
_DATE_DIGITS = 19  # of 64 bits: to the second, and 5 digits of its fraction

Numbers = npt.NDArray[np.uint64]


@dataclass(frozen=True, slots=True)
class Compiled:
    """What came of archives."""

    packed: bytes  # of table.py
    damage: DamageTally  # of all archives

    @property
    def sha256(self) -> str:
        """What of them decides about pages."""
        return hashlib.sha256(self.packed).hexdigest()


def compile_archives(paths: Iterable[str], policy: FetchPolicy) -> Compiled:
    """Read archives, local or remote, and return the table of what they disallow.

    Raises:
        UserError: one cannot be read, or holds no robots.txt.
    """
    captures, damage = _Captures(), DamageTally()
    for path in paths:
        before = captures.seen
        try:
            with open_archive(path, policy) as stream:
                for item in read_archive(stream):
                    if isinstance(item, Record):
                        captures.add(item)
                    else:
                        damage.count(item.reason, item.size, item.members)
        except OSError as error:
            raise UserError(f"--robots {shown(path)} cannot be read: {error.strerror or error}") from error
        except FetchError as error:
            raise UserError(f"--robots {error}") from error
        if captures.seen == before:
            remedy = "give archives of them, such as CommonCrawl's robotstxt/*.warc.gz"
            raise UserError(f"--robots {shown(path)} holds no robots.txt: {remedy}")
    return Compiled(captures.table(), damage)


@dataclass(slots=True)
class _Rows:
    """What services said when."""

    services: array[int] = field(default_factory=lambda: array("Q"))
    dates: array[int] = field(default_factory=lambda: array("Q"))
    values: array[int] = field(default_factory=lambda: array("Q"))

    def add(self, service: int, date: int, value: int) -> None:
        self.services.append(service)
        self.dates.append(date)
        self.values.append(value)

    def latest(self, ranks: Numbers | None = None) -> tuple[Numbers, Numbers, Numbers]:
        """Return the last date and value of each service, sorted; at the same time the greatest value."""
        services, dates, values = (np.frombuffer(each, np.uint64) for each in (self.services, self.dates, self.values))
        if ranks is not None:
            values = ranks[values]
        order = np.lexsort((values, dates, services))
        in_order = services[order]
        last = order[np.append(in_order[1:] != in_order[:-1], True)[: len(order)]]
        return services[last], dates[last], values[last]


@dataclass(slots=True)
class _Captures:
    """The robots.txt files that were read."""

    seen: int = 0
    _rules: _Rows = field(default_factory=_Rows)  # value: the number of the rules
    _redirects: _Rows = field(default_factory=_Rows)  # value: the service that is pointed to
    _numbers: dict[bytes, int] = field(default_factory=lambda: {b"": 0})  # of rules, by first appearance

    def add(self, record: Record) -> None:
        """Take the record of a robots.txt file; any other is passed over."""
        uri = record.headers.get("warc-target-uri", "").strip("<> \t\r\n")
        service = _service_of_file(uri) if record.type == "response" else None
        if service is None:
            return
        self.seen += 1
        response = None if record.oversized else parse_response(record.body)
        if response is None:
            return
        date = int(_NOT_DIGITS.sub("", record.headers.get("warc-date", ""))[:_DATE_DIGITS].ljust(_DATE_DIGITS, "0"))
        if 300 <= response.status < 400:
            target = _target(uri, response.fields.get("location", [""])[-1])
            if target is not None:
                self._redirects.add(service, date, target)
            return
        rules = _rules_of(response)
        if rules is not None:
            self._rules.add(service, date, self._numbers.setdefault(rules, len(self._numbers)))

    def table(self) -> bytes:
        """Return the table, packed."""
        texts = sorted(self._numbers)
        ranks = np.empty(len(texts), np.uint64)
        ranks[[self._numbers[text] for text in texts]] = np.arange(len(texts), dtype=np.uint64)
        services, rules = _disallowing(*_redirected(self._rules.latest(ranks), self._redirects.latest()))
        used, numbers = np.unique(rules, return_inverse=True)
        return pack(services, numbers.astype(np.uint32), [texts[rank] for rank in used])


def _service_of_file(uri: str) -> int | None:
    """Return the service that a robots.txt file is of; None for any other URL."""
    url = split_url(uri)
    return service_of(url) if url and url.path == "/robots.txt" else None


def _target(uri: str, location: str) -> int | None:
    """Return the service whose robots.txt file a redirect leads to; None if it leads anywhere else."""
    try:
        return _service_of_file(urljoin(uri, location))
    except ValueError:  # what is no URL, such as one with half a bracket
        return None


def _rules_of(response: Response) -> bytes | None:
    """Return the rules of a file, or None if it says nothing."""
    if 400 <= response.status < 500 and response.status != 429:
        return b""
    if not 200 <= response.status < 300:
        return None
    # Far more than is looked at, for a file may be longer.
    payload = payload_of(response, 32 * MAX_BYTES)
    return None if payload.reason else rules_of(payload.body)


def _redirected(
    said: tuple[Numbers, Numbers, Numbers], redirects: tuple[Numbers, Numbers, Numbers]
) -> tuple[Numbers, Numbers]:
    """Return services, sorted, and the rules of each: its own, or those it points to."""
    services, dates, rules = said
    sources, since, targets = redirects
    if not len(services):
        return services, rules
    at, found = _places(services, sources)
    current = ~found | (since >= dates[at])
    sources, targets = sources[current], targets[current]
    ends = targets
    for _ in range(_MAX_HOPS - 1):
        at, found = _places(sources, ends)
        ends = np.where(found, targets[at], ends)
    at, found = _places(services, ends)
    services, first = np.unique(np.append(sources[found], services), return_index=True)
    return services, np.append(rules[at[found]], rules)[first]


def _disallowing(services: Numbers, rules: Numbers) -> tuple[Numbers, Numbers]:
    """Return those that disallow something, sorted, each under its other scheme, too, if nothing is known of that."""
    if not len(services):
        return services, rules
    some = rules > 0
    ours, rules = services[some], rules[some]
    others = ours ^ np.uint64(1)
    _, known = _places(services, others)
    both = np.append(ours, others[~known])
    order = np.argsort(both)
    return both[order], np.append(rules, rules[~known])[order]


def _places(services: Numbers, wanted: Numbers) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.bool_]]:
    """Return where each wanted one is among sorted services, and whether it is there; else the place means nothing."""
    at = np.minimum(np.searchsorted(services, wanted), len(services) - 1)
    return at, services[at] == wanted
