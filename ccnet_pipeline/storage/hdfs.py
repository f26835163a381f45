"""HDFS, over its REST interface, WebHDFS: hdfs://namenode/path, or webhdfs://namenode:port/path.

hdfs:// names the port of Hadoop's own protocol, if any; WebHDFS has another one. It is 9870 unless CC100_WEBHDFS names
the place, such as https://namenode:9871. Who asks is HADOOP_USER_NAME, else the user of this process; a cluster with
Kerberos wants a delegation token, in CC100_WEBHDFS_TOKEN.

The name node sends whoever wants bytes to a data node. A file is written aside and renamed, which HDFS does at once.

Source: https://hadoop.apache.org/docs/stable/hadoop-project-dist/hadoop-hdfs/WebHDFS.html
"""

import contextlib
import io
import tempfile
import uuid
from collections.abc import Iterator, Sequence
from typing import BinaryIO

import requests

from ccnet_pipeline.storage.joined import read_joined
from ccnet_pipeline.storage.leases import LOCK
from ccnet_pipeline.storage.local import TEMPORARY_PREFIX
from ccnet_pipeline.storage.stores import Range, Ranges
from ccnet_pipeline.storage.streams import RemoteFile
from ccnet_pipeline.storage.waiting import TIDYING_S, within
from ccnet_pipeline.storage.webhdfs import FileStatus, ask, broken_off, status_of, statuses_in, upload

_IN_MEMORY_BYTES = 16 << 20
_PIECE_BYTES = 1 << 20
_READ_BYTES = 64 << 10
_ATTEMPTS = 5
_OF_LOCKS = (f"{TEMPORARY_PREFIX}{LOCK}-", f"{TEMPORARY_PREFIX}clock-")  # whoever writes them may be at it


class WebHdfs:
    """Files in HDFS by URL."""

    def open(self, path: str) -> BinaryIO:
        size = status_of(path).length
        return io.BufferedReader(RemoteFile(path, size, lambda place: _pieces(path, place, size)), _PIECE_BYTES)

    def read(self, path: str) -> bytes:
        return b"".join(_pieces(path, 0, None))

    @contextlib.contextmanager
    def ranges(self, path: str) -> Iterator[Ranges]:
        yield lambda start, size: b"".join(_pieces(path, start, start + size)) if size else b""

    def read_many(self, path: str, ranges: Sequence[Range]) -> list[bytes]:
        with self.ranges(path) as read:
            return read_joined(ranges, lambda spans: [read(start, size) for start, size in spans])

    @contextlib.contextmanager
    def writing(self, path: str) -> Iterator[BinaryIO]:
        with tempfile.SpooledTemporaryFile(_IN_MEMORY_BYTES) as file:
            yield file  # type: ignore[misc]
            file.seek(0)
            self._put(path, file)  # type: ignore[arg-type]

    def size(self, path: str) -> int | None:
        try:
            status = status_of(path)
        except FileNotFoundError:
            return None
        return status.length if status.is_file else None

    def sizes(self, folder: str) -> dict[str, int]:
        return {name: status.length for name, status in _below(folder) if name != LOCK}

    def versions(self, folder: str) -> dict[str, str]:
        return {name: f"{status.modified_ms} {status.length}" for name, status in _below(folder)}

    def names(self, folder: str) -> list[str]:
        return [status.name for status in statuses_in(folder)]

    def remove(self, path: str) -> None:
        with contextlib.suppress(FileNotFoundError):
            ask("DELETE", path, "DELETE")

    def remove_many(self, paths: Sequence[str]) -> None:
        for path in paths:
            self.remove(path)

    def remove_folder(self, folder: str) -> None:
        with contextlib.suppress(FileNotFoundError):
            ask("DELETE", folder, "DELETE", recursive="true")

    def remove_if_empty(self, folder: str) -> None:
        if not statuses_in(folder):
            self.remove(folder)  # not recursive: what came meanwhile keeps it

    def remove_leftovers(self, folder: str) -> None:
        for name, status in _all_below(folder):
            if status.name.startswith(TEMPORARY_PREFIX) and not status.name.startswith(_OF_LOCKS):
                self.remove(f"{folder.rstrip('/')}/{name}")

    def check(self, folder: str) -> None:
        """Write and remove a small file: nothing else tells whether that is allowed. What it had to make goes, too."""
        made = _missing_part(folder)
        probe = f"{folder.rstrip('/')}/{TEMPORARY_PREFIX}probe-{uuid.uuid4().hex}"
        upload(probe, b"", overwrite=True)
        if made is None:
            self.remove(probe)
        else:
            self.remove_folder(made)

    def create(self, path: str, data: bytes) -> object:
        upload(path, data, overwrite=False)
        return status_of(path).modified_ms

    def replace(self, path: str, data: bytes, version: object) -> object:
        """HDFS knows no conditions but "not there": between the look and the renaming another one might write."""
        try:
            if status_of(path).modified_ms != version:
                raise FileExistsError(path)
        except FileNotFoundError:
            raise FileExistsError(path) from None
        self._put(path, io.BytesIO(data))
        return status_of(path).modified_ms

    def look(self, path: str) -> tuple[bytes, float, object]:
        status = status_of(path)
        return self.read(path), status.modified_ms / 1000, status.modified_ms

    def now(self, folder: str) -> float:
        probe = f"{folder.rstrip('/')}/{TEMPORARY_PREFIX}clock-{uuid.uuid4().hex}"
        upload(probe, b"", overwrite=True)
        try:
            return status_of(probe).modified_ms / 1000
        finally:
            within(TIDYING_S, lambda: self.remove(probe))

    def _put(self, path: str, file: BinaryIO) -> None:
        folder, _, name = path.rpartition("/")
        aside = f"{folder}/{TEMPORARY_PREFIX}{name}-{uuid.uuid4().hex}"
        try:
            upload(aside, file, overwrite=True)
            ask("PUT", aside, "RENAME", destination=path, renameoptions="OVERWRITE")
        except BaseException:
            within(TIDYING_S, lambda: self.remove(aside))
            raise


