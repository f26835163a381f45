"""What the others call about folders: by any path, local or remote."""

import contextlib
import errno
import shutil
from collections.abc import Iterator
from pathlib import Path

from ccnet_pipeline.errors import FetchError, UserError
from ccnet_pipeline.storage import locks
from ccnet_pipeline.storage.files import join, open_for_reading, place_of, remote_place, sizes, writing
from ccnet_pipeline.storage.leases import LOCK, leased, refuse_if_leased
from ccnet_pipeline.storage.local import TEMPORARY_PREFIX
from ccnet_pipeline.storage.paths import is_local, local_path, shown
from ccnet_pipeline.storage.remedies import REMEDIES, explained

_COPIED_AT_ONCE = 1 << 20


def remove_folder(path: str) -> None:
    """Remove a folder and what is in it, if it exists."""
    place, name = place_of(path)
    with explained(name):
        place.remove_folder(name)


def move_folder(source: str, target: str) -> None:
    """Move the files of a folder into another, wherever they lie; this can be interrupted and repeated."""
    if is_local(source) and is_local(target):
        _move_on_disks(source, target)
    else:
        there = sizes(target)
        for name, size in sorted(sizes(source).items()):
            if there.get(name) != size and not Path(name).name.startswith(TEMPORARY_PREFIX):
                _copy(join(source, name), join(target, name))
    remove_folder(source)


def _copy(source: str, target: str) -> None:
    with open_for_reading(source) as file, writing(target) as copy:
        shutil.copyfileobj(file, copy, _COPIED_AT_ONCE)


def _move_on_disks(source: str, target: str) -> None:
    for path in sorted(Path(source).rglob("*")):
        if not path.is_file() or path.name.startswith(TEMPORARY_PREFIX):
            continue
        wanted = Path(target, path.relative_to(source))
        with explained(str(wanted)):
            wanted.parent.mkdir(parents=True, exist_ok=True)
            try:
                path.replace(wanted)
            except OSError as error:
                if error.errno != errno.EXDEV:
                    raise
                _copy(str(path), str(wanted))
                path.unlink()


@contextlib.contextmanager
def locked(folder: str) -> Iterator[None]:
    """Keep other runs out of a folder while the block runs; a local one is made if need be.

    Raises:
        InUseError: another run is in it.
    """
    folder = local_path(folder)
    if not is_local(folder):
        with leased(remote_place(folder), folder):
            yield
        return
    with contextlib.ExitStack() as stack:
        if not Path(folder).exists():
            stack.callback(remove_if_empty, folder)
        with explained(folder):
            Path(folder).mkdir(parents=True, exist_ok=True)
            stack.enter_context(locks.locked(Path(folder)))
        yield


@contextlib.contextmanager
def locked_for_reading(folder: str) -> Iterator[None]:
    """Keep those out who would write to a folder while the block runs; there may be other readers, or no folder.

    Where files are on other machines, nobody is kept out: whoever may only read can leave no lock. There it is only
    seen to that nobody writes when the block begins.

    Raises:
        InUseError: a run writes to it.
    """
    folder = local_path(folder)
    if not is_local(folder):
        refuse_if_leased(remote_place(folder), folder)
        yield
        return
    with locks.locked(Path(folder), shared=True) if Path(folder).exists() else contextlib.nullcontext():
        yield


def remove_if_empty(folder: str) -> None:
    """Remove a folder in which nothing is, if it exists; in an object store there is none."""
    place, name = place_of(folder)
    place.remove_if_empty(name)


def check_place(path: str, option: str) -> None:
    """See that files can be written below a folder, without leaving anything; `option` says who asked for it.

    Raises:
        UserError: they can't.
    """
    try:
        place, name = place_of(path)
        place.check(name)
    except (FetchError, UserError) as error:
        raise UserError(f"{option} {error}") from error
    except OSError as error:
        remedy = REMEDIES.get(error.errno or 0)
        if remedy is None:
            reason = error.strerror or type(error).__name__
            raise UserError(f"{option} {shown(path)} cannot be used: {reason}") from error
        what = f"{error.filename} is no folder; choose another place" if error.errno == errno.ENOTDIR else remedy
        raise UserError(f"{option} {shown(path)}: {what}") from error


def names(folder: str) -> list[str]:
    """Return the names of the files and folders in a folder, without what a killed run was writing, and its lock."""
    place, path = place_of(folder)
    return sorted(name for name in place.names(path) if not name.startswith(TEMPORARY_PREFIX) and name != LOCK)


def is_empty(folder: str) -> bool:
    """Tell whether a folder holds nothing, or only what a killed run was writing, or a lock; or is not there."""
    return not names(folder)


def folder_exists(path: str) -> bool:
    """Tell whether there is such a folder; in an object store it is there while anything is in it."""
    place, name = place_of(path)
    return Path(name).is_dir() if is_local(name) else bool(place.names(name))


def remove_leftovers(folder: str) -> None:
    """Remove files that a killed run was writing, in a folder and below it; in an object store there are none."""
    place, name = place_of(folder)
    place.remove_leftovers(name)
