"""A hub on this machine: what huggingface_hub asks of the real one to fetch a model and to send one."""

import base64
import hashlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

_RESOLVE = re.compile(r"/(?P<name>.+)/resolve/(?P<revision>[^/]+)/(?P<file>.+)")
UPLOADS = True  # large files are taken
_API = re.compile(r"/api/models/(?P<name>.+)/(?P<what>preupload|commit)/main")


@dataclass
class Hub:
    """A running server; its models are lists of commits, each with its files."""

    models: dict[str, list[dict[str, bytes]]] = field(default_factory=dict)
    gated: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)  # `GET /me/model/resolve/main/config.json`
    address: str = ""
    private: bool = False  # as was wished of the last model that was made
    blobs: dict[str, bytes] = field(default_factory=dict)  # sent, by sha256

    def add(self, name: str, folder: Path) -> str:
        """Commit a folder's files; return the commit."""
        return self.commit(name, {path.name: path.read_bytes() for path in folder.iterdir()})

    def commit(self, name: str, files: dict[str, bytes]) -> str:
        """Put files beside those that a model has."""
        commits = self.models.setdefault(name, [])
        commits.append({**(commits[-1] if commits else {}), **files})
        return self.sha(name, len(commits) - 1)

    def sha(self, name: str, number: int) -> str:
        """Return the name of a commit."""
        return hashlib.sha1(f"{name} {number}".encode()).hexdigest()


@contextmanager
def running() -> Iterator[Hub]:
    """Serve a hub without models."""
    hub = Hub()

    class Handler(_Handler):
        pass

    Handler.hub = hub
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    hub.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"  # connections are kept, as a real server does
    hub: Hub

    def log_message(self, *_: Any) -> None:
        pass

    def do_HEAD(self) -> None:
        self._file(body=False)

    def do_GET(self) -> None:
        self._file(body=True)

    def do_PUT(self) -> None:
        data = self._read()
        self.hub.blobs[hashlib.sha256(data).hexdigest()] = data
        self._answer(200, b"")

    def do_POST(self) -> None:
        data = self._read()
        if self.headers.get("Authorization") != "Bearer hf_right":
            self._error(401, "", "Invalid username or password.")
        elif self.path == "/api/repos/create":
            self._create(json.loads(data))
        elif self.path == "/api/validate-yaml":
            self._json({"errors": [], "warnings": []})
        elif self.path.endswith("/info/lfs/objects/batch") and UPLOADS:
            self._objects(json.loads(data))
        elif match := _API.fullmatch(self.path):
            self._commit(match["name"], data) if match["what"] == "commit" else self._modes(json.loads(data))
        else:
            self._error(404, "", f"no {self.path}")

    def _create(self, asked: Any) -> None:
        name = "/".join(filter(None, (asked.get("organization"), asked["name"])))
        if name.startswith("others/"):
            self._error(403, "", "You don't have the rights to create a model under this namespace")
        elif name in self.hub.models:
            self._error(409, "", "You already created this model repo")
        else:
            self.hub.models[name], self.hub.private = [], asked.get("private") or asked.get("visibility") == "private"
            self._json({"url": f"{self.hub.address}/{name}"})

    def _modes(self, asked: Any) -> None:
        modes = {file["path"]: "lfs" if file["path"].endswith(".safetensors") else "regular" for file in asked["files"]}
        files = [{"path": path, "uploadMode": mode, "shouldIgnore": False} for path, mode in modes.items()]
        self._json({"files": files})

    def _objects(self, asked: Any) -> None:
        objects = [
            {**each, "actions": {"upload": {"href": f"{self.hub.address}/blobs/{each['oid']}"}}}
            for each in asked["objects"]
        ]
        self._json({"transfer": "basic", "objects": objects})

    def _commit(self, name: str, data: bytes) -> None:
        files = {}
        for line in data.splitlines():
            entry = json.loads(line)
            if entry["key"] == "file":
                files[entry["value"]["path"]] = base64.b64decode(entry["value"]["content"])
            elif entry["key"] == "lfsFile":
                files[entry["value"]["path"]] = self.hub.blobs[entry["value"]["oid"]]
        sha = self.hub.commit(name, files)
        self._json({"commitUrl": f"{self.hub.address}/{name}/commit/{sha}", "commitOid": sha})

    def _file(self, *, body: bool) -> None:
        self.hub.asked.append(f"{self.command} {self.path}")
        match = _RESOLVE.fullmatch(self.path)
        if match is None or match["name"] not in self.hub.models:
            return self._error(401, "RepoNotFound", "Invalid username or password.")
        name, revision = match["name"], match["revision"]
        if name in self.hub.gated:
            return self._error(401, "GatedRepo", f"Access to model {name} is restricted.")
        commits = self.hub.models[name]
        shas = [self.hub.sha(name, number) for number in range(len(commits))]
        if revision != "main" and revision not in shas:
            return self._error(404, "RevisionNotFound", f"Invalid rev id: {revision}")
        sha = shas[-1] if revision == "main" else revision
        data = commits[shas.index(sha)].get(match["file"])
        if data is None:
            return self._error(404, "EntryNotFound", "Entry not found", sha)
        return self._answer(200, data, sha, body=body)

    def _read(self) -> bytes:
        self.hub.asked.append(f"{self.command} {self.path}")
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def _json(self, value: Any) -> None:
        self._answer(200, json.dumps(value).encode())

    def _error(self, status: int, code: str, message: str, sha: str = "") -> None:
        self._answer(status, json.dumps({"error": message}).encode(), sha, code=code)

    def _answer(self, status: int, data: bytes, sha: str = "", *, body: bool = True, code: str = "") -> None:
        self.send_response(status)
        headers = {"Content-Length": str(len(data)), "X-Repo-Commit": sha, "X-Error-Code": code}
        headers["ETag"] = f'"{hashlib.sha256(data).hexdigest()}"'
        for name, value in headers.items():
            if value:
                self.send_header(name, value)
        self.end_headers()
        if body and self.command != "HEAD":
            self.wfile.write(data)
