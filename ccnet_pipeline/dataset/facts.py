"""What a dataset card tells, gathered from run.json, manifest.json and ledger.json, also from those of older runs."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import msgspec

from ccnet_pipeline import storage
from ccnet_pipeline.columns import ColumnType, column_types, optional_columns
from ccnet_pipeline.errors import UserError
from ccnet_pipeline.fluency.directory import MODEL_OF, PIECES
from ccnet_pipeline.formats import JSONL, PARQUET, TEXT
from ccnet_pipeline.ledger import Balance
from ccnet_pipeline.recipe import Input
from ccnet_pipeline.shards.published import SHARDS, FinalFile, Manifest
from ccnet_pipeline.shards.published_run import LEDGER_FILE, MANIFEST_FILE, RUN_FILE

_DUMP = re.compile(r"crawl-data/(CC-MAIN-\d{4}(?:-\d{2,4})?)/")
# The one that `datasets` reads: the typed one before the one that it must parse, and text alone last.
_PREFERENCE = (PARQUET, JSONL, TEXT)
_T = TypeVar("_T")
FEW_DOCUMENTS = 100  # a language of fewer may be there by mistake alone


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What of the configuration has columns or words of its own; the rest is in a table."""

    keep_labels: bool = False
    count_copies: bool = False


class RunFacts(msgspec.Struct, frozen=True):
    """What is told of run.json."""

    fingerprint: str
    configuration: dict[str, Any]
    inputs: list[Input] = []
    preset: str = ""


class LanguageFacts(msgspec.Struct, frozen=True):
    """What is told of a language in ledger.json."""

    records: Balance = Balance()  # of page and language: as many are kept as there are documents
    paragraphs: Balance = Balance()
    characters: Balance = Balance()
    mean_score: float | None = None
    median_perplexity: float | None = None


class LedgerFacts(msgspec.Struct, frozen=True):
    """What is told of ledger.json."""

    records: Balance
    paragraphs: Balance
    characters: Balance
    languages: dict[str, LanguageFacts] = {}


@dataclass(slots=True)
class Size:
    """What there is of a language."""

    documents: int = 0
    paragraphs: int = 0
    characters: int = 0
    bytes: int = 0
    buckets: Counter[str] = field(default_factory=Counter)  # documents; empty: the files do not tell

    def add(self, file: FinalFile) -> None:
        self.documents += file.documents
        self.paragraphs += file.paragraphs
        self.characters += file.characters
        self.bytes += file.bytes
        if file.format != TEXT:
            self.buckets[file.bucket] += file.documents


@dataclass(frozen=True, slots=True)
class Facts:
    """All of it."""

    run: RunFacts
    ledger: LedgerFacts
    files: Sequence[FinalFile]  # of the shards, in the format that is described

    @property
    def format(self) -> str | None:
        """Return the format of these files; None: there are none."""
        return self.files[0].format if self.files else None

    @property
    def columns(self) -> dict[str, ColumnType]:
        """Return the columns of a document, and their types."""
        if self.format == TEXT:
            return {"text": "string"}
        return column_types(optional_columns(msgspec.convert(self.run.configuration, Settings)))

    @property
    def dumps(self) -> list[str]:
        """Return the dumps of CommonCrawl that the inputs are of, as far as their names say."""
        return sorted({found[1] for each in self.run.inputs if (found := _DUMP.match(each.name))})

    def sizes(self) -> dict[str, Size]:
        """Return what there is of each language, those with most text first."""
        sizes: dict[str, Size] = {}
        for file in self.files:
            sizes.setdefault(file.language, Size()).add(file)
        return dict(sorted(sizes.items(), key=lambda item: (-item[1].characters, item[0])))

    def scored(self) -> list[str]:
        """Return the languages of which something was kept that have a fluency model, by code."""
        models = self.run.configuration.get("models", {})
        return sorted(code for code in self.sizes() if f"{MODEL_OF.get(code, code)}{PIECES}" in models)

    def substantial(self) -> list[str]:
        """Return the languages of FEW_DOCUMENTS documents or more, by code."""
        return sorted(code for code, size in self.sizes().items() if size.documents >= FEW_DOCUMENTS)


def read_facts(output: str, manifest: Manifest | None = None) -> Facts:
    """Return what a run directory says of itself; with another manifest, of a part of it that lies elsewhere.

    Raises:
        UserError: it is no run that is complete, or a file of it is damaged.
    """
    run, ledger = _read(output, RUN_FILE, RunFacts), read_ledger(output)
    shards = list(_shards(manifest or _read(output, MANIFEST_FILE, Manifest)))
    kinds = {file.format for file in shards}
    kind = next((each for each in _PREFERENCE if each in kinds), None)
    return Facts(run, ledger, [file for file in shards if file.format == kind])


def read_ledger(output: str) -> LedgerFacts:
    """Return what ledger.json says; UserError: it is missing or damaged."""
    return _read(output, LEDGER_FILE, LedgerFacts)


def _shards(manifest: Manifest) -> Iterator[FinalFile]:
    return (file for file in manifest.files if file.path.startswith(SHARDS))


def _read(output: str, name: str, kind: type[_T]) -> _T:
    path = storage.join(output, name)
    try:
        found = storage.read_json(path, kind)
    except msgspec.DecodeError as error:
        raise UserError(f"{path} is damaged: {error}; restore it from a copy") from error
    if found is None:
        raise UserError(f"{output} holds no run that is complete: it has no {name}")
    return found
