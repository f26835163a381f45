"""The form of OUT/observations.json.zst and OUT/times.json, from which the report is made (docs/shard_format.md).

observations.json.zst is a function of input, configuration and models, as the shards are; times.json is not.
"""

from dataclasses import dataclass

from ccnet_pipeline.ledger import DamageTally

OBSERVATIONS, TIMES = "observations.json.zst", "times.json"  # in the run directory
VERSION = 1  # of the form of both
EXAMPLES_PER_PLACE = 10  # a language and bucket, or a language and reason
MOST_EXAMPLE_TEXT = 1000  # code points of an example
MOST_HEADER_TEXT = 2000  # code points of its URL or title
MOST_PARAGRAPH_TEXT = 200  # code points of a repeated paragraph
MOST_PARAGRAPH_DOMAINS = 8  # on which it stood
MOST_REPEATED = 100  # paragraphs
MOST_DOMAINS = 100  # those that gave most characters, and as many that lost most
MOST_DAMAGED = 100  # archives


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """A document to read: one of the EXAMPLES_PER_PLACE of its place with the least number by seed and id."""

    id: str
    language: str
    bucket: str
    reason: str | None  # why it was dropped; None: it was kept
    language_score: float
    perplexity: float | None
    url: str
    domain: str
    title: str
    text: str  # its first MOST_EXAMPLE_TEXT code points
    paragraphs: int  # of the whole document
    characters: int  # likewise, line breaks not counted


@dataclass(frozen=True, slots=True, kw_only=True)
class RepeatedParagraph:
    """A paragraph that stood in many records."""

    hash: str  # of its normal form, as documents have it where it was met first: masked; 16 hexadecimal digits
    text: str  # its first MOST_PARAGRAPH_TEXT code points, likewise
    records: int  # at least so many: what is rare in an archive is not counted there
    segments: int  # archives in which it was counted
    domains: list[str]  # on which it was counted, the first MOST_PARAGRAPH_DOMAINS by name
    more_domains: bool  # than these


@dataclass(frozen=True, slots=True, kw_only=True)
class DomainBooks:
    """What a domain gave and lost; at least so much, as of repeated paragraphs."""

    domain: str
    records_read: int  # pages with text, those that were too short included
    records_kept: int
    characters_read: int
    characters_kept: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DamagedArchive:
    """An archive of which something could not be read."""

    segment: str
    damage: DamageTally


@dataclass(frozen=True, slots=True, kw_only=True)
class LanguageShape:
    """How scores and perplexities of the documents of a language lie, before any is dropped for its bucket."""

    scores: list[int]  # documents, in quality.SCORE_BINS
    perplexities: dict[str, int]  # perplexity, to two digits -> documents; none: no fluency model
    cutoffs: tuple[float, float] | None  # the most of head, and of middle


@dataclass(frozen=True, slots=True, kw_only=True)
class Observations:
    """The content of observations.json.zst."""

    version: int = VERSION
    languages: dict[str, LanguageShape]
    examples: list[Example]  # by language, bucket, reason, and number
    repeated: list[RepeatedParagraph]  # the most frequent first
    domains: list[DomainBooks]  # those that gave most characters, and those that lost most
    damaged: list[DamagedArchive]  # those that lost most bytes first
    num_damaged: int  # of which the first are in `damaged`


@dataclass(frozen=True, slots=True, kw_only=True)
class StageTime:
    """What a stage took."""

    stage: str  # extract, mine
    cpu_s: float  # over all starts, and of all workers
    documents: int  # pages that it was given


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """The content of times.json."""

    version: int = VERSION
    began: str  # ISO 8601, UTC: of the last start, where the run was interrupted
    ended: str
    stages: list[StageTime]
