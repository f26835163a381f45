"""The settings that decide what comes out, and the two presets.

ccnet   the public CCNet: a page is the unit, every bucket is kept, bit-exact with cc_net
cc100   what the CC-100 release did, as far as is known: a paragraph is the unit, the tail is dropped
"""

import hashlib
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import msgspec

from ccnet_pipeline.archive import MAX_RECORD_BYTES
from ccnet_pipeline.dedup.duplicates import Keep
from ccnet_pipeline.documents import SHARD_FORMAT
from ccnet_pipeline.errors import UserError
from ccnet_pipeline.extractors import Extractor
from ccnet_pipeline.filters import Filtering
from ccnet_pipeline.fluency import BUCKETS, Bucket, Normalization
from ccnet_pipeline.language import LEAST_SCORE, Judgement
from ccnet_pipeline.masking.kinds import Mask

Unit = Literal["document", "paragraph"]
# Shown to the general model where there is a second one. The language of a paragraph is known by then, and what is
# saved is about what the second one costs (docs/method.md, Language).
_MOST_OF_PARAGRAPH = 600
VerifyDigests = Literal["off", "count", "strict"]
# Of intermediate files and of the ledger. It decides no byte of the shards, but a run of another form cannot go on.
WORK_FORMAT = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """Every setting that a byte of the shards depends on, models and input apart."""

    preset: str
    unit: Unit  # of language and fluency
    title_is_paragraph: bool  # the first line of a page is paragraph 0, or only its title
    min_chars: int = 300  # code points of a page after its title, before anything is dropped
    max_record_bytes: int = MAX_RECORD_BYTES
    verify_digests: VerifyDigests = "off"  # of records with text: count wrong ones as damage, or drop them, too
    extractor: Extractor = "cascade"  # of the main text of web pages
    ignore_opt_out: bool = False  # keep pages that ask not to be indexed or mined
    dedup_scope: str = "all"  # "all", or "group:N": N consecutive segments
    dedup_keep: Keep = "none"
    min_language_score: float | None = None  # None: what the second model's rule has for each language; without one 0.5
    languages: str  # "all", "cc100", or codes separated by commas
    # "ccnet": bit for bit what cc_net does: white space stripped from lines, line breaks deleted before the language is
    # identified, scores rounded to 2 decimals before the comparison, its normal form for fluency models that do not
    # state theirs. "mended": invisible characters stripped, too, line breaks become blanks, fastText is shown a form of
    # the text that it can read, scores are compared as they are, Burmese in Zawgyi is told from other Burmese, and the
    # normal form keeps vowel signs and tones.
    normalization: Normalization
    keep_buckets: tuple[Bucket, ...]
    masks: tuple[Mask, ...] = ()  # what becomes a placeholder in texts and titles

    def __post_init__(self) -> None:
        if self.min_chars < 0:
            raise UserError(f"--min_chars must be 0 or more, not {self.min_chars}")
        if self.max_record_bytes < 1:
            raise UserError(f"--max_record_bytes must be 1 or more, not {self.max_record_bytes}")
        if not self.keep_buckets or not set(self.keep_buckets) <= set(BUCKETS):
            raise UserError(f"--keep_buckets takes some of {','.join(BUCKETS)}, not {','.join(self.keep_buckets)!r}")
        _ = self.group_size, self.judgement

    @property
    def judgement(self) -> Judgement:
        """Return what is made of the answers of language identification models."""
        as_in_ccnet = self.normalization == "ccnet"
        return Judgement(
            self.min_language_score,
            rounds=as_in_ccnet,
            tells_zawgyi=not as_in_ccnet,
            most_shown=_MOST_OF_PARAGRAPH if self.unit == "paragraph" else None,
        )

    @property
    def group_size(self) -> int | None:
        """How many consecutive segments are compared with each other; None for all."""
        if self.dedup_scope == "all":
            return None
        kind, _, size = self.dedup_scope.partition(":")
        if kind != "group" or not size.isdecimal() or int(size) < 1:
            raise UserError(f'--dedup_scope must be "all" or "group:N" with N >= 1, not {self.dedup_scope!r}')
        return int(size)

    def scope_of(self, segment_number: int) -> int:
        """Return the number of the group of segments that a segment is compared with."""
        return segment_number // self.group_size if self.group_size else 0


CCNET = Recipe(
    preset="ccnet",
    unit="document",
    title_is_paragraph=False,
    min_language_score=LEAST_SCORE,
    languages="all",
    normalization="ccnet",
    keep_buckets=("head", "middle", "tail", "all"),
)
CC100 = Recipe(
    preset="cc100",
    unit="paragraph",
    title_is_paragraph=True,
    languages="cc100",
    normalization="mended",
    keep_buckets=("head", "middle", "all"),
)
PRESETS: Mapping[str, Recipe] = {recipe.preset: recipe for recipe in (CC100, CCNET)}


@dataclass(frozen=True, slots=True)
class Input:
    """What identifies one input file, wherever it is read from."""

    name: str
    size: int | None  # bytes; None: remote


@dataclass(frozen=True, slots=True, kw_only=True)
class Decontamination:
    """What documents are compared with. Files are named by their sha256."""

    files: dict[str, str]  # of test sets, by name
    excepted: dict[str, str]  # whose runs of words do not count
    num_words: int  # of a run
    fields: tuple[str, ...]  # of JSON and tables, that alone count; none: all


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """All that decides the bytes of a run: the same configuration gives the same shards.

    Files are named by their sha256, so to make one means to read every model once.
    """

    package_version: str
    shard_format: int = SHARD_FORMAT
    work_format: int = WORK_FORMAT
    unicode_version: str = unicodedata.unidata_version  # of the interpreter: lower-casing and categories depend on it
    recipe: Recipe
    formats: tuple[str, ...]
    shard_bytes: int
    keep_rejects: bool
    keep_labels: bool = False
    count_copies: bool = False
    lid_models: tuple[str, ...]  # names, in the order in which they are asked
    models: dict[str, str]  # file name -> sha256
    blocklist_sha256: str | None
    robots_sha256: str | None = None  # of what --robots disallows, compiled
    filtering: Filtering | None = None
    masking_version: str | None = None
    decontamination: Decontamination | None = None
    extractor_version: str  # its name, too
    hash_index: str | None = None  # digest of the hashes of earlier dumps
    inputs_sha256: str  # of `digest_of_inputs`
    num_segments: int

    @property
    def fingerprint(self) -> str:
        """Return 16 hexadecimal digits that no other configuration has."""
        return hashlib.sha256(msgspec.json.encode(self, order="sorted")).hexdigest()[:16]


def digest_of_inputs(inputs: Sequence[Input]) -> str:
    """Return the sha256 of a list of input files."""
    return hashlib.sha256(msgspec.json.encode(inputs)).hexdigest()


def differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """Name what differs between two configurations as plain JSON values: "recipe.dedup_keep was none, now first"."""
    return [f"{name} was {was!r}, now {now!r}" for name, was, now in changes(old, new)]


def changes(old: Mapping[str, Any], new: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Yield the name of each value that differs, what it was, and what it is now; None where there is none."""
    for key in [*new, *(key for key in old if key not in new)]:
        was, now = old.get(key), new.get(key)
        if isinstance(was, Mapping) and isinstance(now, Mapping):
            yield from changes(was, now, f"{prefix}{key}.")
        elif was != now:
            yield f"{prefix}{key}", was, now
