"""What becomes of an index when more is added: exactly what one run over everything would have counted.

An index is one source more among those whose hashes meet (`ccnet_pipeline.dedup.duplicates`), and the first: whatever
stands in it is a duplicate in the later sources, once or several times, with each way to keep copies. The distinct
hashes of all of them are the next index.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from ccnet_pipeline.dedup.duplicates import Keep, answers
from ccnet_pipeline.dedup.sorting import HASH_BITS, Bits, Sorted, Table, sort
from ccnet_pipeline.dedup.tables import Reader, parts


@dataclass(slots=True)
class Additions:
    """How an index and what is added to it compare, in hashes."""

    added: int = 0  # that the index did not have
    known: int = 0  # that it had
    come_again: int = 0  # of these, those that had stood in one record only

    def add(self, other: "Additions") -> None:
        self.added += other.added
        self.known += other.known
        self.come_again += other.come_again


def total_of(additions: Iterable[Additions]) -> Additions:
    """Return the sum."""
    total = Additions()
    for each in additions:
        total.add(each)
    return total


def extend(part: Sorted, keep: Keep) -> tuple[list[Bits], Table, Additions]:
    """Return what each source that is added may keep, the index afterwards, and how they compare.

    Args:
        part: the hashes of the index in one part of the 64 bits, and of the sources in the order of their segments.
        keep: what is kept of what two records have.

    >>> once = lambda *hashes: (np.array(hashes, np.uint64), np.zeros(len(hashes), np.bool_))
    >>> [may_keep], (hashes, in_several), counts = extend(sort([once(3, 5), once(5, 9)]), "none")
    >>> may_keep.tolist(), hashes.tolist(), in_several.tolist(), counts.come_again
    ([False, True], [3, 5, 9], [False, True, False], 1)
    """
    _, *of_added = answers(part, keep)
    return of_added, part.distinct(), _counted(part)


def _counted(part: Sorted) -> Additions:
    first = np.flatnonzero(part.begins)
    is_indexed = part.sources()[first] == 0
    comes_again = np.diff(np.append(first, len(part.begins))) > 1
    was_alone = (part.keys[first] & np.uint64(1)) == 0
    return Additions(
        added=int((~is_indexed).sum()),
        known=int((is_indexed & comes_again).sum()),
        come_again=int((is_indexed & comes_again & was_alone).sum()),
    )


def merged(first: Reader, second: Reader) -> Iterator[tuple[Table, Additions]]:
    """Yield the union of two indexes in order, part by part, and how the parts compare."""
    for tables in parts([first, second], 0, 1 << HASH_BITS):
        _, union, additions = extend(sort(tables), "first")
        yield union, additions
