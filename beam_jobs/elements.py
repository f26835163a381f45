"""What crosses a GroupByKey: references and small counts, never text. And the notes that stages leave when done."""

from dataclasses import dataclass

from ccnet_pipeline.ledger import Account
from ccnet_pipeline.shards.published import FinalFile

# The key of what is all brought together.
ALL = 0

# Of these there are many, so they are plain tuples, which Beam packs tightly. A block is named by the number of its
# first segment.

# A segment that stage 1 is done with: its number, its distinct hashes, and why it could not be read, if it could not.
Extracted = tuple[int, int, "Failure | None"]
# The part of a block's table that lies in a range: block, index of its first hash, count, hashes in the whole table.
HashSlice = tuple[int, int, int, int]
# A range of hashes: its scope and first cell; and the cell behind its last, and its slices by block.
RangeName = tuple[int, int]
HashRange = tuple[int, list[HashSlice]]
# Where the answers for one slice lie: first hash of the slice in its block, count, and in the file of answers of a
# range (its scope, first and last cell) the first byte. One bit a hash, packed.
Answer = tuple[int, int, int, int, int, int]
# Where a segment's answers lie: block, first byte in its file, count of bits.
SegmentBits = tuple[int, int, int]
# Of documents: their folder (SHARDS or REJECTS, and the language), and their bucket or the reason.
Place = tuple[str, str]
# Bytes of a file: its path below the work folder, where they begin, how many.
Extent = tuple[str, int, int]


@dataclass(frozen=True, slots=True)
class Failure:
    """A segment that could not be read."""

    segment: str  # its name
    reason: str  # names the file, too
    tried: bool = True


@dataclass(frozen=True, slots=True)
class Frame:
    """One zstd frame in a file."""

    offset: int
    size: int


@dataclass(frozen=True, slots=True)
class Block:
    """All documents of one segment in one language and bucket (or rejected for one reason)."""

    folder: str  # SHARDS or REJECTS, and the language
    name: str  # the bucket, or the reason
    segment_number: int
    frames: list[Frame]
    documents: int
    paragraphs: int
    characters: int

    @property
    def size(self) -> int:
        return sum(frame.size for frame in self.frames)


@dataclass(frozen=True, slots=True)
class Row:
    """What one segment has in one language and bucket, and where it lies."""

    segment_number: int
    documents: int
    paragraphs: int
    characters: int
    extents: list[Extent]  # in order

    @property
    def size(self) -> int:
        return sum(size for _, _, size in self.extents)


@dataclass(frozen=True, slots=True)
class Gathered:
    """All documents of one group of segments in one language and bucket (or rejected for one reason)."""

    folder: str  # SHARDS or REJECTS, and the language
    name: str  # the bucket, or the reason
    group: int
    documents: int
    paragraphs: int
    characters: int
    extent: Extent | None  # all of them, in the order of the segments; None: nothing was copied, see the rows
    size: int
    rows: tuple[int, int]  # first byte and size of the rows, one a segment, in the file of the group's rows


@dataclass(frozen=True, slots=True)
class FilePlan:
    """One final file: what it is made of, in order."""

    path: str  # relative to the run directory
    format: str
    buckets: list[str]  # or reasons
    documents: int
    paragraphs: int
    characters: int
    extents: list[Extent]

    @property
    def size(self) -> int:
        return sum(size for _, _, size in self.extents)


@dataclass(frozen=True, slots=True)
class FinishedNote:
    """Written when a large final file is finished, or small ones are that are made together."""

    plan_sha256: str  # of the plans that they were made by
    files: list[FinalFile]


@dataclass(frozen=True, slots=True)
class ExtractNote:
    """Written when a segment's stage 1 is done."""

    segment: str  # its name
    account: Account
    dump: str
    bytes: int  # of the archive, as stored
    pages: int
    hashes: int  # distinct
    paragraphs: int
    cpu_s: float  # for benchmarks/limit.py
    counts: int | None = None  # bytes of the file of counts; None: copies are not counted


@dataclass(frozen=True, slots=True)
class CompactNote:
    """Written when the tables of a block's segments are one."""

    block: int
    segments: list[tuple[int, int]]  # numbers, and how many distinct hashes each has
    cells: list[int]  # distinct hashes in each; empty where the block is alone and its segments have their answers
    entries: int  # hashes of the segments together
    counts: int | None = None  # bytes of the file of counts; None: there is none

    @property
    def hashes(self) -> int:
        return sum(self.cells)


@dataclass(frozen=True, slots=True)
class Compacted:
    """A block on its way to the plan of ranges."""

    note: CompactNote | None  # None: some of its segments failed
    has_answers: bool  # for its segments; it may still be that others of its scope have none
    failures: list[Failure]


@dataclass(frozen=True, slots=True)
class MineNote:
    """Written when a segment's stage 3 is done."""

    segment: str  # its name
    account: Account
    blocks: list[Block]
    observed: Frame  # behind the blocks: what is noted of the segment (ccnet_pipeline.observations)
    pages: int
    documents: int
    cpu_s: float
    extract_cpu_s: float  # of its stage 1

    @property
    def size(self) -> int:
        """The bytes of the file of blocks."""
        return sum(block.size for block in self.blocks) + self.observed.size


@dataclass(frozen=True, slots=True)
class GatherNote:
    """Written when the documents of a group of segments are gathered by language and bucket."""

    bytes: int  # of the file that they were copied to; 0: they were not
    row_bytes: int
    observed_bytes: int
    gathered: list[Gathered]
