"""What a run directory says of itself, as far as it is there and can be read: a report is made of any run.

So every field has a default: a run that is not finished, or of an older version, says less.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec

from ccnet_pipeline import storage
from ccnet_pipeline.documents import SHARD_FORMAT
from ccnet_pipeline.errors import UserError
from ccnet_pipeline.ledger import Balance, DamageTally
from ccnet_pipeline.observations.published import OBSERVATIONS, TIMES, Observations, Times
from ccnet_pipeline.observations.reading import read_observations, read_times
from ccnet_pipeline.shards.published_run import LEDGER_FILE, MANIFEST_FILE, RUN_FILE

_ABSENT = "is not there"
_T = TypeVar("_T")


class InputNotes(msgspec.Struct, frozen=True):
    """What of an archive is shown."""

    name: str = ""


class FileNotes(msgspec.Struct, frozen=True):
    """What of a file of shards is shown."""

    path: str = ""
    language: str = ""
    bucket: str = ""
    format: str = ""
    documents: int = 0
    paragraphs: int = 0
    characters: int = 0


class RunNotes(msgspec.Struct, frozen=True):
    """What of run.json is shown."""

    shard_format: int = SHARD_FORMAT
    id: str = ""
    fingerprint: str = ""
    preset: str = ""
    # Plain values, for those of other versions are shown too.
    configuration: dict[str, Any] = {}
    engine: dict[str, Any] = {}
    inputs: list[InputNotes] = []

    @property
    def models(self) -> dict[str, Any]:
        """The sha256 of each file of a model."""
        models = self.configuration.get("models")
        return models if isinstance(models, dict) else {}

    @property
    def filters(self) -> list[str]:
        """The names of filters, in the order in which they are asked."""
        filtering = self.configuration.get("filtering")
        names = filtering.get("names") if isinstance(filtering, dict) else None
        return list(map(str, names)) if isinstance(names, list) else []

    @property
    def settings(self) -> dict[str, Any]:
        """The configuration without models."""
        return {name: value for name, value in self.configuration.items() if name != "models"}


class ManifestNotes(msgspec.Struct, frozen=True):
    """What of manifest.json is shown."""

    files: list[FileNotes] = []


class LanguageNotes(msgspec.Struct, frozen=True):
    """What of the books of one language is shown."""

    records: Balance = msgspec.field(default_factory=Balance)
    paragraphs: Balance = msgspec.field(default_factory=Balance)
    characters: Balance = msgspec.field(default_factory=Balance)
    mean_score: float | None = None
    median_perplexity: float | None = None
    head_share: float | None = None


class LedgerNotes(msgspec.Struct, frozen=True):
    """What of ledger.json is shown."""

    records: Balance = msgspec.field(default_factory=Balance)
    paragraphs: Balance = msgspec.field(default_factory=Balance)
    characters: Balance = msgspec.field(default_factory=Balance)
    languages: dict[str, LanguageNotes] = {}
    damage: DamageTally = msgspec.field(default_factory=DamageTally)
    num_segments: int = 0
    num_without_record: int = 0
    without_record: list[str] = []


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A run directory as a report knows it."""

    place: str  # without secrets
    notes: RunNotes
    manifest: ManifestNotes | None
    ledger: LedgerNotes | None
    observations: Observations | None
    times: Times | None
    remarks: list[str]  # what is not known, and why: sentences

    @property
    def says_what_was_kept(self) -> bool:
        return self.manifest is not None or self.ledger is not None


def read_run(output: str) -> Run:
    """Return what a run directory says.

    Raises:
        UserError: there is no run, or its place cannot be read.
    """
    remarks: list[str] = []
    notes = _noted(output, RUN_FILE, RunNotes, "what was run is not known", remarks)
    manifest = _noted(output, MANIFEST_FILE, ManifestNotes, "buckets are not known", remarks)
    ledger = _noted(output, LEDGER_FILE, LedgerNotes, "where the text went is not known", remarks)
    if len(remarks) == len([each for each in remarks if _ABSENT in each]) == 3:
        raise UserError(
            f"{storage.shown(output)} is no run directory: it has no {RUN_FILE}; name what build_cc100 --output named"
        )
    if notes and manifest is None:
        remarks.append("A run without manifest.json is not finished: the same build_cc100 command goes on with it.")
    if notes and notes.shard_format != SHARD_FORMAT:
        remarks.append(f"The shards are of format {notes.shard_format}; this program knows {SHARD_FORMAT}.")
    lack = "there are no examples, histograms, repeated paragraphs and domains"
    observations = _known(OBSERVATIONS, lambda: read_observations(output), lack, remarks)
    times = _known(TIMES, lambda: read_times(output), "what the stages took is not known", remarks)
    return Run(
        place=storage.shown(output),
        notes=notes or RunNotes(),
        manifest=manifest,
        ledger=ledger,
        observations=observations,
        times=times,
        remarks=remarks,
    )


def _noted(output: str, name: str, kind: type[_T], lack: str, remarks: list[str]) -> _T | None:
    return _known(name, lambda: storage.read_json(storage.join(output, name), kind), lack, remarks)


def _known(name: str, read: Callable[[], _T | None], lack: str, remarks: list[str]) -> _T | None:
    """Return what was read; if it is not there, or damaged, note that and what is not known therefore."""
    try:
        found = read()
        why = _ABSENT
    except NotADirectoryError:
        found, why = None, _ABSENT
    except (UserError, msgspec.DecodeError, UnicodeDecodeError, RecursionError, MemoryError) as error:
        found, why = None, f"cannot be read ({error})"
    if found is None:
        remarks.append(f"{name} {why}: {lack}.")
    return found
