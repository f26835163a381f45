"""Which paragraphs stand in more than one record: exact, in bounded memory, whatever the order of arrival.

A segment sends each distinct hash once (`SegmentHashes.unique`, sorted), with one bit that says whether two of its own
records have it. All hashes of a scope that fall into the same range of the 64 bits meet in one place (`resolve`), which
answers with one bit a hash and segment: may this segment keep it? `verdicts` turns the bits back into one verdict a
paragraph. So memory is bounded by one range, and 8 bytes a distinct hash is all that ever travels.

Source of the rules: cc_net `dedup.py` (docs/method.md, Duplicates).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from ccnet_pipeline.dedup.hashing import Hashes

Keep = Literal["none", "first"]
Bits = npt.NDArray[np.bool_]
Verdicts = npt.NDArray[np.uint8]

KEPT, DUPLICATE, REPEATED = 0, 1, 2
REASONS = {DUPLICATE: "duplicate", REPEATED: "repeated"}

_REPEATED_BIT = np.uint32(1 << 31)
_LATER_RECORD_BIT = np.uint32(1 << 30)
_INDEX_MASK = np.uint32((1 << 30) - 1)


@dataclass(frozen=True, slots=True)
class SegmentHashes:
    """The paragraphs of one segment, as hashes."""

    unique: Hashes  # distinct, ascending
    in_several: Bits  # of each in `unique`: two or more records of this segment have it
    # Of each paragraph in order: its index in `unique` (30 bits), bit 30: an earlier record of the segment has it,
    # bit 31: it stands earlier in the same record.
    paragraphs: npt.NDArray[np.uint32]


def collect(hashes: Hashes, paragraphs_per_record: Sequence[int]) -> SegmentHashes:
    """Return the table of one segment from the hashes of all its paragraphs, record after record.

    >>> table = collect(np.array([7, 5, 7, 7], np.uint64), [3, 1])
    >>> table.unique.tolist(), table.in_several.tolist()
    ([5, 7], [False, True])
    """
    if not len(hashes):
        return SegmentHashes(hashes, np.empty(0, np.bool_), np.empty(0, np.uint32))
    order = np.argsort(hashes, kind="stable")
    ordered = hashes[order]
    record = np.repeat(np.arange(len(paragraphs_per_record)), paragraphs_per_record)[order]
    is_new_hash = np.concatenate([[True], ordered[1:] != ordered[:-1]])
    index = np.cumsum(is_new_hash) - 1
    first_record = record[is_new_hash][index]
    is_first_in_record = is_new_hash | np.concatenate([[True], record[1:] != record[:-1]])

    coded = index.astype(np.uint32)
    coded[~is_first_in_record] |= _REPEATED_BIT
    coded[record != first_record] |= _LATER_RECORD_BIT
    paragraphs = np.empty(len(hashes), np.uint32)
    paragraphs[order] = coded
    return SegmentHashes(
        unique=ordered[is_new_hash],
        in_several=np.bincount(index[is_first_in_record]) > 1,
        paragraphs=paragraphs,
    )


def bucket_bounds(unique: Hashes, num_buckets: int) -> list[int]:
    """Return num_buckets + 1 positions that cut ascending hashes into equal ranges of the 64 bits."""
    edges = [-(-(bucket << 64) // num_buckets) for bucket in range(1, num_buckets)]
    inner = np.searchsorted(unique, np.array(edges, np.uint64)).tolist() if edges else []
    return [0, *inner, len(unique)]


def resolve(slices: Sequence[tuple[Hashes, Bits]], keep: Keep) -> list[Bits]:
    """Return, for each segment's slice of one range of hashes, which of them the segment may keep.

    Args:
        slices: (distinct hashes, whether several records of the segment have them), in the order of the segments.
        keep: "none" drops every copy of what two records of the scope have; "first" lets the first segment keep it.
    """
    hashes = np.concatenate([unique for unique, _ in slices])
    _, first, inverse, copies = np.unique(hashes, return_index=True, return_inverse=True, return_counts=True)
    if keep == "first":
        may_keep = np.zeros(len(hashes), np.bool_)
        may_keep[first] = True
    else:
        may_keep = (copies[inverse] == 1) & ~np.concatenate([several for _, several in slices])
    return np.split(may_keep, np.cumsum([len(unique) for unique, _ in slices])[:-1])


def verdicts(paragraphs: npt.NDArray[np.uint32], may_keep: Bits) -> Verdicts:
    """Return KEPT, DUPLICATE or REPEATED for each paragraph of a segment.

    Args:
        paragraphs: `SegmentHashes.paragraphs`.
        may_keep: the answers of `resolve` for `SegmentHashes.unique`, all ranges joined.
    """
    stays = may_keep[paragraphs & _INDEX_MASK] & ((paragraphs & _LATER_RECORD_BIT) == 0)
    repeated = (paragraphs & _REPEATED_BIT) != 0
    return np.where(stays, np.where(repeated, REPEATED, KEPT), DUPLICATE).astype(np.uint8)
