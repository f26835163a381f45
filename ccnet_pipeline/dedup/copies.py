"""In how many records each paragraph stands, for a run that tells it: exact, and counted beside the comparison.

Most paragraphs stand in one record, and a table has a bit that says which do not. So numbers are kept of these alone:
of a table, in how many of its records each of them stands (`Counts`); of the answers, which hashes a source keeps that
several records of the scope have, and how many (`Copies`). One record that has a paragraph twice counts once. Only
where one copy is kept is there anything to tell: else all that stays stands in one record.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ccnet_pipeline.dedup.sorting import Bits, Sorted, Table, by_source

COUNT_BYTES = 4
MOST_RECORDS = (1 << 32) - 1  # more are told as so many

# Of each hash of a table that two or more records have, ascending by hash: how many.
Counts = npt.NDArray[np.uint32]
# A row for each: its place in a table, and how many records of the scope have it.
Copies = npt.NDArray[np.uint32]


class CountsReader:
    """Gives the counts of a table as its hashes come."""

    def __init__(self, counts: Counts | None) -> None:
        """Begin at the first.

        Args:
            counts: of the table; None: they are not known. This is so of an index, of whose hashes nothing is kept.
        """
        self._counts = counts
        self._taken = 0

    def take(self, in_several: Bits) -> Counts:
        """Return the counts of the next hashes, by the bits of these."""
        size = int(np.count_nonzero(in_several))
        if self._counts is None:
            return np.full(size, 2, np.uint32)
        begin, self._taken = self._taken, self._taken + size
        return self._counts[begin : self._taken]


class CopyCounter:
    """Counts the records of the hashes of several sources, which come part by part, and tells each what it keeps."""

    def __init__(self, readers: Sequence[CountsReader]) -> None:
        """Begin.

        Args:
            readers: one a source.
        """
        self._readers = readers
        self._streams = CopyStreams(len(readers))

    def records_of(self, part: Sorted, tables: Sequence[Table]) -> Counts:
        """Return in how many records each distinct hash of the next part stands.

        >>> from ccnet_pipeline.dedup.sorting import sort
        >>> table = lambda hashes, bits: (np.array(hashes, np.uint64), np.array(bits, np.bool_))
        >>> tables = [table([5, 7], [False, True]), table([7], [False])]
        >>> counter = CopyCounter([CountsReader(np.array(each, np.uint32)) for each in ([3], [])])
        >>> counter.records_of(sort(tables), tables).tolist()
        [1, 4]
        """
        counts = [reader.take(bits) for reader, (_, bits) in zip(self._readers, tables, strict=True)]
        records = np.ones(len(part.keys), np.uint64)
        several = np.flatnonzero(part.are_several())
        records[several[np.argsort(part.sources()[several], kind="stable")]] = np.concatenate(counts)
        first = np.flatnonzero(part.begins)
        total = np.add.reduceat(records, first) if len(first) else records
        return np.minimum(total, MOST_RECORDS).astype(np.uint32)

    def add(self, part: Sorted, records: Counts) -> None:
        """Note what `records_of` has counted, for the sources that keep it."""
        in_several = records > 1
        self._streams.extend(part.sources(), np.flatnonzero(part.begins)[in_several], records[in_several])

    def copies(self) -> list[Copies]:
        """Return what each source is told; a place is that among the hashes which it had in all parts."""
        return self._streams.copies()


class CopyStreams:
    """The copies of several tables, which come part by part."""

    def __init__(self, num_sources: int) -> None:
        """Begin with none."""
        self._pieces: list[list[Copies]] = [[np.empty((0, 2), np.uint32)] for _ in range(num_sources)]
        self._begun = [0] * num_sources

    def extend(self, sources: npt.NDArray[np.unsignedinteger], kept: npt.NDArray[np.intp], records: Counts) -> None:
        """Put the copies of the next hashes behind those that each table has.

        Args:
            sources: of the hashes of all tables: by hash, and then by source.
            kept: those of them that are kept, and that several records have.
            records: how many.
        """
        num_sources = len(self._pieces)
        is_kept = np.zeros(len(sources), np.bool_)
        is_kept[kept] = True
        of_kept = sources[kept]
        ends = np.cumsum(np.bincount(of_kept, minlength=num_sources))[:-1]
        of_each = np.split(records[np.argsort(of_kept, kind="stable")], ends)
        for source, bits in enumerate(by_source(sources, is_kept, num_sources)):
            if len(of_each[source]):
                places = (self._begun[source] + np.flatnonzero(bits)).astype(np.uint32)
                self._pieces[source].append(np.column_stack([places, of_each[source]]))
            self._begun[source] += len(bits)

    def copies(self) -> list[Copies]:
        """Return those of each table."""
        return [np.concatenate(pieces) for pieces in self._pieces]


def records_in(copies: Copies, num_hashes: int) -> Counts:
    """Return in how many records each hash of a table stands, as far as the table keeps it; of all others 1.

    >>> records_in(np.array([[2, 9]], np.uint32), 4).tolist()
    [1, 1, 9, 1]
    """
    records = np.ones(num_hashes, np.uint32)
    records[copies[:, 0]] = copies[:, 1]
    return records
