"""A few bytes that unpack to gigabytes."""

from __future__ import annotations

from ccnet_pipeline.archive.pieces import MAX_PIECE_BYTES

BOMB_FLOOR = 1 << 30
BOMB_RATIO = 1032  # as much as deflate gives at most


class BombGuard:
    """Tells when a member is a bomb.

    It is, once it has given BOMB_RATIO times its own size, in an archive that has given more than BOMB_FLOOR of text
    and as many times its size.
    """

    def __init__(self) -> None:
        self._given = 0  # bytes of text in all

    def give(self, size: int) -> None:
        """Take notice of so many bytes of text."""
        self._given += size

    def is_bomb(self, given: int, start: int, end: int) -> bool:
        """Say whether the member that gave so many bytes is one; it was read from `start` to `end`."""
        return self._given > BOMB_FLOOR + BOMB_RATIO * end and given > MAX_PIECE_BYTES + BOMB_RATIO * (end - start)
