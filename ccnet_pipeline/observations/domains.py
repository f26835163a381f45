"""What the domains of an archive gave and lost."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from heapq import nsmallest
from itertools import count

import numpy as np
import numpy.typing as npt

from ccnet_pipeline.documents import Document, domain_of
from ccnet_pipeline.observations.published import MOST_HEADER_TEXT
from ccnet_pipeline.pages.stored import Chunk

MOST_IN_ARCHIVE = 500  # that gave most characters, and as many that lost most

Amounts = tuple[int, int, int, int]  # records read and kept, characters read and kept
Numbers = npt.NDArray[np.int64]
_Numbering = defaultdict[str, int]


def _numbering() -> _Numbering:
    """Return the numbers of domains; one that is new gets the next."""
    return defaultdict(count().__next__)


@dataclass(slots=True)
class Domains:
    """Those of one archive."""

    _numbers: _Numbering = field(default_factory=_numbering)
    _of_pages: list[int] = field(default_factory=list)  # the number of each page's domain
    _characters: list[int] = field(default_factory=list)  # of each page, all its paragraphs
    _kept: dict[str, tuple[int, int]] = field(default_factory=dict)  # records, characters
    _last: tuple[int, str] = -1, ""

    def see_pages(self, chunk: Chunk) -> Numbers:
        """Take the pages of a chunk; return the number of each one's domain."""
        domains = [domain_of(chunk.head(number).url)[:MOST_HEADER_TEXT] for number in range(len(chunk))]
        numbers = list(map(self._numbers.__getitem__, domains))
        self._of_pages += numbers
        before = np.concatenate([[0], np.cumsum(chunk.lengths, dtype=np.int64)])
        self._characters += np.diff(before[chunk.bounds]).tolist()
        return np.array(numbers, np.int64)

    @property
    def names(self) -> list[str]:
        """The domains that were met, by number."""
        return list(self._numbers)

    def see_kept(self, document: Document) -> None:
        """Take a document that was kept; those of one page come one after the other."""
        record = document.offset, document.id.removesuffix(f"/{document.language}")
        domain = document.domain[:MOST_HEADER_TEXT]
        records, characters = self._kept.get(domain, (0, 0))
        length = len(document.text) - max(len(document.paragraph_ids) - 1, 0)
        self._kept[domain] = records + (record != self._last), characters + length
        self._last = record

    def found(self) -> dict[str, Amounts]:
        """Return those that gave most, and those that lost most."""
        names = self.names
        of_pages, characters = np.array(self._of_pages, np.int64), np.array(self._characters, np.int64)
        records_read = np.bincount(of_pages, minlength=len(names)).tolist()
        characters_read = np.zeros(len(names), np.int64)
        np.add.at(characters_read, of_pages, characters)
        amounts = {}
        for name, records, read in zip(names, records_read, characters_read.tolist(), strict=True):
            records_kept, kept = self._kept.get(name, (0, 0))
            amounts[name] = records, records_kept, read, kept
        return most_of(amounts, MOST_IN_ARCHIVE)


def add_amounts(some: Amounts, more: Amounts) -> Amounts:
    """Return the sum."""
    return some[0] + more[0], some[1] + more[1], some[2] + more[2], some[3] + more[3]


def most_of(amounts: Mapping[str, Amounts], most: int) -> dict[str, Amounts]:
    """Return so many domains that gave most characters, and so many that lost most; of equals the first by name.

    >>> most_of({"a": (1, 1, 9, 9), "b": (1, 0, 5, 0), "c": (1, 0, 3, 0)}, 1)
    {'a': (1, 1, 9, 9), 'b': (1, 0, 5, 0)}
    """
    gave = nsmallest(most, amounts, key=lambda name: (-amounts[name][3], name))
    lost = nsmallest(most, amounts, key=lambda name: (amounts[name][3] - amounts[name][2], name))
    return {name: amounts[name] for name in dict.fromkeys([*gave, *lost])}
