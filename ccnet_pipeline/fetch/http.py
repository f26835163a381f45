"""Source of bytes: HTTP and HTTPS (RFC 9110), with requests.

requests brings what a user expects of it: proxies, certificates, .netrc. Its own retries and its decoding of contents
are not used: what is stored is what is read.

Its messages name whole URLs, signatures included, so no message of an exception from below is ever passed on.
"""

from __future__ import annotations

import contextlib
import functools
import importlib.metadata
import os
import threading
from http import HTTPStatus
from urllib.parse import urlsplit

import requests

from ccnet_pipeline.errors import FetchError
from ccnet_pipeline.fetch import pacing
from ccnet_pipeline.fetch.error_page import HEAD_BYTES, MISSING_CODES, error_code, excerpt, is_page, object_size
from ccnet_pipeline.fetch.http_failures import FAILURES, failure
from ccnet_pipeline.fetch.patient_body import PatientBody
from ccnet_pipeline.fetch.policy import FetchPolicy
from ccnet_pipeline.fetch.ranges import content_length, content_range
from ccnet_pipeline.fetch.resume import Answer, ChangedError, State, Version
from ccnet_pipeline.fetch.retry import TransientError, retry_after_s
from ccnet_pipeline.storage.paths import shown

_SLOW_DOWN_S = 1.0  # what 429 and 503 without Retry-After ask of the other processes
_BAD_URL = (
    requests.exceptions.InvalidURL,
    requests.exceptions.InvalidSchema,
    requests.exceptions.MissingSchema,
    UnicodeError,
)
# 403 may be an answer to too many requests (CommonCrawl's servers).
_TRANSIENT_STATUS = frozenset({403, 408, 421, 425, 429})


class HttpSource:
    """One file on an HTTP server."""

    def __init__(self, url: str, policy: FetchPolicy) -> None:
        """Name a file; nothing is asked for yet."""
        self.name = shown(url)
        self._url = url.partition("#")[0]
        self._policy = policy
        self._headers = {"Accept-Encoding": "identity", "User-Agent": _user_agent()}
        self._host = _host(url)

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

    def state(self) -> State:
        """Ask for length and version; see `resume.Source`."""
        with self._request("GET", {"Range": "bytes=0-0"}) as response:
            answer = self._answer(response)
            head = answer.body.read(HEAD_BYTES) if answer.body is not None else b""
            if is_page(answer.content_type, head):
                raise TransientError(f"{answer.status}, but a page instead of the file: {excerpt(head)!r}")
        known = answer.told if answer.total is None else answer.total
        if known is None:
            with self._request("HEAD", {}) as response:
                known = _length(response) if response.status_code == HTTPStatus.OK else None
        return State(known, answer.version)

    def _request(self, method: str, headers: dict[str, str]) -> requests.Response:
        pacing.wait_turn(self._host, self._policy.request_interval_s)
        timeouts = (self._policy.connect_timeout_s, self._policy.read_timeout_s)
        try:
            return _session().request(
                method,
                self._url,
                headers={**self._headers, **headers},
                timeout=timeouts,
                stream=True,
                allow_redirects=True,
            )
        except _BAD_URL as error:
            raise FetchError(f"{self.name}: not a URL that can be asked for") from error
        except requests.TooManyRedirects as error:
            raise FetchError(f"{self.name}: redirected without end") from error
        except FAILURES as error:
            raise failure(self.name, error) from error

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
        body = PatientBody(
            functools.partial(response.raw.read1, decode_content=False),
            response.close,
            self._policy.read_timeout_s,
            functools.partial(failure, self.name),
            FAILURES,
        )
        return Answer(body, start, stop, total, told, version, _phrase(status), headers.get("Content-Type", ""))

    def _refusal(self, response: requests.Response) -> Exception:
        """Give the exception for a status that brings no file."""
        status, head = response.status_code, _head(response)
        page = excerpt(head)
        reason = f"{_phrase(status)}{f' ({page})' if page else ''}"
        passes = status in _TRANSIENT_STATUS or status >= 500 or 200 <= status < 300
        if not passes or error_code(head) in MISSING_CODES:
            return FetchError(f"{self.name}: {reason}")
        asked = retry_after_s(response.headers.get("Retry-After"))
        is_too_much = status in (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE)
        if is_too_much and self._policy.request_interval_s > 0:
            seconds = _SLOW_DOWN_S if asked is None else asked
            pacing.hold_back(self._host, min(seconds, self._policy.max_wait_s))
        return TransientError(reason, asked)


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
    with contextlib.suppress(*FAILURES):
        while len(head) < HEAD_BYTES and (chunk := response.raw.read1(HEAD_BYTES, decode_content=False)):
            head += chunk
    return head
