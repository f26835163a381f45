"""Object stores: s3://, gs:// and az://, each with the credentials and settings that its environment has.

An object is uploaded when its content is whole: until then it is in memory, or in a temporary file of this machine. So
an upload that breaks off, or an exception while the content is made, leaves nothing.
"""

import contextlib
import functools
import io
import tempfile
from collections.abc import Iterator
from typing import Any, BinaryIO

import obstore
from obstore.store import ObjectStore, from_url

from ccnet_pipeline.storage.stores import Ranges

SCHEMES = ("s3", "gs", "az")
_IN_MEMORY_BYTES = 16 << 20
_READ_AHEAD_BYTES = 8 << 20

_were_used = False  # by this process


def has_threads() -> bool:
    """Tell whether an object store was used: its threads do not survive a fork, and whoever waits for them hangs."""
    return _were_used


@functools.cache
def _store(root: str) -> ObjectStore:
    """Return the client of a bucket, made once a process."""
    global _were_used  # noqa: PLW0603 - a fact about the process
    _were_used = True
    return from_url(root, client_options={"allow_http": True})


def _located(path: str) -> tuple[ObjectStore, str]:
    """Return the client and the key of a path."""
    scheme, _, rest = path.partition("://")
    bucket, _, key = rest.partition("/")
    return _store(f"{scheme}://{bucket}"), key


class ObjectStores:
    """Objects by URL."""

    def open(self, path: str) -> BinaryIO:
        size = self.size(path)
        if size is None:
            raise FileNotFoundError(path)
        return io.BufferedReader(_Object(*_located(path), size), _READ_AHEAD_BYTES)

    @contextlib.contextmanager
    def ranges(self, path: str) -> Iterator[Ranges]:
        store, key = _located(path)

        def read(start: int, size: int) -> bytes:
            return bytes(obstore.get_range(store, key, start=start, length=size)) if size else b""

        yield read

    @contextlib.contextmanager
    def writing(self, path: str) -> Iterator[BinaryIO]:
        store, key = _located(path)
        with tempfile.SpooledTemporaryFile(_IN_MEMORY_BYTES) as file:
            yield file  # type: ignore[misc]
            file.seek(0)
            obstore.put(store, key, file)

    def size(self, path: str) -> int | None:
        store, key = _located(path)
        try:
            return obstore.head(store, key)["size"]
        except FileNotFoundError:
            return None

    def sizes(self, folder: str) -> dict[str, int]:
        store, key = _located(folder)
        prefix = key.rstrip("/") + "/" if key.strip("/") else ""
        listed = (each for some in obstore.list(store, prefix) for each in some)
        return {each["path"].removeprefix(prefix): each["size"] for each in listed}

    def names(self, folder: str) -> list[str]:
        store, key = _located(folder)
        listed = obstore.list_with_delimiter(store, key.strip("/") or None)
        objects = [each["path"] for each in listed["objects"]]
        return [path.rpartition("/")[2] for path in (*objects, *listed["common_prefixes"])]

    def remove(self, path: str) -> None:
        store, key = _located(path)
        with contextlib.suppress(FileNotFoundError):
            obstore.delete(store, key)

    def remove_folder(self, folder: str) -> None:
        store, key = _located(folder)
        prefix = key.rstrip("/") + "/"
        if keys := [prefix + name for name in self.sizes(folder)]:
            obstore.delete(store, keys)

    def check(self, folder: str) -> None:
        self.size(folder.rstrip("/") + "/run.json")


class _Object(io.RawIOBase):
    """An object, read where one seeks to."""

    def __init__(self, store: ObjectStore, key: str, size: int) -> None:
        self._store, self._key, self._size = store, key, size
        self._place = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._place

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._place = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: self._size}[whence]
        return self._place

    def readinto(self, buffer: Any, /) -> int:
        size = min(len(buffer), self._size - self._place)
        if size <= 0:
            return 0
        buffer[:size] = memoryview(obstore.get_range(self._store, self._key, start=self._place, length=size))
        self._place += size
        return size
