"""HDFS on this machine: a name node and a data node that speak WebHDFS as Hadoop documents it, over a folder.

As with Hadoop, whoever wants to read or write is redirected to the data node; a renaming replaces only where it is
told to; folders are made by need; an offset behind the end is refused with status 403.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

_PREFIX = "/webhdfs/v1"


@dataclass
class WebHdfsServer:
    """A running server."""

    folder: Path
    asked: list[str] = field(default_factory=list)  # operations
    fault: Callable[[str], str | None] = lambda operation: None  # "503", "reset", or a RemoteException's name

    def __post_init__(self) -> None:
        handler = type("Handler", (_Handler,), {"cluster": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        """End it."""
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # a head and its body are two packets, of which the second would wait
    cluster: WebHdfsServer

    def log_message(self, *_: object) -> None:
        pass

    def _run(self) -> None:
        url = urlsplit(self.path)
        self.query = dict(parse_qsl(url.query, keep_blank_values=True))
        self.file = Path(f"{self.cluster.folder}{unquote(url.path.removeprefix(_PREFIX))}".rstrip("/"))
        self.body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        operation = self.query["op"]
        self.cluster.asked.append(operation)
        fault = self.cluster.fault(operation)
        if fault == "503":
            self._send(503, b"")
        elif fault == "reset":
            self.close_connection = True
            self.send_response(200)
            self.send_header("Content-Length", "1000000")
            self.end_headers()
            self.wfile.write(self.file.read_bytes()[int(self.query.get("offset", 0)) :][:1000])
        elif fault:
            self._refuse(403, fault)
        else:
            getattr(self, f"_{operation.lower()}")()

    do_GET = do_PUT = do_DELETE = _run  # noqa: N815 - names of the standard library

    def _send(self, status: int, data: bytes | dict[str, Any], **headers: str) -> None:
        content = data if isinstance(data, bytes) else json.dumps(data).encode()
        self.send_response(status)
        for name, value in {"Content-Length": str(len(content)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        with contextlib.suppress(ConnectionError):  # whoever asked has seen enough
            self.wfile.write(content)

    def _refuse(self, status: int, kind: str, message: str = "no") -> None:
        self._send(status, {"RemoteException": {"exception": kind, "javaClassName": kind, "message": message}})

    def _redirected(self) -> bool:
        """Send the one who asks the name node to the data node; False if this is it."""
        if "namenode" in self.query:
            return False
        self._send(307, b"", Location=f"http://127.0.0.1:{self.cluster.port}{self.path}&namenode=here")
        return True

    def _status_of(self, file: Path, name: str = "") -> dict[str, Any]:
        found = file.stat()
        kind = "FILE" if file.is_file() else "DIRECTORY"
        length = found.st_size if file.is_file() else 0
        return {
            "pathSuffix": name, "type": kind, "length": length, "modificationTime": found.st_mtime_ns // 1_000_000
        }  # fmt: skip

    def _open(self) -> None:
        if not self.file.is_file():
            return self._refuse(404, "FileNotFoundException")
        if self._redirected():
            return None
        data, offset = self.file.read_bytes(), int(self.query.get("offset", 0))
        if offset > len(data):
            return self._refuse(403, "IOException", f"Offset={offset} out of the range [0, {len(data)}]; OPEN")
        return self._send(200, data[offset:][: int(self.query.get("length", len(data)))])

    def _create(self) -> None:
        if self.query["overwrite"] == "false" and self.file.exists():
            return self._refuse(403, "FileAlreadyExistsException")
        if self._redirected():
            return None
        self.file.parent.mkdir(parents=True, exist_ok=True)
        try:
            with self.file.open("xb" if self.query["overwrite"] == "false" else "wb") as file:
                file.write(self.body)
        except FileExistsError:
            return self._refuse(403, "FileAlreadyExistsException")
        return self._send(201, b"")

    def _rename(self) -> None:
        target = Path(f"{self.cluster.folder}{self.query['destination']}")
        if target.exists() and self.query.get("renameoptions") != "OVERWRITE":
            return self._send(200, {"boolean": False})
        target.parent.mkdir(parents=True, exist_ok=True)
        self.file.replace(target)
        now = time.time_ns()
        os.utime(target, ns=(now, now))
        return self._send(200, {"boolean": True})

    def _delete(self) -> None:
        there = self.file.exists()
        if self.file.is_dir():
            if self.query.get("recursive") != "true" and any(self.file.iterdir()):
                return self._refuse(403, "PathIsNotEmptyDirectoryException")
            shutil.rmtree(self.file)
        else:
            self.file.unlink(missing_ok=True)
        return self._send(200, {"boolean": there})

    def _getfilestatus(self) -> None:
        if not self.file.exists():
            return self._refuse(404, "FileNotFoundException")
        return self._send(200, {"FileStatus": self._status_of(self.file)})

    def _liststatus(self) -> None:
        if not self.file.exists():
            return self._refuse(404, "FileNotFoundException")
        files = sorted(self.file.iterdir()) if self.file.is_dir() else [self.file]
        found = [self._status_of(file, file.name if self.file.is_dir() else "") for file in files]
        return self._send(200, {"FileStatuses": {"FileStatus": found}})
