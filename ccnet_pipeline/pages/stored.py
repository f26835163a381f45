"""Pages in a file, between the stage that reads archives and the one that judges: JSON lines in zstd frames."""

from collections.abc import Iterable, Iterator
from typing import BinaryIO

import msgspec

from ccnet_pipeline.frames import read_lines, write_lines
from ccnet_pipeline.pages.page import Page

_LEVEL = 1  # of zstd: the file is read once, soon

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Page).decode


def write_pages(pages: Iterable[Page], file: BinaryIO) -> None:
    """Write all pages."""
    write_lines(map(_encode, pages), file, _LEVEL)


def read_pages(file: BinaryIO) -> Iterator[Page]:
    """Yield the pages of a file.

    Raises:
        ValueError: it is cut off.
    """
    return map(_decode, read_lines(file))
