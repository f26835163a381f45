"""A run directory that is complete, as those read it who did not make it."""

import os
from dataclasses import dataclass
from typing import Literal, TypeVar

import msgspec

from ccnet_pipeline import storage
from ccnet_pipeline.documents import SHARD_FORMAT
from ccnet_pipeline.errors import UserError
from ccnet_pipeline.formats import FORMATS, JSONL, PARQUET
from ccnet_pipeline.masking.kinds import Mask
from ccnet_pipeline.recipe import Input
from ccnet_pipeline.shards.published import REJECTS, SHARDS, FinalFile, Manifest

RUN_FILE, MANIFEST_FILE, LEDGER_FILE = "run.json", "manifest.json", "ledger.json"
LEDGER_FOLDER = "ledger"
REMOVED_FOLDER = "removed"
_T = TypeVar("_T")


class Recipe(msgspec.Struct, frozen=True):
    """What of the recipe says what may stand twice."""

    dedup_scope: str = "all"
    dedup_keep: Literal["none", "first"] = "none"
    masks: tuple[Mask, ...] = ()

    @property
    def group_size(self) -> int | None:
        """Return how many consecutive segments are compared with each other; None: all."""
        _, _, size = self.dedup_scope.partition(":")
        return int(size) if size.isdecimal() else None


class Configuration(msgspec.Struct, frozen=True):
    """What is needed of the configuration."""

    recipe: Recipe
    formats: list[str]
    keep_labels: bool = False
    count_copies: bool = False
    hash_index: str | None = None  # digest of the index before the run


class RunFile(msgspec.Struct, frozen=True):
    """What is needed of run.json."""

    shard_format: int
    id: str
    fingerprint: str
    configuration: Configuration
    inputs: list[Input]
    work: list[str] = []
    hash_index: str | None = None  # its folder


@dataclass(frozen=True, slots=True)
class PublishedRun:
    """A run directory: what it was made of, and its files."""

    output: str
    run: RunFile
    manifest: Manifest

    def path(self, relative: str) -> str:
        """Return the path of a file, which is given relative to the run directory."""
        return located(self.output, relative)

    @property
    def formats(self) -> list[str]:
        """Return the formats of the shards, that which tells most of its documents first."""
        return [kind for kind in FORMATS if any(file.format == kind for file in self.shards())]

    def shards(self, kind: str | None = None) -> list[FinalFile]:
        """Return the files of shards, all or those of a format."""
        return [file for file in self.manifest.files if file.path.startswith(SHARDS) and kind in (None, file.format)]

    @property
    def format_of_documents(self) -> str | None:
        """Return the format of shards that have more of a document than its text; None: they have not."""
        return next((kind for kind in self.formats if kind in (JSONL, PARQUET)), None)

    def rejects(self) -> list[FinalFile]:
        """Return the files of what was dropped."""
        return [file for file in self.manifest.files if file.path.startswith(REJECTS)]


def located(folder: str, relative: str) -> str:
    """Return the path of a file below a folder, from where it has that path in the run directory."""
    return storage.join(folder, *relative.split("/"))


def work_folder(output: str, folder: str) -> str:
    """Return the path of a folder with intermediate files, as it stands in run.json."""
    is_relative = storage.is_local(folder) and not os.path.isabs(folder)  # noqa: PTH117 - a string like the others
    return located(output, folder) if is_relative else folder


def read_part(path: str, kind: type[_T]) -> _T | None:
    """Return what a JSON file of a run directory says; None: it is not there.

    Raises:
        UserError: it is damaged.
    """
    try:
        return storage.read_json(path, kind)
    except msgspec.DecodeError as error:
        raise UserError(f"{path} is damaged: {error}; restore it from a copy") from error


def read_run_file(output: str) -> RunFile:
    """Return what run.json says.

    Raises:
        UserError: it is not there, or is not to be understood.
    """
    path = storage.join(output, RUN_FILE)
    try:
        found = read_part(path, RunFile)
    except NotADirectoryError:
        found = None
    if found is None:
        raise UserError(f"{output} is no run directory: it has no {RUN_FILE}; name what build_cc100 --output named")
    if found.shard_format != SHARD_FORMAT:
        raise UserError(
            f"{path}: the shards are of format {found.shard_format}, and this program knows {SHARD_FORMAT}; use the "
            "release that made them"
        )
    return found


def open_run(output: str) -> PublishedRun:
    """Return a run directory that is complete.

    Raises:
        UserError: there is none, or it is not complete, or is damaged.
    """
    run = read_run_file(output)
    manifest = read_part(storage.join(output, MANIFEST_FILE), Manifest)
    if manifest is None:
        raise UserError(
            f"{output} holds a run that is not complete: it has no {MANIFEST_FILE}; run the same build_cc100 command "
            "again"
        )
    return PublishedRun(output, run, manifest)