def _pieces(path: str, start: int, stop: int | None) -> Iterator[bytes]:
    """Give the bytes of a file between two places, or to its end; where it breaks off, it goes on from there."""
    failures = 0
    while start != stop:
        until = {"length": str(stop - start)} if stop is not None else {}
        try:
            with ask("GET", path, "OPEN", is_stream=True, may_be_behind=True, offset=str(start), **until) as response:
                if not response.ok:
                    return
                for piece in response.iter_content(_READ_BYTES):
                    start += len(piece)
                    failures = 0
                    yield piece
                return
        except requests.RequestException as error:
            failures += 1
            if failures == _ATTEMPTS:
                raise broken_off(path) from error


def _below(folder: str) -> Iterator[tuple[str, FileStatus]]:
    """Give the files in a folder and below it, by their path from there, without what is being written."""
    return (found for found in _all_below(folder) if not found[1].name.startswith(TEMPORARY_PREFIX))


def _all_below(folder: str) -> Iterator[tuple[str, FileStatus]]:
    waiting = [""]
    while waiting:
        prefix = waiting.pop()
        for status in statuses_in(f"{folder.rstrip('/')}/{prefix}"):
            name = prefix + status.name
            if status.is_file:
                yield name, status
            else:
                waiting.append(f"{name}/")


def _missing_part(folder: str) -> str | None:
    """Give the uppermost folder that has to be made for a folder; None if it is there."""
    root, _, path = folder.partition("://")[2].rstrip("/").partition("/")
    scheme = folder.partition("://")[0]
    names = path.split("/")
    for count in range(1, len(names) + 1):
        place = f"{scheme}://{root}/{'/'.join(names[:count])}"
        try:
            status_of(place)
        except FileNotFoundError:
            return place
    return None
