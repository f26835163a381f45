"""What a place for files must be able to do."""

import contextlib
from collections.abc import Callable
from typing import BinaryIO, Protocol

Ranges = Callable[[int, int], bytes]  # (first byte, size) -> the bytes there, fewer where the file ends before


class Store(Protocol):
    """Files by name. What is written is whole or not there, also to whoever reads at that moment."""

    def open(self, path: str) -> BinaryIO:
        """Open a file for reading from its begin to its end; raises FileNotFoundError."""

    def ranges(self, path: str) -> contextlib.AbstractContextManager[Ranges]:
        """Open a file for reading here and there; raises FileNotFoundError, at once or when it is read."""

    def writing(self, path: str) -> contextlib.AbstractContextManager[BinaryIO]:
        """Open a file, seekable, that gets its name only when the block ends without an exception."""

    def size(self, path: str) -> int | None:
        """Return the bytes of a file, or None if there is no such file."""

    def sizes(self, folder: str) -> dict[str, int]:
        """Return the bytes of each file in a folder and below it, by its path from there, with slashes."""

    def names(self, folder: str) -> list[str]:
        """Return the names of the files and folders in a folder, none if it is not there."""

    def remove(self, path: str) -> None:
        """Remove a file, if it exists."""

    def remove_folder(self, folder: str) -> None:
        """Remove a folder and what is in it, if it exists."""

    def check(self, folder: str) -> None:
        """See that files can be written below a folder, without leaving anything; raises OSError or UserError."""
