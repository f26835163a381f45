"""Files of a run directory take the places of others: all of them or none, however often it is interrupted.

New files are written aside, in `removed/<number>/`, under the paths that they will have. When all are there, a note is
written, `removed/pending.json`. From then on the change is decided: each file is moved to its place, in the order of
the note, and whoever finds the note later goes on. Before it nothing has changed.
"""

import re
from dataclasses import dataclass
from pathlib import Path

import msgspec

from ccnet_pipeline import storage
from ccnet_pipeline.errors import UserError
from ccnet_pipeline.shards.published_run import REMOVED_FOLDER

PENDING_FILE = "pending.json"
RECORD_NAME = re.compile(r"(\d{5})\.json")
_COPIED_AT_ONCE = 1 << 20


@dataclass(frozen=True, slots=True)
class Swap:
    """A file that takes its place."""

    path: str  # relative to the run directory
    bytes: int | None  # None: what is there is removed


@dataclass(frozen=True, slots=True)
class Pending:
    """The content of the note."""

    folder: str  # of the new files, in `removed/`
    swaps: list[Swap]  # in this order


def removed(output: str, *names: str) -> str:
    """Return the path of something in `removed/`."""
    return storage.join(output, REMOVED_FOLDER, *names)


def next_number(output: str) -> str:
    """Return the number of the next record of a removal."""
    found = [int(match[1]) for name in storage.sizes(removed(output)) if (match := RECORD_NAME.fullmatch(name))]
    return f"{max(found, default=0) + 1:05d}"


def has_removals(output: str) -> bool:
    """Tell whether documents were taken out of a run directory, or are being taken out."""
    return any(name == PENDING_FILE or RECORD_NAME.fullmatch(name) for name in storage.sizes(removed(output)))


def is_pending(output: str) -> bool:
    """Tell whether a change was decided and is not at its end."""
    return storage.exists(removed(output, PENDING_FILE))


def clear(output: str) -> None:
    """Remove what was written aside and never decided on; nothing may be pending."""
    folders = {name.partition("/")[0] for name in storage.sizes(removed(output)) if "/" in name}
    if storage.is_local(output):  # there a folder without a file is something, too
        folders |= {path.name for path in Path(removed(output)).glob("*") if path.is_dir()}
    for folder in sorted(folders):
        storage.remove_folder(removed(output, folder))


def decide(output: str, pending: Pending) -> None:
    """Write the note: all new files are there."""
    storage.write_json(removed(output, PENDING_FILE), pending)


def finish(output: str) -> bool:
    """Do what was decided, or the rest of it; tell whether there was something.

    Raises:
        UserError: a new file is gone.
    """
    try:
        pending = storage.read_json(removed(output, PENDING_FILE), Pending)
    except msgspec.DecodeError as error:
        raise UserError(f"{removed(output, PENDING_FILE)} is damaged; restore {output} from a copy") from error
    if pending is None:
        return False
    for swap in pending.swaps:
        _swap(output, pending.folder, swap)
    storage.remove_file(removed(output, PENDING_FILE))
    storage.remove_folder(removed(output, pending.folder))
    return True


def _swap(output: str, folder: str, swap: Swap) -> None:
    parts = swap.path.split("/")
    final, aside = storage.join(output, *parts), removed(output, folder, *parts)
    if swap.bytes is None:
        storage.remove_file(final)
        if storage.is_local(final):
            storage.remove_if_empty(str(Path(final).parent))
    elif storage.size(aside) == swap.bytes:
        _move(aside, final)
    elif storage.size(final) != swap.bytes:
        raise UserError(f"{aside} is gone, and {final} is not what it should be; restore {output} from a copy")


def _move(source: str, target: str) -> None:
    """Give a file its place in one step; an object is copied, and what is left of it goes with its folder."""
    if storage.is_local(source):
        with storage.explained(target):
            Path(target).parent.mkdir(parents=True, exist_ok=True)
            Path(source).replace(target)
        return
    with storage.open_for_reading(source) as file, storage.writing(target) as copy:
        while data := file.read(_COPIED_AT_ONCE):
            copy.write(data)
