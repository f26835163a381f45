"""What index.json says: the parts of an index, and how it came to be (docs/hash_index.md)."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate

import msgspec

from ccnet_pipeline.dedup.blocks import CELLS
from ccnet_pipeline.errors import UserError
from ccnet_pipeline.hash_index.cells import NO_HASHES, Cell

VERSION = 1


@dataclass(frozen=True, slots=True)
class Part:
    """One file of hashes: consecutive cells."""

    file: str  # relative to the folder of the index, with slashes
    first: int  # cell
    cells: list[Cell]

    @property
    def size(self) -> int:
        """Return its bytes."""
        return sum(cell.size for cell in self.cells)

    def offsets(self) -> list[int]:
        """Return at which byte each cell begins."""
        return [0, *accumulate(cell.size for cell in self.cells)][:-1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hashing:
    """What decides which lines of a page are compared, and as what: within an index it is the same."""

    normalization: str
    title_is_paragraph: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One step of how an index came to be: a run, or a merger."""

    generation: int = 0  # that it made
    digest: str = ""  # of that generation
    base: str = ""  # digest of the one before
    run: str  # its id; "merge"
    fingerprint: str = ""  # of its configuration
    inputs_sha256: str = ""  # of the list of its inputs
    dumps: list[str] = field(default_factory=list)
    segments: int = 0
    added: int = 0  # hashes that were new
    known: int = 0  # hashes that the index had already
    come_again: int = 0  # of these, those that had stood in one record only


@dataclass(frozen=True, slots=True, kw_only=True)
class Index:
    """The content of index.json."""

    version: int = VERSION
    generation: int  # counted from 1; 0: nothing was added yet
    digest: str  # of all hashes and bits, however they lie in parts
    hashes: int
    several: int
    hashing: Hashing | None  # None: nothing was added yet
    parts: list[Part]  # all cells, in order
    history: list[Entry]
    checksum: str = ""  # sha256 of this file with "" here, without blanks and line ends between values

    def entry_of(self, run: str) -> Entry | None:
        """Return what a run has added; None: it has not."""
        return next((entry for entry in self.history if entry.run == run), None)

    def cells(self) -> Iterator[Cell]:
        """Yield all cells in order."""
        for part in self.parts:
            yield from part.cells


def make_index(generation: int, hashing: Hashing | None, parts: Sequence[Part], history: Sequence[Entry]) -> Index:
    """Return the index of some parts, in any order; the last entry of its history learns generation and digest.

    Raises:
        ValueError: there are cells missing, or twice.
    """
    parts = sorted(parts, key=lambda part: part.first)
    if not _is_whole(parts):
        raise ValueError("the parts of an index are not all cells")
    cells = [cell for part in parts for cell in part.cells]
    digest = _digest(cells)
    named = [*history[:-1], *(replace(entry, generation=generation, digest=digest) for entry in history[-1:])]
    return Index(
        generation=generation,
        digest=digest,
        hashes=sum(cell.hashes for cell in cells),
        several=sum(cell.several for cell in cells),
        hashing=hashing,
        parts=list(parts),
        history=named,
    )


def empty() -> Index:
    """Return an index to which nothing was added yet."""
    return make_index(0, None, [Part("", 0, [NO_HASHES] * CELLS)], [])


def encode(index: Index) -> bytes:
    """Return index.json: for people, with a final line feed."""
    return msgspec.json.format(msgspec.json.encode(replace(index, checksum=_checksum(index))), indent=2) + b"\n"


def decode(data: bytes, name: str) -> Index:
    """Return the index that an index.json describes.

    Args:
        data: the file.
        name: of the file, for messages.

    Raises:
        UserError: it is of a newer version, or damaged.
    """

    class Versioned(msgspec.Struct):
        version: int

    try:
        version = msgspec.json.decode(data, type=Versioned).version
        if version > VERSION:
            raise UserError(
                f"{name} is of version {version}, and this program reads version {VERSION}; use a newer release of it"
            )
        index = msgspec.json.decode(data, type=Index)
    except msgspec.DecodeError as error:
        raise _damaged(name) from error
    if index.checksum != _checksum(index) or not _is_whole(index.parts) or index.digest != _digest(index.cells()):
        raise _damaged(name)
    return index


def _damaged(name: str) -> UserError:
    return UserError(f"{name} is damaged; restore the index from a copy, or make it anew")


def _is_whole(parts: Sequence[Part]) -> bool:
    numbers = [number for part in parts for number in range(part.first, part.first + len(part.cells))]
    return numbers == list(range(CELLS))


def _checksum(index: Index) -> str:
    return hashlib.sha256(msgspec.json.encode(replace(index, checksum=""))).hexdigest()


def _digest(cells: Iterator[Cell] | Sequence[Cell]) -> str:
    lines = [f"{cell.hashes} {cell.several} {cell.sha256}\n" for cell in cells]
    return hashlib.sha256("".join(lines).encode()).hexdigest()
