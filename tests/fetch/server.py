"""A web server on loopback that serves a folder and fails as servers do, by plan.

    with FaultServer(folder) as server:                                    # no faults
    with FaultServer(folder, scripted(Fault("reset"), None, Fault("stall"))) as server:
    with FaultServer(folder, random_faults(seed=1, rate=0.3)) as server:
        open_archive(server.url + "crawl-data/x.warc.wet.gz", ...)
    server.log                                                             # every request, in order

It runs in a thread of its own. A plan is asked about each request, so a fault may depend on anything; those here
depend on the path and on how many requests for it there were before, not on time or on the order among files.
It knows Range, If-Range, If-Match, ETag and Last-Modified by code of its own, not by aiohttp's.
"""

from __future__ import annotations

import asyncio
import email.utils
import random
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Literal, get_args
from urllib.parse import unquote

from aiohttp import web

from tests.moments import PATIENCE_S

Kind = Literal[
    "unavailable",  # 503 with Retry-After
    "slow_down",  # 503 with S3's XML
    "too_many",  # 429
    "error",  # 500
    "forbidden",  # 403 with XML, as to a burst
    "html_page",  # 200 with an HTML page
    "xml_page",  # 200 with an XML page that calls itself application/octet-stream
    "reset",  # the connection is reset in the body; what the client has not read by then is lost too
    "hang_up",  # the connection is closed in the body
    "stall",  # nothing more comes in the body, for stall_s
    "drip",  # a byte comes every drip_s, for stall_s
    "short_length",  # 200 with a Content-Length that is too small, and a body cut to it
    "long_length",  # Content-Length is too large; closed after the body
    "part",  # 206 with fewer bytes than were asked for, rightly labelled
    "no_range",  # 200 with all bytes whatever was asked for
    "chunked",  # the same without a Content-Length
    "chunked_hang_up",  # the same, closed in a chunk
    "bad_chunk",  # the same, with a chunk length that is no number
    "no_length",  # 200 with all bytes, neither length nor chunks, closed after the body
    "no_length_hang_up",  # the same, closed too early: looks whole
    "wrong_range",  # 206 with other bytes than were asked for, rightly labelled
    "changed",  # from now on the file has another ETag, another Last-Modified and other bytes
    "missing",  # 404 with S3's XML
]
# All that a client gets over, given enough attempts.
PASSING: tuple[Kind, ...] = tuple(kind for kind in get_args(Kind) if kind not in ("changed", "missing", "drip"))
# The same without those that take a read time-out each.
QUICK: tuple[Kind, ...] = tuple(kind for kind in PASSING if kind not in ("stall", "long_length"))
_REFUSALS: dict[str, tuple[int, str, str]] = {
    "unavailable": (503, "text/html", "<html><head><title>503 Service Unavailable</title></head></html>"),
    "slow_down": (503, "application/xml", "<Error><Code>SlowDown</Code><Message>Please reduce</Message></Error>"),
    "too_many": (429, "text/plain", "Too many requests"),
    "error": (500, "text/plain", "oops"),
    "forbidden": (403, "application/xml", "<Error><Code>AccessDenied</Code></Error>"),
    "html_page": (200, "text/html; charset=utf-8", "\n<!DOCTYPE html><html><body>Please log in</body></html>"),
    "xml_page": (200, "application/octet-stream", '<?xml version="1.0"?><Error><Code>SlowDown</Code></Error>'),
    "missing": (404, "application/xml", "<Error><Code>NoSuchKey</Code></Error>"),
}
_PIECE = 64 << 10
RESET_AFTER_S = 0.02


@dataclass(frozen=True, slots=True)
class Fault:
    """What goes wrong with one answer."""

    kind: Kind
    at: float = 0.5  # where in the body, as a share of it
    retry_after: str | None = None  # header of a refusal


@dataclass(frozen=True, slots=True)
class Request:
    """One request, as the server saw it."""

    method: str
    path: str
    number: int  # of those for this path, from 0
    start: int | None  # of the range that was asked for
    headers: dict[str, str]  # names in lower case
    fault: Fault | None
    client: int  # its port: one a connection


Plan = Callable[[str, int], Fault | None]  # path, number of requests for it before


