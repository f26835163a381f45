"""What passes between the layers: pieces of text and gaps; and what a coding (gzip, zstd) has to offer.

A compressed archive is a series of members, in the words of gzip (RFC 1952, section 2.2); a zstd frame (RFC 8878,
section 3.1) is one too.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import NamedTuple, Protocol

from ccnet_pipeline.archive.window import Window

MAX_PIECE_BYTES = 1 << 20
RETAINED_BYTES = 4 << 20

PLAIN = -1


class Piece(NamedTuple):
    """Text of the archive, in order."""

    text: bytes
    member: int  # offset of the member that it is from; PLAIN in a plain file
    start: int  # the text came from the archive bytes [start, end)
    end: int
    first: bool  # of its member
    checked: bool  # the member ends here and has passed its check (plain files have nothing to check)


class Gap(NamedTuple):
    """The archive bytes [start, end) gave nothing that can be relied on."""

    start: int
    end: int
    reason: str
    members: int
    cut: bool = False  # a member that began well ends with the archive


class Broken(NamedTuple):
    """A member that cannot be read to its end, or bytes that are none."""

    start: int  # of the member
    end: int  # how far the archive was read; behind `start`
    begin: int  # from where on it gave no piece
    first: bool  # it gave no piece at all
    cut: bool  # the archive ends before the member does
    text: bytes = b""  # what could still be saved of it behind `begin`


class Coding(Protocol):
    """How one kind of compressed archive is read."""

    name: str
    magic: bytes  # the first bytes of every member that holds text

    def read(self, window: Window, at: int) -> Generator[Piece, None, Broken | None]:
        """Give the pieces of member after member from `at` on; return the first that breaks, None at the end.

        Raises no error. While a member is read the window keeps its last RETAINED_BYTES, or all of it.
        """
        ...

    def may_begin(self, head: bytes) -> bool:
        """Say whether a member may begin so: `head` has at least one byte, fewer than `magic` at the end only."""
        ...

    def probe(self, window: Window, at: int, keep: int) -> tuple[bytes, int]:
        """Give the first bytes of the text of the member at `at`, b"" if it has none, and what that cost in bytes.

        A cost that an archive could not make large without being large itself counts as 0. The window keeps
        the bytes from `keep` on.
        """
        ...
