"""HDFS as a source of archives: what is its own; the rest is test_faults.py's."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from ccnet_pipeline.errors import FetchError
from ccnet_pipeline.fetch import open_archive, size_of
from ccnet_pipeline.storage import webhdfs
from tests.fetch.reading import FAST, noise, put, read_all
from tests.storage.webhdfs_server import WebHdfsServer

A = "hdfs://namenode:8020/crawl/a [1].gz"


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[WebHdfsServer]:
    server = WebHdfsServer(tmp_path)
    monkeypatch.setenv("CC100_WEBHDFS", f"http://127.0.0.1:{server.port}")
    yield server
    server.stop()


def test_a_file_is_read_from_any_place(cluster: WebHdfsServer) -> None:
    content = put(cluster.folder, "crawl/a [1].gz", noise(200_000))
    put(cluster.folder, "crawl/empty", b"")
    assert read_all(A) == content
    assert read_all(A, start=150_000) == content[150_000:]
    assert read_all(A, start=200_000) == b""
    assert size_of(A, FAST) == 200_000
    assert read_all("hdfs://namenode/crawl/empty") == b""


def test_an_answer_that_breaks_off_is_gone_on_with(cluster: WebHdfsServer) -> None:
    content = put(cluster.folder, "crawl/a [1].gz", noise(200_000))
    failures = iter([None, None, "reset", None, None, "reset"])  # the state, the redirection, and what it leads to
    cluster.fault = lambda operation: next(failures, None)
    assert read_all(A) == content


def test_a_file_that_changes_is_not_glued_together(cluster: WebHdfsServer) -> None:
    put(cluster.folder, "crawl/a [1].gz", noise(3 << 20, 1))
    with open_archive(A, FAST) as stream:
        assert stream.read(100)
        put(cluster.folder, "crawl/a [1].gz", noise(3 << 20, 2))
        os.utime(cluster.folder / "crawl/a [1].gz", (1, 1))
        stream.close()  # type: ignore[attr-defined]
        with pytest.raises(FetchError, match="changed while it was read"):
            stream.read(100)


def test_what_cannot_be_had_is_one_line(cluster: WebHdfsServer, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(FetchError, match=r"^hdfs://namenode/none: there is no such file$"):
        read_all("hdfs://namenode/none")
    cluster.fault = lambda operation: "AccessControlException"
    with pytest.raises(FetchError, match=r"^hdfs://namenode/none: no permission; set HADOOP_USER_NAME, or choose"):
        read_all("hdfs://namenode/none")
    monkeypatch.setattr(webhdfs, "_RETRIES", 0)
    monkeypatch.setattr(webhdfs, "_local", threading.local())  # or later tests would have its session
    monkeypatch.setenv("CC100_WEBHDFS", "http://127.0.0.1:1")
    with pytest.raises(FetchError, match=r"^hdfs://namenode/none: WebHDFS cannot be reached \(2 attempts\)$"):
        read_all("hdfs://namenode/none", replace(FAST, attempts=2))
