"""Shard format v1: one document a line. docs/shard_format.md is the contract; `model/` reads it without this file."""

from dataclasses import dataclass

import msgspec

SHARD_FORMAT = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """The kept paragraphs of one page in one language. Field order is the order in the file."""

    id: str  # uuid of the WARC record, plus "/<language>" where one page gives several documents
    text: str  # kept paragraphs joined by "\n"; no blank paragraph
    language: str  # CC-100 code
    language_score: float  # fastText probability in [0, 1]
    perplexity: float | None  # per piece; None where the language has no model
    bucket: str  # head | middle | tail | all
    url: str
    domain: str  # host of the URL, with its port
    title: str
    date: str  # WARC-Date: ISO 8601, UTC
    dump: str  # CC-MAIN-...
    segment: str  # name of the archive
    offset: int  # bytes, of the record's gzip member in the archive
    digest: str  # WARC-Block-Digest
    paragraph_ids: list[int]  # 0-based positions of the kept paragraphs in the record
    original_paragraphs: int  # before anything was dropped
    original_characters: int  # likewise: code points, line breaks included


@dataclass(frozen=True, slots=True, kw_only=True)
class Reject(Document):
    """A document or record that was dropped: the same fields, and why."""

    reason: str


encode = msgspec.json.Encoder().encode
