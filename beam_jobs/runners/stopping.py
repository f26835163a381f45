"""How a run is stopped from outside, and how a process ends whose run was stopped."""

import contextlib
import signal
import threading
import types
from collections.abc import Iterator
from typing import NoReturn

from beam_jobs.runners.local import Processes
from ccnet_pipeline import command


@contextlib.contextmanager
def stopped_as_by_interrupt() -> Iterator[None]:
    """Let SIGTERM do what Ctrl-C does while the block runs: jobs are cancelled, locks in object stores given back."""

    def interrupt(number: int, frame: types.FrameType | None) -> None:
        handler = signal.getsignal(signal.SIGINT)  # Beam's ends the job server, and goes on to Python's
        if not callable(handler):
            raise KeyboardInterrupt
        handler(number, frame)

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def leave(status: int) -> NoReturn:
    """End this process with an exit status.

    Where a run with worker processes failed, or any was interrupted, it ends at once: threads of Beam's may still wait
    for workers that are gone, and an ordinary exit would wait for those threads, for ever.
    """
    command.leave(status, at_once=bool(status) and Processes.were_started)
