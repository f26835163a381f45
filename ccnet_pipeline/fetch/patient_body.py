"""The bytes of a response, with an end to patience: a server that doles them out counts as silent."""

from __future__ import annotations

import time
from collections.abc import Callable

from ccnet_pipeline.fetch.retry import TransientError

SLOWEST_BYTES = 4 << 10


class SilenceError(TransientError):
    """Nothing came in time: what came before it is no progress."""

    def __init__(self) -> None:
        super().__init__("no answer in time")


class PatientBody:
    """A `resume.Body` over whatever reads pieces."""

    def __init__(
        self,
        read: Callable[[int], bytes],
        close: Callable[[], None],
        timeout_s: float,
        explain: Callable[[Exception], Exception],
        failures: tuple[type[Exception], ...],
    ) -> None:
        """Take what reads.

        Args:
            read: gives 1 to so many bytes, or b"" at the end.
            close: gives back the connection.
            timeout_s: see `FetchPolicy.read_timeout_s`.
            explain: gives the exception for one of the library's.
            failures: what the library raises.
        """
        self._read = read
        self._close = close
        self._timeout_s = timeout_s
        self._explain, self._failures = explain, failures
        self._failure: Exception | None = None
        self._ended = False

    def close(self) -> None:
        """Give back the connection."""
        self._read = lambda _: b""
        self._close()

    def read(self, size: int, /) -> bytes:
        """Give what there is, up to `size` bytes. See `resume.Body`.

        A server may dole out a byte a minute and never exceed a time-out between bytes; so bytes are gathered up
        to SLOWEST_BYTES, which must come within one time-out.
        """
        if self._failure is not None:
            raise self._failure
        gathered, began = b"", time.monotonic()
        while not self._ended and len(gathered) < min(size, SLOWEST_BYTES):
            try:
                chunk = self._read(size - len(gathered))
            except self._failures as error:
                self._failure = self._explain(error)
                if not gathered or isinstance(self._failure, SilenceError):
                    raise self._failure from None
                break
            self._ended = not chunk
            gathered += chunk
            if len(gathered) < min(size, SLOWEST_BYTES) and not self._ended:
                self._refuse_slowness(len(gathered), time.monotonic() - began)
        return gathered

    def _refuse_slowness(self, count: int, seconds: float) -> None:
        if seconds > self._timeout_s:
            raise TransientError(f"too slow: {count} bytes in {seconds:.0f} s")
