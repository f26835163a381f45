"""Counts what a run of the graph in this process sends through each GroupByKey, and what it asks of the storage."""

import inspect
import os
import sys
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from apache_beam.runners.portability.fn_api_runner import execution

from ccnet_pipeline.storage.local import LocalStore

# What an object store would be asked for. An open reads nothing; each read at another place is a request.
REQUESTS = ("writes", "reads", "lookups", "deletes")
_STORAGE = Path(inspect.getfile(LocalStore)).parent
_TRANSFORMS = str(Path("beam_jobs", "transforms"))

requests: dict[str, Counter[str]] = defaultdict(Counter)  # by stage: REQUESTS, "opens", "bytes read", "bytes written"
shuffled: dict[str, Counter[str]] = defaultdict(Counter)  # by GroupByKey: "elements", "keys", "bytes" as encoded


@dataclass(slots=True)
class Stored:
    """Bytes in files that were written and not removed."""

    bytes: int = 0
    most: int = 0

    def add(self, size: int) -> None:
        self.bytes += size
        self.most = max(self.most, self.bytes)


stored = Stored()


def install(*, stored_before: int = 0) -> None:
    """Count from now on. Files are no longer synced with the disk: on a simulated dump that is all that would cost.

    Args:
        stored_before: bytes of the files that are there.
    """
    os.fsync = lambda _: None
    stored.add(stored_before)
    _count_shuffles()
    _count_requests()


# --- what goes through a GroupByKey: the runner groups what its coders have encoded


def _count_shuffles() -> None:
    get_buffer = execution.BundleContextManager.get_buffer
    append, partition = execution.GroupingBuffer.append, execution.GroupingBuffer.partition

    def named(self: Any, buffer_id: bytes, transform_id: str) -> Any:
        buffer = get_buffer(self, buffer_id, transform_id)
        if isinstance(buffer, execution.GroupingBuffer):
            _, transform = execution.split_buffer_id(buffer_id)
            buffer.label = self.execution_context.pipeline_components.transforms[transform].unique_name
        return buffer

    def counting_append(self: Any, data: bytes) -> None:
        append(self, data)
        shuffled[self.label]["bytes"] += len(data)

    def counting_partition(self: Any, n: int) -> Any:
        if not self._grouped_output and hasattr(self, "label"):
            shuffled[self.label]["keys"] += len(self._table)
            shuffled[self.label]["elements"] += sum(map(len, self._table.values()))
        return partition(self, n)

    execution.BundleContextManager.get_buffer = named
    execution.GroupingBuffer.append = counting_append
    execution.GroupingBuffer.partition = counting_partition


# --- what is asked of the storage


def _stage() -> str:
    """Return the transform on whose behalf the storage is asked, else the module that asks."""
    frame, first = sys._getframe(2), ""
    while frame:
        path = frame.f_code.co_filename
        if _TRANSFORMS in path:
            return Path(path).stem
        if not first and path != __file__ and Path(path).parent != _STORAGE:
            first = Path(path).stem
        frame = frame.f_back  # type: ignore[assignment]
    return first


class _CountingFile:
    """A file that counts what is read from it; a read is another one where it does not go on behind the last."""

    def __init__(self, file: BinaryIO, counts: Counter[str]) -> None:
        self._file = file
        self._counts = counts
        self._place: int | None = None

    def read(self, size: int = -1) -> bytes:
        place = self._file.tell()
        if place != self._place:
            self._counts["reads"] += 1
        data = self._file.read(size)
        self._counts["bytes read"] += len(data)
        self._place = place + len(data)
        return data

    def __enter__(self) -> "_CountingFile":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


class _CountingWriter:
    """A file that counts what is written to it."""

    def __init__(self, file: BinaryIO, counts: Counter[str]) -> None:
        self._file = file
        self._counts = counts

    def write(self, data: bytes) -> int:
        self._counts["bytes written"] += len(data)
        stored.add(len(data))
        return self._file.write(data)

    def __enter__(self) -> "_CountingWriter":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


def _count_requests() -> None:
    open_file, create, remove = LocalStore.open, LocalStore._create, LocalStore.remove

    def reading(store: LocalStore, path: str) -> Any:
        counts = requests[_stage()]
        counts["opens"] += 1
        return _CountingFile(open_file(store, path), counts)

    def read_whole(store: LocalStore, path: str) -> bytes:
        with reading(store, path) as file:
            data: bytes = file.read()
        return data

    def writing(store: LocalStore, path: Path) -> Any:
        counts = requests[_stage()]
        counts["writes"] += 1
        return _CountingWriter(create(store, path), counts)

    def removing(store: LocalStore, path: str) -> None:
        requests[_stage()]["deletes"] += 1
        stored.add(-Path(path).stat().st_size if Path(path).exists() else 0)
        remove(store, path)

    LocalStore.open, LocalStore._create, LocalStore.remove = reading, writing, removing
    LocalStore.read = read_whole
    LocalStore.size = _counted(LocalStore.size, "lookups")


def _counted(call: Callable[[LocalStore, str], Any], kind: str) -> Any:
    def counting(store: LocalStore, path: str) -> Any:
        requests[_stage()][kind] += 1
        return call(store, path)

    return counting