def scripted(*faults: Fault | None, then: Fault | None = None) -> Plan:
    """The n-th request for a path has the n-th fault; later ones have `then`."""
    return lambda path, number: faults[number] if number < len(faults) else then


def random_faults(seed: int, rate: float, kinds: Sequence[Kind] = QUICK) -> Plan:
    """Faults at random: with the same seed the n-th request for a path has the same, whatever else goes on."""

    def plan(path: str, number: int) -> Fault | None:
        source = random.Random(f"{seed} {path} {number}")
        if source.random() >= rate:
            return None
        return Fault(source.choice(kinds), source.random(), "1")

    return plan


@dataclass(slots=True)
class FaultServer:
    """See the module. `url` ends with a slash."""

    folder: Path
    plan: Plan = field(default=lambda path, number: None)
    validators: bool = True  # ETag and Last-Modified
    weak: bool = False  # the ETag is a weak one
    stall_s: float = 3600.0
    drip_s: float = 0.05
    url: str = ""
    log: list[Request] = field(default_factory=list)
    busy: int = 0  # requests that are being answered
    _seen: Counter[str] = field(default_factory=Counter)
    _changed: set[str] = field(default_factory=set)
    _stop: Callable[[], object] = lambda: None
    _thread: threading.Thread | None = None

    def __enter__(self) -> FaultServer:
        started = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve(started)), daemon=True)
        self._thread.start()
        assert started.wait(PATIENCE_S), "the server does not start"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()
        assert self._thread is not None
        self._thread.join(PATIENCE_S)

    def requests_for(self, path: str) -> list[Request]:
        """The requests for a path, which has no leading slash."""
        return [request for request in self.log if request.path == path]

    async def _serve(self, started: threading.Event) -> None:
        loop, stopped = asyncio.get_running_loop(), asyncio.Event()
        self._stop = lambda: loop.call_soon_threadsafe(stopped.set)
        runner = web.ServerRunner(web.Server(self._handle, access_log=None), shutdown_timeout=0.01)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}/"
        started.set()
        await stopped.wait()
        await runner.cleanup()

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        self.busy += 1
        try:
            return await self._answer(request)
        finally:
            self.busy -= 1

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        path = unquote(request.path).lstrip("/")
        number = self._seen[path]
        self._seen[path] += 1
        fault = self.plan(path, number)
        start = _range_start(request.headers.get("Range", ""))
        headers = {name.lower(): value for name, value in request.headers.items()}
        client = request.transport.get_extra_info("peername")[1] if request.transport else 0
        self.log.append(Request(request.method, path, number, start, headers, fault, client))
        file = self.folder / path
        if not file.is_file() or ".." in path:
            fault = Fault("missing")
        if fault is not None and fault.kind in _REFUSALS:
            return _refusal(fault)
        if fault is not None and fault.kind == "changed":
            self._changed.add(path)
        return await _Reply(self, request, file, path in self._changed, start, fault).send()


def _range_start(value: str) -> int | None:
    digits = value.removeprefix("bytes=").partition("-")[0]
    return int(digits) if digits.isdigit() else None


def _refusal(fault: Fault) -> web.Response:
    status, content_type, text = _REFUSALS[fault.kind]
    headers = {"Content-Type": content_type}
    if fault.retry_after is not None:
        headers["Retry-After"] = fault.retry_after
    return web.Response(status=status, body=text.encode(), headers=headers)


