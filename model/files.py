"""Files that are whole or not there: written under another name, flushed to the disk, renamed."""

import contextlib
import hashlib
import json
import os
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

from model.errors import UserError


@contextlib.contextmanager
def write_whole(path: Path) -> Iterator[BinaryIO]:
    """Open a file that appears under its name when the block ends without an error, and not at all otherwise.

    What a killed process leaves is `.<name>.part`; the next one to write the file takes it over.
    """
    aside = path.with_name(f".{path.name}.part")
    try:
        with aside.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)


def check_free(folder: Path) -> None:
    """Raise UserError if something is at --output; an empty folder is nothing."""
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise UserError(f"{folder} is there already; delete it or give another --output")


@contextlib.contextmanager
def folder_whole(folder: Path) -> Iterator[Path]:
    """Yield a folder that appears under its name when the block ends without an error, and not at all otherwise."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-") as name:
        aside = Path(name, folder.name)
        aside.mkdir()
        yield aside
        for path in (*aside.iterdir(), aside):
            flush(path)
        aside.rename(folder)


def flush(path: Path) -> None:
    """Make a file, or the names in a folder, last through a power cut."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def read_versioned(path: Path, version: int) -> dict[str, Any]:
    """Return the JSON object of a file that tells its version.

    Raises:
        UserError: it is of another version; the file is for the caller to name.
        ValueError: it is no JSON object with a version.
    """
    values = json.loads(path.read_bytes())
    if not isinstance(values, dict) or "version" not in values:
        raise ValueError("no object with a version")
    if (found := values["version"]) != version:
        raise UserError(f"it has version {found!r}, not {version}; use the program that wrote it")
    return values


def read_object(path: Path) -> dict[str, Any]:
    """Return what a JSON file of others holds; UserError if that is no object."""
    try:
        values = json.loads(path.read_bytes())
    except ValueError as error:
        raise UserError(f"{path} is no JSON: it is damaged ({error}); copy it again") from error
    if not isinstance(values, dict):
        raise UserError(f"{path} holds no JSON object; copy it again")
    return values


def sha256_of(files: Iterable[Path]) -> str:
    """Return the sha256 of files' bytes, one file after another, hexadecimal."""
    digest = hashlib.sha256()
    for path in files:
        with path.open("rb") as file:
            while data := file.read(1 << 20):
                digest.update(data)
    return digest.hexdigest()
