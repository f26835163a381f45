"""A function on many items in several processes, the results in order."""

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from types import TracebackType
from typing import Any, TypeVar

from model.errors import UserError

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")
_WAITING = 3  # items a worker: being worked on, next, and one that the reader may be ahead


class Workers:
    """Processes that are started afresh (spawn): safe beside threads and CUDA. One worker is this process itself."""

    def __init__(self, count: int, initializer: Callable[..., object], *arguments: Any) -> None:
        """Start `count` workers; each first calls `initializer(*arguments)`."""
        self.count = count
        self._pool: ProcessPoolExecutor | None = None
        if count == 1:
            initializer(*arguments)
            return
        context = multiprocessing.get_context("spawn")
        self._pool = ProcessPoolExecutor(count, context, _begin, (initializer, *arguments))

    def __enter__(self) -> "Workers":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._pool:
            self._pool.shutdown(cancel_futures=True)

    def map(self, function: Callable[[_Item], _Result], items: Iterable[_Item]) -> Iterator[_Result]:
        """Yield `function(item)` of each item, in order. Items are taken only a few ahead of the results.

        Raises:
            UserError: a worker was killed.
        """
        if self._pool is None:
            yield from map(function, items)
            return
        waiting: deque[Future[_Result]] = deque()
        try:
            for item in items:
                waiting.append(_submit(self._pool, function, item))
                if len(waiting) >= _WAITING * self.count:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        except BrokenProcessPool as error:
            raise UserError("a worker process was killed, most often for want of memory: fewer --workers") from error


def _submit(pool: ProcessPoolExecutor, function: Callable[[_Item], _Result], item: _Item) -> Future[_Result]:
    """Submit a call, which may start a process: it inherits the signals that are blocked.

    Ctrl-C reaches all processes of a terminal, and is for the one that started the others: it ends them.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        return pool.submit(function, item)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _begin(initializer: Callable[..., object], *arguments: Any) -> None:
    threading.Thread(target=_end_with_parent, daemon=True).start()
    initializer(*arguments)


def _end_with_parent() -> None:
    """End this process when the one that started it is gone, however it went: nobody would read what it writes."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def default_workers() -> int:
    """Return how many processors this process may use."""
    # Python has os.process_cpu_count from 3.13 on; macOS has no affinity.
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
