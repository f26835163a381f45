"""The body of a response as urllib3 gives it, and what its failures mean. requests and boto3 both stand on urllib3.

Messages of the libraries name whole URLs, signatures included, so none of an exception from below is ever passed on.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Iterator
from http.client import HTTPException, IncompleteRead
from typing import Any

import requests
import urllib3.exceptions

from ccnet_pipeline.errors import FetchError
from ccnet_pipeline.fetch.retry import TransientError

SLOWEST_BYTES = 4 << 10
# requests and urllib3 say ValueError of headers that cannot be read.
FAILURES = (requests.RequestException, urllib3.exceptions.HTTPError, HTTPException, OSError, ValueError)


class RawBody:
    """The raw bytes of a response: content codings stay on, the transfer coding comes off."""

    def __init__(self, name: str, raw: Any, close: Callable[[], None], timeout_s: float) -> None:
        """Take urllib3's response.

        Args:
            name: of the file, as messages show it.
            raw: the `urllib3.HTTPResponse` below whatever library made the request.
            close: gives back the connection.
            timeout_s: see `FetchPolicy.read_timeout_s`.
        """
        self.close = close
        self._name = name
        self._raw = raw
        self._timeout_s = timeout_s
        self._failure: Exception | None = None
        self._ended = False

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
                chunk = self._raw.read1(size - len(gathered), decode_content=False)
            except FAILURES as error:
                self._failure = failure(self._name, error)
                if not gathered or _timed_out(error):
                    raise self._failure from error
                break
            self._ended = not chunk
            gathered += chunk
            if len(gathered) < min(size, SLOWEST_BYTES) and not self._ended:
                self._refuse_slowness(len(gathered), time.monotonic() - began)
        return gathered

    def _refuse_slowness(self, count: int, seconds: float) -> None:
        if seconds > self._timeout_s:
            raise TransientError(f"too slow: {count} bytes in {seconds:.0f} s")


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Give an exception and those that it was made of, innermost first; each library wraps in its own way."""
    found: list[BaseException] = [error]
    for each in found:
        wrapped = (*each.args, getattr(each, "reason", None), each.__cause__, each.__context__)
        found += [cause for cause in wrapped if isinstance(cause, BaseException) and cause not in found]
    return reversed(found)


def _timed_out(error: BaseException) -> bool:
    kinds = (TimeoutError, urllib3.exceptions.TimeoutError, requests.Timeout)
    # urllib3 makes a connection that was refused a kind of time-out.
    refused = urllib3.exceptions.NewConnectionError
    return any(isinstance(cause, kinds) and not isinstance(cause, refused) for cause in _causes(error))


def failure(name: str, error: Exception) -> Exception:
    """Give the exception for a request or a body that broke off, without the words of the libraries."""
    causes = list(_causes(error))

    def among(*kinds: type[BaseException]) -> bool:
        return any(isinstance(cause, kinds) for cause in causes)

    if among(ssl.SSLCertVerificationError):
        return FetchError(f"{name}: the server's certificate cannot be verified")
    if among(urllib3.exceptions.NameResolutionError):
        return TransientError("no such host, or no name server")
    if _timed_out(error):
        return TransientError("no answer in time")
    if among(IncompleteRead, urllib3.exceptions.IncompleteRead):
        return TransientError("the body broke off")
    spoken = (cause.strerror for cause in causes if isinstance(cause, OSError) and cause.errno and cause.strerror)
    return TransientError(next(spoken, type(causes[0]).__name__))
