"""The hashes of an index in files: sorted, in cells by their first byte, each with one bit (docs/hash_index.md).

A cell is a run of blocks of BLOCK_HASHES hashes, the last one shorter: the hashes of the block, 8 bytes each,
little-endian, then their bits, eight a byte. So a cell is written and read from its begin to its end, in the memory of
one block, and its checksum is that of its bytes in their order.
"""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from ccnet_pipeline.dedup.duplicates import Bits
from ccnet_pipeline.dedup.hashing import Hashes
from ccnet_pipeline.errors import UserError

NUM_CELLS = 256  # by the first byte, the highest of the 64 bits
BLOCK_HASHES = 1 << 16
_HASH_BYTES = 8
_CELL_SHIFT = 56
_RESTORE = "restore the index from a copy, or make it anew"


@dataclass(frozen=True, slots=True)
class Piece:
    """Hashes that follow each other."""

    hashes: Hashes  # distinct, ascending
    in_several: Bits  # of each: two or more records have it

    def __len__(self) -> int:
        return len(self.hashes)

    def part(self, start: int, stop: int) -> "Piece":
        return Piece(self.hashes[start:stop], self.in_several[start:stop])


NOTHING = Piece(np.empty(0, np.uint64), np.empty(0, np.bool_))


def joined(pieces: Iterable[Piece]) -> Piece:
    """Return pieces that follow each other as one."""
    pieces = [piece for piece in pieces if len(piece)]
    if len(pieces) < 2:
        return pieces[0] if pieces else NOTHING
    return Piece(np.concatenate([each.hashes for each in pieces]), np.concatenate([each.in_several for each in pieces]))


@dataclass(frozen=True, slots=True)
class Cell:
    """What is known of a cell without reading it."""

    hashes: int
    several: int  # of these, those that several records have
    sha256: str  # of its bytes

    @property
    def size(self) -> int:
        """Return its bytes."""
        return self.hashes * _HASH_BYTES + -(-self.hashes // 8)  # blocks hold a multiple of eight


NO_HASHES = Cell(0, 0, hashlib.sha256().hexdigest())


class CellWriter:
    """Writes consecutive cells to a file; what comes in must be ascending."""

    def __init__(self, file: BinaryIO, first: int, last: int) -> None:
        self._file = file
        self._last = last
        self._number = first  # of the cell that is being written
        self._cells: list[Cell] = []
        self._latest: int | None = None  # hash
        self._begin()

    def add(self, piece: Piece) -> None:
        """Write some hashes.

        Raises:
            ValueError: they are not ascending, or not of these cells.
        """
        if not len(piece):
            return
        if not is_ascending(piece.hashes, self._latest):
            raise ValueError("hashes for an index are not ascending")
        self._latest = int(piece.hashes[-1])
        if int(piece.hashes[0]) >> _CELL_SHIFT < self._number or self._latest >> _CELL_SHIFT > self._last:
            raise ValueError("hashes for an index are not of this part")
        start = 0
        while start < len(piece):
            while int(piece.hashes[start]) >> _CELL_SHIFT > self._number:
                self._end()
            stop = below(piece.hashes, (self._number + 1) << _CELL_SHIFT)
            self._take(piece.part(start, stop))
            start = stop

    def finish(self) -> list[Cell]:
        """Write what waits, and return all cells."""
        while self._number <= self._last:
            self._end()
        return self._cells

    def _begin(self) -> None:
        self._digest = hashlib.sha256()
        self._waiting = NOTHING  # less than a block
        self._hashes = self._several = 0

    def _take(self, piece: Piece) -> None:
        self._hashes += len(piece)
        self._several += int(piece.in_several.sum())
        waiting = joined([self._waiting, piece])
        whole = len(waiting) - len(waiting) % BLOCK_HASHES
        for start in range(0, whole, BLOCK_HASHES):
            self._write(waiting.part(start, start + BLOCK_HASHES))
        self._waiting = waiting.part(whole, len(waiting))

    def _write(self, block: Piece) -> None:
        for data in (block.hashes.astype("<u8").tobytes(), np.packbits(block.in_several, bitorder="little").tobytes()):
            self._digest.update(data)
            self._file.write(data)

    def _end(self) -> None:
        self._write(self._waiting)
        self._cells.append(Cell(self._hashes, self._several, self._digest.hexdigest()))
        self._number += 1
        self._begin()


def read_cell(file: BinaryIO, offset: int, number: int, cell: Cell, name: str) -> Iterator[Piece]:
    """Yield the hashes of a cell, block by block; what is wrong with it shows at its end at the latest.

    Args:
        file: has it from `offset` on.
        offset: bytes.
        number: of the cell, 0 to NUM_CELLS - 1.
        cell: what it should be.
        name: of the file, for messages.

    Raises:
        UserError: it is cut off, or not what it should be.
    """
    digest, several, latest = hashlib.sha256(), 0, None
    for start in range(0, cell.hashes, BLOCK_HASHES):
        count = min(BLOCK_HASHES, cell.hashes - start)
        size = count * _HASH_BYTES + -(-count // 8)
        file.seek(offset)
        data = file.read(size)
        if len(data) != size:
            raise UserError(f"{name} is cut off after {offset + len(data):,} bytes; {_RESTORE}")
        offset += size
        digest.update(data)
        piece = _decoded(data, count)
        if not is_ascending(piece.hashes, latest) or {int(end) >> _CELL_SHIFT for end in piece.hashes[[0, -1]]} != {
            number
        }:
            raise UserError(f"{name} is damaged: cell {number:02x} is not in order; {_RESTORE}")
        latest = int(piece.hashes[-1])
        several += int(piece.in_several.sum())
        yield piece
    if (digest.hexdigest(), several) != (cell.sha256, cell.several):
        raise UserError(f"{name} is damaged: cell {number:02x} has another checksum; {_RESTORE}")


def _decoded(data: bytes, count: int) -> Piece:
    hashes = np.frombuffer(data, "<u8", count).astype(np.uint64)
    bits = np.frombuffer(data, np.uint8, offset=count * _HASH_BYTES)
    return Piece(hashes, np.unpackbits(bits, count=count, bitorder="little").astype(np.bool_))


def is_ascending(hashes: npt.NDArray[np.uint64], latest: int | None) -> bool:
    """Tell whether each hash is greater than the one before it, the first than `latest`."""
    return bool((hashes[1:] > hashes[:-1]).all()) and (latest is None or int(hashes[0]) > latest)


def below(hashes: Hashes, edge: int) -> int:
    """Return how many of ascending hashes are less than an edge, which may be 2 ** 64."""
    return len(hashes) if edge >> 64 else int(np.searchsorted(hashes, np.uint64(edge)))
