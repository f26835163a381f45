"""Google Cloud Storage, over its HTTP interface: with the application's default credentials, else anonymously."""

from __future__ import annotations

import functools
import os
from typing import Any
from urllib.parse import quote

import requests
from requests.auth import AuthBase

from ccnet_pipeline.errors import FetchError
from ccnet_pipeline.fetch.http import HttpSource
from ccnet_pipeline.fetch.paths import bucket_and_key
from ccnet_pipeline.fetch.policy import FetchPolicy
from ccnet_pipeline.fetch.retry import TransientError

_HOST = "https://storage.googleapis.com"
_SCOPE = "https://www.googleapis.com/auth/devstorage.read_only"


def gcs_source(path: str, policy: FetchPolicy) -> HttpSource:
    """Give the source of gs://bucket/key; the server is $STORAGE_EMULATOR_HOST if that is set.

    Raises:
        UserError: the path names no bucket or no key.
    """
    bucket, key = bucket_and_key(path)
    emulator = os.environ.get("STORAGE_EMULATOR_HOST", "").rstrip("/")
    if emulator and "://" not in emulator:
        emulator = f"http://{emulator}"
    credentials = None if emulator else _default_credentials()
    return HttpSource(
        f"{emulator or _HOST}/{quote(bucket, safe='')}/{quote(key, safe='/~')}",
        policy,
        name=path,
        auth=_Anonymous() if credentials is None else _Bearer(path, credentials),
        # Objects stored with Content-Encoding gzip are unpacked on the way to whoever does not take gzip.
        accept_encoding="gzip",
        paced=False,
        forbidden_passes=False,
    )


class _Anonymous(AuthBase):
    """Nothing is added, not even what a .netrc has for the host."""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        return request


class _Bearer(AuthBase):
    """Adds an access token, renewed when it is due."""

    def __init__(self, name: str, credentials: Any) -> None:
        self._name = name
        self._credentials = credentials

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        from google.auth import exceptions
        from google.auth.transport.requests import Request

        try:
            if not self._credentials.valid:
                self._credentials.refresh(Request())
        except exceptions.TransportError as error:
            raise TransientError("no access token: the server that gives them cannot be reached") from error
        except exceptions.GoogleAuthError as error:
            remedy = "`gcloud auth application-default login`, or unset them"
            raise FetchError(f"{self._name}: Google's default credentials are refused: {remedy}") from error
        request.headers["Authorization"] = f"Bearer {self._credentials.token}"
        return request


@functools.cache
def _default_credentials() -> Any:
    """Give the application's default credentials; None without them, or without the library that finds them."""
    try:
        import google.auth
        from google.auth.exceptions import GoogleAuthError
    except ImportError:
        return None
    try:
        return google.auth.default(scopes=[_SCOPE])[0]
    except GoogleAuthError:
        return None
