"""Which hashes stand twice in the documents of many files: sorted tables on disk, which then meet part by part.

The tables and their comparison are those of deduplication (`ccnet_pipeline.dedup`): 8 bytes a hash on disk, and in
memory some of each table. The bit of a hash says here that it stands twice in its own table already.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import BinaryIO

import numpy as np

from ccnet_pipeline.dedup.hashing import Hashes
from ccnet_pipeline.dedup.sorting import HASH_BITS, Sorted, sort
from ccnet_pipeline.dedup.tables import READ_HASHES, Reader, TableReader, packed_table, parts, table_size
from ccnet_pipeline.errors import UserError

_TABLE_HASHES = 1 << 20  # so many are sorted at a time
_AHEAD_HASHES = 1 << 24  # of all tables in memory while they meet
_LEAST_AHEAD = 1 << 9


@dataclass(frozen=True, slots=True)
class StoredTable:
    """A table of hashes in a file on this machine."""

    path: str
    offset: int  # bytes
    hashes: int  # distinct
    source: str  # whose they are

    @property
    def size(self) -> int:
        """Return its bytes."""
        return table_size(self.hashes)


@dataclass(slots=True)
class TableWriter:
    """Collects hashes of one source, and writes them as tables behind what is in a file."""

    path: Path
    source: str
    tables: list[StoredTable] = field(default_factory=list)
    _waiting: list[Hashes] = field(default_factory=list)
    _count: int = 0

    def add(self, hashes: Hashes) -> None:
        """Take some hashes."""
        self._waiting.append(hashes)
        self._count += len(hashes)
        if self._count >= _TABLE_HASHES:
            self.flush()

    def flush(self) -> None:
        """Write what has come."""
        if not self._count:
            return
        distinct, counts = np.unique(np.concatenate(self._waiting), return_counts=True)
        try:
            with self.path.open("ab") as file:
                self.tables.append(StoredTable(str(self.path), file.tell(), len(distinct), self.source))
                file.write(packed_table((distinct, counts > 1)))
        except OSError as error:
            raise UserError(f"{self.path.parent}: {error.strerror}; name a folder with more room (--tables)") from error
        self._waiting, self._count = [], 0


@dataclass(frozen=True, slots=True)
class Twice:
    """A hash that stands twice."""

    hash: int
    sources: tuple[str, ...]  # one, or the first two, in the order of the tables


@dataclass(slots=True)
class Meeting:
    """What came of a comparison."""

    distinct: int = 0
    twice: int = 0  # hashes that stand twice or more
    first: list[Twice] = field(default_factory=list)  # of these


def meet(
    tables: Sequence[StoredTable],
    most: int,
    advance: Callable[[int], None],
    index: Reader | None = None,
    index_name: str = "",
) -> Meeting:
    """Compare all tables with each other.

    Args:
        tables: of all sources.
        most: so many that stand twice are named.
        advance: is told of the bytes that were read.
        index: hashes that none of them should have; that one has several records is no matter.
        index_name: its source.
    """
    meeting = Meeting()
    if not tables:
        return meeting
    at_once = max(_LEAST_AHEAD, min(READ_HASHES, _AHEAD_HASHES // len(tables)))
    with ExitStack() as stack:
        files: dict[str, BinaryIO] = {
            path: stack.enter_context(Path(path).open("rb")) for path in {table.path for table in tables}
        }
        readers: list[Reader] = [
            TableReader(partial(_read, files, advance, each), each.hashes, at_once=at_once) for each in tables
        ]
        names = [table.source for table in tables]
        if index is not None:
            readers, names = [*readers, index], [*names, index_name]
        for part in parts(readers, 0, 1 << HASH_BITS):
            if index is not None:
                part[-1] = part[-1][0], np.zeros(len(part[-1][0]), np.bool_)
            _count(meeting, sort(part), names, most)
    return meeting


def _read(
    files: Mapping[str, BinaryIO], advance: Callable[[int], None], table: StoredTable, start: int, size: int
) -> bytes:
    advance(size)
    file = files[table.path]
    file.seek(table.offset + start)
    return file.read(size)


def _count(meeting: Meeting, part: Sorted, names: Sequence[str], most: int) -> None:
    first = np.flatnonzero(part.begins)
    is_twice = part.in_several()[first]
    meeting.distinct += len(first)
    meeting.twice += int(is_twice.sum())
    wanted = np.flatnonzero(is_twice)[: most - len(meeting.first)]
    if not len(wanted):
        return
    hashes, sources = part.distinct()[0], part.sources()
    ends = np.append(first[1:], len(part.begins))
    for number in wanted.tolist():
        of_hash = sources[first[number] : ends[number]].tolist()
        first_two = tuple(dict.fromkeys(names[source] for source in of_hash))[:2]
        meeting.first.append(Twice(int(hashes[number]), first_two))
