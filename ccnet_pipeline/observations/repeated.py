"""The paragraphs of an archive that stood in most of its records: found by the table of stage 1, read as they come.

The table has an index for each paragraph (`SegmentHashes.paragraphs`), so counting takes no text. Of what was counted
most, text is read where it is met first, and pages are looked up, which tell the domains.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from heapq import nsmallest
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ccnet_pipeline.dedup.duplicates import indices, is_repeated
from ccnet_pipeline.dedup.hashing import paragraph_hashes
from ccnet_pipeline.observations.published import MOST_PARAGRAPH_DOMAINS, MOST_PARAGRAPH_TEXT
from ccnet_pipeline.pages.stored import Chunk

MOST_IN_ARCHIVE = 200


class Repeated(NamedTuple):
    """A paragraph as it is noted. Its key is the hash of what pages have: that one tells what is the same."""

    text: str  # as documents have it, its beginning
    hash: int  # of the whole, as documents have it: of what is masked, where that is wanted
    records: int
    archives: int
    domains: tuple[str, ...]  # on which it stood, the first MOST_PARAGRAPH_DOMAINS by name
    more_domains: bool  # than these

    def __or__(self, later: "Repeated") -> "Repeated":
        """Return what was noted of it in these archives and in later ones."""
        domains, more = first_domains([*self.domains, *later.domains])
        return self._replace(
            records=self.records + later.records,
            archives=self.archives + later.archives,
            domains=domains,
            more_domains=more or self.more_domains or later.more_domains,
        )


def first_domains(names: Iterable[str]) -> tuple[tuple[str, ...], bool]:
    """Return the first by name, and whether there are more."""
    found = nsmallest(MOST_PARAGRAPH_DOMAINS + 1, set(names))
    return tuple(found[:MOST_PARAGRAPH_DOMAINS]), len(found) > MOST_PARAGRAPH_DOMAINS


@dataclass(slots=True)
class RepeatedParagraphs:
    """Those of one archive. Its chunks are seen in order."""

    table: npt.NDArray[np.uint32]  # `SegmentHashes.paragraphs`
    mask: Callable[[str], str] = str  # what becomes of a text before it is noted
    _records: npt.NDArray[np.int64] = field(init=False)  # of each of the most frequent, these first
    _at: npt.NDArray[np.int64] = field(init=False)  # where one of them stands in the table, ascending
    _which: npt.NDArray[np.int64] = field(init=False)  # which of them it is
    _begin: int = 0  # where in the table the next chunk begins
    _texts: dict[int, str] = field(default_factory=dict)
    _domain: npt.NDArray[np.int32] = field(init=False)  # the number of the domain on which it stands there

    def __post_init__(self) -> None:
        of_paragraphs = indices(self.table)
        records = np.bincount(of_paragraphs[~is_repeated(self.table)])
        most = _most_frequent(records)
        self._records = records[most]
        which = np.full(len(records), -1, np.int64)
        which[most] = np.arange(len(most))
        found = which[of_paragraphs]
        self._at = np.flatnonzero(found >= 0)
        self._which = found[self._at]
        self._domain = np.zeros(len(self._at), np.int32)

    def see(self, chunk: Chunk, domains: npt.NDArray[np.int64]) -> None:
        """Take a chunk, and the number of the domain of each of its pages."""
        pages = np.flatnonzero(chunk.goes_on)
        ends = self._begin + np.cumsum(chunk.num_paragraphs[pages], dtype=np.int64)
        stop = int(ends[-1]) if len(ends) else self._begin
        here = slice(*np.searchsorted(self._at, [self._begin, stop]))
        at, which = self._at[here], self._which[here]
        of_page = np.searchsorted(ends, at, side="right")
        for each, place in zip(*np.unique(which, return_index=True), strict=True):
            if each not in self._texts:
                page = int(of_page[place])
                begin = self._begin if page == 0 else int(ends[page - 1])
                [text] = chunk.paragraphs(int(pages[page]), [int(at[place]) - begin])
                self._texts[int(each)] = text
        self._domain[here] = domains[pages[of_page]]
        self._begin = stop

    def found(self, domains: Sequence[str]) -> Iterator[tuple[int, Repeated]]:
        """Yield each by its hash, the most frequent first, but for those that are blank in their normal form.

        Args:
            domains: by number.
        """
        numbers = sorted(self._texts)
        given = [self._texts[number] for number in numbers]
        texts = [*map(self.mask, given)]
        *hashes, blank = paragraph_hashes([*given, ""]).tolist()
        of_texts = paragraph_hashes(texts).tolist()
        stood = self._stood(domains)
        for number, hashed, text, of_text in zip(numbers, hashes, texts, of_texts, strict=True):
            if hashed != blank:
                records = int(self._records[number])
                yield hashed, Repeated(text[:MOST_PARAGRAPH_TEXT], of_text, records, 1, *first_domains(stood[number]))

    def _stood(self, domains: Sequence[str]) -> list[list[str]]:
        """Return the domains on which each of the most frequent stands."""
        which, number = np.divmod(np.unique(self._which * len(domains) + self._domain), max(len(domains), 1))
        ends = np.searchsorted(which, np.arange(len(self._records)), side="right")
        names = [domains[each] for each in number.tolist()]
        return [names[begin:end] for begin, end in pairwise([0, *ends.tolist()])]


def _most_frequent(records: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return the indices of the hashes of most records, at least two, the most frequent first; of equals the least."""
    several = np.flatnonzero(records > 1)
    # One more, for one may be blank.
    order = np.argsort(-records[several], kind="stable")[: MOST_IN_ARCHIVE + 1]
    return several[order]
