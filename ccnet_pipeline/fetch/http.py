"""Source of bytes: HTTP and HTTPS (RFC 9110), with requests.

requests brings what a user expects of it: proxies, certificates, .netrc. Its own retries and its decoding of contents
are not used: what is stored is what is read.

Its messages name whole URLs, signatures included, so no message of an exception from below is ever passed on.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import os
import ssl
import threading
import time
from collections.abc import Iterator
from http import HTTPStatus
from http.client import HTTPException, IncompleteRead
from urllib.parse import urlsplit

import requests
import urllib3.exceptions
from requests.auth import AuthBase

from ccnet_pipeline.errors import FetchError
from ccnet_pipeline.fetch import pacing
from ccnet_pipeline.fetch.error_page import HEAD_BYTES, MISSING_CODES, error_code, excerpt, is_page, object_size
from ccnet_pipeline.fetch.paths import shown
from ccnet_pipeline.fetch.policy import FetchPolicy
from ccnet_pipeline.fetch.ranges import content_length, content_range
from ccnet_pipeline.fetch.resume import Answer, ChangedError, Version
from ccnet_pipeline.fetch.retry import TransientError, retry_after_s

SLOWEST_BYTES = 4 << 10
_SLOW_DOWN_S = 1.0  # what 429 and 503 without Retry-After ask of the other processes
# requests and urllib3 say ValueError of headers that cannot be read.
_FAILURES = (requests.RequestException, urllib3.exceptions.HTTPError, HTTPException, OSError, ValueError)
_BAD_URL = (
    requests.exceptions.InvalidURL,
    requests.exceptions.InvalidSchema,
    requests.exceptions.MissingSchema,
    UnicodeError,
)
_TRANSIENT_STATUS = frozenset({403, 408, 421, 425, 429})


class HttpSource:
    """One file on an HTTP server."""

    def __init__(
        self,
        url: str,
        policy: FetchPolicy,
        *,
        name: str | None = None,
        auth: AuthBase | None = None,
        accept_encoding: str = "identity",
        paced: bool = True,
        forbidden_passes: bool = True,
    ) -> None:
        """Name a file; nothing is asked for yet.

        Args:
            url: where it lies.
            policy: time-outs and pacing.
            name: what messages call it; the URL without its secrets if not given.
            auth: signs the requests.
            accept_encoding: the header's value.
            paced: keep the distance between requests that the policy asks for.
            forbidden_passes: 403 may be an answer to too many requests (CommonCrawl's servers), and is tried again.
        """
        self.name = name or shown(url)
        self._url = url.partition("#")[0]
        self._policy = policy
        self._auth = auth
        self._headers = {"Accept-Encoding": accept_encoding, "User-Agent": _user_agent()}
        self._host = _host(url)
        self._interval_s = policy.request_interval_s if paced else 0.0
        self._transient = _TRANSIENT_STATUS if forbidden_passes else _TRANSIENT_STATUS - {403}

    def open_range(self, start: int, version: Version | None) -> Answer:
        """Ask for the bytes from `start` on; see `resume.Source`."""
        headers = {"Range": f"bytes={start}-"}
        if version is not None and (condition := version.strong_etag or version.last_modified):
            headers["If-Range"] = condition
        response = self._request("GET", headers)
        try:
            answer = self._answer(response)
        except BaseException:
            response.close()
            raise
        if answer.body is None:
            response.close()
        return answer

    def size(self) -> int | None:
        """Give the length of the file; see `resume.Source`."""
        with self._request("GET", {"Range": "bytes=0-0"}) as response:
            answer = self._answer(response)
            head = answer.body.read(HEAD_BYTES) if answer.body is not None else b""
            if is_page(answer.content_type, head):
                raise TransientError(f"{answer.status}, but a page instead of the file: {excerpt(head)!r}")
        known = answer.told if answer.total is None else answer.total
        if known is not None:
            return known
        with self._request("HEAD", {}) as response:
            return _length(response) if response.status_code == HTTPStatus.OK else None

    def _request(self, method: str, headers: dict[str, str]) -> requests.Response:
        pacing.wait_turn(self._host, self._interval_s)
        timeouts = (self._policy.connect_timeout_s, self._policy.read_timeout_s)
        try:
            return _session().request(
                method,
                self._url,
                headers={**self._headers, **headers},
                auth=self._auth,
                timeout=timeouts,
                stream=True,
                allow_redirects=True,
            )
        except _BAD_URL as error:
            raise FetchError(f"{self.name}: not a URL that can be asked for") from error
        except requests.TooManyRedirects as error:
            raise FetchError(f"{self.name}: redirected without end") from error
        except _FAILURES as error:
            raise _failure(self.name, error) from error

    def _answer(self, response: requests.Response) -> Answer:
        status, headers = response.status_code, response.headers
        version = Version(headers.get("ETag", "").strip(), headers.get("Last-Modified", "").strip())
        stated = content_range(headers.get("Content-Range"))
        total = stated.total if stated else None
        if status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            return Answer(None, total=object_size(_head(response)) if total is None else total)
        if status == HTTPStatus.PRECONDITION_FAILED:
            raise ChangedError(f"{self.name}: changed while it was read")
        start, stop, told = 0, None, None
        if status == HTTPStatus.PARTIAL_CONTENT:
            if stated is None or stated.start is None:
                raise TransientError("206 without a Content-Range that can be read")
            start, stop = stated.start, stated.stop
        elif status == HTTPStatus.OK:
            total, told = None, _length(response)
        else:
            raise self._refusal(response)
        body = _Body(self.name, response, self._policy.read_timeout_s)
        return Answer(body, start, stop, total, told, version, _phrase(status), headers.get("Content-Type", ""))

    def _refusal(self, response: requests.Response) -> Exception:
        """Give the exception for a status that brings no file."""
        status, head = response.status_code, _head(response)
        page = excerpt(head)
        reason = f"{_phrase(status)}{f' ({page})' if page else ''}"
        passes = status in self._transient or status >= 500 or 200 <= status < 300
        if not passes or error_code(head) in MISSING_CODES:
            return FetchError(f"{self.name}: {reason}")
        asked = retry_after_s(response.headers.get("Retry-After"))
        if status in (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE) and self._interval_s > 0:
            seconds = _SLOW_DOWN_S if asked is None else asked
            pacing.hold_back(self._host, min(seconds, self._policy.max_wait_s))
        return TransientError(reason, asked)


class _Body:
    """The raw bytes of a response: content codings stay on, the transfer coding comes off."""

    def __init__(self, name: str, response: requests.Response, timeout_s: float) -> None:
        self._name = name
        self._response = response
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
                chunk = self._response.raw.read1(size - len(gathered), decode_content=False)
            except _FAILURES as error:
                self._failure = _failure(self._name, error)
                if not gathered or _timed_out(error):
                    raise self._failure from error
                break
            self._ended = not chunk
            gathered += chunk
            if len(gathered) < min(size, SLOWEST_BYTES) and not self._ended:
                self._refuse_slowness(len(gathered), time.monotonic() - began)
        return gathered

    def close(self) -> None:
        self._response.close()

    def _refuse_slowness(self, count: int, seconds: float) -> None:
        if seconds > self._timeout_s:
            raise TransientError(f"too slow: {count} bytes in {seconds:.0f} s")


_local = threading.local()


def _session() -> requests.Session:
    """Give this thread's session, with its open connections; a forked process must not share them."""
    if getattr(_local, "process", None) != os.getpid():
        _local.process, _local.session = os.getpid(), requests.Session()
    session: requests.Session = _local.session
    return session


def _user_agent() -> str:
    try:
        version = importlib.metadata.version("cc100-xlmr")
    except importlib.metadata.PackageNotFoundError:
        version = "0"
    return f"cc100-xlmr/{version} (corpus builder; python-requests/{requests.__version__})"


def _host(url: str) -> str:
    try:
        return (urlsplit(url).hostname or "").lower()
    except ValueError:
        return ""


def _length(response: requests.Response) -> int | None:
    return content_length(response.headers.get("Content-Length"))


def _phrase(status: int) -> str:
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)


def _head(response: requests.Response) -> bytes:
    """Give the beginning of the body of an error."""
    head = b""
    with contextlib.suppress(*_FAILURES):
        while len(head) < HEAD_BYTES and (chunk := response.raw.read1(HEAD_BYTES, decode_content=False)):
            head += chunk
    return head


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


def _failure(name: str, error: Exception) -> Exception:
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
