"""A stream that goes on where it broke off, and verifies its end.

Theory. A `Source` answers "give me the bytes from `start` on" once; it may fail at any byte. The stream asks again from
the byte it has reached, and what it hands out is right on these terms:

1.  All answers are of one version of the object: same ETag, or same Last-Modified, and same length. The first answer
    says which; later requests are conditional on it. Another version is an error, not something to be glued on.
2.  An answer that begins at another byte than was asked for is a failure, except that a server which ignores ranges
    begins at 0: then the bytes already handed out are read again and thrown away.
3.  The end is where the length that stands in a Content-Range is reached. A Content-Length is a claim about one
    message, and proxies have been seen to cut both; so where nothing else is known the stream asks once more, from
    the place where the body ended. It is over if there is nothing (416, RFC 9110, section 15.5.17), or if the object
    has that length, or if an answer read anew ends at the same place. (Of a server without lengths and ranges that
    breaks off twice at one byte nobody can know.) Sources ask for `bytes=0-` from the beginning, and servers that know
    ranges answer that with a Content-Range: one request a file is the rule.
4.  A page (HTML, XML) is no file.

Every failure that may pass counts; the count begins anew with every new byte.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import TracebackType
from typing import Protocol

from ccnet_pipeline.errors import FetchError
from ccnet_pipeline.fetch.error_page import HEAD_BYTES, excerpt, is_page
from ccnet_pipeline.fetch.policy import FetchPolicy
from ccnet_pipeline.fetch.retry import TransientError, persist

MAX_CHUNK_BYTES = 1 << 20
_SKIP_BYTES = 256 << 10


class ChangedError(FetchError):
    """The object is not the one that was there when reading began."""


@dataclass(frozen=True, slots=True)
class Version:
    """What tells one version of an object from another (RFC 9110, section 8.8)."""

    etag: str = ""
    last_modified: str = ""

    @property
    def strong_etag(self) -> str:
        return "" if self.etag.startswith("W/") else self.etag

    @property
    def known(self) -> bool:
        return bool(self.etag or self.last_modified)

    def differs(self, other: Version) -> bool:
        """Tell whether these are surely two versions."""
        if self.etag and other.etag:
            return self.etag.removeprefix("W/") != other.etag.removeprefix("W/")
        return bool(self.last_modified and other.last_modified and self.last_modified != other.last_modified)


class Body(Protocol):
    """The bytes of one answer."""

    def read(self, size: int, /) -> bytes:
        """Give 1 to `size` bytes, or b"" at the end that the message itself has; raise TransientError before it."""

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Answer:
    """What a source gives for the bytes from some place on."""

    body: Body | None  # None: there are no bytes from that place on (416)
    start: int = 0  # where the body begins
    stop: int | None = None  # where it ends, if a Content-Range says so
    total: int | None = None  # length of the object, if a Content-Range says so
    told: int | None = None  # length of the object, if only a Content-Length says so
    version: Version = Version()
    status: str = ""  # such as "200 OK"
    content_type: str = ""


@dataclass(frozen=True, slots=True)
class State:
    """What a source says of its file without giving it."""

    size: int | None  # in bytes; None: the server does not say
    version: Version


class Source(Protocol):
    """One remote file."""

    @property
    def name(self) -> str:
        """How messages show the file."""

    def open_range(self, start: int, version: Version | None) -> Answer:
        """Ask for the bytes from `start` on, of that version if one is given.

        Raises:
            TransientError: a failure that may pass.
            FetchError: one that does not; ChangedError: there is another version now.
        """

    def state(self) -> State:
        """Ask for length and version. Raises as `open_range` does."""


class ResumingStream:
    """The bytes of a source, read forward; not thread-safe. Nothing is asked for before the first `read`."""

    def __init__(self, source: Source, policy: FetchPolicy, *, start: int = 0, version: Version | None = None) -> None:
        """Begin at byte `start`, with an object of the given version, if one is given."""
        self.position = start  # bytes before it have been handed out
        self.total: int | None = None  # length of the object, once it is known for sure
        self.version = version  # of the object, once there was an answer
        self._source = source
        self._policy = policy
        self._told: int | None = None
        self._body: Body | None = None
        self._stop: int | None = None  # the body belongs to the object up to here
        self._head = b""  # bytes of the body that were looked at and not handed out
        # One may ask for a place behind the end, but not come from a place that is now behind it.
        self._may_be_behind = start if version is None else None
        self._quiet_end: int | None = None  # a body came to its end here without a failure
        self._ended = False

    def read(self, size: int, /) -> bytes:
        """Give 1 to `size` bytes; b"" only at the verified end, or where `size` is 0.

        Raises:
            FetchError: the bytes cannot be had, or the object changed.
        """
        size = min(size, MAX_CHUNK_BYTES)
        if size <= 0 or self._ended:
            return b""
        return persist(self._policy, self._source.name, lambda: self._next(size))

    @property
    def length_is_known(self) -> bool:
        """Whether the server has told where the object ends; else its end is where two answers ended."""
        return self.total is not None or self._told is not None

    def close(self) -> None:
        """Give back the connection."""
        body, self._body, self._head = self._body, None, b""
        if body is not None:
            body.close()

    def __enter__(self) -> ResumingStream:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _next(self, size: int) -> bytes:
        try:
            while not self._ended:
                if self._body is None:
                    self._open()
                elif chunk := self._take(size):
                    self.position += len(chunk)
                    if self.position == self.total:
                        self._end()
                    return chunk
                else:
                    self._body_ended()
        except BaseException:
            self.close()
            raise
        return b""

    def _take(self, size: int) -> bytes:
        size = min([size, *(end - self.position for end in (self._stop, self.total) if end is not None)])
        if self._head:
            chunk, self._head = self._head[:size], self._head[size:]
            return chunk
        return self._body.read(size) if self._body is not None and size > 0 else b""

    def _open(self) -> None:
        answer = self._source.open_range(self.position, self.version)
        if answer.body is None:
            self._nothing_there(answer.total)
            return
        self._body, self._stop = answer.body, answer.stop
        if answer.start != self.position and answer.stop is not None:
            raise TransientError(f"gave bytes from {answer.start} on, asked for those from {self.position} on")
        self._refuse_page(answer)
        self._refuse_change(answer)
        self.version = self.version or answer.version
        self.total = self.total if answer.total is None else answer.total
        self._told = self._told if answer.told is None else answer.told
        if answer.told == self.position == self._quiet_end:
            self._end()
        else:
            self._skip(self.position - answer.start)

    def _refuse_page(self, answer: Answer) -> None:
        if answer.start == 0 or is_page(answer.content_type, b""):
            assert answer.body is not None
            self._head = answer.body.read(HEAD_BYTES)
        if is_page(answer.content_type, self._head if answer.start == 0 else b""):
            raise TransientError(f"{answer.status}, but a page instead of the file: {excerpt(self._head)!r}")

    def _refuse_change(self, answer: Answer) -> None:
        if self.version is None:
            return
        # A Content-Length may be a lie; it counts where the object has nothing better to be known by.
        before, now = (self.total, answer.total)
        if not (self.version.known and answer.version.known):
            before, now = (self.total or self._told, answer.total or answer.told)
        if self.version.differs(answer.version) or (None not in (before, now) and before != now):
            raise self._changed()

    def _skip(self, count: int) -> None:
        while count > 0:
            chunk = self._head or (self._body.read(min(count, _SKIP_BYTES)) if self._body is not None else b"")
            if not chunk:
                raise TransientError(f"ended {count} bytes before byte {self.position}")
            self._head = chunk[count:]
            count -= len(chunk)

    def _body_ended(self) -> None:
        self.close()
        if self.total is not None and self.position < self.total:
            raise TransientError(f"the body ended at byte {self.position} of {self.total}")
        if self.position == 0 and self.total is self._told is None:
            raise TransientError("no bytes, and no length that says there are none")
        if self._quiet_end == self.position:
            self._end()
        self._quiet_end = self.position

    def _nothing_there(self, total: int | None) -> None:
        """There are no bytes from `position` on."""
        if total is not None and total < self.position != self._may_be_behind:
            raise self._changed()
        known = next((length for length in (total, self.total, self._told) if length is not None), None)
        if (known is None and self.position == 0) or (known is not None and known > self.position):
            raise TransientError(f"416, but there must be bytes from {self.position} on")
        self._told = self.position
        self._end()

    def _end(self) -> None:
        self.close()
        self._ended = True

    def _changed(self) -> ChangedError:
        return ChangedError(f"{self._source.name}: changed while it was read")
