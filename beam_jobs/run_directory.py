"""Whose a run directory is: run.json is written first, and work of one configuration never mixes with another's.

Intermediate files lie in OUTPUT/work, or below --work_dir in a folder that no other run has. run.json says where: so
they move when the user names another place, and are found again when the run is done.
"""

import contextlib
import platform
import sys
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import apache_beam as beam
import msgspec

from beam_jobs.earlier_dumps import FoundIndex, find_index
from beam_jobs.layout import Layout
from beam_jobs.listings import Listings
from beam_jobs.renewals import RENEWALS
from ccnet_pipeline import export, storage
from ccnet_pipeline.documents import SHARD_FORMAT
from ccnet_pipeline.errors import UserError
from ccnet_pipeline.language import kernel_name
from ccnet_pipeline.observations.published import OBSERVATIONS, TIMES
from ccnet_pipeline.recipe import Configuration, Input, differences
from ccnet_pipeline.segments import Segment
from ccnet_pipeline.shards import swapping
from ccnet_pipeline.shards.published import Manifest
from ccnet_pipeline.shards.published_run import LEDGER_FILE, LEDGER_FOLDER, work_folder


@dataclass(frozen=True, slots=True)
class Engine:
    """What ran a run; it decides nothing about the result."""

    runner: str
    beam: str
    python: str
    platform: str
    identification: str  # the program for models like lid.176, and its version


@dataclass(frozen=True, slots=True)
class RunFile:
    """The content of run.json."""

    shard_format: int
    id: str  # of this run and no other, not even of the same configuration
    fingerprint: str
    preset: str
    configuration: Configuration
    engine: Engine
    work: list[str]  # folders with intermediate files, the one in use last; a relative one lies in the run directory
    hash_index: str | None  # the folder
    inputs: list[Input]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """What is needed of a run.json that is there, which an older version may have written."""

    fingerprint: str = ""
    configuration: dict[str, Any] = field(default_factory=dict)
    id: str = ""
    work: list[str] = field(default_factory=list)
    hash_index: str | None = None


@dataclass(frozen=True, slots=True)
class Claim:
    """A run directory that is ours."""

    layout: Layout
    run: str  # its id
    is_complete: bool
    work: list[str]  # every folder with intermediate files of the run


def claim(
    output: str,
    config: Configuration,
    segments: Sequence[Segment],
    *,
    work_dir: str | None,
    runner: str,
    overwrite: bool,
    index: FoundIndex | None = None,
) -> Claim:
    """Make the run directory that of this configuration.

    Args:
        output: the run directory.
        config: what is built.
        segments: what it is built of.
        work_dir: where intermediate files go, those of an earlier attempt included; None: into the run directory.
        runner: its name.
        overwrite: remove the run that is there.
        index: the hash index that the run is compared with, and added to.

    Raises:
        UserError: it holds something else, or cannot be written.
    """
    found = _find_run(output, overwrite=overwrite)
    if found and overwrite:
        _check_removals(output, "start anew")
        # A run.json that is damaged does not name its folders: then it is the usual one.
        _check_index(output, found, index)
        _remove_run(output, found.work or [f"work/{config.fingerprint}"], index)
        found = None
    if found and found.fingerprint != config.fingerprint:
        raise UserError(
            f"--output {output} holds a run of another configuration ({'; '.join(_changes(found, config))}); "
            "choose another --output, or start anew with --overwrite"
        )
    run_id = (found and found.id) or uuid.uuid4().hex[:8]
    run_file = RunFile(
        shard_format=SHARD_FORMAT,
        id=run_id,
        fingerprint=config.fingerprint,
        preset=config.recipe.preset,
        configuration=config,
        engine=Engine(runner, beam.__version__, platform.python_version(), platform.platform(), kernel_name()),
        work=[_work_folder(work_dir, config.fingerprint, run_id)],
        hash_index=storage.absolute(index.folder) if index else None,
        inputs=[Input(segment.name, segment.size) for segment in segments],
    )
    if not found:
        storage.write_json(Layout(output, "").run_file, run_file)
    elif found.work != run_file.work:
        run_file = _gather_work(output, found.work, run_file)
    layout = Layout(output=output, work=work_folder(output, run_file.work[-1]))
    storage.remove_leftovers(layout.output)
    storage.remove_leftovers(layout.work)
    is_complete = _is_complete(layout, config) and (index is None or index.has_run)
    if found and not is_complete:
        _check_removals(output, "build what is missing")
    return Claim(layout, run_id, is_complete, [work_folder(output, folder) for folder in run_file.work])


def _changes(found: _Found, config: Configuration) -> list[str]:
    """Name what differs from the configuration of the run that is there, in words that users know."""
    was, now = found.configuration, msgspec.json.decode(msgspec.json.encode(config))
    changed = []
    if was.pop("work_format", None) != now.pop("work_format"):
        changed.append("its intermediate files are those of another version of this program")
    index_then, index_now = was.pop("hash_index", None), now.pop("hash_index")
    if index_then is None and index_now:
        changed.append("--hash_index was not given")
    elif index_now is None and index_then:
        changed.append("--hash_index was given")
    elif index_then != index_now:
        changed.append("--hash_index was another, or other runs were added to it since")
    return [*changed, *differences(was, now)] or ["of another version"]


