"""What a run directory says of itself: manifest.json, ledger.json and the parts of it (docs/shard_format.md)."""

from dataclasses import dataclass

from msgspec import UNSET, UnsetType

from ccnet_pipeline.ledger import Balance, DamageTally, MainTextTally

# Folders of the run directory.
SHARDS = "shards/"
REJECTS = "rejects/"


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
    # Absent in ledgers of earlier versions.
    mean_score: float | None = None
    median_perplexity: float | None = None  # to two digits; None: no fluency model
    head_share: float | None = None  # in head, middle and tail


@dataclass(frozen=True, slots=True)
class Contamination:
    """What documents were dropped for with --decontaminate."""

    files: dict[str, int]  # name of a test file -> documents
    words: dict[str, int] | UnsetType = UNSET  # in total only: the first runs of words by number of documents


@dataclass(frozen=True, slots=True, kw_only=True)
class Books:
    """What was read, kept and dropped, as it stands in ledger.json."""

    records: Balance
    paragraphs: Balance
    characters: Balance  # code points of paragraphs, line breaks not counted
    languages: dict[str, LanguageBooks]
    damage: DamageTally
    main_text: MainTextTally | UnsetType = UNSET  # absent where there is no web page
    contamination: Contamination | UnsetType = UNSET  # absent where no document was dropped for it


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentBooks(Books):
    """One line of ledger/segments-*.jsonl.zst."""

    segment: str  # its name


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger(Books):
    """The content of ledger.json: the balance in total (docs/design.md, The balance)."""

    # With a hash index: paragraphs that stood in one record of the earlier runs, and have come again. An upper bound of
    # what was published: some were dropped there for another reason.
    index_duplicates_published: int | UnsetType = UNSET
    num_segments: int
    num_without_record: int  # archives that gave none
    without_record: list[str]  # the first of them by name, each with the damage in it
