"""Files that a library opens by itself, so that they must lie on this machine: models, lists.

A remote one is fetched whole, once a machine and version, into the cache folder:

    CACHE/copies/<hash of URL and version>/fetched/...    fetch/cache.py writes it there, and verifies it
    CACHE/copies/<hash of URL and version>/<name>         a link to it, under its own name
    CACHE/copies/<hash of URL and versions>/<name>        a folder: links to the copies of its files

Nothing there is ever changed, so many processes may use it at a time, and it may be removed while none runs.

A file of the package, of the cache or of a remote place has another path on another machine. `portable` says what to
tell a worker there, and `local_copy` and `local_folder` understand it.
"""

import contextlib
import hashlib
import os
import tempfile
import uuid
from dataclasses import replace
from pathlib import Path, PurePosixPath

from ccnet_pipeline import storage
from ccnet_pipeline.errors import FetchError, UserError
from ccnet_pipeline.fetch import FetchPolicy, fetch_file, is_remote, local_path, shown, state_of
from ccnet_pipeline.models import KNOWN, cache_directory, find_model, memory, patience
from ccnet_pipeline.storage.paths import WEB_SCHEMES, scheme_of

_PACKAGE = Path(__file__).resolve().parent
_IN_PACKAGE = "package://"
_KNOWN = "model://"
_FETCHED = "fetched"
_SOURCE = ".source"  # beside a copy, and in a folder of links: the URL


def local_copy(path: str, option: str) -> Path:
    """Return a local file with the content of any file: itself, or a copy in the cache folder.

    Args:
        path: local or remote, or what `portable` gave.
        option: who asked for it, as messages name it.

    Raises:
        UserError: a remote file is not there or cannot be fetched. (A local one may be missing.)
    """
    if path.startswith(_KNOWN):
        return find_model(path.removeprefix(_KNOWN))
    if path.startswith(_IN_PACKAGE):
        return _PACKAGE / path.removeprefix(_IN_PACKAGE)
    if not is_remote(path):
        return Path(local_path(path))
    policy = patience()
    try:
        state = state_of(path, policy)
        return _copy(path, f"{state.version.etag} {state.version.last_modified} {state.size}", policy)
    except FetchError as error:
        raise UserError(f"{option} {error}") from error


def where_here(path: str) -> str:
    """Return where this machine has a file that `portable` may have named, without fetching any."""
    return str(local_copy(path, "")) if path.startswith(_IN_PACKAGE) else path


def local_folder(path: str, option: str) -> Path:
    """Return a local folder with the files of any folder: itself, or copies in the cache folder.

    Args:
        path: local or remote, or what `portable` gave; folders below it do not count.
        option: who asked for it, as messages name it.

    Raises:
        UserError: a remote folder is not there, or cannot be fetched.
    """
    if path.startswith(_IN_PACKAGE) or not is_remote(path):
        return local_copy(path, option)
    if scheme_of(path) in WEB_SCHEMES:
        raise UserError(f"{option} {shown(path)}: a web server does not list its files; copy them to a folder")
    path = path.rstrip("/")
    try:
        return _folder_of_copies(path, option)
    except FetchError as error:
        raise UserError(f"{option} {error}") from error


def _folder_of_copies(path: str, option: str) -> Path:
    versions = {name: state for name, state in storage.versions(path).items() if "/" not in name}
    if not versions:
        raise UserError(f"{option} {shown(path)}: there are no files in it")
    folder = _copies() / _hash(path, *(f"{name} {state}" for name, state in sorted(versions.items())))
    if not folder.is_dir():
        files = {name: _copy(storage.join(path, name), state, patience()) for name, state in versions.items()}
        _link(folder, path, files)
    return folder


def portable(path: Path) -> str:
    """Return how to tell another machine of a file or folder: as URL, as part of the package, as a model's name.

    What is none of these is given by its absolute path, and must be at that path there.
    """
    path = path.absolute()
    if path.is_relative_to(_PACKAGE):
        return _IN_PACKAGE + path.relative_to(_PACKAGE).as_posix()
    if path.parent == cache_directory().absolute() and path.name in KNOWN:
        return _KNOWN + path.name
    if path.is_relative_to(_copies()):
        with contextlib.suppress(OSError):
            return (path / _SOURCE if path.is_dir() else path.with_name(f"{path.name}{_SOURCE}")).read_text("utf-8")
        with contextlib.suppress(OSError):
            return storage.join((path.parent / _SOURCE).read_text("utf-8"), path.name)
    return str(path)


def _copies() -> Path:
    return cache_directory().absolute() / "copies"


def _copy(path: str, version: str, policy: FetchPolicy) -> Path:
    """Return the copy of a remote file, which has that version."""
    folder = _copies() / _hash(path, version)
    name = PurePosixPath(path.partition("?")[0]).name
    copy, note = folder / name, folder / f"{name}.sha256"
    try:
        if not _is_whole(copy, note):
            fetched = fetch_file(path, replace(policy, cache=str(folder / _FETCHED)))
            _write(folder / f"{name}{_SOURCE}", path)
            _write(note, memory().sha256_of(fetched))
            with contextlib.suppress(FileExistsError):
                copy.symlink_to(fetched.relative_to(folder))
    except OSError as error:
        raise UserError(f"{folder}: {error.strerror}; set CC100_CACHE to a folder with room for it") from error
    return copy


def _is_whole(copy: Path, note: Path) -> bool:
    """Tell whether a copy is what was fetched; what was verified is remembered while the file does not change."""
    try:
        return memory().sha256_of(copy) == note.read_text("ascii")
    except FileNotFoundError:
        return False


def _link(folder: Path, path: str, files: dict[str, Path]) -> None:
    """Make a folder of links to files at once."""
    with tempfile.TemporaryDirectory(dir=folder.parent) as aside:
        whole = Path(aside, "whole")
        whole.mkdir()
        for name, file in files.items():
            (whole / name).symlink_to(os.path.relpath(file, folder))
        _write(whole / _SOURCE, path)
        with contextlib.suppress(OSError):  # another process was quicker
            whole.rename(folder)


def _write(place: Path, text: str) -> None:
    aside = place.with_name(f".{place.name}-{uuid.uuid4().hex}")
    aside.touch(0o600)  # a URL may hold a signature
    aside.write_text(text, "utf-8")
    aside.replace(place)


def _hash(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:32]