def _find_run(output: str, *, overwrite: bool) -> _Found | None:
    path = Layout(output, "").run_file
    try:
        found = storage.read_json(path, _Found)
        if found and not (found.fingerprint and found.configuration):
            raise msgspec.ValidationError("no run.json of ours")
    except msgspec.DecodeError as error:
        if not overwrite:
            raise UserError(f"{path} is damaged; choose another --output, or start anew with --overwrite") from error
        found = _Found()
    if found is None and not storage.is_empty(output):
        raise UserError(f"--output {output} exists and is no run directory; choose an empty or new one")
    # What is named there will be removed: nothing but what such a run makes.
    names = (f"work/{found.fingerprint}", f"{found.fingerprint}-{found.id}") if found else ()
    return found and replace(found, work=[folder for folder in found.work if folder.endswith(names)])


def _work_folder(work_dir: str | None, fingerprint: str, run_id: str) -> str:
    """Return the folder for intermediate files as it stands in run.json; no two runs have the same."""
    if work_dir is None:
        return f"work/{fingerprint}"
    return storage.join(storage.absolute(work_dir), f"{fingerprint}-{run_id}")


def _gather_work(output: str, earlier: list[str], run_file: RunFile) -> RunFile:
    """Move intermediate files to where they are wanted now."""
    path = Layout(output, "").run_file
    wanted = run_file.work[-1]
    earlier = [folder for folder in earlier if folder != wanted]
    # Noted before, so that nothing is forgotten if this is interrupted. A full disk refuses, and moving gives room.
    with contextlib.suppress(UserError):
        storage.write_json(path, replace(run_file, work=[*earlier, wanted]))
    for folder in earlier:
        source, target = work_folder(output, folder), work_folder(output, wanted)
        if storage.folder_exists(source):
            print(f"build_cc100: intermediate files move from {source} to {target}", file=sys.stderr)
            with storage.locked(source):
                storage.move_folder(source, target)
    storage.remove_if_empty(storage.join(output, "work"))
    storage.write_json(path, run_file)
    return run_file


def run_of(output: str) -> str:
    """Return the id of the run that a run directory holds; "" if it holds none that can be read."""
    try:
        found = storage.read_json(Layout(output, "").run_file, _Found)
    except msgspec.DecodeError:
        return ""
    return found.id if found else ""


def work_of(output: str) -> list[str]:
    """Return the folders with intermediate files of the run that a run directory holds."""
    found = _find_run(output, overwrite=False)
    return [work_folder(output, folder) for folder in found.work] if found else []


def _check_index(output: str, found: _Found, index: FoundIndex | None) -> None:
    """See that what a run has added to a hash index will be taken back before the run is removed."""
    extended = found.hash_index
    is_named = index is not None and storage.absolute(index.folder) == extended
    if extended and not is_named and find_index(extended, found.id).has_run:
        raise UserError(
            f"--output {output} holds a run that is in the hash index {extended}; to overwrite it, give "
            f"--hash_index {extended}, or choose another --output"
        )


def _check_removals(output: str, what: str) -> None:
    """See that nothing was taken out of a run that would come back."""
    if swapping.has_removals(output):
        raise UserError(
            f"documents were removed from --output {output} (removed/), and to {what} would bring them back; finish an "
            "interrupted beam_jobs.remove, restore the run from a copy, or build into another --output with --blocklist"
        )


def _remove_run(output: str, work: Sequence[str], index: FoundIndex | None) -> None:
    """Remove the run; its claim to the folder goes last, so that this can be interrupted and repeated."""
    layout = Layout(output, "")
    storage.remove_file(layout.manifest_file)
    if index:
        index.take_back()
    # Before the shards, of which its notes speak.
    remove_work(output, [work_folder(output, folder) for folder in work])
    export.discard(output)
    for name in (LEDGER_FILE, OBSERVATIONS, TIMES, *RENEWALS):
        storage.remove_file(storage.join(output, name))
    for name in ("shards", "rejects", LEDGER_FOLDER):
        storage.remove_folder(storage.join(output, name))
    storage.remove_file(layout.run_file)


def _is_complete(layout: Layout, config: Configuration) -> bool:
    """Tell whether everything that the run should leave is there."""
    try:
        manifest = storage.read_json(layout.manifest_file, Manifest)
    except msgspec.DecodeError:
        return False
    if manifest is None or manifest.fingerprint != config.fingerprint or not storage.exists(layout.ledger_file):
        return False
    listings = Listings()
    parts = map(layout.ledger_part, layout.ledger_parts(config.num_segments))
    return all(listings.listed(part) is not None for part in parts) and all(
        listings.listed(layout.final(file.path), layout.final(file.path.partition("/")[0])) == file.bytes
        for file in manifest.files
    )


def remove_work(output: str, folders: Sequence[str]) -> None:
    """Remove folders of intermediate files, and OUTPUT/work if nothing else is in it.

    Raises:
        UserError: another run is in one of them, as after a copy of the run directory.
    """
    for folder in folders:
        if storage.folder_exists(folder):
            with storage.locked(folder):
                storage.remove_folder(folder)
    storage.remove_if_empty(storage.join(output, "work"))
