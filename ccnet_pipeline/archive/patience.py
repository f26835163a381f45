"""Reading bytes a second time, within bounds: no archive can make the reader go over it again and again."""

from __future__ import annotations


class Patience:
    """Counts bytes read again, or for a search only, until there are too many of them."""

    def __init__(self, floor: int, ratio: int) -> None:
        """Allow `floor` bytes, and `ratio` times as many as were read."""
        self._floor = floor
        self._ratio = ratio
        self._spent = 0

    def spend(self, size: int) -> None:
        """Take notice of `size` bytes more."""
        self._spent += size

    def lasts(self, read: int) -> bool:
        """Say whether there were not too many yet, where `read` were read."""
        return self._spent <= self._floor + self._ratio * read
