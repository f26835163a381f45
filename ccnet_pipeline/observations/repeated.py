"""The paragraphs of an archive that stood in most of its records: found by the table of stage 1, read as they come.

The table has an index for each paragraph (`SegmentHashes.paragraphs`), so counting takes no text. Of what was counted
most, text is read where it is met first, and pages are looked up, which tell the domains.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from ccnet_pipeline.dedup.duplicates import indices, is_repeated
from ccnet_pipeline.dedup.hashing import paragraph_hashes
from ccnet_pipeline.observations.published import MOST_PARAGRAPH_TEXT
from ccnet_pipeline.pages.stored import Chunk

MOST_IN_ARCHIVE = 200

Repeated = tuple[str, int, int, str]  # text, records, archives, and the domain; "": it stood on several
_SEVERAL = ""


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
    # Of each, the least and the greatest number of a domain on which it stands.
    _first_domain: npt.NDArray[np.int64] = field(init=False)
    _last_domain: npt.NDArray[np.int64] = field(init=False)

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
        self._first_domain = np.full(len(most), np.iinfo(np.int64).max)
        self._last_domain = np.full(len(most), -1)

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
        of_each = domains[pages[of_page]]
        np.minimum.at(self._first_domain, which, of_each)
        np.maximum.at(self._last_domain, which, of_each)
        self._begin = stop

    def found(self, domains: Sequence[str]) -> Iterator[tuple[int, Repeated]]:
        """Yield each by its hash, the most frequent first, but for those that are blank in their normal form.

        Args:
            domains: by number.
        """
        numbers = sorted(self._texts)
        hashes = paragraph_hashes([*(self._texts[number] for number in numbers), ""]).tolist()
        blank = hashes.pop()
        for number, hashed in zip(numbers, hashes, strict=True):
            if hashed != blank:
                text = self.mask(self._texts[number])[:MOST_PARAGRAPH_TEXT]
                first, last = int(self._first_domain[number]), int(self._last_domain[number])
                yield hashed, (text, int(self._records[number]), 1, domains[first] if first == last else _SEVERAL)


def _most_frequent(records: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return the indices of the hashes of most records, at least two, the most frequent first; of equals the least."""
    several = np.flatnonzero(records > 1)
    # One more, for one may be blank.
    order = np.argsort(-records[several], kind="stable")[: MOST_IN_ARCHIVE + 1]
    return several[order]
