"""A function on many items in several processes, which say how far they are."""

import contextlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from typing import Any, TypeVar

from ccnet_pipeline.errors import UserError

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")
Advance = Callable[[int], None]  # is told of the bytes that were read since the last time

SMALL_BYTES = 16 << 20  # what one process reads before others have started
_LOOK_EVERY_S = 0.2


def in_any_order(
    function: Callable[[_Item, Advance], _Result], items: Sequence[_Item], workers: int, advance: Advance
) -> Generator[_Result, None, None]:
    """Yield the result of each item, as it comes; no process is left when that ends.

    Args:
        function: can be pickled, if there are several workers; tells its second argument how far it is.
        items: those that take longest first.
        workers: processes; 1 is the present one.
        advance: is told how far all are.

    Raises:
        UserError: a worker was killed.
    """
    if min(workers, len(items)) <= 1:
        for item in items:
            yield function(item, advance)
        return
    # Started afresh: the clients of object stores have threads, which a fork would lose.
    context = multiprocessing.get_context("spawn")
    read, stop = context.Value("q", 0), context.Event()
    with _no_interrupt():
        pool = ProcessPoolExecutor(min(workers, len(items)), context, _begin, (function, read, stop))
        waiting: set[Future[Any]] = {pool.submit(_call, item) for item in items}
    try:
        told = 0
        while waiting:
            done, waiting = wait(waiting, _LOOK_EVERY_S, FIRST_COMPLETED)
            told, before = read.value, told
            advance(told - before)
            for future in done:
                yield future.result()
        advance(read.value - told)
    except BrokenProcessPool as error:
        raise UserError("a worker process was killed, most often for want of memory: fewer --workers") from error
    finally:
        stop.set()
        pool.shutdown(cancel_futures=True)


class _StoppedError(Exception):
    """Nobody waits for the result any more."""


_here: dict[str, Any] = {}  # of a worker: what it was started with


def _begin(function: Callable[..., object], read: Any, stop: Any) -> None:
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _here.update(function=function, read=read, stop=stop)


def _call(item: object) -> object:
    return _here["function"](item, _advance)


def _advance(size: int) -> None:
    if _here["stop"].is_set():
        raise _StoppedError
    with _here["read"].get_lock():
        _here["read"].value += size


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


@contextlib.contextmanager
def _no_interrupt() -> Iterator[None]:
    """Let processes that are started here not hear of Ctrl-C: it is for the one that started them, and ends them."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
