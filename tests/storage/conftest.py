"""Places for files: one server of each kind a session, and an empty folder in it for each test."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests

from tests.s3_server import S3Server
from tests.storage.azurite import Azurite
from tests.storage.gcs_server import GcsServer
from tests.storage.webhdfs_server import WebHdfsServer

KINDS = ("local", "s3", "gs", "az", "hdfs")
BUCKET = "bucket"


@pytest.fixture(scope="session")
def s3_server() -> Iterator[S3Server]:
    server = S3Server()
    requests.put(f"{server.environment['AWS_ENDPOINT_URL']}/{BUCKET}", timeout=60).raise_for_status()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def gcs_server() -> Iterator[GcsServer]:
    server = GcsServer()
    requests.put(f"{server.environment['AWS_ENDPOINT_URL']}/google", timeout=60).raise_for_status()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def azurite() -> Iterator[Azurite]:
    server = Azurite()
    server.make_container(BUCKET)
    yield server
    server.stop()


@pytest.fixture(scope="session")
def webhdfs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebHdfsServer]:
    server = WebHdfsServer(tmp_path_factory.mktemp("hdfs"))
    yield server
    server.stop()


@pytest.fixture
def place_of_kind(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str], str]:
    """`place_of_kind("s3")`: an empty folder there; the environment says how to reach it."""

    def make(kind: str) -> str:
        folder = uuid.uuid4().hex
        if kind == "s3":
            for name, value in request.getfixturevalue("s3_server").environment.items():
                monkeypatch.setenv(name, value)
            return f"s3://{BUCKET}/{folder}"
        if kind == "gs":
            address = request.getfixturevalue("gcs_server").environment["AWS_ENDPOINT_URL"]
            monkeypatch.setenv("STORAGE_EMULATOR_HOST", address)
            return f"gs://google/{folder}"
        if kind == "az":
            monkeypatch.setenv("AZURE_STORAGE_USE_EMULATOR", "true")
            monkeypatch.setenv("AZURITE_BLOB_STORAGE_URL", request.getfixturevalue("azurite").url)
            return f"az://{BUCKET}/{folder}"
        if kind == "hdfs":
            monkeypatch.setenv("CC100_WEBHDFS", f"http://127.0.0.1:{request.getfixturevalue('webhdfs').port}")
            return f"hdfs://namenode/{folder}"
        return str(tmp_path / folder)

    return make


@pytest.fixture(params=KINDS)
def place(request: pytest.FixtureRequest, place_of_kind: Callable[[str], str]) -> str:
    """An empty folder, of each kind."""
    return place_of_kind(request.param)


@pytest.fixture(params=KINDS[1:])
def remote(request: pytest.FixtureRequest, place_of_kind: Callable[[str], str]) -> str:
    """An empty folder on another machine, of each kind."""
    return place_of_kind(request.param)


@pytest.fixture
def s3(place_of_kind: Callable[[str], str]) -> str:
    """An empty folder on the S3 server."""
    return place_of_kind("s3")
