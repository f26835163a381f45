"""Whose a run directory is: run.json is written first, and work of one configuration never mixes with another's."""

import platform
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import apache_beam as beam
import msgspec

from beam_jobs import storage
from beam_jobs.elements import Manifest
from beam_jobs.layout import Layout
from ccnet_pipeline.documents import SHARD_FORMAT
from ccnet_pipeline.errors import UserError
from ccnet_pipeline.recipe import Configuration, Input, differences
from ccnet_pipeline.segments import Segment


@dataclass(frozen=True, slots=True)
class Engine:
    """What ran a run; it decides nothing about the result."""

    runner: str
    beam: str
    python: str
    platform: str


@dataclass(frozen=True, slots=True)
class RunFile:
    """The content of run.json."""

    shard_format: int
    fingerprint: str
    preset: str
    configuration: Configuration
    engine: Engine
    inputs: list[Input]


def claim(
    layout: Layout,
    config: Configuration,
    segments: Sequence[Segment],
    *,
    runner: str,
    overwrite: bool,
    work_root: str,
) -> bool:
    """Make the run directory that of this configuration; return whether the run is complete.

    Raises:
        UserError: it holds something else, or cannot be written.
    """
    output = Path(layout.output)
    old = _read_run_file(layout, overwrite=overwrite)
    if old is None and storage.is_local(layout.output) and output.exists() and not storage.is_empty(str(output)):
        raise UserError(f"--output {output} exists and is no run directory; choose an empty or new one")
    if old is not None and overwrite:
        of_old = [storage.join(work_root, old["fingerprint"])] if old.get("fingerprint") else []
        _remove_run(layout, [layout.work, *of_old])
        old = None
    if old is not None and old.get("fingerprint") != config.fingerprint:
        changed = differences(old["configuration"], msgspec.json.decode(msgspec.json.encode(config)))
        raise UserError(
            f"--output {output} holds a run of another configuration ({'; '.join(changed) or 'of another version'}); "
            "choose another --output, or start anew with --overwrite"
        )
    if old is None:
        engine = Engine(runner, beam.__version__, platform.python_version(), platform.platform())
        inputs = [Input(segment.name, segment.size) for segment in segments]
        run_file = RunFile(SHARD_FORMAT, config.fingerprint, config.recipe.preset, config, engine, inputs)
        storage.write_json(layout.run_file, run_file)
    storage.remove_leftovers(layout.output)
    storage.remove_leftovers(layout.work)
    return _is_complete(layout, config)


def _remove_run(layout: Layout, work: list[str]) -> None:
    """Remove the run; its claim to the folder goes last, so that this can be interrupted and repeated."""
    storage.remove_file(layout.manifest_file)
    for folder in work:  # before the shards, for its notes speak of them
        storage.remove_folder(folder)
    for name in ("ledger.json", "report.html"):
        storage.remove_file(storage.join(layout.output, name))
    for name in ("shards", "rejects"):
        storage.remove_folder(storage.join(layout.output, name))
    storage.remove_file(layout.run_file)


def _is_complete(layout: Layout, config: Configuration) -> bool:
    """Tell whether everything that the run should leave is there."""
    try:
        manifest = storage.read_json(layout.manifest_file, Manifest)
    except msgspec.DecodeError:
        return False
    return (
        manifest is not None
        and manifest.fingerprint == config.fingerprint
        and storage.exists(layout.ledger_file)
        and all(storage.size(layout.final(file.path)) == file.bytes for file in manifest.files)
    )


def _read_run_file(layout: Layout, *, overwrite: bool) -> dict[str, Any] | None:
    try:
        old = storage.read_json(layout.run_file, dict)
        if old is None or (isinstance(old.get("fingerprint"), str) and isinstance(old.get("configuration"), dict)):
            return old
    except msgspec.DecodeError:
        pass
    if overwrite:
        return {}
    raise UserError(f"{layout.run_file} is damaged; choose another --output, or start anew with --overwrite")


def remove_work(work_root: str, layout: Layout) -> None:
    """Remove the intermediate files of a run, and the folder of all intermediates if nothing else is in it."""
    storage.remove_folder(layout.work)
    if storage.is_local(work_root) and Path(work_root).is_dir() and not any(Path(work_root).iterdir()):
        Path(work_root).rmdir()
