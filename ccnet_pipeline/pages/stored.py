"""Pages in a file, between the stage that reads archives and the one that judges, in chunks of some thousand.

A line that stands several times in a chunk, as those of menus do, is kept once: a page is a list of numbers of lines.
Whoever judges can do it by the column, and need not decode a page, or a line of it, that is lost anyway.

A chunk is two zstd frames: msgpack of `_Columns`, then its distinct lines in UTF-8, with line feeds between them.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import BinaryIO

import msgspec
import numpy as np
import numpy.typing as npt
from msgspec.structs import replace

from ccnet_pipeline.frames import compressor, read_frames
from ccnet_pipeline.pages.page import Page

# A chunk ends with the page that reaches either. Code points are those of paragraphs, and one more for each.
CHUNK_PAGES = 4096
CHUNK_CHARACTERS = 16 << 20

_LEVEL = 1  # of zstd: the file is read once, soon
_LINE_FEED = 10

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Page).decode


class _Columns(msgspec.Struct, frozen=True, array_like=True):
    """All of a chunk but the text of its lines. Numbers are <u4."""

    title_is_paragraph: bool
    reasons: list[str | None]
    has_share: bytes  # one byte a page: 0 or 1
    num_paragraphs: bytes
    numbers: bytes  # of each paragraph of all pages: which of the distinct lines it is
    lengths: bytes  # code points of each distinct line
    heads: bytes  # msgpack of each page without its lines, one behind the other
    head_sizes: bytes  # bytes of each


_decode_columns = msgspec.msgpack.Decoder(_Columns).decode


def _numbering() -> defaultdict[str, int]:
    """Return the numbers of lines; one that is new gets the next."""
    return defaultdict(count().__next__)


@dataclass(slots=True)
class Batch:
    """Consecutive pages of a segment, before they are written."""

    title_is_paragraph: bool
    pages: list[Page] = field(default_factory=list)
    num_paragraphs: list[int] = field(default_factory=list)  # of each page
    numbers: list[int] = field(default_factory=list)  # of each paragraph of all pages: which of `lines` it is
    characters: int = 0  # of all paragraphs
    _numbers: defaultdict[str, int] = field(default_factory=_numbering)

    def add(self, page: Page) -> None:
        """Take one more page."""
        paragraphs = page.paragraphs(title_is_paragraph=self.title_is_paragraph)
        self.pages.append(page)
        self.num_paragraphs.append(len(paragraphs))
        self.numbers += map(self._numbers.__getitem__, paragraphs)
        self.characters += sum(map(len, paragraphs))

    @property
    def lines(self) -> list[str]:
        """The distinct lines, in the order of their first appearance."""
        return list(self._numbers)

    @property
    def is_full(self) -> bool:
        """Whether the chunk ends here."""
        return self.characters + len(self.numbers) >= CHUNK_CHARACTERS or len(self.pages) >= CHUNK_PAGES


@dataclass(frozen=True, slots=True)
class Chunk:
    """Consecutive pages of a segment, as columns."""

    reasons: list[str | None]  # of each page: why it goes no further
    goes_on: npt.NDArray[np.bool_]  # of each page: it has no such reason
    has_share: npt.NDArray[np.bool_]  # of each page: its main_share is told
    num_paragraphs: npt.NDArray[np.uint32]  # of each page
    bounds: npt.NDArray[np.int64]  # where the paragraphs of each page begin in `lengths`, and where the last ends
    lengths: npt.NDArray[np.uint32]  # code points of each paragraph of all pages, in order; 0: it is blank
    _title_is_paragraph: bool
    _numbers: list[int]  # of each paragraph of all pages: which of the distinct lines it is
    _text: bytes  # the distinct lines
    _ends: list[int]  # of each in there, behind its line feed; before the first 0
    _heads: bytes
    _head_ends: list[int]

    def __len__(self) -> int:
        return len(self.reasons)

    def head(self, number: int) -> Page:
        """Return a page without its lines; it is decoded only now."""
        return _decode(self._heads[self._head_ends[number] : self._head_ends[number + 1]])

    def paragraphs(self, number: int, positions: Iterable[int]) -> list[str]:
        """Return some paragraphs of a page by their positions; only these are decoded."""
        start = int(self.bounds[number])
        numbers = (self._numbers[start + position] for position in positions)
        return [self._text[self._ends[number] : self._ends[number + 1] - 1].decode() for number in numbers]

    def page(self, number: int) -> Page:
        """Return a page, decoded as a whole. Of one without any text its blank lines are not there."""
        first = 1 if self._title_is_paragraph else 0
        return replace(self.head(number), lines=self.paragraphs(number, range(first, int(self.num_paragraphs[number]))))


def write_chunks(batches: Iterable[Batch], file: BinaryIO) -> None:
    """Write some batches, each as a chunk."""
    compress = compressor(_LEVEL).compress
    for batch in batches:
        lines = batch.lines
        text = "\n".join(lines).encode()
        if text.count(b"\n") != max(len(lines) - 1, 0):
            raise ValueError("a paragraph has a line feed in it")
        heads = [_encode(replace(page, lines=[])) for page in batch.pages]
        columns = _Columns(
            title_is_paragraph=batch.title_is_paragraph,
            reasons=[page.reason for page in batch.pages],
            has_share=bytes(page.main_share is not None for page in batch.pages),
            num_paragraphs=_packed(batch.num_paragraphs),
            numbers=_packed(batch.numbers),
            lengths=_packed(map(len, lines)),
            heads=b"".join(heads),
            head_sizes=_packed(map(len, heads)),
        )
        file.write(compress(_encode(columns)))
        file.write(compress(text))


def read_chunks(file: BinaryIO) -> Iterator[Chunk]:
    """Yield the chunks of a file.

    Raises:
        ValueError: it is cut off.
    """
    frames = read_frames(file)
    for frame in frames:
        lines = next(frames, None)
        if lines is None:
            raise ValueError("the last chunk has no lines: the file is cut off")
        yield _chunk(_decode_columns(frame), lines)


def _chunk(columns: _Columns, lines: bytes) -> Chunk:
    num_paragraphs, numbers = _unpacked(columns.num_paragraphs), _unpacked(columns.numbers)
    return Chunk(
        reasons=columns.reasons,
        goes_on=np.array([reason is None for reason in columns.reasons], np.bool_),
        has_share=np.frombuffer(columns.has_share, np.bool_),
        num_paragraphs=num_paragraphs,
        bounds=_ends(num_paragraphs),
        lengths=_unpacked(columns.lengths)[numbers],
        _title_is_paragraph=columns.title_is_paragraph,
        _numbers=numbers.tolist(),
        _text=lines,
        _ends=[0, *(np.flatnonzero(np.frombuffer(lines, np.uint8) == _LINE_FEED) + 1).tolist(), len(lines) + 1],
        _heads=columns.heads,
        _head_ends=_ends(_unpacked(columns.head_sizes)).tolist(),
    )


def _packed(numbers: Iterable[int]) -> bytes:
    return np.array(list(numbers), "<u4").tobytes()


def _unpacked(data: bytes) -> npt.NDArray[np.uint32]:
    return np.frombuffer(data, "<u4").astype(np.uint32, copy=False)


def _ends(sizes: npt.NDArray[np.uint32]) -> npt.NDArray[np.int64]:
    """Return 0 and where each of some things of these sizes ends that lie one behind the other."""
    return np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)])
