"""Requests to WebHDFS, and what the answers mean."""

import errno
import functools
import getpass
import os
import threading
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, BinaryIO
from urllib.parse import quote, urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from ccnet_pipeline.errors import UnreachableError, UserError
from ccnet_pipeline.storage.paths import scheme_of, shown

_PORTS = {"hdfs": 9870, "webhdfs": 9870, "swebhdfs": 9871}
_TIMEOUTS = (10.0, 60.0)
_RETRIES = 5
_PASSING = (HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT)
_local = threading.local()


@dataclass(frozen=True, slots=True)
class FileStatus:
    """What the name node says of a file or a folder."""

    name: str  # "" where it was asked for by its path
    length: int
    modified_ms: int
    is_file: bool


def ask(
    method: str, path: str, operation: str, *, is_stream: bool = False, may_be_behind: bool = False, **query: str
) -> requests.Response:
    """Ask for an operation on a file; redirections are followed.

    Args:
        method: of HTTP.
        path: of the file.
        operation: of WebHDFS.
        is_stream: the body is read by the caller.
        may_be_behind: give the answer, too, that an offset lies behind the end.
        query: its parameters; `destination` is a URL like `path`.

    Raises:
        FileNotFoundError: there is no such file.
        FileExistsError: there is, and must not be.
        UnreachableError: nobody answers.
        UserError: everything else.
    """
    if "destination" in query:
        query["destination"] = _path_of(query["destination"])
    try:
        response = _session().request(
            method, url_of(path), params={"op": operation, **_who(), **query}, timeout=_TIMEOUTS, stream=is_stream
        )
    except requests.RequestException as error:
        raise _unreachable(path) from error
    is_behind = response.status_code in (HTTPStatus.FORBIDDEN, HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE)
    if response.ok or (may_be_behind and is_behind and "out of the range" in response.text):
        return response
    raise _refusal(path, response)


def upload(path: str, data: bytes | BinaryIO, *, overwrite: bool) -> None:
    """Write a file; the folders above it are made. It may be seen before it is whole.

    Raises:
        FileExistsError: it is there, and is not to be overwritten.
        UserError: it cannot be written.
    """
    query = {"op": "CREATE", "overwrite": str(overwrite).lower(), **_who()}
    try:
        asked = _session().put(url_of(path), params=query, timeout=_TIMEOUTS, allow_redirects=False)
        place = asked.headers.get("Location") if asked.status_code == HTTPStatus.TEMPORARY_REDIRECT else None
        if place is None:
            raise _refusal(path, asked)
        written = _session().put(place, data=data, timeout=_TIMEOUTS)
    except requests.RequestException as error:
        raise _unreachable(path) from error
    if written.status_code != HTTPStatus.CREATED:
        raise _refusal(path, written)


def status_of(path: str) -> FileStatus:
    """Return what is known of a file or a folder; raises FileNotFoundError."""
    return _status(ask("GET", path, "GETFILESTATUS").json()["FileStatus"])


def statuses_in(folder: str) -> list[FileStatus]:
    """Return what lies in a folder; nothing if there is no such folder."""
    try:
        found = ask("GET", folder, "LISTSTATUS").json()["FileStatuses"]["FileStatus"]
    except FileNotFoundError:
        return []
    return [_status(each) for each in found if each["pathSuffix"]]


def url_of(path: str) -> str:
    """Return where WebHDFS has a file.

    Raises:
        UserError: no name node is named.

    >>> url_of("hdfs://namenode:8020/a b")
    'http://namenode:9870/webhdfs/v1/a%20b'
    """
    place = os.environ.get("CC100_WEBHDFS", "").rstrip("/")
    if not place:
        scheme = scheme_of(path)
        parts = urlsplit(path)
        if not parts.hostname:
            raise UserError(f"{shown(path)}: write hdfs://namenode/path, or set CC100_WEBHDFS to http://namenode:9870")
        port = parts.port if parts.port and scheme != "hdfs" else _PORTS[scheme]
        place = f"{'https' if scheme == 'swebhdfs' else 'http'}://{parts.hostname}:{port}"
    return f"{place}/webhdfs/v1{quote(_path_of(path))}"


def broken_off(path: str) -> UnreachableError:
    """Return the error that a file cannot be read to its end."""
    return UnreachableError(f"{shown(path)}: what HDFS gives breaks off again and again; try again later")


def _path_of(path: str) -> str:
    return "/" + path.partition("://")[2].partition("/")[2].rstrip("/")


def _status(answer: dict[str, Any]) -> FileStatus:
    return FileStatus(answer["pathSuffix"], answer["length"], answer["modificationTime"], answer["type"] == "FILE")


def _who() -> dict[str, str]:
    if token := os.environ.get("CC100_WEBHDFS_TOKEN"):
        return {"delegation": token}
    return {"user.name": os.environ.get("HADOOP_USER_NAME") or _user()}


@functools.cache
def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "hdfs"


def _session() -> requests.Session:
    """Give this thread's session, with its open connections; a forked process must not share them."""
    if getattr(_local, "process", None) != os.getpid():
        session = requests.Session()
        retry = Retry(_RETRIES, backoff_factor=0.2, backoff_jitter=0.2, status_forcelist=_PASSING, allowed_methods=None)
        retry.raise_on_status = False
        for scheme in ("http://", "https://"):
            session.mount(scheme, HTTPAdapter(max_retries=retry))
        _local.process, _local.session = os.getpid(), session
    found: requests.Session = _local.session
    return found


def _unreachable(path: str) -> UnreachableError:
    place = "{0.scheme}://{0.netloc}".format(urlsplit(url_of(path)))
    return UnreachableError(f"{shown(path)}: WebHDFS at {place} cannot be reached; set CC100_WEBHDFS to where it is")


def _refusal(path: str, response: requests.Response) -> Exception:
    """Return the exception for an answer that is no success."""
    try:
        kind = str(response.json()["RemoteException"]["exception"])
    except (ValueError, LookupError, TypeError):
        kind = ""
    if kind == "FileNotFoundException":
        return FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
    if kind in ("FileAlreadyExistsException", "AlreadyBeingCreatedException"):
        return FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), path)
    what = {
        "StandbyException": "this name node is on standby; set CC100_WEBHDFS to the active one",
        "SafeModeException": "HDFS is in safe mode; wait until it is not",
        "AccessControlException": "no permission; set HADOOP_USER_NAME, or choose another place",
        "InvalidToken": "the delegation token in CC100_WEBHDFS_TOKEN is not valid; get a new one",
        "ParentNotDirectoryException": "this is below something that is no folder; choose another place",
        "QuotaExceededException": "the quota is used up; free some room and run the same command again",
        "DSQuotaExceededException": "the quota is used up; free some room and run the same command again",
    }.get(kind)
    if what is None and response.status_code == HTTPStatus.UNAUTHORIZED:
        what = "the cluster wants Kerberos; set CC100_WEBHDFS_TOKEN to a delegation token (hdfs fetchdt --webservice)"
    error = UnreachableError if what is None and response.status_code in _PASSING else UserError
    return error(f"{shown(path)}: {what or f'HDFS answers {response.status_code} {kind}'.rstrip()}")
