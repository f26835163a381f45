"""What a place for files must be able to do."""

import contextlib
from collections.abc import Callable, Sequence
from typing import BinaryIO, Protocol

Range = tuple[int, int]  # first byte, size
Ranges = Callable[[int, int], bytes]  # (first byte, size) -> the bytes there, fewer where the file ends before


class Store(Protocol):
    """Files by name. What is written is whole or not there, also to whoever reads at that moment."""

    def open(self, path: str) -> BinaryIO:
        """Open a file for reading from its begin to its end; raises FileNotFoundError."""

    def read(self, path: str) -> bytes:
        """Return a whole file; raises FileNotFoundError."""

    def ranges(self, path: str) -> contextlib.AbstractContextManager[Ranges]:
        """Open a file for reading here and there; raises FileNotFoundError, at once or when it is read."""

    def read_many(self, path: str, ranges: Sequence[Range]) -> list[bytes]:
        """Return the bytes of many ranges, fewer where the file ends before; neighbours are read together."""

    def writing(self, path: str) -> contextlib.AbstractContextManager[BinaryIO]:
        """Open a file, seekable, that gets its name only when the block ends without an exception."""

    def size(self, path: str) -> int | None:
        """Return the bytes of a file, or None if there is no such file."""

    def sizes(self, folder: str) -> dict[str, int]:
        """Return the bytes of each file in a folder and below it, by its path from there, with slashes."""

    def names(self, folder: str) -> list[str]:
        """Return the names of the files and folders in a folder; none if it is not there."""

    def remove(self, path: str) -> None:
        """Remove a file, if it exists."""

    def remove_many(self, paths: Sequence[str]) -> None:
        """Remove those of these files that exist."""

    def remove_folder(self, folder: str) -> None:
        """Remove a folder and what is in it, if it exists."""

    def remove_if_empty(self, folder: str) -> None:
        """Remove a folder in which nothing is, if it exists."""

    def remove_leftovers(self, folder: str) -> None:
        """Remove files that a killed program was writing, in a folder and below it."""

    def check(self, folder: str) -> None:
        """See that files can be written below a folder, without leaving anything; raises OSError or UserError."""


class RemoteStore(Store, Protocol):
    """Files on other machines, which have a clock of their own, and no locks but what is built on conditions."""

    def versions(self, folder: str) -> dict[str, str]:
        """Return what changes with the content of each file in a folder and below it, by its path from there."""

    def create(self, path: str, data: bytes) -> object:
        """Write a file that is not there yet, and return its version; raises FileExistsError."""

    def replace(self, path: str, data: bytes, version: object) -> object:
        """Write a file if it still has that version, and return the new one; raises FileExistsError if not."""

    def look(self, path: str) -> tuple[bytes, float, object]:
        """Return content, time of change in seconds by the store's clock, and version; raises FileNotFoundError."""

    def now(self, folder: str) -> float:
        """Return what the clock of the store says, in seconds; it takes a file in the folder to ask."""
