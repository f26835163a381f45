"""Which paragraphs stand in more than one record: exact, in bounded memory, whatever the order of arrival.

A segment tells each distinct hash once (`SegmentHashes.unique`, sorted), with one bit that says whether two of its own
records have it. Where the tables of all segments of a scope meet (`answers`), each gets one bit a hash: may this
segment keep it? `verdicts` turns the bits back into one verdict a paragraph. Consecutive segments can first become one
table (`ccnet_pipeline.dedup.blocks`), and tables meet part by part of the 64 bits (`ccnet_pipeline.dedup.tables`):
neither changes an answer.

Source of the rules: cc_net `dedup.py` (docs/method.md, Duplicates).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from ccnet_pipeline.dedup.copies import CopyCounter, Counts
from ccnet_pipeline.dedup.hashing import Hashes
from ccnet_pipeline.dedup.sorting import HASH_BITS, PART_HASHES, Bits, Sorted, Table, by_source, sort
from ccnet_pipeline.dedup.tables import BitStreams, Reader, in_memory, parts

Keep = Literal["none", "first"]
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
    counts: Counts  # of those of which this is so: how many
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
        return SegmentHashes(hashes, np.empty(0, np.bool_), np.empty(0, np.uint32), np.empty(0, np.uint32))
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
    records = np.bincount(index[is_first_in_record])
    in_several = records > 1
    return SegmentHashes(
        unique=ordered[is_new_hash],
        in_several=in_several,
        counts=records[in_several].astype(np.uint32),
        paragraphs=paragraphs,
    )


def answers(part: Sorted, keep: Keep) -> list[Bits]:
    """Return, for each source, which of its hashes in one part of the 64 bits it may keep.

    Args:
        part: the hashes of the sources, which are in the order of their segments.
        keep: "none" drops every copy of what two records have; "first" lets the first source keep it.
    """
    may_keep = part.begins if keep == "first" else part.begins & ~part.in_several()
    return by_source(part.sources(), may_keep, part.num_sources)


def compare_range(
    readers: Sequence[Reader],
    start: int,
    stop: int,
    keep: Keep,
    counter: CopyCounter | None = None,
    most: int = PART_HASHES,
) -> BitStreams:
    """Return the same of a range of the 64 bits, part by part; `stop` is not in it.

    Args:
        readers: of the sources in the order of their segments.
        start: of the range.
        stop: behind it.
        keep: as for `answers`.
        counter: is told of each part, where copies are counted.
        most: hashes a part, about.
    """
    may_keep = BitStreams(map(len, readers))
    for tables in parts(readers, start, stop, most):
        may_keep.extend(_compare(tables, keep, counter))
    return may_keep


def _compare(tables: Sequence[Table], keep: Keep, counter: CopyCounter | None) -> list[Bits]:
    # A function of its own, so that its memory is free when the next part is read, and used again.
    part = sort(tables)
    if counter:
        counter.add(part, counter.records_of(part, tables))
    return answers(part, keep)


def resolve(tables: Sequence[Table], keep: Keep) -> list[Bits]:
    """Return the same of whole tables, which are in memory."""
    return compare_range([in_memory(table) for table in tables], 0, 1 << HASH_BITS, keep).streams


def indices(paragraphs: npt.NDArray[np.uint32]) -> npt.NDArray[np.uint32]:
    """Return the index of each paragraph in `SegmentHashes.unique`, from `SegmentHashes.paragraphs`."""
    return paragraphs & _INDEX_MASK


def is_repeated(paragraphs: npt.NDArray[np.uint32]) -> Bits:
    """Tell of each paragraph whether it stands earlier in its record, from `SegmentHashes.paragraphs`."""
    repeated: Bits = (paragraphs & _REPEATED_BIT) != 0
    return repeated


def verdicts(paragraphs: npt.NDArray[np.uint32], may_keep: Bits) -> Verdicts:
    """Return KEPT, DUPLICATE or REPEATED for each paragraph of a segment.

    Args:
        paragraphs: `SegmentHashes.paragraphs`.
        may_keep: the answers of `resolve` for `SegmentHashes.unique`, all ranges joined.
    """
    stays = may_keep[indices(paragraphs)] & ((paragraphs & _LATER_RECORD_BIT) == 0)
    return np.where(stays, np.where(is_repeated(paragraphs), REPEATED, KEPT), DUPLICATE).astype(np.uint8)
