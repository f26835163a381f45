"""What crosses a GroupByKey: references and small counts, never text. And the notes that stages leave when done."""

from collections.abc import Sequence
from dataclasses import dataclass

from msgspec import UNSET, UnsetType

from ccnet_pipeline.fetch import shown
from ccnet_pipeline.ledger import Account, Balance, DamageTally, MainTextTally

# Folders of the run directory.
SHARDS = "shards/"
REJECTS = "rejects/"


# There are as many of the first two as segments times ranges, so they are plain tuples, which Beam packs tightly.

# The hashes of one segment in one range: segment number, index of the first in its file, count, hashes in the file.
HashSlice = tuple[int, int, int, int]
# Where the answers for one slice lie: range, byte in its file, index of the first hash, count. One bit a hash, packed.
Answer = tuple[int, int, int, int]


def enumerated(names: Sequence[str], most: int = 5) -> str:
    """Return the first names for a line of text, and how many more there are."""
    more = f", and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


@dataclass(frozen=True, slots=True)
class Failure:
    """A segment that could not be read."""

    segment: str  # its name
    reason: str  # names the file, too
    tried: bool = True


@dataclass(frozen=True, slots=True)
class Frame:
    """One zstd frame of whole lines in a file."""

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
class FilePlan:
    """One final file: the blocks that it is made of, in order."""

    path: str  # relative to the run directory
    format: str
    blocks: list[Block]


@dataclass(frozen=True, slots=True)
class FinalFile:
    """One row of manifest.json."""

    path: str  # relative to the run directory
    language: str
    bucket: str  # several are joined by "+"; in rejects/ the reason
    format: str
    documents: int
    paragraphs: int
    characters: int  # code points of paragraphs, line breaks not counted
    bytes: int
    sha256: str


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


@dataclass(frozen=True, slots=True)
class MineNote:
    """Written when a segment's stage 3 is done."""

    segment: str  # its name
    account: Account
    blocks: list[Block]
    pages: int
    documents: int
    cpu_s: float  # for benchmarks/limit.py


@dataclass(frozen=True, slots=True)
class Manifest:
    """The content of manifest.json."""

    shard_format: int
    fingerprint: str
    files: list[FinalFile]


@dataclass(frozen=True, slots=True, kw_only=True)
class LanguageBooks:
    """The same of one language, and what its documents are like before any is dropped for its bucket."""

    records: Balance
    paragraphs: Balance
    characters: Balance
    mean_score: float | None
    median_perplexity: float | None  # to two digits; None: no fluency model
    head_share: float | None  # in head, middle and tail


@dataclass(frozen=True, slots=True, kw_only=True)
class Books:
    """What was read, kept and dropped, as it stands in ledger.json."""

    records: Balance
    paragraphs: Balance
    characters: Balance  # code points of paragraphs, line breaks not counted
    languages: dict[str, LanguageBooks]
    damage: DamageTally
    main_text: MainTextTally | UnsetType = UNSET  # absent where there is no web page


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger(Books):
    """The content of ledger.json: the balance in total and by segment (docs/design.md, The balance)."""

    segments: dict[str, Books]

    def without_record(self) -> list[str]:
        """Return the names of the archives that gave no record, each with the damage in it."""
        barren = {name: books.damage for name, books in self.segments.items() if not books.records.read}
        return [f"{shown(name)} ({', '.join(sorted(damage.reasons)) or 'empty'})" for name, damage in barren.items()]
