"""Waits that the user can end: Ctrl-C is heard while a library waits, and what cannot be tidied up holds up no end.

Python hears a signal between two steps of its own, in its main thread. A library in native code that waits for a server
there hears nothing, with all its attempts for minutes. So in the main thread such calls are made by another thread, for
which Python can stop to wait. What was abandoned goes on in that thread until it ends by itself, or the process does.
"""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from typing import Any, TypeVar

TIDYING_S = 2.0  # that an interrupted program takes to tidy up, at most

_T = TypeVar("_T")


class _Caller:
    """A thread that makes calls for another."""

    def __init__(self) -> None:
        self._calls: SimpleQueue[tuple[Future[Any], Callable[[], Any]]] = SimpleQueue()
        threading.Thread(target=self._make_calls, name="storage", daemon=True).start()

    def begin(self, function: Callable[[], _T]) -> Future[_T]:
        future: Future[_T] = Future()
        self._calls.put((future, function))
        return future

    def _make_calls(self) -> None:
        while True:
            future, function = self._calls.get()
            try:
                future.set_result(function())
            except BaseException as error:  # handed on
                future.set_exception(error)
            del future, function  # what they hold is the caller's


_caller: _Caller | None = None


def heard(function: Callable[..., _T], *arguments: Any, **more: Any) -> _T:
    """Call a function that waits in native code; in the main thread an interrupt ends the wait, at once."""
    global _caller  # noqa: PLW0603 - one a process
    if threading.current_thread() is not threading.main_thread():
        return function(*arguments, **more)
    caller, _caller = _caller or _Caller(), None
    future = caller.begin(lambda: function(*arguments, **more))
    try:
        return future.result()
    finally:
        if future.done():  # else it is abandoned
            _caller = caller


def within(seconds: float, function: Callable[[], object]) -> bool:
    """Call a function, but do not wait for its end any longer than so; tell whether it has ended.

    What it raises in time is raised.
    """
    errors: list[BaseException] = []

    def call() -> None:
        try:
            function()
        except BaseException as error:  # handed on below
            errors.append(error)

    thread = threading.Thread(target=call, name="tidying up", daemon=True)
    thread.start()
    thread.join(seconds)
    if errors:
        raise errors[0]
    return not thread.is_alive()