class _Reply:
    """The answer to one request for a file that is there."""

    def __init__(  # one answer
        self,
        server: FaultServer,
        request: web.BaseRequest,
        file: Path,
        changed: bool,
        start: int | None,
        fault: Fault | None,
    ) -> None:
        self.server, self.request, self.file, self.changed = server, request, file, changed
        self.kind = fault.kind if fault else None
        self.at = fault.at if fault else 0.0
        self.retry_after = fault.retry_after if fault else None
        found = file.stat()
        self.size = found.st_size
        self.etag = f'{"W/" if server.weak else ""}"{self.size:x}-{found.st_mtime_ns:x}{"-new" * changed}"'
        self.modified = email.utils.formatdate(found.st_mtime + 60 * changed, usegmt=True)
        self.start = self._wanted(start)

    def _wanted(self, start: int | None) -> int | None:
        """Where the answer begins; None: the whole file, with 200."""
        ignoring = ("no_range", "short_length", "chunked", "chunked_hang_up", "bad_chunk")
        if self.kind in (*ignoring, "no_length", "no_length_hang_up"):
            return None
        condition = self.request.headers.get("If-Range")
        if condition is not None and (self.server.weak or condition not in (self.etag, self.modified)):
            return None
        if start is not None and self.kind == "wrong_range" and self.size > 1:
            return (start + 1) % self.size
        return start

    async def send(self) -> web.StreamResponse:
        headers = {"Content-Type": "application/octet-stream", "Accept-Ranges": "bytes"}
        if self.server.validators:
            headers |= {"ETag": self.etag, "Last-Modified": self.modified}
        expected = self.request.headers.get("If-Match")
        if expected is not None and expected != self.etag:
            return web.Response(status=412)
        if self.start is not None and self.start >= self.size:
            return web.Response(status=416, headers={**headers, "Content-Range": f"bytes */{self.size}"})
        start, stop = self.start or 0, self._stop()
        if self.start is not None:
            headers["Content-Range"] = f"bytes {start}-{stop - 1}/{self.size}"
        if self.kind in ("chunked_hang_up", "bad_chunk", "no_length", "no_length_hang_up", "long_length"):
            return await self._raw(headers, start, stop)
        response = web.StreamResponse(status=200 if self.start is None else 206, headers=headers)
        if self.kind == "chunked":
            response.enable_chunked_encoding()
        else:
            response.content_length = stop - start
        await response.prepare(self.request)
        if self.request.method != "HEAD":
            await self._body(response, start, stop)
        return response

    def _stop(self) -> int:
        """Behind the last byte that the answer speaks of."""
        start = self.start or 0
        if self.kind == "short_length" or (self.kind == "part" and self.start is not None):
            return max(start + 1, start + int(self.at * (self.size - start))) if self.size else 0
        first_only = self.start is not None and self.request.headers.get("Range") == "bytes=0-0"
        return start + 1 if first_only else self.size

    async def _body(self, response: web.StreamResponse, start: int, stop: int) -> None:
        breaks = self.kind in ("reset", "hang_up", "stall", "drip")
        cut = start + int(self.at * (stop - start)) if breaks else stop
        with self.file.open("rb") as file:
            file.seek(start)
            while start < cut:
                piece = self._altered(file.read(min(_PIECE, cut - start)))
                await response.write(piece)
                start += len(piece)
            if self.kind == "drip":
                for _ in range(int(self.server.stall_s / self.server.drip_s)):
                    await response.write(file.read(1))
                    await asyncio.sleep(self.server.drip_s)
        if self.kind == "stall":
            await asyncio.sleep(self.server.stall_s)
        if self.kind == "reset":
            # A reset throws away what has not been read: give the client a chance to have read something.
            await asyncio.sleep(RESET_AFTER_S)
        if breaks:
            self._break_off()

    def _break_off(self) -> None:
        transport = self.request.transport
        if transport is not None and self.kind in ("reset", "stall"):
            transport.abort()
        elif transport is not None:
            transport.close()

    async def _raw(self, headers: dict[str, str], start: int, stop: int) -> web.StreamResponse:
        """An answer that no HTTP library would write."""
        body = self._altered(self.file.read_bytes()[start:stop])
        cut = body[: int(self.at * len(body))]
        if self.kind == "long_length":
            headers["Content-Length"] = str(len(body) + 1)
        elif self.kind in ("chunked_hang_up", "bad_chunk"):
            headers["Transfer-Encoding"] = "chunked"
            if self.kind == "bad_chunk":
                body = (b"%x\r\n%b\r\n" % (len(cut), cut) if cut else b"") + b"ZZZ\r\n"
            else:
                body = b"%x\r\n%b" % (len(body) + 10, cut)
        elif self.kind == "no_length_hang_up":
            body = cut
        lines = [f"{name}: {value}" for name, value in {**headers, "Connection": "close"}.items()]
        status = "200 OK" if self.start is None else "206 Partial Content"
        transport = self.request.transport
        assert isinstance(transport, asyncio.WriteTransport)
        transport.write("\r\n".join([f"HTTP/1.1 {status}", *lines, "", ""]).encode() + body)
        transport.close()
        return web.Response()

    def _altered(self, piece: bytes) -> bytes:
        return bytes(byte ^ 1 for byte in piece) if self.changed else piece
