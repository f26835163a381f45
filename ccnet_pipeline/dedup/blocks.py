"""Consecutive segments as one table of hashes, a block, so that what meets later is a few tables and not thousands.

Beside its table (`ccnet_pipeline.dedup.tables`) a block has one byte for each segment and hash, ordered by hash and
then by segment: the number of the segment in the block (7 bits), and in the last bit whether a new hash begins. With
one answer a hash, these bytes give back one answer a segment and hash (`hand_back`).
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ccnet_pipeline.dedup.hashing import Hashes
from ccnet_pipeline.dedup.sorting import HASH_BITS, Bits, Table, by_source, sort

MOST_SEGMENTS = 128  # of a block
CELLS = 256  # equal ranges of the 64 bits, by the first byte: what is read of a block begins and ends with one
CELL_HASHES = 1 << HASH_BITS - 8
Owners = npt.NDArray[np.uint8]


def merge(tables: Sequence[Table]) -> tuple[Table, Owners]:
    """Return the table of a block and the owners, from those of its segments, in one part of the 64 bits.

    >>> seven = np.array([7], np.uint64), np.array([False])
    >>> (hashes, in_several), owners = merge([seven, seven])
    >>> hashes.tolist(), in_several.tolist(), owners.tolist()
    ([7], [True], [1, 2])
    """
    if len(tables) > MOST_SEGMENTS:
        raise ValueError(f"{len(tables)} segments in a block, {MOST_SEGMENTS} at most")
    part = sort(tables)
    owners = part.sources().astype(np.uint8) << np.uint8(1)
    return part.distinct(), owners | part.begins


def hand_back(owners: Owners, may_keep: Bits, num_segments: int) -> list[Bits]:
    """Return, for each segment of a block, which of its hashes it may keep.

    Args:
        owners: of `merge`, or consecutive ones of them.
        may_keep: of each hash that begins in them: one segment of the block may keep it.
        num_segments: of the block.
    """
    # Where a second segment has it, too, the first one keeps it, if any does.
    of_each = (owners & 1).astype(np.bool_)
    of_each[of_each] = may_keep
    return by_source(owners >> np.uint8(1), of_each, num_segments)


def count_cells(hashes: Hashes) -> npt.NDArray[np.int64]:
    """Return how many hashes there are in each cell."""
    return np.bincount((hashes >> np.uint64(HASH_BITS - 8)).astype(np.uint8), minlength=CELLS)
