"""How a run is stopped from outside."""

import contextlib
import signal
import threading
import types
from collections.abc import Iterator


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
