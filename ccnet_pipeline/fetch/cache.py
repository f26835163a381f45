"""Whole files in a folder, for whoever reads them more than once, or without the network later.

    DIR/<host or bucket>/<path>               the file: as the server has it, so that DIR/<host> serves as --base
    DIR/<host or bucket>/.../.<name>.json     its note: where it is from, size, sha256
    DIR/<host or bucket>/.../.<name>.part     what has come of it so far, and
    DIR/<host or bucket>/.../.<name>.part.json    of which version of the object that is

A file gets its final name when it is whole and on the disk. It is used only where its note fits: size, and sha256 over
all bytes, before the first of them is handed out; else it is fetched anew. An entry that fits is used without asking
the server.

The lock of an entry is the lock of its `.part`. Two processes that want one file: one fetches, the other waits. One
that was killed leaves its `.part`, and the next goes on from there if the object is still the same.
"""

from __future__ import annotations

import contextlib
import fcntl
import functools
import hashlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, TypeVar
from urllib.parse import urlsplit

import msgspec

from ccnet_pipeline.checksums import sha256_of
from ccnet_pipeline.errors import FetchError, UserError
from ccnet_pipeline.fetch.policy import FetchPolicy
from ccnet_pipeline.fetch.resume import MAX_CHUNK_BYTES, ChangedError, ResumingStream, Source, Version
from ccnet_pipeline.storage.paths import HDFS_SCHEMES, OBJECT_SCHEMES, bucket_and_key, scheme_of, shown

Progress = Callable[[int, int | None], None]  # told of the bytes that have come, and of how many, if that is known
_T = TypeVar("_T")
_MAX_NAME_BYTES = 200


@dataclass(frozen=True, slots=True)
class _Note:
    """What is known of a whole file."""

    url: str
    size: int
    sha256: str
    etag: str = ""


@dataclass(frozen=True, slots=True)
class _PartNote:
    """What is known of the beginning of a file."""

    url: str
    etag: str
    last_modified: str


def entry_path(folder: str, path: str) -> Path:
    """Give the place of a remote file in the cache.

    A part of the path that is no plain name (empty, `..`, hidden, too long), and a query string, is replaced by its
    hash: no file lies outside of the folder, and no two files in one place.
    """
    if scheme_of(path) in (*OBJECT_SCHEMES, *HDFS_SCHEMES):
        host, name = bucket_and_key(path)
        query = ""
    else:
        parts = urlsplit(path)
        host = parts.netloc.rpartition("@")[2].lower().replace(":", "_")  # a colon ends a name in search paths
        name, query = parts.path.removeprefix("/"), parts.query
    *folders, last = [_plain(part) for part in (host, *name.split("/"))]
    return Path(folder, *folders, f"{last}@{_hash(query)}" if query else last)


def cached_size(folder: str, path: str) -> int | None:
    """Give the size of a file that is in the cache, by its note; else None."""
    entry = entry_path(folder, path)
    note = _read_note(_beside(entry, ".json"), _Note)
    with contextlib.suppress(OSError):
        if note is not None and note.url == _identity(path) and entry.stat().st_size == note.size:
            return note.size
    return None


def open_cached(
    path: str,
    policy: FetchPolicy,
    source: Source,
    *,
    max_bytes: int | None = None,
    progress: Progress = lambda _, __: None,
) -> BinaryIO:
    """Open a remote file from the cache, fetching it first if need be.

    Args:
        path: the file.
        policy: with a cache folder.
        source: of the same file.
        max_bytes: a longer file is refused.
        progress: told after each piece that was fetched.

    Raises:
        FetchError: the file cannot be had, or is too long.
        UserError: the folder cannot be used, or is full.
    """
    assert policy.cache is not None
    entry = entry_path(policy.cache, path)
    try:
        entry.parent.mkdir(parents=True, exist_ok=True)
        for _ in range(3):
            fetch = functools.partial(_download, entry, path, policy, source, max_bytes, progress)
            file = _open_whole(entry, path) or _fetch_or_wait(entry, path, fetch)
            if file is not None:
                return file
    except OSError as error:
        remedy = "make room, or name another folder with --cache"
        raise UserError(f"--cache {policy.cache}: {error.strerror or type(error).__name__}; {remedy}") from error
    raise UserError(f"--cache {policy.cache}: {entry.name} does not read as it was written; name another folder")


