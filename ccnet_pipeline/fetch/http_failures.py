"""What the failures of requests, and of urllib3 under it, mean.

Messages of the libraries name whole URLs, signatures included, so none of an exception from below is ever passed on.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from http.client import HTTPException, IncompleteRead

import requests
import urllib3.exceptions

from ccnet_pipeline.errors import FetchError
from ccnet_pipeline.fetch.patient_body import SilenceError
from ccnet_pipeline.fetch.retry import TransientError

# requests and urllib3 say ValueError of headers that cannot be read.
FAILURES = (requests.RequestException, urllib3.exceptions.HTTPError, HTTPException, OSError, ValueError)


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
        return SilenceError()
    if among(IncompleteRead, urllib3.exceptions.IncompleteRead):
        return TransientError("the body broke off")
    spoken = (cause.strerror for cause in causes if isinstance(cause, OSError) and cause.errno and cause.strerror)
    return TransientError(next(spoken, type(causes[0]).__name__))
