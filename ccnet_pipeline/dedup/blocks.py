"""Consecutive segments as one table of hashes, a block, so that what meets later is a few tables and not thousands.

Beside its table (`ccnet_pipeline.dedup.tables`) a block has one byte for each segment and hash, ordered by hash and
then by segment: the number of the segment in the block (7 bits), and in the last bit whether a new hash begins. With
one answer a hash, these bytes give back one answer a segment and hash (`hand_back`).
"""

import numpy as np
import numpy.typing as npt

from ccnet_pipeline.dedup.copies import Copies, Counts
from ccnet_pipeline.dedup.hashing import Hashes
from ccnet_pipeline.dedup.sorting import HASH_BITS, Bits, Sorted, by_source

MOST_SEGMENTS = 128  # of a block
CELLS = 256  # equal ranges of the 64 bits, by the first byte: what is read of a block begins and ends with one
CELL_HASHES = 1 << HASH_BITS - 8
Owners = npt.NDArray[np.uint8]


def owners_of(part: Sorted) -> Owners:
    """Return the owners of the hashes of a block's segments in one part of the 64 bits.

    >>> from ccnet_pipeline.dedup.sorting import sort
    >>> seven = np.array([7], np.uint64), np.array([False])
    >>> owners_of(sort([seven, seven])).tolist()
    [1, 2]
    """
    if part.num_sources > MOST_SEGMENTS:
        raise ValueError(f"{part.num_sources} segments in a block, {MOST_SEGMENTS} at most")
    owners = part.sources().astype(np.uint8) << np.uint8(1)
    return owners | part.begins


def hand_back(owners: Owners, may_keep: Bits, num_segments: int) -> list[Bits]:
    """Return, for each segment of a block, which of its hashes it may keep.

    Args:
        owners: of `owners_of`, or consecutive ones of them.
        may_keep: of each hash that begins in them: one segment of the block may keep it.
        num_segments: of the block.
    """
    # Where a second segment has it, too, the first one keeps it, if any does.
    of_each = (owners & 1).astype(np.bool_)
    of_each[of_each] = may_keep
    return by_source(segments_of(owners), of_each, num_segments)


def segments_of(owners: Owners) -> Owners:
    """Return the segment of each entry of the owners: its number in the block."""
    return owners >> np.uint8(1)


def copies_within(copies: Copies, owners: Owners, hashes: slice) -> tuple[npt.NDArray[np.intp], Counts]:
    """Return which entries of the owners keep a hash that several records have, and how many have it.

    Args:
        copies: of the block, by their places in its table.
        owners: some consecutive ones of it.
        hashes: of its table, which begin in them.
    """
    some = copies[slice(*np.searchsorted(copies[:, 0], np.array([hashes.start, hashes.stop], np.uint32)))]
    return np.flatnonzero(owners & 1)[some[:, 0] - np.uint32(hashes.start)], some[:, 1]


def count_cells(hashes: Hashes) -> npt.NDArray[np.int64]:
    """Return how many hashes there are in each cell."""
    return np.bincount((hashes >> np.uint64(HASH_BITS - 8)).astype(np.uint8), minlength=CELLS)
