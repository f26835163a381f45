"""What a file holds, in 64 characters; and a memory of it, for files too large to be read at every start."""

import contextlib
import hashlib
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import msgspec

# A file that changed so shortly ago may change again without another time of change: clocks of file systems are coarse.
_SETTLED_NS = 3_000_000_000


def sha256_of(path: Path) -> str:
    """Return the sha256 of a file in hexadecimal."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


@dataclass(frozen=True, slots=True)
class _State:
    """What changes with the content of a file."""

    size: int
    mtime_ns: int
    ctime_ns: int  # also changes where a time of change is set by hand, or another file is moved there
    inode: int

    @classmethod
    def of(cls, path: Path) -> "_State":
        stat = path.stat()
        return cls(stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino)

    def is_settled(self) -> bool:
        return max(self.mtime_ns, self.ctime_ns) < time.time_ns() - _SETTLED_NS


@dataclass(frozen=True, slots=True)
class _Known:
    state: _State
    sha256: str


@dataclass(slots=True)
class _Content:
    """The file of a memory."""

    files: dict[str, _Known] = field(default_factory=dict)  # by absolute path
    sound: list[list[str]] = field(default_factory=list)  # what was checked, and the sha256 of what passed


class Memory:
    """Remembers what files hold, as long as they do not change, and which contents passed a check.

    It saves time only: without its file, or where that cannot be written, all is read anew.
    """

    def __init__(self, file: Path | None) -> None:
        self._file = file
        self._content = _Content()
        if file:
            with contextlib.suppress(OSError, msgspec.DecodeError):
                self._content = msgspec.json.decode(file.read_bytes(), type=_Content)

    def sha256_of(self, path: Path) -> str:
        """Return the sha256 of a file in hexadecimal."""
        name, state = str(path.absolute()), _State.of(path)
        known = self._content.files.get(name)
        if known is None or known.state != state:
            known = _Known(state, sha256_of(path))
            if state.is_settled() and state == _State.of(path):
                self._content.files[name] = known
                self._write()
        return known.sha256

    def is_sound(self, check: str, *contents: str) -> bool:
        """Tell whether a check was noted as passed by what has these sha256."""
        return [check, *contents] in self._content.sound

    def note_sound(self, check: str, *contents: str) -> None:
        """Note that a check was passed by what has these sha256."""
        self._content.sound.append([check, *contents])
        self._write()

    def _write(self) -> None:
        """Keep what is known of files that are there."""
        if not self._file:
            return
        files = {name: known for name, known in self._content.files.items() if Path(name).exists()}
        there = {known.sha256 for known in files.values()}
        sound = [[check, *contents] for check, *contents in self._content.sound if there.issuperset(contents)]
        aside = self._file.with_name(f".{self._file.name}-{uuid.uuid4().hex}")
        with contextlib.suppress(OSError):
            self._file.parent.mkdir(parents=True, exist_ok=True)
            aside.write_bytes(msgspec.json.encode(_Content(files, sound)))
            aside.replace(self._file)


class HashingWriter:
    """A file that knows the size and the sha256 of what was written to it."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._digest = hashlib.sha256()
        self.size = 0

    def write(self, data: bytes) -> int:
        self._digest.update(data)
        self.size += len(data)
        return self._file.write(data)

    def flush(self) -> None:
        self._file.flush()

    @property
    def closed(self) -> bool:
        return False

    def sha256(self) -> str:
        return self._digest.hexdigest()
