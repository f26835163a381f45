"""Which segments a stage has done, seen by the notes that it leaves in its folder, on a disk or in an object store.

A look costs little: on a disk a folder is listed only where something has changed; in a store a look is one listing,
and of the notes that came, some at most are read.
"""

import contextlib
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Protocol

import msgspec

from beam_jobs.layout import READING
from ccnet_pipeline.storage import join, read_note, sizes

_DONE = ".done.json"
_SETTLED_S = 1.0  # a folder that changed may change again within this time, without another time of change
_READ_AT_ONCE = 200  # notes of a store in a look; of others it is taken that they are like these


class Content(msgspec.Struct):
    """What we want of a note."""

    pages: int = 0
    bytes: int = 0


@dataclass(frozen=True, slots=True)
class News:
    """What has come since the last look."""

    segments: int = 0
    pages: int = 0
    bytes: int = 0


class StageNotes(Protocol):
    """The notes of a stage."""

    reading_bytes: int  # read of archives that are not done
    is_in_use: bool  # something is being written there

    def news(self, now: float) -> News:
        """Look, at a time as time.monotonic() has it."""


def _content(paths: Sequence[str]) -> tuple[int, int]:
    found = [read_note(path, Content) or Content() for path in paths]
    return sum(each.pages for each in found), sum(each.bytes for each in found)


@dataclass(slots=True)
class _Folder:
    """The notes of a thousand segments on a disk."""

    path: Path
    reading: list[Path] = field(default_factory=list)  # notes of how far an archive has been read
    is_in_use: bool = False
    _seen: set[str] = field(default_factory=set)
    _changed_ns: int | None = None  # by the clock of whoever has the disk; never compared with ours
    _noticed: float = 0.0  # when that change was seen first
    _listed: float = 0.0

    def new_notes(self, now: float) -> list[str]:
        """Return the notes that have come since the last time."""
        changed_ns = self.path.stat().st_mtime_ns
        if changed_ns != self._changed_ns:
            self._changed_ns, self._noticed = changed_ns, now
        elif self._listed > self._noticed + _SETTLED_S:
            return []
        self._listed = now
        names = os.listdir(self.path)  # noqa: PTH208 - thousands of names, which iterdir would make paths of
        new = {name for name in names if name.endswith(_DONE) and not name.startswith(".")} - self._seen
        self._seen |= new
        self.reading = [self.path / name for name in names if name.startswith(".") and name.endswith(f".{READING}")]
        self.is_in_use = any(name.startswith(".") for name in names)
        return [str(self.path / name) for name in sorted(new)]


class LocalNotes:
    """Notes on a disk, also one that other machines write to."""

    def __init__(self, folder: str) -> None:
        self._folder = Path(folder)
        self._folders: dict[str, _Folder] = {}
        self.reading_bytes = 0
        self.is_in_use = False

    def news(self, now: float) -> News:
        with contextlib.suppress(FileNotFoundError):
            for path in self._folder.iterdir():
                if path.name not in self._folders:
                    self._folders[path.name] = _Folder(path)
        folders = self._folders.values()
        new = [note for folder in folders for note in folder.new_notes(now)]
        self.is_in_use = any(folder.is_in_use for folder in folders)
        self.reading_bytes = sum(_noted_bytes(note) for folder in folders for note in folder.reading)
        return News(len(new), *_content(new))


def _noted_bytes(note: Path) -> int:
    try:
        return int(note.read_text() or 0)
    except (FileNotFoundError, ValueError):  # it is being written, or removed, at this moment
        return 0


class RemoteNotes:
    """Notes in an object store. What an earlier run left is counted, and not read."""

    reading_bytes = 0
    is_in_use = False

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._seen: set[str] | None = None

    def news(self, now: float) -> News:
        names = {name for name in sizes(self._folder) if name.endswith(_DONE)}
        if self._seen is None:
            self._seen = names
            return News(len(names))
        new = names - self._seen
        self._seen |= new
        some = [join(self._folder, name) for name in islice(sorted(new), _READ_AT_ONCE)]
        pages, size = _content(some)
        return News(len(new), *(amount * len(new) // max(1, len(some)) for amount in (pages, size)))
