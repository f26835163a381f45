"""What passes between the layers: pieces of text and gaps; and what a coding (gzip, zstd, bzip2, xz) has to offer.

A compressed archive is a series of members, in the words of gzip (RFC 1952, section 2.2); a zstd frame (RFC 8878,
section 3.1) is one too, and so is a stream of bzip2 or xz.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import NamedTuple, Protocol

from ccnet_pipeline.archive.window import Window

MAX_PIECE_BYTES = 1 << 20
RETAINED_BYTES = 4 << 20
HEAD_BYTES = 7  # of a member, to tell its coding

PLAIN = -1


class Piece(NamedTuple):
    """Text of the archive, in order."""

    text: bytes
    member: int  # offset of the member that it is from; PLAIN in a plain file
    start: int  # the text came from the archive bytes [start, end)
    end: int
    first: bool  # of its member
    checked: bool  # all text of the member up to here has passed its check (plain files have nothing to check)
    last: bool = True  # of its member, if it is checked


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
    begun: bool | None = None  # a member it was; None: its first bytes tell


class Coding(Protocol):
    """How one kind of compressed archive is read."""

    name: str
    magic: bytes  # the first bytes of every archive

    def read(self, window: Window, at: int) -> Generator[Piece, None, Broken | None]:
        """Give the pieces of member after member from `at` on; return the first that breaks, None at the end.

        Raises no error. While a member is read the window keeps its last RETAINED_BYTES, or all of it.
        """
        ...

    def may_begin(self, head: bytes) -> bool:
        """Say whether a member may begin so: `head` has at least one byte, fewer than HEAD_BYTES at the end only."""
        ...

    def find(self, window: Window, at: int) -> int:
        """Give where the next member may begin at or behind `at`, among the bytes held; -1: nowhere."""
        ...

    def resumes(self, window: Window, at: int, keep: int) -> tuple[bool, int]:
        """Say whether reading can go on with a member at `at`, and what it cost in bytes to know.

        It can where the member begins with a record; where members are parts of what was packed in one go, with any
        that is sound. A cost that an archive could not make large without being large itself counts as 0. The window
        keeps the bytes from `keep` on.
        """
        ...
