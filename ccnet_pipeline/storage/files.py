"""What the others call: files by any path, local or remote."""

import contextlib
import errno
import mmap
import os
import posixpath
import shutil
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from ccnet_pipeline.errors import UserError
from ccnet_pipeline.storage import locks
from ccnet_pipeline.storage.local import TEMPORARY_PREFIX, LocalStore
from ccnet_pipeline.storage.stores import Ranges, Store

LOCK_FILE = ".lock"  # in an object store
_COPIED_AT_ONCE = 1 << 20
_LOCAL = LocalStore()

# Errors of the machine that the user can mend, and what to do about them.
_REMEDIES = {
    errno.ENOSPC: "the disk is full; free some room (or put --work_dir elsewhere) and run the same command again",
    errno.EDQUOT: "the disk quota is used up; free some room and run the same command again",
    errno.EACCES: "no permission to write there; choose another --output or mend the permissions",
    errno.EPERM: "no permission to write there; choose another --output or mend the permissions",
    errno.EROFS: "the file system is read-only; choose another --output",
    errno.ENOTDIR: "this is below something that is no folder; choose another place",
    errno.EEXIST: "this is below something that is no folder; choose another place",
    errno.ENOENT: "no such folder can be made; choose another place",
    errno.EFBIG: "the file is larger than this machine allows; raise the limit (ulimit -f) and run again",
}


def is_local(path: str) -> bool:
    """Tell whether a path is on a disk of this machine's file tree."""
    return "://" not in path


def _store_of(path: str) -> Store:
    if is_local(path):
        return _LOCAL
    from ccnet_pipeline.storage.objects import SCHEMES, ObjectStores  # at use: most runs are local

    scheme = path.partition("://")[0]
    if scheme not in SCHEMES:
        known = ", ".join(f"{name}://" for name in SCHEMES)
        raise UserError(f"{path}: files are written to local paths, {known}, and not to {scheme}://")
    return ObjectStores()


def has_threads() -> bool:
    """Tell whether a fork of this process could not use what is open: the threads of its clients would be missing."""
    objects = sys.modules.get("ccnet_pipeline.storage.objects")
    return objects is not None and bool(objects.has_threads())


def open_for_reading(path: str) -> BinaryIO:
    """Open a file for reading its stored bytes, compressed or not; raises FileNotFoundError."""
    return _store_of(path).open(path)


def read(path: str) -> bytes:
    """Return a whole file; raises FileNotFoundError."""
    with open_for_reading(path) as file:
        return file.read()


def damaged(path: str) -> UserError:
    """Return the error that an intermediate file is not as it was written; without it, it is made again."""
    return UserError(f"{path} is damaged; remove it and run the same command again")


@contextlib.contextmanager
def ranges_of(path: str) -> Iterator[Ranges]:
    """Open a file and give what reads ranges of it, (first byte, size) -> bytes; UserError: the file ends before."""
    with _store_of(path).ranges(path) as fetch:

        def read(start: int, size: int) -> bytes:
            data = fetch(start, size)
            if len(data) != size:
                raise damaged(path)
            return data

        yield read


def read_range(path: str, start: int, size: int) -> bytes:
    """Return `size` bytes of a file from byte `start`; raises UserError if the file ends before."""
    with ranges_of(path) as read:
        return read(start, size)


def mapped(path: str) -> memoryview:
    """Return the bytes of a file that has some; of a local one, all processes share the memory."""
    if not is_local(path):
        return memoryview(read(path))
    with Path(path).open("rb") as file:
        return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))


@contextlib.contextmanager
def writing(path: str) -> Iterator[BinaryIO]:
    """Open a file that gets its name only when the block ends without an exception; folders above it are made."""
    with explained(path), _store_of(path).writing(path) as file:
        yield file


@contextlib.contextmanager
def explained(path: str) -> Iterator[None]:
    """Turn a full disk, missing permission and the like into a UserError about `path`."""
    try:
        yield
    except OSError as error:
        remedy = _REMEDIES.get(error.errno or 0)
        if remedy is None or not _is_about(error, path):
            raise
        raise UserError(f"{path}: {remedy}") from error


def _is_about(error: OSError, path: str) -> bool:
    """Tell whether an error is about a file, a folder above it, or what is written before it gets its name."""
    if error.filename is None:
        return True
    name = Path(str(error.filename))
    is_aside = name.name.startswith(TEMPORARY_PREFIX + Path(path).name) and name.parent == Path(path).parent
    return is_aside or path.startswith(str(error.filename))


def write(path: str, data: bytes) -> None:
    """Write a whole file."""
    with writing(path) as file:
        file.write(data)


