"""Files that every worker reaches: on a local disk, or in object stores by Beam's FileSystems.

A path is a name here, and never a pattern: `[`, `?` and `*` stand for themselves. Beam's `match` and `delete` take them
for patterns, so a local path never goes through Beam.

Nothing half-written ever carries a final name. Locally a file is written aside and renamed; in an object store the
object appears when its upload is complete, and a copy aside would only cost a copy.
"""

import contextlib
import errno
import glob
import io
import mmap
import os
import shutil
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

import msgspec
from apache_beam.io.filesystem import CompressionTypes
from apache_beam.io.filesystems import FileSystems

from beam_jobs.lean_beam import import_file_system
from ccnet_pipeline import locks
from ccnet_pipeline.errors import UserError

_T = TypeVar("_T")
TEMPORARY_PREFIX = ".writing-"
_COPIED_AT_ONCE = 1 << 20

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


def _file_systems(path: str) -> type[FileSystems]:
    """Return Beam's file systems, that of the path among them."""
    import_file_system(path)
    return FileSystems


def open_for_reading(path: str) -> BinaryIO:
    """Open a file for reading its stored bytes, compressed or not."""
    if is_local(path):
        return Path(path).open("rb")
    return _file_systems(path).open(path, compression_type=CompressionTypes.UNCOMPRESSED)


def _open_for_writing(path: str) -> BinaryIO:
    """Open a new file; the folders above it are made."""
    if is_local(path):
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        return Path(path).open("wb")
    return _file_systems(path).create(path, compression_type=CompressionTypes.UNCOMPRESSED)


def damaged(path: str) -> UserError:
    """Return the error that an intermediate file is not as it was written; without it, it is made again."""
    return UserError(f"{path} is damaged; remove it and run the same command again")


@contextlib.contextmanager
def ranges_of(path: str) -> Iterator[Callable[[int, int], bytes]]:
    """Open a file and give what reads ranges of it, (first byte, size) -> bytes; UserError: the file ends before."""
    with open_for_reading(path) as file:
        # Beam's file of S3 would fetch 16 MiB to give a few bytes; what is below its buffer fetches what is asked for.
        source = file.raw if isinstance(file, io.BufferedReader) and not is_local(path) else file

        def read(start: int, size: int) -> bytes:
            source.seek(start)
            data = source.read(size)
            while len(data) < size and (piece := source.read(size - len(data))):
                data += piece
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
    with open_for_reading(path) as file:
        return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) if is_local(path) else file.read())


@contextlib.contextmanager
def writing(path: str) -> Iterator[BinaryIO]:
    """Open a file that gets its name only when the block ends without an exception."""
    aside = path
    if is_local(path):
        aside = str(Path(path).with_name(f"{TEMPORARY_PREFIX}{Path(path).name}-{uuid.uuid4().hex}"))
    with explained(path, aside):
        try:
            with _open_for_writing(aside) as file:
                yield file
                file.flush()
                if is_local(path):
                    os.fsync(file.fileno())
            if aside != path:
                Path(aside).replace(path)
        except BaseException:
            if aside != path:
                Path(aside).unlink(missing_ok=True)
            raise


@contextlib.contextmanager
def explained(path: str, aside: str | None = None) -> Iterator[None]:
    """Turn a full disk, missing permission and the like into a UserError about `path`."""
    try:
        yield
    except OSError as error:
        remedy = _REMEDIES.get(error.errno or 0)
        ours = error.filename is None or str(error.filename) in (path, aside) or path.startswith(str(error.filename))
        if remedy is None or not ours:
            raise
        raise UserError(f"{path}: {remedy}") from error


def write(path: str, data: bytes) -> None:
    """Write a whole file."""
    with writing(path) as file:
        file.write(data)


def write_json(path: str, value: Any) -> None:
    """Write a value as JSON for people: indented, with a final line feed."""
    write(path, msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n")


def write_note(path: str, value: Any) -> None:
    """Write a value as JSON for the next stage: as short as it can be, for there are many."""
    write(path, msgspec.json.encode(value))


def read_json(path: str, kind: type[_T]) -> _T | None:
    """Return the value of a JSON file, or None if there is no such file."""
    if not exists(path):
        return None
    with open_for_reading(path) as file:
        return msgspec.json.decode(file.read(), type=kind)


def read_note(path: str, kind: type[_T]) -> _T | None:
    """Return what `write_note` wrote, or None if it is not there, or damaged: then its stage is done again."""
    try:
        return read_json(path, kind)
    except msgspec.DecodeError:
        return None


def exists(path: str) -> bool:
    """Tell whether there is such a file."""
    return Path(path).is_file() if is_local(path) else bool(_file_systems(path).exists(path))


def size(path: str) -> int | None:
    """Return the bytes of a file, or None if there is no such file."""
    if not exists(path):
        return None
    if is_local(path):
        return Path(path).stat().st_size
    return int(_file_systems(path).get_filesystem(path).metadata(path).size_in_bytes)


def join(*parts: str) -> str:
    """Join parts of a path in the way of its file system."""
    return str(_file_systems(parts[0]).join(*parts))


def absolute(path: str) -> str:
    """Return the path as workers with another working folder need it."""
    return os.path.abspath(path) if is_local(path) else path  # noqa: PTH100 - takes ".." out, and no symbolic link


def remove_file(path: str) -> None:
    """Remove a file, if it exists."""
    if is_local(path):
        Path(path).unlink(missing_ok=True)
    elif exists(path):
        # Of Beam's object stores only this one takes what it is to delete for a pattern.
        _file_systems(path).delete([glob.escape(path) if path.startswith("gs://") else path])


def remove_folder(path: str) -> None:
    """Remove a folder and what is in it, if it exists."""
    if not is_local(path):
        _file_systems(path).delete([path.rstrip("/") + "/"])  # without the slash it would be one object of that name
    elif Path(path).is_dir():
        with explained(path):
            shutil.rmtree(path)


def move_folder(source: str, target: str) -> None:
    """Move the files of a local folder into another, also on another disk; this can be interrupted and repeated."""
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
    remove_folder(source)


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
    """Remove a local folder in which nothing is, if it exists."""
    if Path(folder).is_dir() and not any(Path(folder).iterdir()):
        Path(folder).rmdir()


def check_place(path: str, option: str) -> None:
    """See that files can be written below a folder, without making anything; `option` says who asked for it.

    Raises:
        UserError: they can't.
    """
    if is_local(path):
        nearest = next(each for each in (Path(path), *Path(path).absolute().parents) if each.exists())
        if not nearest.is_dir():
            raise UserError(f"{option} {path}: {nearest} is no folder; choose another place")
        if not os.access(nearest, os.W_OK | os.X_OK):
            raise UserError(f"{option} {path}: {_REMEDIES[errno.EACCES]}")
        return
    try:
        _file_systems(path).exists(path)
    except Exception as error:  # each file system has its own, also for what is not installed
        reason = str(error).partition("\n")[0]
        raise UserError(f"{option} {path} cannot be used: {reason}") from error


def is_empty(folder: str) -> bool:
    """Tell whether a local folder holds nothing, or only what a killed run was writing."""
    return all(path.name.startswith(TEMPORARY_PREFIX) for path in Path(folder).iterdir())


def remove_leftovers(folder: str) -> None:
    """Remove files that a killed run was writing, in a local folder and below it."""
    if is_local(folder):
        for leftover in Path(folder).rglob(f"{TEMPORARY_PREFIX}*"):
            leftover.unlink(missing_ok=True)
