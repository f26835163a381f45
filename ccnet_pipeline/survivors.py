"""What deduplication leaves of a chunk of pages, by the column: no page is decoded for it.

Most paragraphs leave here. They are booked by their lengths alone, which stage 1 noted.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ccnet_pipeline.dedup.copies import Counts
from ccnet_pipeline.dedup.duplicates import REASONS, Verdicts
from ccnet_pipeline.ledger import Tally
from ccnet_pipeline.pages.stored import Chunk

# The fates of paragraphs, in the order of the stages: of a page without survivors the last one counts.
_SURVIVES, _BLANK, _REPEATED, _DUPLICATE, _LOST_WITH_ITS_PAGE = range(5)
_REASON_OF = {_BLANK: "blank", _REPEATED: "repeated", _DUPLICATE: "duplicate"}
_REASON_OF_PAGE = {_SURVIVES: "empty", **_REASON_OF}  # "empty": a page without any paragraph
_FATES = {reason: fate for fate, reason in _REASON_OF.items()}
_FATE_OF_VERDICT = np.array([_FATES[REASONS[verdict]] if verdict in REASONS else _SURVIVES for verdict in range(3)])


@dataclass(frozen=True, slots=True)
class Survivors:
    """The paragraphs of a chunk that go on to the language models."""

    chunk: Chunk
    characters: list[int]  # of each page: code points of all its paragraphs
    reasons: list[str]  # of each page: the furthest one for which paragraphs left; of a lost one, its own
    _fates: npt.NDArray[np.uint8]  # of each paragraph of all pages
    _positions: list[int]  # of the survivors, each in its page
    _cuts: list[int]  # where the survivors of each page begin in `_positions`, and where the last end
    _records: list[int] | None  # of the survivors: how many records of the scope have each; None: not counted

    def of_page(self, number: int) -> list[int]:
        """Return the positions of the paragraphs of a page that survive."""
        return self._positions[self._cuts[number] : self._cuts[number + 1]]

    def records_of_page(self, number: int) -> dict[int, int]:
        """Return in how many records each survivor of a page stands, by its position; empty: it is not counted."""
        records = (self._records or [])[self._cuts[number] : self._cuts[number + 1]]
        return dict(zip(self.of_page(number), records, strict=True)) if records else {}

    def pages_to_read(self) -> list[int]:
        """Return the numbers of the pages that have survivors, and of the lost ones whose language is sought."""
        is_sought = ~self.chunk.goes_on & self.chunk.has_share
        return np.flatnonzero((np.diff(self._cuts) > 0) | is_sought).tolist()

    def book(self, tally: Tally) -> None:
        """Count every paragraph that does not survive, and every page without a survivor."""
        for fate, reason in _REASON_OF.items():
            lengths = self.chunk.lengths[self._fates == fate]
            tally.drop(reason, 0, len(lengths), int(lengths.sum(dtype=np.int64)))
        for number, (of_page, reason) in enumerate(zip(self.chunk.reasons, self.reasons, strict=True)):
            if of_page is not None:
                tally.drop(of_page, 1, int(self.chunk.num_paragraphs[number]), self.characters[number])
            elif self._cuts[number] == self._cuts[number + 1]:
                tally.drop(reason, 1, 0, 0)


def num_judged(chunk: Chunk) -> int:
    """Return how many paragraphs of a chunk have a verdict: those of pages that go on."""
    return int(chunk.num_paragraphs[chunk.goes_on].sum())


def survivors_of(chunk: Chunk, verdicts: Verdicts, records: Counts | None = None) -> Survivors:
    """Return what is left of a chunk.

    Args:
        chunk: some pages.
        verdicts: one a paragraph, over the pages that go on; `num_judged`.
        records: likewise, how many records of the scope have it; None: not counted.
    """
    fates = np.full(len(chunk.lengths), _LOST_WITH_ITS_PAGE, np.uint8)
    is_judged = np.repeat(chunk.goes_on, chunk.num_paragraphs)
    fates[is_judged] = np.where(chunk.lengths[is_judged] == 0, _BLANK, _FATE_OF_VERDICT[verdicts])
    survivors = np.flatnonzero(fates == _SURVIVES)
    cuts = np.searchsorted(survivors, chunk.bounds)
    lengths_before = np.concatenate([[0], np.cumsum(chunk.lengths, dtype=np.int64)])
    return Survivors(
        chunk=chunk,
        characters=np.diff(lengths_before[chunk.bounds]).tolist(),
        reasons=[
            _REASON_OF_PAGE[fate] if reason is None else reason
            for reason, fate in zip(chunk.reasons, _furthest(chunk, fates), strict=True)
        ],
        _fates=fates,
        _positions=(survivors - np.repeat(chunk.bounds[:-1], np.diff(cuts))).tolist(),
        _cuts=cuts.tolist(),
        _records=None if records is None else records[np.flatnonzero(fates[is_judged] == _SURVIVES)].tolist(),
    )


def _furthest(chunk: Chunk, fates: npt.NDArray[np.uint8]) -> list[int]:
    """Return the greatest fate of each page's paragraphs, 0 of a page without any."""
    has_some = chunk.num_paragraphs > 0  # reduceat knows no empty slice
    furthest = np.zeros(len(chunk), np.uint8)
    if has_some.any():
        furthest[has_some] = np.maximum.reduceat(fates, chunk.bounds[:-1][has_some])
    result: list[int] = furthest.tolist()
    return result
