"""The clients of object stores: one a bucket and process, with time-outs and retries of ours.

A library's threads do not survive a fork: a child of a process that had clients would wait for them without end, also
with clients of its own. So whoever forks asks `has_threads()` first, and a child that asks for a client all the same is
told at once.
"""

import functools
import os
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ccnet_pipeline.errors import UserError
from ccnet_pipeline.storage import credentials
from ccnet_pipeline.storage.paths import scheme_of, shown

if TYPE_CHECKING:
    from obstore.store import ClientConfig, ObjectStore, RetryConfig

# A request that fails in a way that may pass is made again: with the waits, at most this often and this long.
_ATTEMPTS = 8
_LONGEST_WAIT = timedelta(seconds=10)
_PATIENCE = timedelta(minutes=2)
_CA_FILES = ("AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE")  # authorities that the user trusts, too

_used_in: int | None = None  # the process that made clients first


class Timing(NamedTuple):
    """How long a client waits, and how often it asks."""

    connect_s: float = 10.0
    read_s: float = 60.0  # longest silence of a server, and longest upload of one part
    attempts: int = _ATTEMPTS
    patience: timedelta = _PATIENCE


FOR_WORK = Timing()
FOR_A_LOOK = Timing(connect_s=5.0, read_s=10.0, attempts=2, patience=timedelta(seconds=10))  # for one who waits


def has_threads() -> bool:
    """Tell whether this process had clients: a child forked from it could not use an object store."""
    return _used_in is not None


def client(root: str, timing: Timing | None = None) -> "ObjectStore":
    """Give the client of a bucket, such as s3://bucket; `FOR_WORK` if not said how patient.

    Raises:
        UserError: what it needs is not set.
        RuntimeError: in a process that was forked from one that had clients.
    """
    global _used_in  # noqa: PLW0603 - a fact about the process
    if _used_in is None:
        _used_in = os.getpid()
    if _used_in != os.getpid():
        raise RuntimeError(f"{root}: this process was forked from one that used an object store; start it as a new one")
    return _client(root, timing or FOR_WORK)


def forget_clients() -> None:
    """Make the next client anew, of what the environment says then."""
    _client.cache_clear()
    credentials.forget()


@functools.cache
def _client(root: str, timing: Timing) -> "ObjectStore":
    from obstore.exceptions import BaseError
    from obstore.store import AzureStore, GCSStore, HTTPStore, S3Store

    retries: RetryConfig = {
        "max_retries": timing.attempts - 1,
        "retry_timeout": timing.patience,
        "backoff": {"max_backoff": _LONGEST_WAIT},
    }
    found = credentials.found_for(root)
    options = _options(found.endpoint, timing)
    options["default_headers"] = dict(found.headers)
    kind: Any = {"amazon": S3Store, "google": GCSStore, "microsoft": AzureStore}.get(credentials.vendor_of(root))
    bucket = root.partition("://")[2].partition("@")[0]
    try:
        if kind is None:
            return HTTPStore.from_url(root, client_options=options, retry_config=retries)
        settings = {"config": found.config, "credential_provider": found.provider}
        made: ObjectStore = kind(bucket, client_options=options, retry_config=retries, **settings)
    except (BaseError, ValueError) as error:  # its words may hold what stands in the environment
        raise UserError(f"{shown(root)}: the settings of this store in the environment are not right") from error
    return made


def _options(endpoint: str, timing: Timing) -> "ClientConfig":
    options: ClientConfig = {
        "allow_http": endpoint.lower().startswith("http://"),
        "connect_timeout": timedelta(seconds=timing.connect_s),
        "read_timeout": timedelta(seconds=timing.read_s),
        "timeout": timedelta(hours=12),  # of a whole file that is read as it comes; silence ends it sooner
    }
    name = next((name for name in _CA_FILES if os.environ.get(name)), None)
    if name:
        try:
            options["root_certificate"] = Path(os.environ[name]).read_bytes()
        except OSError as error:
            raise UserError(f"${name} {os.environ[name]}: {error.strerror}") from error
    return options


def root_and_key(path: str) -> tuple[str, str]:
    """Give the root (scheme and bucket) of a path, and what stands behind it.

    Raises:
        UserError: there is no bucket, or a key that no client can name.

    >>> root_and_key("s3://bucket/a/b/")
    ('s3://bucket', 'a/b')
    """
    scheme = scheme_of(path)
    bucket, _, key = path.partition("://")[2].partition("/")
    key = key.rstrip("/")
    if not bucket:
        raise UserError(f"{shown(path)}: write {scheme}://bucket/key")
    if key and any(part in ("", ".", "..") or not part.isprintable() for part in key.split("/")):
        raise UserError(f"{shown(path)}: an object's name has no empty part, no . and .., no control characters")
    return f"{scheme}://{bucket}", key
