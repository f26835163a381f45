"""The hashes of an index in files: sorted, in cells by their first byte, each with one bit (docs/hash_index.md).

A cell is a run of blocks of BLOCK_HASHES hashes, the last one shorter, each a table (`ccnet_pipeline.dedup.tables`):
its hashes, then their bits. So a cell is written and read from its begin to its end, in the memory of one block, and
its checksum is that of its bytes in their order.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from ccnet_pipeline.dedup.hashing import Hashes
from ccnet_pipeline.dedup.sorting import HASH_BITS, Bits, Table
from ccnet_pipeline.dedup.tables import HASH_BYTES, below, packed_table, table_size, unpacked
from ccnet_pipeline.errors import UserError

BLOCK_HASHES = 1 << 16
_CELL_SHIFT = HASH_BITS - 8
_RESTORE = "restore the index from a copy, or make it anew"


@dataclass(frozen=True, slots=True)
class Cell:
    """What is known of a cell without reading it."""

    hashes: int
    several: int  # of these, those that several records have
    sha256: str  # of its bytes

    @property
    def size(self) -> int:
        """Return its bytes."""
        return table_size(self.hashes)  # as one table, for blocks hold a multiple of eight


NO_HASHES = Cell(0, 0, hashlib.sha256().hexdigest())


class CellWriter:
    """Writes consecutive cells to a file; what comes in must be ascending."""

    def __init__(self, file: BinaryIO, first: int, stop: int) -> None:
        """Write nothing yet; `stop` is the cell behind the last."""
        self._file = file
        self._stop = stop
        self._number = first  # of the cell that is being written
        self._cells: list[Cell] = []
        self._latest: int | None = None  # hash
        self._begin()

    def add(self, table: Table) -> None:
        """Write some hashes.

        Raises:
            ValueError: they are not ascending, or not of these cells.
        """
        hashes, in_several = table
        if not len(hashes):
            return
        if not is_ascending(hashes, self._latest):
            raise ValueError("hashes for an index are not ascending")
        self._latest = int(hashes[-1])
        if int(hashes[0]) >> _CELL_SHIFT < self._number or self._latest >> _CELL_SHIFT >= self._stop:
            raise ValueError("hashes for an index are not of this part")
        start = 0
        while start < len(hashes):
            while int(hashes[start]) >> _CELL_SHIFT > self._number:
                self._end()
            stop = below(hashes, (self._number + 1) << _CELL_SHIFT)
            self._take(hashes[start:stop], in_several[start:stop])
            start = stop

    def finish(self) -> list[Cell]:
        """Write what waits, and return all cells."""
        while self._number < self._stop:
            self._end()
        return self._cells

    def _begin(self) -> None:
        self._digest = hashlib.sha256()
        self._waiting: Table = np.empty(0, np.uint64), np.empty(0, np.bool_)  # less than a block
        self._hashes = self._several = 0

    def _take(self, hashes: Hashes, in_several: Bits) -> None:
        self._hashes += len(hashes)
        self._several += int(in_several.sum())
        hashes, in_several = np.concatenate([self._waiting[0], hashes]), np.concatenate([self._waiting[1], in_several])
        whole = len(hashes) - len(hashes) % BLOCK_HASHES
        for start in range(0, whole, BLOCK_HASHES):
            self._write((hashes[start : start + BLOCK_HASHES], in_several[start : start + BLOCK_HASHES]))
        self._waiting = hashes[whole:], in_several[whole:]

    def _write(self, block: Table) -> None:
        data = packed_table(block)
        self._digest.update(data)
        self._file.write(data)

    def _end(self) -> None:
        self._write(self._waiting)
        self._cells.append(Cell(self._hashes, self._several, self._digest.hexdigest()))
        self._number += 1
        self._begin()


def read_cell(file: BinaryIO, offset: int, number: int, cell: Cell, name: str) -> Iterator[Table]:
    """Yield the hashes of a cell, block by block; what is wrong with it shows at its end at the latest.

    Args:
        file: has it from `offset` on.
        offset: bytes.
        number: of the cell, 0 to CELLS - 1.
        cell: what it should be.
        name: of the file, for messages.

    Raises:
        UserError: it is cut off, or not what it should be.
    """
    digest, several, latest = hashlib.sha256(), 0, None
    for start in range(0, cell.hashes, BLOCK_HASHES):
        count = min(BLOCK_HASHES, cell.hashes - start)
        size = table_size(count)
        file.seek(offset)
        data = file.read(size)
        if len(data) != size:
            raise UserError(f"{name} is cut off after {offset + len(data):,} bytes; {_RESTORE}")
        offset += size
        digest.update(data)
        hashes = np.frombuffer(data, "<u8", count).astype(np.uint64, copy=False)
        in_several = unpacked(data[count * HASH_BYTES :], 0, count)
        if not is_ascending(hashes, latest) or {int(end) >> _CELL_SHIFT for end in hashes[[0, -1]]} != {number}:
            raise UserError(f"{name} is damaged: cell {number:02x} is not in order; {_RESTORE}")
        latest = int(hashes[-1])
        several += int(in_several.sum())
        yield hashes, in_several
    if (digest.hexdigest(), several) != (cell.sha256, cell.several):
        raise UserError(f"{name} is damaged: cell {number:02x} has another checksum; {_RESTORE}")


def is_ascending(hashes: npt.NDArray[np.uint64], latest: int | None) -> bool:
    """Tell whether each hash is greater than the one before it, the first than `latest`."""
    return bool((hashes[1:] > hashes[:-1]).all()) and (latest is None or int(hashes[0]) > latest)
