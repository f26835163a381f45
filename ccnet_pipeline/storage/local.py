"""The disks of this machine's file tree. A file is written aside, brought to the disk, and renamed."""

import contextlib
import errno
import os
import shutil
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from ccnet_pipeline.storage.stores import Range, Ranges

TEMPORARY_PREFIX = ".writing-"


class LocalStore:
    """Files on local disks, by paths as the system has them."""

    def open(self, path: str) -> BinaryIO:
        return Path(path).open("rb")

    def read(self, path: str) -> bytes:
        return Path(path).read_bytes()

    @contextlib.contextmanager
    def ranges(self, path: str) -> Iterator[Ranges]:
        with self.open(path) as file:

            def read(start: int, size: int) -> bytes:
                file.seek(start)
                return file.read(size)

            yield read

    def read_many(self, path: str, ranges: Sequence[Range]) -> list[bytes]:
        with self.ranges(path) as read:
            return [read(start, size) for start, size in ranges]

    @contextlib.contextmanager
    def writing(self, path: str) -> Iterator[BinaryIO]:
        aside = Path(path).with_name(f"{TEMPORARY_PREFIX}{Path(path).name}-{uuid.uuid4().hex}")
        try:
            with self._create(aside) as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            aside.replace(path)
        except BaseException:
            aside.unlink(missing_ok=True)
            raise

    def _create(self, path: Path) -> BinaryIO:
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.open("wb")

    def size(self, path: str) -> int | None:
        file = Path(path)
        return file.stat().st_size if file.is_file() else None

    def sizes(self, folder: str) -> dict[str, int]:
        root = Path(folder)
        files = (path for path in root.rglob("*") if path.is_file())
        return {path.relative_to(root).as_posix(): path.stat().st_size for path in files}

    def names(self, folder: str) -> list[str]:
        return [path.name for path in Path(folder).iterdir()] if Path(folder).is_dir() else []

    def remove(self, path: str) -> None:
        Path(path).unlink(missing_ok=True)

    def remove_many(self, paths: Sequence[str]) -> None:
        for path in paths:
            self.remove(path)

    def remove_folder(self, folder: str) -> None:
        if Path(folder).is_dir():
            shutil.rmtree(folder)

    def remove_if_empty(self, folder: str) -> None:
        if Path(folder).is_dir() and not any(Path(folder).iterdir()):
            Path(folder).rmdir()

    def remove_leftovers(self, folder: str) -> None:
        for leftover in Path(folder).rglob(f"{TEMPORARY_PREFIX}*"):
            leftover.unlink(missing_ok=True)

    def check(self, folder: str) -> None:
        place = Path(folder)
        nearest = next(each for each in (place, *place.absolute().parents) if each.exists())
        if not nearest.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, "no folder", str(nearest))
        if not os.access(nearest, os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, "not writable", str(nearest))
