"""Pages in a file, between the stage that reads archives and the one that judges, in chunks of some thousand.

A chunk is two zstd frames: columns of what is known of all its pages and paragraphs, then the pages themselves, each
encoded alone. So whoever judges can do it by the column, and need not decode a page of which nothing is left.

    columns   msgpack of `_Columns`
    pages     msgpack of one `Page` after the other
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import BinaryIO

import msgspec
import numpy as np
import numpy.typing as npt

from ccnet_pipeline.frames import compressor, read_frames
from ccnet_pipeline.pages.page import Page

# A chunk ends with the page that reaches either.
CHUNK_PAGES = 4096
CHUNK_CHARACTERS = 16 << 20

_LEVEL = 1  # of zstd: the file is read once, soon

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Page).decode


class _Columns(msgspec.Struct, frozen=True, array_like=True):
    """A chunk without its pages. Numbers are little-endian."""

    reasons: list[str | None]
    num_paragraphs: bytes  # <i4
    lengths: bytes  # <u4
    has_share: bytes  # one byte a page: 0 or 1
    sizes: bytes  # <u4: bytes of each encoded page


_decode_columns = msgspec.msgpack.Decoder(_Columns).decode


@dataclass(frozen=True, slots=True)
class Chunk:
    """Consecutive pages of a segment, as columns."""

    reasons: list[str | None]  # of each page: why it goes no further
    num_paragraphs: npt.NDArray[np.int32]  # of each page
    lengths: npt.NDArray[np.uint32]  # code points of each paragraph of all pages, in order; 0: it is blank
    has_share: npt.NDArray[np.bool_]  # of each page: its main_share is told
    bounds: npt.NDArray[np.int64]  # where the paragraphs of each page begin in `lengths`, and where the last ends
    _pages: memoryview  # encoded, one behind the other
    _ends: list[int]  # of each in there, behind a 0

    def __len__(self) -> int:
        return len(self.reasons)

    def page(self, number: int) -> Page:
        """Return a page; it is decoded only now."""
        return _decode(self._pages[self._ends[number] : self._ends[number + 1]])


@dataclass(slots=True)
class Batch:
    """Consecutive pages of a segment, before they are written."""

    pages: list[Page] = field(default_factory=list)
    num_paragraphs: list[int] = field(default_factory=list)  # of each page
    lengths: list[int] = field(default_factory=list)  # code points of each paragraph of all pages, in order
    characters: int = 0  # of all paragraphs

    def add(self, page: Page, paragraphs: Sequence[str]) -> None:
        """Take one more page, with its paragraphs."""
        lengths = list(map(len, paragraphs))
        self.pages.append(page)
        self.num_paragraphs.append(len(lengths))
        self.lengths += lengths
        self.characters += sum(lengths)

    @property
    def is_full(self) -> bool:
        """Whether the chunk ends here."""
        return self.characters >= CHUNK_CHARACTERS or len(self.pages) >= CHUNK_PAGES


def write_chunks(batches: Iterable[Batch], file: BinaryIO) -> None:
    """Write some batches, each as a chunk."""
    compress = compressor(_LEVEL).compress
    for batch in batches:
        encoded = list(map(_encode, batch.pages))
        columns = _Columns(
            reasons=[page.reason for page in batch.pages],
            num_paragraphs=np.array(batch.num_paragraphs, "<i4").tobytes(),
            lengths=np.array(batch.lengths, "<u4").tobytes(),
            has_share=bytes(page.main_share is not None for page in batch.pages),
            sizes=np.array(list(map(len, encoded)), "<u4").tobytes(),
        )
        file.write(compress(_encode(columns)))
        file.write(compress(b"".join(encoded)))


def read_chunks(file: BinaryIO) -> Iterator[Chunk]:
    """Yield the chunks of a file.

    Raises:
        ValueError: it is cut off.
    """
    frames = read_frames(file)
    for frame in frames:
        pages = next(frames, None)
        if pages is None:
            raise ValueError("the last chunk has no pages: the file is cut off")
        yield _chunk(_decode_columns(frame), pages)


def read_pages(file: BinaryIO) -> Iterator[Page]:
    """Yield all pages of a file; as for errors, see `read_chunks`."""
    return (chunk.page(number) for chunk in read_chunks(file) for number in range(len(chunk)))


def _chunk(columns: _Columns, pages: bytes) -> Chunk:
    num_paragraphs = np.frombuffer(columns.num_paragraphs, "<i4").astype(np.int32, copy=False)
    return Chunk(
        reasons=columns.reasons,
        num_paragraphs=num_paragraphs,
        lengths=np.frombuffer(columns.lengths, "<u4").astype(np.uint32, copy=False),
        has_share=np.frombuffer(columns.has_share, np.bool_),
        bounds=_ends(num_paragraphs),
        _pages=memoryview(pages),
        _ends=_ends(np.frombuffer(columns.sizes, "<u4")).tolist(),
    )


def _ends(sizes: npt.NDArray[np.integer]) -> npt.NDArray[np.int64]:
    """Return 0 and where each of some things of these sizes ends that lie one behind the other."""
    return np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)])
