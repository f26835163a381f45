"""The paragraphs of an archive that stood in most of its records: found by the table of stage 1, read as they come.

The table has an index for each paragraph (`SegmentHashes.paragraphs`), so counting takes no text. Of what was counted
most, text is read where it is met first, and pages are looked up, which tell the domains.
"""

from collections.abc import Callable, Iterator
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
    _domains: dict[int, str] = field(default_factory=dict)

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

    def see(self, chunk: Chunk, domains: list[str]) -> None:
        """Take a chunk, and the domain of each of its pages."""
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
        self._see_domains(which, [domains[page] for page in pages[of_page].tolist()])
        self._begin = stop

    def _see_domains(self, which: npt.NDArray[np.int64], domains: list[str]) -> None:
        for each, domain in set(zip(which.tolist(), domains, strict=True)):
            if self._domains.setdefault(each, domain) != domain:
                self._domains[each] = _SEVERAL

    def found(self) -> Iterator[tuple[int, Repeated]]:
        """Yield each by its hash, the most frequent first, but for those that are blank in their normal form."""
        numbers = sorted(self._texts)
        hashes = paragraph_hashes([*(self._texts[number] for number in numbers), ""]).tolist()
        blank = hashes.pop()
        for number, hashed in zip(numbers, hashes, strict=True):
            if hashed != blank:
                text = self.mask(self._texts[number])[:MOST_PARAGRAPH_TEXT]
                yield hashed, (text, int(self._records[number]), 1, self._domains[number])


def _most_frequent(records: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return the indices of the hashes of most records, at least two, the most frequent first; of equals the least."""
    several = np.flatnonzero(records > 1)
    # One more, for one may be blank.
    order = np.argsort(-records[several], kind="stable")[: MOST_IN_ARCHIVE + 1]
    return several[order]