def exists(path: str) -> bool:
    """Tell whether there is such a file."""
    return size(path) is not None


def size(path: str) -> int | None:
    """Return the bytes of a file, or None if there is no such file."""
    return _store_of(path).size(path)


def sizes(folder: str) -> dict[str, int]:
    """Return the bytes of each file in a folder and below it, by its path from there, with slashes."""
    return _store_of(folder).sizes(folder)


def join(*parts: str) -> str:
    """Join parts of a path in the way of its file system."""
    return str(Path(*parts)) if is_local(parts[0]) else posixpath.join(*parts)


def absolute(path: str) -> str:
    """Return the path as workers with another working folder need it."""
    return os.path.abspath(path) if is_local(path) else path  # noqa: PTH100 - takes ".." out, and no symbolic link


def remove_file(path: str) -> None:
    """Remove a file, if it exists."""
    _store_of(path).remove(path)


def remove_folder(path: str) -> None:
    """Remove a folder and what is in it, if it exists."""
    with explained(path):
        _store_of(path).remove_folder(path)


def move_folder(source: str, target: str) -> None:
    """Move the files of a folder into another, wherever they are; this can be interrupted and repeated."""
    if is_local(source) and is_local(target):
        _move_local_folder(source, target)
    else:
        for name in sorted(sizes(source)):
            last = name.rpartition("/")[2]
            if not last.startswith(TEMPORARY_PREFIX) and last != LOCK_FILE:
                with open_for_reading(join(source, name)) as file, writing(join(target, name)) as copy:
                    shutil.copyfileobj(file, copy, _COPIED_AT_ONCE)
                remove_file(join(source, name))
    remove_folder(source)


def _move_local_folder(source: str, target: str) -> None:
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
                with path.open("rb") as file, writing(str(wanted)) as copy:
                    shutil.copyfileobj(file, copy, _COPIED_AT_ONCE)
                path.unlink()


@contextlib.contextmanager
def locked(folder: str) -> Iterator[None]:
    """Keep other runs out of a local folder, which is made if need be, while the block runs.

    Raises:
        UserError: another run is in it.
    """
    if not is_local(folder):
        yield
        return
    with contextlib.ExitStack() as stack:
        if not Path(folder).exists():
            stack.callback(remove_if_empty, folder)
        with explained(folder):
            Path(folder).mkdir(parents=True, exist_ok=True)
            stack.enter_context(locks.locked(Path(folder)))
        yield


def remove_if_empty(folder: str) -> None:
    """Remove a folder in which nothing is, if it exists."""
    if is_local(folder) and Path(folder).is_dir() and not any(Path(folder).iterdir()):
        Path(folder).rmdir()


def check_place(path: str, option: str) -> None:
    """See that files can be written below a folder, without leaving anything; `option` says who asked for it.

    Raises:
        UserError: they can't.
    """
    try:
        _store_of(path).check(path)
    except OSError as error:
        remedy = _REMEDIES.get(error.errno or 0)
        if remedy is None:
            raise UserError(f"{option} {path} cannot be used: {str(error).partition(chr(10))[0]}") from error
        what = f"{error.filename} is no folder; choose another place" if error.errno == errno.ENOTDIR else remedy
        raise UserError(f"{option} {path}: {what}") from error
    except Exception as error:  # a library has its own
        raise UserError(f"{option} {path} cannot be used: {str(error).partition(chr(10))[0]}") from error


def is_empty(folder: str) -> bool:
    """Tell whether a folder holds nothing, or only what a killed run was writing, or is not there."""
    return not names(folder)


def names(folder: str) -> list[str]:
    """Return the names of the files and folders in a folder, without what a killed run was writing."""
    found = _store_of(folder).names(folder)
    return sorted(name for name in found if not name.startswith(TEMPORARY_PREFIX) and name != LOCK_FILE)


def folder_exists(path: str) -> bool:
    """Tell whether there is such a folder; in an object store, whether there is anything in it."""
    return Path(path).is_dir() if is_local(path) else bool(_store_of(path).names(path))


def remove_leftovers(folder: str) -> None:
    """Remove files that a killed run was writing, in a local folder and below it."""
    if is_local(folder):
        for leftover in Path(folder).rglob(f"{TEMPORARY_PREFIX}*"):
            leftover.unlink(missing_ok=True)


def remove_files(paths: Iterable[str]) -> None:
    """Remove files, those of them that exist."""
    for path in paths:
        remove_file(path)


def read_many(path: str, ranges: Iterable[tuple[int, int]]) -> list[bytes]:
    """Return ranges of a file, each a first byte and a size; raises UserError if the file ends before."""
    with ranges_of(path) as read:
        return [read(start, size) for start, size in ranges]
