"""Source of bytes: S3, with boto3.

Credentials, endpoint and region come from where boto3 looks for them; without credentials requests are anonymous, as
public buckets allow. boto3's own retries are off: `resume.ResumingStream` has them.
"""

from __future__ import annotations

import os
import threading
from http import HTTPStatus
from typing import Any

import boto3
import urllib3.exceptions
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,
    ConnectTimeoutError,
    HTTPClientError,
    IncompleteReadError,
    ParamValidationError,
    ReadTimeoutError,
    SSLError,
)
from botocore.parsers import ResponseParserError

from ccnet_pipeline.errors import FetchError
from ccnet_pipeline.fetch.error_page import MISSING_CODES
from ccnet_pipeline.fetch.paths import bucket_and_key
from ccnet_pipeline.fetch.policy import FetchPolicy
from ccnet_pipeline.fetch.ranges import content_length, content_range
from ccnet_pipeline.fetch.raw_body import RawBody
from ccnet_pipeline.fetch.resume import Answer, ChangedError, Version
from ccnet_pipeline.fetch.retry import TransientError, retry_after_s

_DEFAULT_REGION = "us-east-1"
# Codes that come with a 4xx status and pass all the same.
_PASSING_CODES = ("SlowDown", "RequestTimeout", "OperationAborted", "TooManyRequests")
_PASSING = (
    ConnectionError,
    HTTPClientError,
    IncompleteReadError,
    ResponseParserError,
    urllib3.exceptions.HTTPError,
    OSError,
)
_FAILURES = (BotoCoreError, ValueError, *_PASSING)


class S3Source:
    """One object in S3, or a store that speaks like it."""

    def __init__(self, path: str, policy: FetchPolicy) -> None:
        """Name s3://bucket/key; nothing is asked for yet.

        Raises:
            UserError: the path names no bucket or no key.
        """
        self.name = path
        self._bucket, self._key = bucket_and_key(path)
        self._policy = policy

    def open_range(self, start: int, version: Version | None) -> Answer:
        """Ask for the bytes from `start` on; see `resume.Source`."""
        etag = version.strong_etag if version else ""
        condition: Any = {"IfMatch": etag} if etag else {}
        try:
            client, _ = self._client()
            got = client.get_object(Bucket=self._bucket, Key=self._key, Range=f"bytes={start}-", **condition)
        except ClientError as error:
            if _status(error) == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
                return Answer(None, total=_total(error))
            raise self._refusal(error) from error
        except _FAILURES as error:
            raise self._failure(error) from error
        headers = got["ResponseMetadata"]["HTTPHeaders"]
        stated = content_range(headers.get("content-range"))
        whole = stated is None or stated.start is None
        return Answer(
            # The stream below, for botocore's own waits until it has all the bytes asked for.
            RawBody(self.name, got["Body"]._raw_stream, got["Body"].close, self._policy.read_timeout_s),
            0 if stated is None or stated.start is None else stated.start,
            stated.stop if stated else None,
            stated.total if stated else None,
            got.get("ContentLength") if whole else None,
            Version(got.get("ETag", ""), headers.get("last-modified", "")),
            f"{got['ResponseMetadata']['HTTPStatusCode']}",
            got.get("ContentType", ""),
        )

    def size(self) -> int | None:
        """Give the length of the object; see `resume.Source`."""
        try:
            client, _ = self._client()
            length: int | None = client.head_object(Bucket=self._bucket, Key=self._key).get("ContentLength")
            return length
        except ClientError as error:
            raise self._refusal(error) from error
        except _FAILURES as error:
            raise self._failure(error) from error

    def _client(self) -> tuple[Any, bool]:
        return _client(self._policy.connect_timeout_s, self._policy.read_timeout_s)

    def _refusal(self, error: ClientError) -> Exception:
        status, code = _status(error), str(error.response.get("Error", {}).get("Code", ""))
        reason = code if code in ("", str(status)) or not status else f"{status} {code}"
        if status == HTTPStatus.PRECONDITION_FAILED:
            return ChangedError(f"{self.name}: changed while it was read")
        lasting = code in MISSING_CODES or (status < 500 and status != HTTPStatus.TOO_MANY_REQUESTS)
        if lasting and code not in _PASSING_CODES:
            return FetchError(f"{self.name}: {reason or status}{self._hint(status, code)}")
        headers = error.response.get("ResponseMetadata", {}).get("HTTPHeaders", {})
        return TransientError(reason or str(status), retry_after_s(headers.get("retry-after")))

    def _hint(self, status: int, code: str) -> str:
        if code == "NoSuchBucket":
            return f": there is no bucket {self._bucket}"
        if status == HTTPStatus.NOT_FOUND:
            return ": there is no such object"
        if status != HTTPStatus.FORBIDDEN:
            return ""
        _, signed = self._client()
        if self._bucket == "commoncrawl" and not signed:
            return ": s3://commoncrawl wants AWS credentials; https://data.commoncrawl.org/ needs none"
        missing = "S3 also says this of an object that does not exist, to whoever may not list the bucket"
        if signed:
            return f": these AWS credentials may not read it ({missing})"
        return f": not public, and no AWS credentials were found ({missing})"

    def _failure(self, error: Exception) -> Exception:
        """Give the exception for a request or a body that broke off. The library's words may hold whole URLs."""
        if isinstance(error, SSLError) and "CERTIFICATE_VERIFY_FAILED" in str(error):
            return FetchError(f"{self.name}: the server's certificate cannot be verified")
        if isinstance(error, (ConnectTimeoutError, ReadTimeoutError, urllib3.exceptions.TimeoutError)):
            return TransientError("no answer in time")
        if isinstance(error, (IncompleteReadError, urllib3.exceptions.IncompleteRead)):
            return TransientError("the body broke off")
        kind = type(error).__name__
        if isinstance(error, _PASSING):
            return TransientError(kind)
        hint = ": not a bucket's name or a key" if isinstance(error, ParamValidationError) else ""
        return FetchError(f"{self.name}: {kind}{hint}")


_local = threading.local()


def _client(connect_timeout_s: float, read_timeout_s: float) -> tuple[Any, bool]:
    """Give this thread's client, and whether it signs; a forked process must not share open connections."""
    wanted = (os.getpid(), connect_timeout_s, read_timeout_s, os.environ.get("AWS_ENDPOINT_URL_S3"))
    if getattr(_local, "made_for", None) != wanted:
        session = boto3.session.Session()
        signed = session.get_credentials() is not None
        config = Config(
            connect_timeout=connect_timeout_s,
            read_timeout=read_timeout_s,
            retries={"total_max_attempts": 1},
            # A checksum over the whole would come too late: its bytes are handed out by then.
            response_checksum_validation="when_required",
            **({} if signed else {"signature_version": UNSIGNED}),
        )
        region = session.region_name or _DEFAULT_REGION
        _local.client = session.client("s3", region_name=region, config=config)
        _local.signed, _local.made_for = signed, wanted
    return _local.client, _local.signed


def _status(error: ClientError) -> int:
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def _total(error: ClientError) -> int | None:
    """Give the length of the object that the error InvalidRange (416) states."""
    stated = content_range(error.response.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("content-range"))
    details: Any = error.response.get("Error", {})
    return stated.total if stated else content_length(details.get("ActualObjectSize"))
