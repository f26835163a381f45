"""Source of bytes: HDFS, over WebHDFS."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TypeVar

import requests

from ccnet_pipeline.errors import FetchError, UserError
from ccnet_pipeline.fetch.http_failures import FAILURES, failure
from ccnet_pipeline.fetch.patient_body import PatientBody
from ccnet_pipeline.fetch.policy import FetchPolicy
from ccnet_pipeline.fetch.resume import Answer, ChangedError, State, Version
from ccnet_pipeline.fetch.retry import TransientError
from ccnet_pipeline.storage.paths import shown
from ccnet_pipeline.storage.webhdfs import ask, status_of

_T = TypeVar("_T")


class HdfsSource:
    """One file in HDFS."""

    def __init__(self, path: str, policy: FetchPolicy) -> None:
        """Name a file; nothing is asked for yet."""
        self.name = shown(path)
        self._path = path
        self._policy = policy

    def open_range(self, start: int, version: Version | None) -> Answer:
        """Ask for the bytes from `start` on; see `resume.Source`."""
        state = self.state()
        if version is not None and version.differs(state.version):
            raise ChangedError(f"{self.name}: changed while it was read")
        if start >= (state.size or 0):
            return Answer(None, total=state.size)
        response = self._try(lambda: ask("GET", self._path, "OPEN", is_stream=True, offset=str(start)))
        body = PatientBody(
            functools.partial(response.raw.read1, decode_content=False),
            response.close,
            self._policy.read_timeout_s,
            functools.partial(failure, self.name),
            FAILURES,
        )
        return Answer(body, start, state.size, state.size, None, state.version, "200 OK")

    def state(self) -> State:
        """Ask for length and version; see `resume.Source`."""
        status = self._try(lambda: status_of(self._path))
        return State(status.length, Version(last_modified=str(status.modified_ms)))

    def _try(self, request: Callable[[], _T]) -> _T:
        try:
            return request()
        except FileNotFoundError:
            raise FetchError(f"{self.name}: there is no such file") from None
        except (FetchError, UserError) as error:
            if isinstance(error.__cause__, requests.RequestException):
                raise TransientError("WebHDFS cannot be reached") from error
            raise FetchError(str(error)) from error
