"""A remote file that is read forward by one request, and by another one where somebody seeks elsewhere."""

import io
from collections.abc import Callable, Iterator
from typing import Any

from ccnet_pipeline.errors import UnreachableError
from ccnet_pipeline.storage.paths import shown

Pieces = Iterator[bytes]


class RemoteFile(io.RawIOBase):
    """The bytes of a file of known length."""

    def __init__(self, path: str, size: int, ask: Callable[[int], Pieces], beginning: Pieces | None = None) -> None:
        """Take what gives the bytes.

        Args:
            path: as messages name the file.
            size: in bytes.
            ask: gives the bytes from some place on, in pieces.
            beginning: the same from byte 0 on, if that is asked for already.
        """
        self._path, self._size, self._ask = path, size, ask
        self._pieces = beginning
        self._piece = memoryview(b"")
        self._place = self._place_of_pieces = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._place

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        place = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: self._size}[whence]
        if place < 0:
            raise ValueError(f"no byte {place} in a file")
        self._place = place
        return place

    def readinto(self, buffer: Any, /) -> int:
        if self._place >= self._size:
            return 0
        if self._pieces is None or self._place != self._place_of_pieces:
            self._pieces, self._piece, self._place_of_pieces = self._ask(self._place), memoryview(b""), self._place
        while not self._piece:
            piece = next(self._pieces, None)
            if piece is None:
                raise UnreachableError(f"{shown(self._path)}: ended at byte {self._place} of {self._size}; try again")
            self._piece = memoryview(piece)
        count = min(len(buffer), len(self._piece))
        buffer[:count] = self._piece[:count]
        self._piece = self._piece[count:]
        self._place = self._place_of_pieces = self._place + count
        return count

    def close(self) -> None:
        self._pieces, self._piece = None, memoryview(b"")  # gives back the connection
        super().close()
