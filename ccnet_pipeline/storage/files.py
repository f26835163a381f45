"""What the others call about files: by any path, local or remote."""

import contextlib
import mmap
import os
import posixpath
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from ccnet_pipeline.errors import UserError
from ccnet_pipeline.storage.local import LocalStore
from ccnet_pipeline.storage.paths import HDFS_SCHEMES, is_local, local_path, scheme_of, shown
from ccnet_pipeline.storage.remedies import explained
from ccnet_pipeline.storage.stores import Range, Ranges, RemoteStore, Store

_LOCAL = LocalStore()


def place_of(path: str) -> tuple[Store, str]:
    """Return the place of a path, and the path as that place wants it.

    Raises:
        UserError: a kind of place that is not known.
    """
    return (_LOCAL, local_path(path)) if scheme_of(path) in ("", "file") else (remote_place(path), path)


def remote_place(path: str) -> RemoteStore:
    """Return the place of a remote path. The modules are imported at use: most runs are local."""
    if scheme_of(path) in HDFS_SCHEMES:
        from ccnet_pipeline.storage.hdfs import WebHdfs

        return WebHdfs()
    from ccnet_pipeline.storage.objects import ObjectStores

    return ObjectStores()


def has_threads() -> bool:
    """Tell whether a fork of this process could not use what is open: the threads of its clients would be missing."""
    clients = sys.modules.get("ccnet_pipeline.storage.clients")
    return clients is not None and bool(clients.has_threads())


def open_for_reading(path: str) -> BinaryIO:
    """Open a file for reading its stored bytes, compressed or not; raises FileNotFoundError."""
    place, name = place_of(path)
    return place.open(name)


def read(path: str) -> bytes:
    """Return a whole file; raises FileNotFoundError."""
    place, name = place_of(path)
    return place.read(name)


def damaged(path: str) -> UserError:
    """Return the error that an intermediate file is not as it was written; without it, it is made again."""
    return UserError(f"{shown(path)} is damaged; remove it and run the same command again")


@contextlib.contextmanager
def ranges_of(path: str) -> Iterator[Ranges]:
    """Open a file and give what reads ranges of it, (first byte, size) -> bytes; UserError: the file ends before."""
    place, name = place_of(path)
    with place.ranges(name) as fetch:

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


def read_many(path: str, ranges: Iterable[Range]) -> list[bytes]:
    """Return the bytes of ranges, each (first byte, size); where files are far away, neighbours in one request.

    Raises:
        FileNotFoundError: there is no such file.
        UserError: the file ends before.
    """
    place, name = place_of(path)
    wanted = list(ranges)
    found = place.read_many(name, wanted)
    if any(len(data) != size for data, (_, size) in zip(found, wanted, strict=True)):
        raise damaged(path)
    return found


def mapped(path: str) -> memoryview:
    """Return the bytes of a file that has some; of a local one, all processes share the memory."""
    if not is_local(path):
        return memoryview(read(path))
    with Path(path).open("rb") as file:
        return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))


@contextlib.contextmanager
def writing(path: str) -> Iterator[BinaryIO]:
    """Open a file that gets its name only when the block ends without an exception; folders above it are made."""
    place, name = place_of(path)
    with explained(name), place.writing(name) as file:
        yield file


def write(path: str, data: bytes) -> None:
    """Write a whole file."""
    with writing(path) as file:
        file.write(data)


def exists(path: str) -> bool:
    """Tell whether there is such a file."""
    return size(path) is not None


def size(path: str) -> int | None:
    """Return the bytes of a file, or None if there is no such file."""
    place, name = place_of(path)
    return place.size(name)


def sizes(folder: str) -> dict[str, int]:
    """Return the bytes of each file in a folder and below it, by its path from there, with slashes.

    The lock of an object store is not among them. It is one listing, which comes in pages of a thousand files.
    """
    place, name = place_of(folder)
    return place.sizes(name)


def versions(folder: str) -> dict[str, str]:
    """Return what changes with the content of each file in a remote folder and below it, by its path from there."""
    return remote_place(folder).versions(folder)


def join(*parts: str) -> str:
    """Join parts of a path in the way of its file system. A URL that names no bucket or host gets none by that."""
    if is_local(parts[0]):
        return str(Path(*parts))
    first, *others = parts
    return posixpath.join(f"{first}/" if first.endswith("://") else first, *others)


def absolute(path: str) -> str:
    """Return the path as workers with another working folder need it; file:// becomes a plain path."""
    if scheme_of(path) not in ("", "file"):
        return path
    return os.path.abspath(local_path(path))  # noqa: PTH100 - takes ".." out, and no symbolic link


def remove_file(path: str) -> None:
    """Remove a file, if it exists."""
    place, name = place_of(path)
    place.remove(name)


def remove_files(paths: Iterable[str]) -> None:
    """Remove those of these files that exist; all are of one kind of place. In an object store in few requests."""
    places = [place_of(path) for path in paths]
    if places:
        places[0][0].remove_many([name for _, name in places])
