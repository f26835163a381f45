"""Tables of hashes in files, read part by part: however many meet, only some of each are in memory.

A table is the distinct hashes of a segment or of a block of segments, ascending, 8 bytes each, little-endian; then one
bit a hash, whether two or more of its records have it.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np

from ccnet_pipeline.dedup.hashing import Hashes
from ccnet_pipeline.dedup.sorting import HASH_BITS, PART_HASHES, Bits, Table, part_edges

HASH_BYTES = 8
READ_HASHES = 1 << 15
Read = Callable[[int, int], bytes]  # (offset, size) in a file


def packed_size(bits: int) -> int:
    """Return the bytes that so many bits take."""
    return -(-bits // 8)


def packed(bits: Bits) -> bytes:
    """Return the bytes of bits."""
    return np.packbits(bits).tobytes()


def unpacked(data: bytes, start: int, count: int) -> Bits:
    """Return `count` bits from bit `start` on."""
    return np.unpackbits(np.frombuffer(data, np.uint8), count=start + count)[start:].view(np.bool_)


def table_size(num_hashes: int) -> int:
    """Return the bytes of a table in a file."""
    return num_hashes * HASH_BYTES + packed_size(num_hashes)


def hashes_in(size: int) -> int | None:
    """Return how many hashes a table of so many bytes has; None: no table has that size."""
    count = size * 8 // (HASH_BYTES * 8 + 1)
    return count if table_size(count) == size else None


def packed_table(table: Table) -> bytes:
    """Return a table as it stands in a file."""
    hashes, in_several = table
    return hashes.astype("<u8").tobytes() + packed(in_several)


def below(hashes: Hashes, edge: int) -> int:
    """Return how many of ascending hashes are less than an edge, which may be 2^64."""
    return len(hashes) if edge >> HASH_BITS else int(hashes.searchsorted(np.uint64(edge)))


class Reader:
    """Gives hashes in ascending order, as many as are asked for; one block of them is in memory."""

    def __init__(self, blocks: Iterator[Table], count: int) -> None:
        """Read nothing yet.

        Args:
            blocks: the hashes, piece by piece.
            count: of all of them.
        """
        self._blocks = blocks
        self._left = count
        self._ahead: Table = np.empty(0, np.uint64), np.empty(0, np.bool_)

    def __len__(self) -> int:
        """Return how many there are which were not taken yet."""
        return self._left

    def take(self, edge: int) -> Table:
        """Return the hashes below the edge that were not taken yet."""
        taken = []
        while True:
            hashes, in_several = self._ahead
            cut = below(hashes, edge)
            if cut:
                taken.append((hashes[:cut], in_several[:cut]))
                self._ahead = hashes[cut:], in_several[cut:]
                self._left -= cut
            if cut < len(hashes) or (block := next(self._blocks, None)) is None:
                break
            self._ahead = block
        if len(taken) == 1:
            return taken[0]
        return (
            np.concatenate([np.empty(0, np.uint64), *(hashes for hashes, _ in taken)]),
            np.concatenate([np.empty(0, np.bool_), *(bits for _, bits in taken)]),
        )


class TableReader(Reader):
    """Gives the hashes of a table, or of a slice of it."""

    def __init__(
        self, read: Read, num_hashes: int, start: int = 0, count: int | None = None, at_once: int = READ_HASHES
    ) -> None:
        """Read nothing yet.

        Args:
            read: of the table's file.
            num_hashes: in the table.
            start: index of the first hash of the slice.
            count: hashes of the slice; None: all that follow.
            at_once: hashes that are read at a time.
        """
        stop = num_hashes if count is None else start + count
        super().__init__(_blocks(read, num_hashes, start, stop, at_once), stop - start)


def _blocks(read: Read, num_hashes: int, start: int, stop: int, at_once: int) -> Iterator[Table]:
    """Yield the hashes of a slice of a table; their bits, the 65th part of all, are read at the first."""
    if start == stop:
        return
    first_byte = start // 8
    bits = read(num_hashes * HASH_BYTES + first_byte, packed_size(stop) - first_byte)
    for begin in range(start, stop, at_once):
        count = min(at_once, stop - begin)
        hashes = read(begin * HASH_BYTES, count * HASH_BYTES)
        bits_at, first = divmod(begin - first_byte * 8, 8)
        in_several = unpacked(bits[bits_at : bits_at + packed_size(first + count)], first, count)
        yield np.frombuffer(hashes, "<u8").astype(np.uint64, copy=False), in_several


class BitStreams:
    """One bit for each hash of several tables, which come part by part."""

    def __init__(self, counts: Iterable[int]) -> None:
        self.streams = [np.zeros(count, np.bool_) for count in counts]
        self._filled = [0] * len(self.streams)

    def extend(self, bits_of_each: Iterable[Bits]) -> None:
        """Put the next bits behind those that each table has."""
        for number, bits in enumerate(bits_of_each):
            start = self._filled[number]
            self._filled[number] = stop = start + len(bits)
            self.streams[number][start:stop] = bits

    def packed(self) -> bytes:
        """Return the bytes of all, those of each table beginning with a byte of its own."""
        return b"".join(map(packed, self.streams))


def parts(readers: Sequence[Reader], start: int, stop: int, most: int = PART_HASHES) -> Iterator[list[Table]]:
    """Yield what the tables have in each part of a range of the 64 bits, small enough to be sorted (`sorting.sort`)."""
    for edge in part_edges(len(readers), sum(map(len, readers)), start, stop, most):
        yield [reader.take(edge) for reader in readers]


def in_memory(table: Table, at_once: int = READ_HASHES) -> TableReader:
    """Return a reader of a table that is in no file."""
    data = packed_table(table)
    return TableReader(lambda offset, size: data[offset : offset + size], len(table[0]), at_once=at_once)
