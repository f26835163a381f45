"""Azure's blobs on this machine: Azurite, of Microsoft, which runs on node."""

from __future__ import annotations

import base64
import datetime
import hashlib
import hmac
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import requests

from tests.moments import wait_for

ACCOUNT = "devstoreaccount1"
# The one that Azurite documents: it is no secret.
_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
_VERSION = "2021-08-06"


class Azurite:
    """A running server. Skips the test where there is none to run."""

    def __init__(self) -> None:
        beside = Path(sys.executable).parent.parent / "node_modules" / ".bin" / "azurite-blob"
        program = str(beside) if beside.exists() else shutil.which("azurite-blob")
        if program is None or shutil.which("node") is None:
            pytest.skip("no Azurite: npm install --prefix .venv azurite")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        options = ["--inMemoryPersistence", "--skipApiVersionCheck", "--silent", "--disableTelemetry"]
        self._process = subprocess.Popen(
            [program, *options, "--blobHost", "127.0.0.1", "--blobPort", str(port)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "NO_UPDATE_NOTIFIER": "1"},
        )
        wait_for(self._answers, "Azurite")

    def _answers(self) -> bool:
        assert self._process.poll() is None, "Azurite does not start"
        try:
            requests.get(self.url, timeout=10)
        except requests.ConnectionError:
            return False
        return True

    def make_container(self, name: str) -> None:
        """Make a container: signed as Azure documents it, for that takes no client."""
        date = datetime.datetime.now(datetime.timezone.utc).strftime("%a, %d %b %Y %H:%M:%S GMT")
        resource = f"/{ACCOUNT}/{ACCOUNT}/{name}\nrestype:container"
        signed = "PUT" + "\n" * 12 + f"x-ms-date:{date}\nx-ms-version:{_VERSION}\n{resource}"
        digest = hmac.new(base64.b64decode(_KEY), signed.encode(), hashlib.sha256).digest()
        headers = {
            "Authorization": f"SharedKey {ACCOUNT}:{base64.b64encode(digest).decode()}",
            "x-ms-date": date,
            "x-ms-version": _VERSION,
        }
        requests.put(
            f"{self.url}/{ACCOUNT}/{name}?restype=container", headers=headers, timeout=60
        ).raise_for_status()  # fmt: skip

    def stop(self) -> None:
        """End it."""
        self._process.terminate()
        self._process.wait()
