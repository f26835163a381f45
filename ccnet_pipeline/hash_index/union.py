"""What becomes of an index when more is added: exactly what one run over everything would have counted.

An index says of each distinct hash whether two or more records have it. That is all that a later run needs: whatever
stands in the index is a duplicate on the later side, once or several times, and with each way to keep copies.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from ccnet_pipeline.dedup.duplicates import Bits
from ccnet_pipeline.hash_index.cells import NOTHING, Piece, below, joined


@dataclass(frozen=True, slots=True)
class Extension:
    """An index and what is added to it, in one range of hashes."""

    union: Piece  # the index afterwards
    known: Bits  # of each added hash: the index has it already
    come_again: int  # hashes that stood in one record so far, and now in more


def extend(index: Piece, added: Piece) -> Extension:
    """Return an index with hashes added to it, both of the same range.

    >>> piece = lambda *hashes: Piece(np.array(hashes, np.uint64), np.zeros(len(hashes), np.bool_))
    >>> both = extend(piece(3, 5), piece(5, 9))
    >>> both.union.hashes.tolist(), both.union.in_several.tolist(), both.known.tolist(), both.come_again
    ([3, 5, 9], [False, True, False], [True, False], 1)
    """
    place = np.searchsorted(index.hashes, added.hashes)
    known = np.zeros(len(added), np.bool_)
    inside = place < len(index)
    known[inside] = index.hashes[place[inside]] == added.hashes[inside]

    in_several = index.in_several.copy()
    come_again = int(len(added) and (~in_several[place[known]]).sum())
    in_several[place[known]] = True
    new = ~known
    hashes = np.insert(index.hashes, place[new], added.hashes[new])
    return Extension(Piece(hashes, np.insert(in_several, place[new], added.in_several[new])), known, come_again)


class Cursor:
    """Pieces that follow each other, taken as far as is wanted."""

    def __init__(self, pieces: Iterable[Piece]) -> None:
        self._pieces = iter(pieces)
        self._ahead = NOTHING

    def below(self, edge: int) -> Piece:
        """Return what comes before an edge (at most 2 ** 64) and has not been taken yet."""
        taken = []
        while self._fill():
            stop = below(self._ahead.hashes, edge)
            taken.append(self._ahead.part(0, stop))
            self._ahead = self._ahead.part(stop, len(self._ahead))
            if len(self._ahead):
                break
        return joined(taken)

    def ahead(self) -> int | None:
        """Return the last hash of those that lie ready; None at the end."""
        return int(self._ahead.hashes[-1]) if self._fill() else None

    def _fill(self) -> bool:
        while not len(self._ahead):
            piece = next(self._pieces, None)
            if piece is None:
                return False
            self._ahead = piece
        return True


def merged(first: Iterable[Piece], second: Iterable[Piece]) -> Iterator[Extension]:
    """Yield the union of two indexes in order, in the memory of a few pieces."""
    cursors = Cursor(first), Cursor(second)
    while ends := [end for cursor in cursors if (end := cursor.ahead()) is not None]:
        yield extend(*(cursor.below(min(ends) + 1) for cursor in cursors))