def _fetch_or_wait(entry: Path, path: str, fetch: Callable[[BinaryIO], _Note]) -> BinaryIO | None:
    """Fetch the file, unless another process just did; None: look again."""
    part = _beside(entry, ".part")
    with _locked(part) as file:
        if file is None:
            return None
        if (whole := _open_whole(entry, path)) is not None:
            part.unlink()
            return whole
        if _beside(entry, ".json").exists():
            # It was ours, and is not what it was. What somebody else has put there stays until there is better.
            entry.unlink(missing_ok=True)
            _beside(entry, ".json").unlink()
        try:
            note = fetch(file)
        except ChangedError:
            # Nothing of it has been handed out: begin anew, once.
            _beside(entry, ".part.json").unlink(missing_ok=True)
            note = fetch(file)
        _write_note(_beside(entry, ".json"), note)
        part.replace(entry)
        _sync_folder(entry.parent)
        _beside(entry, ".part.json").unlink(missing_ok=True)
    return _open_whole(entry, path)


def _download(
    entry: Path,
    path: str,
    policy: FetchPolicy,
    source: Source,
    max_bytes: int | None,
    progress: Progress,
    file: BinaryIO,
) -> _Note:
    """Bring the file behind its `.part` up to its whole length, and onto the disk."""
    part_note = _beside(entry, ".part.json")
    version = _resumable(part_note, path)
    digest = hashlib.sha256()
    file.seek(0)
    if version is None:
        file.truncate()
    while chunk := file.read(MAX_CHUNK_BYTES):
        digest.update(chunk)
    noted = version is not None
    with ResumingStream(source, policy, start=file.tell(), version=version) as stream:
        while chunk := stream.read(MAX_CHUNK_BYTES):
            if not noted and stream.version is not None:
                _write_note(part_note, _PartNote(_identity(path), stream.version.etag, stream.version.last_modified))
                noted = True
            file.write(chunk)
            digest.update(chunk)
            progress(file.tell(), stream.total)
            if max_bytes is not None and file.tell() > max_bytes:
                part_note.unlink(missing_ok=True)
                _beside(entry, ".part").unlink()
                raise FetchError(f"{shown(path)}: more than {max_bytes} bytes")
    if not stream.length_is_known:
        raise FetchError(f"{shown(path)}: its server does not tell its length, so it cannot be verified for the cache")
    file.flush()
    os.fsync(file.fileno())
    etag = stream.version.etag if stream.version else ""
    return _Note(_identity(path), file.tell(), digest.hexdigest(), etag)


def _resumable(part_note: Path, path: str) -> Version | None:
    note = _read_note(part_note, _PartNote)
    if note is None or note.url != _identity(path):
        return None
    version = Version(note.etag, note.last_modified)
    return version if version.known else None


@contextlib.contextmanager
def _locked(part: Path) -> Iterator[BinaryIO | None]:
    """Open the `.part` and lock it; None if it got another name, or was removed, while waiting for the lock."""
    with os.fdopen(os.open(part, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666), "r+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        try:
            same = os.path.samestat(part.stat(), os.fstat(file.fileno()))
        except FileNotFoundError:
            same = False
        yield file if same else None


def _open_whole(entry: Path, path: str) -> BinaryIO | None:
    """Open an entry of the cache that fits its note; else None."""
    note = _read_note(_beside(entry, ".json"), _Note)
    if note is None or note.url != _identity(path):
        return None
    try:
        file = entry.open("rb")
    except FileNotFoundError:
        return None
    found = os.fstat(file.fileno())
    if found.st_size == note.size and _sha256_of(entry, found.st_ino, found.st_size, found.st_mtime_ns) == note.sha256:
        return file
    file.close()
    return None


@functools.lru_cache(maxsize=4096)
def _sha256_of(entry: Path, inode: int, size: int, mtime_ns: int) -> str:
    """Give the sha256 of a file; once a process, unless the file changes."""
    return sha256_of(entry)


def _read_note(place: Path, kind: type[_T]) -> _T | None:
    try:
        return msgspec.json.decode(place.read_bytes(), type=kind)
    except (FileNotFoundError, NotADirectoryError, msgspec.MsgspecError, UnicodeDecodeError):
        return None


def _write_note(place: Path, note: _Note | _PartNote) -> None:
    aside = place.with_name(place.name + ".new")
    with aside.open("wb") as file:
        file.write(msgspec.json.encode(note) + b"\n")
        file.flush()
        os.fsync(file.fileno())
    aside.replace(place)


def _sync_folder(folder: Path) -> None:
    """Bring a rename onto the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _beside(entry: Path, suffix: str) -> Path:
    return entry.with_name(f".{entry.name}{suffix}")


def _identity(path: str) -> str:
    """Give what a note says of where the file is from: without secrets; with and without TLS it is the same place."""
    name = shown(path)
    return f"https://{name[7:]}" if scheme_of(path) == "http" else name


def _plain(part: str) -> str:
    hidden = part.startswith((".", "@"))
    plain = part and not hidden and part.isprintable() and len(part.encode("utf-8", "replace")) <= _MAX_NAME_BYTES
    return part if plain else f"@{_hash(part)}"


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]
