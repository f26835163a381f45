"""Shard format v1: one document a line. docs/shard_format.md is the contract; `model/` reads it without this file."""

import re
from dataclasses import dataclass, fields
from urllib.parse import urlsplit

import msgspec
from msgspec import UNSET, UnsetType

from ccnet_pipeline.decontamination.findings import Finding

SHARD_FORMAT = 1

# What nearly all URLs begin with: nothing is to be thought about there, which is most of what urlsplit costs.
_USUAL = re.compile(r"https?://([a-z0-9.-]+(?::[0-9]+)?)(?=[/?#]|\Z)")


@dataclass(frozen=True, slots=True)
class LanguageLabel:
    """What a model said of the language of a document: the mean over its paragraphs, weighted by code points."""

    model: str
    label: str  # CC-100 code, or another label as it stands
    score: float  # in [0, 1]


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
    # In how many records of the scope of deduplication each kept paragraph stands, this one counted: the lower median.
    n_copies: int | UnsetType = UNSET  # only with --count_copies
    languages: list[LanguageLabel] | UnsetType = UNSET  # the best labels of each model; only with --keep_labels
    language_model: str | UnsetType = UNSET  # the one that decided on most of the text; likewise


@dataclass(frozen=True, slots=True, kw_only=True)
class Reject(Document):
    """A document or record that was dropped: the same fields, and why."""

    reason: str
    contamination: Finding | UnsetType = UNSET  # only of what is contaminated

    @classmethod
    def of(cls, document: Document, reason: str, contamination: Finding | UnsetType = UNSET) -> "Reject":
        """Return a document as one that is dropped."""
        same = {each.name: getattr(document, each.name) for each in fields(document)}
        return cls(**same, reason=reason, contamination=contamination)


encode = msgspec.json.Encoder().encode


def domain_of(url: str) -> str:
    """Return the host of a URL with its port, without a user; "" if it has none that can be read.

    >>> domain_of("http://www.example.com:8080/a?b=c"), domain_of("http://[bad/")
    ('www.example.com:8080', '')
    """
    if usual := _USUAL.match(url):
        return usual[1]
    try:
        return urlsplit(url).netloc.rpartition("@")[2]
    except ValueError:
        return ""
