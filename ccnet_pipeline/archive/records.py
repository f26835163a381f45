"""What the reader hands on: records and damage; and what it has to know of a format of archives (WARC, ARC)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NamedTuple, Protocol

MAX_HEADER_BYTES = 64 << 10


@dataclass(frozen=True, slots=True)
class Record:
    """A whole record."""

    type: str  # WARC-Type in lower case; "" where the field is absent
    headers: dict[
        str, str
    ]  # by name in lower case; of a field given twice the first; values stripped, else as they are
    body: bytes  # the block; b"" if oversized
    offset: int  # in the archive: of the member that the record begins in; in a plain file of the record
    oversized: bool = False  # the block is longer than max_record_bytes, and was passed over
    number: int = 1  # among the records of this offset, from 1


@dataclass(frozen=True, slots=True)
class Damage:
    """Bytes of the archive that belong to no record; no bytes where a record is given although something is wrong."""

    offset: int
    size: int  # bytes of the archive, as stored
    reason: str
    members: int = 0  # members of gzip, frames of zstd, or streams, that could not be read to their end


class Head(NamedTuple):
    """What of a record stands before its block."""

    fields: dict[str, str]  # by the names of WARC, in lower case
    end: int  # its place in the text: the block begins there
    length: int | None  # of the block, in bytes; None: not stated, or what is stated is no length
    line_end: bytes  # of every line; CR LF if they differ

    @property
    def added(self) -> bytes:
        r"""What stands in the block where LF stood when its length was stated; b"": nothing else.

        Where all lines of a head end with CR CR LF, a CR was put before every LF of the archive.

        >>> Head({}, 0, 0, b"\r\r\n").added
        b'\r\n'
        """
        return self.line_end[:-2] + b"\n" if len(self.line_end) > 2 else b""


class CutHead(NamedTuple):
    """A head that the first line of a further record ends."""

    end: int


class Format(Protocol):
    """How the records of a format of archives begin and end. Places are places in the text that is given."""

    first_line: re.Pattern[bytes]  # any line ends, then (group 1) the first line of a record
    line_end: bytes  # of a line of a head
    line_ends: int  # that close a record before the next begins

    def may_begin(self, text: bytes, at: int) -> bool:
        """Say whether more text could make a first line of what stands at `at`; now there is none."""
        ...

    def head(self, text: bytes, begin: int, line_end: int, seen: int) -> Head | CutHead | None:
        """Give the head of a record.

        Args:
            text: with the head in it, or the beginning of it.
            begin: of its first line.
            line_end: the end of that.
            seen: the head was looked for already, and does not end before.

        Returns:
            None where it does not end within MAX_HEADER_BYTES, or not within the text.
        """
        ...

    def later(self, text: bytes, at: int, end: int) -> int:
        """Give where the first line of a further record begins in [at, end), -1 if nowhere."""
        ...

    def unseen(self, text: bytes, at: int) -> int:
        """Give where what `later` looks for may begin in text that ends too early; at least `at`."""
        ...
