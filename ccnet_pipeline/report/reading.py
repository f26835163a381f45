"""What a run directory says of itself, as far as it is there and can be read: a report is made of any run.

So every field has a default: a run that is not finished, or of an older version, says less.
"""

import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec
import zstandard

from ccnet_pipeline import storage
from ccnet_pipeline.documents import SHARD_FORMAT
from ccnet_pipeline.errors import UserError
from ccnet_pipeline.ledger import Balance, DamageTally
from ccnet_pipeline.observations.published import OBSERVATIONS, TIMES, Observations, Times
from ccnet_pipeline.recipe import Input
from ccnet_pipeline.shards.published import FinalFile
from ccnet_pipeline.shards.published_run import LEDGER_FILE, MANIFEST_FILE, RUN_FILE

_MOST_OBSERVED = 200 << 20  # bytes, unpacked
_VERSION = 1
_T = TypeVar("_T")


class RunNotes(msgspec.Struct, frozen=True):
    """What of run.json is shown."""

    shard_format: int = SHARD_FORMAT
    id: str = ""
    fingerprint: str = ""
    preset: str = ""
    configuration: dict[str, Any] = {}  # plain values: those of other versions are shown too
    engine: dict[str, Any] = {}
    inputs: list[Input] = []


class ManifestNotes(msgspec.Struct, frozen=True):
    """What of manifest.json is shown."""

    files: list[FinalFile] = []


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


def read_run(output: str) -> Run:
    """Return what a run directory says.

    Raises:
        UserError: there is no run.
    """
    remarks: list[str] = []

    def read(name: str, decode: Callable[[bytes], _T], lack: str) -> _T | None:
        try:
            return decode(storage.read(storage.join(output, name)))
        except (FileNotFoundError, NotADirectoryError):
            remarks.append(f"{name} is not there: {lack}")
        except (msgspec.DecodeError, zstandard.ZstdError, UnicodeDecodeError, RecursionError) as error:
            remarks.append(f"{name} is damaged, or of another version ({error}): {lack}")
        return None

    notes = read(RUN_FILE, msgspec.json.Decoder(RunNotes).decode, "what was run is not known.")
    manifest = read(
        MANIFEST_FILE,
        msgspec.json.Decoder(ManifestNotes).decode,
        "the run is not complete, or its files are not known.",
    )
    ledger = read(LEDGER_FILE, msgspec.json.Decoder(LedgerNotes).decode, "where the text went is not known.")
    if len([each for each in remarks if "is not there" in each]) == 3:
        raise UserError(
            f"{storage.shown(output)} is no run directory: it has no {RUN_FILE}; name what build_cc100 --output named"
        )
    observations = read(
        OBSERVATIONS, _observations, "there are no examples, histograms, repeated paragraphs and domains."
    )
    times = read(TIMES, _times, "what the stages took is not known.")
    notes = notes or RunNotes()
    if notes.shard_format != SHARD_FORMAT:
        remarks.append(f"The shards are of format {notes.shard_format}; this program knows {SHARD_FORMAT}.")
    return Run(
        place=storage.shown(output),
        notes=notes,
        manifest=manifest,
        ledger=ledger,
        observations=observations,
        times=times,
        remarks=remarks,
    )


def _observations(packed: bytes) -> Observations:
    with zstandard.ZstdDecompressor().stream_reader(io.BytesIO(packed), read_across_frames=True) as reader:
        data = reader.read(_MOST_OBSERVED)
    return _of_known_version(msgspec.json.decode(data, type=Observations))


def _times(data: bytes) -> Times:
    return _of_known_version(msgspec.json.decode(data, type=Times))


_Versioned = TypeVar("_Versioned", Observations, Times)


def _of_known_version(found: _Versioned) -> _Versioned:
    if found.version != _VERSION:
        raise msgspec.ValidationError(f"version {found.version}, this program knows {_VERSION}")
    return found
