"""Source of bytes: an object store, with the clients of `ccnet_pipeline.storage`.

Credentials, endpoint and region come from where the storage layer finds them; without credentials requests are
anonymous, as public buckets allow. The library's own retries are off: `resume.ResumingStream` has them.
"""

from __future__ import annotations

from datetime import timedelta
from http import HTTPStatus
from typing import Any

import obstore
from obstore.exceptions import BaseError, PreconditionError
from obstore.store import ObjectStore

from ccnet_pipeline.errors import FetchError
from ccnet_pipeline.fetch.error_page import MISSING_CODES
from ccnet_pipeline.fetch.patient_body import PatientBody, SilenceError
from ccnet_pipeline.fetch.policy import FetchPolicy
from ccnet_pipeline.fetch.resume import Answer, ChangedError, State, Version
from ccnet_pipeline.fetch.retry import TransientError
from ccnet_pipeline.storage.answers import Refusal, is_signed
from ccnet_pipeline.storage.clients import Timing, client, root_and_key
from ccnet_pipeline.storage.paths import bucket_and_key, shown
from ccnet_pipeline.storage.waiting import heard

# Codes that come with a 4xx status and pass all the same.
_PASSING_CODES = ("SlowDown", "RequestTimeout", "OperationAborted", "TooManyRequests")
_PASSING_STATUS = (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS)
_FAILURES = (BaseError, FileNotFoundError, ValueError)


class ObjectSource:
    """One object, by s3://, gs:// or az:// URL."""

    def __init__(self, path: str, policy: FetchPolicy) -> None:
        """Name an object; nothing is asked for yet.

        Raises:
            UserError: the path names no bucket, or no key that can be asked for.
        """
        bucket_and_key(path)
        self.name = shown(path)
        self._path = path
        self._root, self._key = root_and_key(path)
        # A request for a stream and its body are one: the body may take as long as it comes.
        self._timing = Timing(policy.connect_timeout_s, policy.read_timeout_s, 1, timedelta(seconds=1))
        self._policy = policy

    def open_range(self, start: int, version: Version | None) -> Answer:
        """Ask for the bytes from `start` on; see `resume.Source`."""
        etag = version.strong_etag if version else ""
        options: Any = {"range": {"offset": start}, **({"if_match": etag} if etag else {})}
        try:
            got = heard(obstore.get, self._client(), self._key, options=options)
        except _FAILURES as error:
            refusal = Refusal.of(error)
            if refusal.is_behind_the_end:
                return Answer(None, total=refusal.size)
            raise self._failure(error) from None
        first, stop = got.range
        return Answer(
            PatientBody(_Stream(got), lambda: None, self._policy.read_timeout_s, self._failure, (BaseError, OSError)),
            first,
            stop,
            got.meta["size"],
            None,
            _version(got.meta),
            "206",
            str(got.attributes.get("Content-Type", "")),
        )

    def state(self) -> State:
        """Ask for length and version; see `resume.Source`."""
        try:
            meta = heard(obstore.head, self._client(), self._key)
        except _FAILURES as error:
            raise self._failure(error) from None
        return State(meta["size"], _version(meta))

    def _client(self) -> ObjectStore:
        return client(self._root, self._timing)

    def _failure(self, error: Exception) -> Exception:
        """Give the exception for a request that was refused, or broke off. The library's words may hold whole URLs."""
        refusal = Refusal.of(error)
        status, code = refusal.status or 0, refusal.code
        if isinstance(error, PreconditionError):
            return ChangedError(f"{self.name}: changed while it was read")
        if status:
            lasting = code in MISSING_CODES or (status < 500 and status not in _PASSING_STATUS)
            if lasting and code not in _PASSING_CODES:
                return FetchError(f"{self.name}: {refusal.reason}{self._hint(refusal)}")
            return TransientError(refusal.reason)
        if "certificate" in refusal.text.lower():
            return FetchError(f"{self.name}: the server's certificate cannot be verified")
        if refusal.is_timeout:
            return SilenceError()
        return TransientError(_what_broke(refusal.text))

    def _hint(self, refusal: Refusal) -> str:
        bucket = self._root.partition("://")[2]
        if refusal.code in ("NoSuchBucket", "ContainerNotFound"):
            return f": there is no bucket {bucket}"
        if refusal.status == HTTPStatus.NOT_FOUND:
            return ": there is no such object"
        if refusal.status not in (HTTPStatus.FORBIDDEN, HTTPStatus.UNAUTHORIZED):
            return ""
        signed = is_signed(self._path)
        if self._root == "s3://commoncrawl" and not signed:
            return ": s3://commoncrawl wants AWS credentials; https://data.commoncrawl.org/ needs none"
        missing = "S3 also says this of an object that does not exist, to whoever may not list the bucket"
        note = f" ({missing})" if self._root.startswith("s3") else ""
        if signed:
            return f": these credentials may not read it{note}"
        return f": not public, and no credentials were found{note}"


class _Stream:
    """The pieces of a body, each as large as is wanted."""

    def __init__(self, got: Any) -> None:
        self._pieces = iter(got.stream(min_chunk_size=1))
        self._rest = memoryview(b"")

    def __call__(self, size: int) -> bytes:
        if not self._rest:
            self._rest = memoryview(heard(next, self._pieces, b""))
        piece, self._rest = self._rest[:size], self._rest[size:]
        return bytes(piece)


def _version(meta: Any) -> Version:
    return Version(meta["e_tag"] or "", meta["last_modified"].isoformat())


_BROKEN = {
    "NotPartial": "200 in place of 206: not the part that was asked for, or a page of a proxy",
    "UnexpectedRange": "gave other bytes than were asked for",
    "MissingContentLength": "does not say how long the object is",
    "dns error": "no such host, or no name server",
    "ConnectError": "no connection",
    "IncompleteBody": "the body broke off",
    "IncompleteMessage": "the body broke off",
    "ConnectionReset": "the body broke off",
    "Body": "the body broke off",
}


def _what_broke(text: str) -> str:
    return next((meaning for word, meaning in _BROKEN.items() if word in text), "the request failed")
