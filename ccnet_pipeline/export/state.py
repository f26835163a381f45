"""Where an export is: what of it is done while it runs, so that the same command goes on after an interruption.

In the folder that it writes to, `work/export/plan.json` names all files that it will make, before the first, and beside
it is a note of each that is whole. Both go when the manifest is written.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from ccnet_pipeline import storage
from ccnet_pipeline.export.plan import Conversion
from ccnet_pipeline.shards.published import FinalFile, Manifest
from ccnet_pipeline.shards.published_run import MANIFEST_FILE, located

_FOLDER = ("work", "export")
_PLAN_FILE = "plan.json"


@dataclass(frozen=True, slots=True)
class ExportManifest(Manifest):
    """The manifest of an export into a folder of its own."""

    sources: dict[str, str] = field(default_factory=dict)  # path of a file -> Conversion.digest


@dataclass(frozen=True, slots=True)
class _Plan:
    fingerprint: str  # of the run
    paths: list[str]


@dataclass(frozen=True, slots=True)
class _Done:
    digest: str  # of the sources
    file: FinalFile


def _folder(target: str) -> str:
    return storage.join(target, *_FOLDER)


def _note(target: str, path: str) -> str:
    return located(_folder(target), f"{path}.json")


def _plan(target: str) -> _Plan | None:
    return storage.read_note(storage.join(_folder(target), _PLAN_FILE), _Plan)


def fingerprint_of(target: str) -> str | None:
    """Return the fingerprint of the run of which an export was interrupted in a folder; None: there was none."""
    plan = _plan(target)
    return plan.fingerprint if plan else None


def begin(target: str, fingerprint: str, paths: Sequence[str]) -> None:
    """Note which files will be made, of which run; what an earlier plan has made beside them goes."""
    _remove_unpublished(target, but=paths)
    storage.write_note(storage.join(_folder(target), _PLAN_FILE), _Plan(fingerprint, list(paths)))


def note_done(target: str, conversion: Conversion, file: FinalFile) -> None:
    """Note that a file is whole."""
    storage.write_note(_note(target, file.path), _Done(conversion.digest, file))


def done(target: str, conversion: Conversion) -> FinalFile | None:
    """Return the row of a file that is whole already, of the same sources; None: it is to be made."""
    note = storage.read_note(_note(target, conversion.path), _Done)
    if note is None or note.digest != conversion.digest:
        return None
    return note.file if storage.size(located(target, conversion.path)) == note.file.bytes else None


def finish(target: str) -> None:
    """Remove the notes: the manifest says all."""
    storage.remove_folder(_folder(target))
    storage.remove_if_empty(storage.join(target, _FOLDER[0]))


def discard(target: str) -> bool:
    """Remove what an interrupted export has left, files without a row in the manifest; tell whether there was any."""
    if _plan(target) is None:
        return False
    _remove_unpublished(target)
    finish(target)
    return True


def _remove_unpublished(target: str, but: Collection[str] = ()) -> None:
    plan = _plan(target)
    if plan is None:
        return
    manifest = storage.read_note(storage.join(target, MANIFEST_FILE), Manifest)
    published = {file.path for file in manifest.files} if manifest else set()
    for path in plan.paths:
        if path not in published and path not in but:
            storage.remove_file(located(target, path))
