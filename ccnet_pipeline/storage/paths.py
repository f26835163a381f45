"""What a path says."""

import re
from urllib.parse import urlsplit
from urllib.request import url2pathname

from ccnet_pipeline.errors import UserError

WEB_SCHEMES = ("http", "https")  # for reading
OBJECT_SCHEMES = ("s3", "s3a", "gs", "az", "abfs", "abfss")  # s3a and abfs as Hadoop has them
HDFS_SCHEMES = ("hdfs", "webhdfs", "swebhdfs")
REMOTE_SCHEMES = (*WEB_SCHEMES, *OBJECT_SCHEMES, *HDFS_SCHEMES)
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_LACKS_SLASH = re.compile(rf"({'|'.join(('file', *REMOTE_SCHEMES))}):/?(?!/)", re.IGNORECASE)


def scheme_of(path: str) -> str:
    """Give the scheme in lower case; "" for a plain path.

    Raises:
        UserError: a scheme that is not known here, or what was meant to be a URL and is none.
    """
    if lacking := _LACKS_SLASH.match(path):
        scheme = lacking[1].lower()
        meant = f"{scheme}:{'///' if scheme == 'file' else '//'}{path[lacking.end() :]}"
        raise UserError(f"{shown(path)}: write {shown(meant)}, or ./{shown(path)} for a local path of that name")
    match = _SCHEME.match(path)
    scheme = match[1].lower() if match else ""
    if scheme not in ("", "file", *REMOTE_SCHEMES):
        known = ", ".join(f"{name}://" for name in ("http", "https", "s3", "gs", "az", "abfss", "hdfs"))
        raise UserError(f"{shown(path)}: files are read from {known} and local paths, not from {scheme}://")
    return scheme


def is_remote(path: str) -> bool:
    """Tell whether the path names a file on another machine: a web server, an object store, HDFS."""
    match = _SCHEME.match(path)
    return match is not None and match[1].lower() in REMOTE_SCHEMES


def is_local(path: str) -> bool:
    """Tell whether a path is that of a file system; file:// becomes one by `local_path`."""
    return _SCHEME.match(path) is None


def local_path(path: str) -> str:
    """Give the file that a local path or a file:// URL (RFC 8089) means.

    Raises:
        UserError: a scheme that is not known here, or a file:// URL of another machine.

    >>> local_path("file:///data/a%20b.warc")
    '/data/a b.warc'
    """
    if scheme_of(path) != "file":
        return path
    parts = urlsplit(path)
    if parts.netloc not in ("", "localhost"):
        raise UserError(f"{shown(path)}: file:// names a file of this machine: use file:///path")
    return url2pathname(parts.path)


def folder(path: str) -> str:
    """Return the path of a folder as the rest of the program has it: to an object store a slash more is another name.

    >>> folder("s3://bucket/corpus/"), folder("file:///data/corpus")
    ('s3://bucket/corpus', '/data/corpus')
    """
    scheme, is_url, rest = local_path(path).partition("://")
    return f"{scheme}://{rest.rstrip('/')}" if is_url else scheme


def bucket_and_key(path: str) -> tuple[str, str]:
    """Give bucket and key of s3://bucket/key and the like.

    Raises:
        UserError: one of them is missing.

    >>> bucket_and_key("abfss://texts@account.dfs.core.windows.net/a/b")
    ('texts@account.dfs.core.windows.net', 'a/b')
    """
    bucket, _, key = path.partition("://")[2].partition("/")
    if not bucket or not key:
        raise UserError(f"{shown(path)}: write {path.partition(':')[0].lower()}://bucket/key")
    return bucket, key


def shown(path: str) -> str:
    """Give a path as messages and logs may show it: one line, no user name, password, query string or fragment.

    A query string may be a signature, and no list of the names of secrets is complete.

    >>> shown("https://user:secret@host/a.gz?X-Amz-Signature=123")
    'https://host/a.gz?...'
    """
    scheme, separator, rest = path.partition("://")
    if separator and scheme.lower() in WEB_SCHEMES:
        rest, query, _ = rest.partition("#")[0].partition("?")
        host, slash, name = rest.partition("/")
        path = f"{scheme}://{host.rpartition('@')[2]}{slash}{name}{'?...' if query else ''}"
    return "".join(char if char.isprintable() else "\ufffd" for char in path)
