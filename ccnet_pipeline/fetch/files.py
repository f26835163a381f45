"""What the other packages call: open an archive, fetch a file, read a listing, ask for a size, wherever it lies."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import BinaryIO, Protocol

from ccnet_pipeline.errors import FetchError
from ccnet_pipeline.fetch.cache import Progress, cached_size, entry_path, open_cached
from ccnet_pipeline.fetch.policy import FetchPolicy
from ccnet_pipeline.fetch.resume import ResumingStream, Source, State
from ccnet_pipeline.fetch.retry import persist
from ccnet_pipeline.storage.paths import HDFS_SCHEMES, OBJECT_SCHEMES, is_remote, local_path, scheme_of, shown


class Readable(Protocol):
    """Bytes, forward."""

    def read(self, size: int, /) -> bytes:
        """Give 1 to `size` bytes (fewer than `size` is not the end); b"" at the end, which is verified.

        Raises:
            FetchError: a remote file cannot be read any further.
        """


def open_archive(path: str, policy: FetchPolicy, *, start: int = 0) -> AbstractContextManager[Readable]:
    """Open a file, local or remote, as it is stored (nothing is unpacked). Leave the context to free the connection.

    A remote file is streamed: memory is bounded, no request is made before the first read, and a stream that breaks
    off goes on where it was. With `policy.cache` it is fetched whole first, or taken from there.

    Args:
        path: local path, file://, http(s)://, s3://, gs://, az://, abfss:// or hdfs://.
        policy: how it is fetched.
        start: offset in bytes to begin at.

    Raises:
        UserError: a path that cannot be read from here, or a cache folder that cannot be used.
        FetchError: with `policy.cache`, the file cannot be had; without, `read` raises it.
        OSError: a local file that cannot be opened.
    """
    if not is_remote(path):
        return _at(Path(local_path(path)).open("rb"), start)
    source = source_of(path, policy)
    if policy.cache is None:
        return ResumingStream(source, policy, start=start)
    return _at(open_cached(path, policy, source), start)


def fetch_file(path: str, policy: FetchPolicy, progress: Progress = lambda _, __: None) -> Path:
    """Fetch a remote file whole into the folder `policy.cache`, unless it is there, and return where it lies.

    Args:
        path: of a remote file.
        policy: with a folder.
        progress: told after each piece, of the bytes that have come, and of how many, if that is known.

    Raises:
        FetchError: the file cannot be had.
        UserError: the folder cannot be used; its cause is the OSError.
    """
    assert policy.cache is not None
    open_cached(path, policy, source_of(path, policy), progress=progress).close()
    return entry_path(policy.cache, path)


def read_small(path: str, policy: FetchPolicy, *, max_bytes: int) -> bytes:
    """Read a whole file that is no longer than `max_bytes`.

    Raises:
        FetchError: it is longer, or cannot be had.
        UserError, OSError: as `open_archive` does.
    """
    if is_remote(path) and policy.cache is not None:
        source = source_of(path, policy)
        stream: AbstractContextManager[Readable] = open_cached(path, policy, source, max_bytes=max_bytes)
    else:
        stream = open_archive(path, policy)
    content = bytearray()
    with stream as file:
        while chunk := file.read(max_bytes + 1 - len(content)):
            content += chunk
    if len(content) > max_bytes:
        raise FetchError(f"{shown(path)}: more than {max_bytes} bytes")
    return bytes(content)


def size_of(path: str, policy: FetchPolicy) -> int | None:
    """Give the length of a file in bytes; None if its server does not say.

    Raises:
        FetchError: there is no such remote file, or it cannot be asked for.
        UserError: a path that cannot be read from here.
        OSError: there is no such local file.
    """
    if not is_remote(path):
        return Path(local_path(path)).stat().st_size
    if policy.cache is not None and (size := cached_size(policy.cache, path)) is not None:
        return size
    return state_of(path, policy).size


def state_of(path: str, policy: FetchPolicy) -> State:
    """Ask for the length and the version of a remote file.

    Raises:
        FetchError: there is no such file, or it cannot be asked for.
        UserError: a path that cannot be read from here.
    """
    source = source_of(path, policy)
    return persist(policy, source.name, source.state)


def _at(file: BinaryIO, start: int) -> BinaryIO:
    file.seek(start)
    return file


def source_of(path: str, policy: FetchPolicy) -> Source:
    """Give the source of a remote file; nothing is asked for yet.

    Raises:
        UserError: a path that cannot be read from here.
    """
    # Imported at use: the clients take as long as all the rest of the package.
    scheme = scheme_of(path)
    if scheme in OBJECT_SCHEMES:
        from ccnet_pipeline.fetch.objects import ObjectSource

        return ObjectSource(path, policy)
    if scheme in HDFS_SCHEMES:
        from ccnet_pipeline.fetch.hdfs import HdfsSource

        return HdfsSource(path, policy)
    from ccnet_pipeline.fetch.http import HttpSource

    return HttpSource(path, policy)
