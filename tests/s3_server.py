"""An S3 server on this machine (moto's) that counts what it is asked, and fails or waits where a test wants it."""

from __future__ import annotations

import re
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import WSGIRequestHandler, make_server

from tests.moments import PATIENCE_S

Fault = Callable[[str], "HTTPStatus | None"]


class _Quiet(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"  # connections are kept, as a real server does

    def log_request(self, *_: Any) -> None:
        pass


@dataclass
class S3Server:
    """A running server."""

    host: str = "127.0.0.1"  # the address of this machine that it has
    asked: list[str] = field(default_factory=list)  # `PUT /bucket/key?query`
    fault: Fault | None = None  # the status to fail with

    def __post_init__(self) -> None:
        self._answer = DomainDispatcherApplication(create_backend_app)
        self._server = make_server(self.host, 0, self._application, threaded=True, request_handler=_Quiet)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def environment(self) -> dict[str, str]:
        """What tells a client of it."""
        return {
            "AWS_ENDPOINT_URL": f"http://{self.host}:{self._server.server_port}",
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "AWS_DEFAULT_REGION": "us-east-1",
        }

    def stop(self) -> None:
        """End it."""
        self._server.shutdown()
        self._server.server_close()

    def counted(self, pattern: str = "") -> Counter[str]:
        """Return how often each kind of request came, of those that match; and forget all."""
        asked, self.asked = self.asked, []
        return Counter(each.partition(" ")[0] for each in asked if re.search(pattern, each))

    @contextmanager
    def failing(self, pattern: str, status: HTTPStatus, times: int | None = None) -> Iterator[None]:
        """Fail what matches with a status, so many times, or each time."""
        left = times

        def fault(request: str) -> HTTPStatus | None:
            nonlocal left
            if left == 0 or not re.search(pattern, request):
                return None
            left = None if left is None else left - 1
            return status

        self.fault = fault
        try:
            yield
        finally:
            self.fault = None

    @contextmanager
    def stopping_at(self, pattern: str, *, and_then_all: bool = False) -> Iterator[threading.Event]:
        """Let requests that match wait until the block ends; the event is set when one has come. They are not done.

        Args:
            pattern: of requests.
            and_then_all: all that come later wait, too: the server is down.
        """
        come, over = threading.Event(), threading.Event()

        def fault(request: str) -> HTTPStatus | None:
            if not re.search(pattern, request) and not (and_then_all and come.is_set()):
                return None
            come.set()
            over.wait(PATIENCE_S)
            return HTTPStatus.SERVICE_UNAVAILABLE

        self.fault = fault
        try:
            yield come
        finally:
            self.fault = None
            over.set()

    def _application(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        query = f"?{environ['QUERY_STRING']}" if environ["QUERY_STRING"] else ""
        request = f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}{query}"
        self.asked.append(request)
        status = self.fault and self.fault(request)
        if not status:
            return self._answer(environ, start_response)
        environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        start_response(f"{status.value} {status.phrase}", [("Content-Length", "0")])
        return [b""]
