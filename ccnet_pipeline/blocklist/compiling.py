"""All lists that were given become one table."""

import difflib
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from ccnet_pipeline.blocklist.entries import Blocklist, Entry, load_entries, parse_entry
from ccnet_pipeline.blocklist.table import pack
from ccnet_pipeline.blocklist.ut1 import Categories, categories_of
from ccnet_pipeline.errors import UserError

_OPTION = "--blocklist"
_CATEGORIES = "--blocklist_categories"
_USUAL_HOST = re.compile(rb"(?:[a-z0-9][a-z0-9-]{0,62}\.)+[a-z]{2,24}\n?", re.ASCII)
_MOST_NAMED = 8


@dataclass(frozen=True, slots=True)
class Compiled:
    """What all lists say."""

    packed: bytes  # for `BlocklistTable`
    sha256: str
    num_hosts: int
    num_urls: int  # beginnings
    num_no_entries: int  # lines of lists by categories that are neither a host nor a URL

    def remarks(self) -> Iterator[str]:
        """Give a line about what is on the lists."""
        passed_over = f"; {self.num_no_entries:,} lines are neither, and passed over" if self.num_no_entries else ""
        yield f"{_OPTION}: {self.num_hosts:,} hosts and {self.num_urls:,} beginnings of URLs{passed_over}"


def compile_lists(paths: Sequence[Path], categories: Collection[str]) -> Compiled:
    """Read lists of one's own, and those by categories.

    Args:
        paths: files with an entry a line, folders of categories, archives of these.
        categories: those that count; none: the only one that there is.

    Raises:
        UserError: one cannot be read, has a line that is no entry, or not the categories.
    """
    lists = _Lists()
    named = set(categories)
    found = {path: categories_of(path) for path in paths}
    _check(named, [each for each in found.values() if each])
    for path, by_category in found.items():
        if by_category is None:
            lists.add(load_entries(path))
            continue
        for category in by_category.files if named else [_only(by_category)]:
            if not named or category in named:
                lists.add_lines(by_category.lines(category))
    return lists.compiled()


def _check(named: set[str], found: Sequence[Categories]) -> None:
    """See that every category that is named is there."""
    there = sorted({name for each in found for name in each.files})
    for name in sorted(named - set(there)):
        near = difflib.get_close_matches(name, there, n=1)
        hint = f"did you mean {near[0]}?" if near else f"there are {_listed(there)}" if there else "there are none"
        raise UserError(f"{_CATEGORIES}: no {_OPTION} has a category {name}; {hint}")


def _only(found: Categories) -> str:
    """Return the only category; of several, some are no reason to leave a page out (press, bank, sports)."""
    if len(found.files) > 1:
        raise UserError(
            f"{_OPTION} {found.path} has the categories {_listed(sorted(found.files))}; name some with {_CATEGORIES}"
        )
    return next(iter(found.files))


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:_MOST_NAMED]) + ", ..." * (len(names) > _MOST_NAMED)


class _Lists:
    """Entries of several lists."""

    def __init__(self) -> None:
        self._entries = set[Entry]()
        self._num_no_entries = 0

    def add(self, found: Iterable[Entry]) -> None:
        self._entries.update(found)

    def add_lines(self, lines: Iterable[tuple[str, bytes]]) -> None:
        """Take the lines of categories. Other people keep them, so what makes no sense is no mistake of the user's."""
        for kind, line in lines:
            if kind == "domains" and _USUAL_HOST.fullmatch(line):
                self._entries.add((line.rstrip().decode(), None))
                continue
            entry = line.decode("utf-8", "replace").strip()
            if not entry or entry.startswith("#"):
                continue
            parsed = None if "\ufffd" in entry else parse_entry(entry)
            if parsed is None:
                self._num_no_entries += 1
            elif kind == "domains":
                self._entries.add((parsed[0], None))
            else:
                name = parsed[0].removeprefix("www.")
                self._entries |= {(host, parsed[1] or "/") for host in (name, f"www.{name}")}

    def compiled(self) -> Compiled:
        blocklist = Blocklist.of(self._entries)
        hosts = [host for host, beginning in self._entries if beginning is None]
        packed = pack(hosts, blocklist.paths)
        num_urls = sum(map(len, blocklist.paths.values()))
        return Compiled(packed, sha256(packed).hexdigest(), len(hosts), num_urls, self._num_no_entries)
