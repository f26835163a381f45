"""Object stores: what is theirs; the rest is test_faults.py's."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

from ccnet_pipeline.errors import FetchError, UserError
from ccnet_pipeline.fetch import open_archive, read_small, size_of
from ccnet_pipeline.storage import clients
from tests.fetch.reading import FAST, noise, put, read_all
from tests.fetch.server import QUICK, Fault, FaultServer, Kind, random_faults, scripted
from tests.moments import PATIENCE_S

TWICE = replace(FAST, attempts=2)
# What a server of HTTP may get wrong and one of S3 has no way to.
KINDS = tuple(kind for kind in QUICK if kind not in ("forbidden", "html_page", "xml_page", "bad_chunk"))


@pytest.fixture(scope="module")
def moto() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def store(moto: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A client of S3 with an empty bucket `crawl` that everybody may read; the code under test is anonymous."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", moto)
    client = boto3.client("s3", region_name="us-east-1", aws_access_key_id="owner", aws_secret_access_key="secret")
    client.create_bucket(Bucket="crawl", ACL="public-read")
    yield client
    for found in client.list_objects_v2(Bucket="crawl").get("Contents", []):
        client.delete_object(Bucket="crawl", Key=found["Key"])
    client.delete_bucket(Bucket="crawl")


@pytest.mark.parametrize("key", ["a", "x/y z.gz", "q?x=1#\u00fc+%20", "~", "[1]*"])
def test_s3(store: Any, key: str) -> None:
    content = noise(200_000)
    store.put_object(Bucket="crawl", Key=key, ACL="public-read", Body=content)
    path = f"s3://crawl/{key}"
    assert read_all(path) == content
    assert read_all(path, start=150_000) == content[150_000:]
    assert read_all(path, start=200_000) == b""
    assert read_small(path, FAST, max_bytes=200_000) == content
    assert size_of(path, FAST) == 200_000


def test_s3_empty_object(store: Any) -> None:
    store.put_object(Bucket="crawl", Key="a", ACL="public-read", Body=b"")
    assert size_of("s3://crawl/a", FAST) == 0
    assert read_all("s3://crawl/a") == b""


def test_s3_refusals(store: Any) -> None:
    for path, message in (
        ("s3://crawl/none", r"^s3://crawl/none: 404 NoSuchKey: there is no such object$"),
        ("s3://no-bucket/a", r"^s3://no-bucket/a: 404 NoSuchBucket: there is no bucket no-bucket$"),
    ):
        with pytest.raises(FetchError, match=message):
            read_all(path)
    with pytest.raises(FetchError, match=r"^s3://crawl/none: 404: there is no such object$"):
        size_of("s3://crawl/none", FAST)
    with pytest.raises(UserError, match="s3://bucket/key"):
        open_archive("s3://crawl", FAST)


def test_s3_object_that_changed(store: Any) -> None:
    store.put_object(Bucket="crawl", Key="a", ACL="public-read", Body=noise(3 << 20, 1))
    with open_archive("s3://crawl/a", FAST) as stream:
        assert stream.read(100)
        store.put_object(Bucket="crawl", Key="a", ACL="public-read", Body=noise(3 << 20, 2))
        stream.close()  # type: ignore[attr-defined]
        with pytest.raises(FetchError, match="s3://crawl/a: changed while it was read"):
            stream.read(100)


def test_s3_anonymous_and_signed(bucket: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(bucket, "crawl/a", b"x")
    with FaultServer(bucket) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", server.url.rstrip("/"))
        assert read_all("s3://crawl/a") == b"x"
        assert "authorization" not in server.log[-1].headers
        clients.forget_clients()
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key-id")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s3cr3t")
        assert read_all("s3://crawl/a") == b"x"
        signature = server.log[-1].headers["authorization"]
    assert "key-id" in signature
    assert "/us-east-1/s3/" in signature


@pytest.mark.parametrize(
    ("path", "signed", "message"),
    [
        ("s3://commoncrawl/a", False, "s3://commoncrawl wants AWS credentials; https://data.commoncrawl.org/ needs"),
        ("s3://other/a", False, "not public, and no credentials were found (S3 also says this of an object"),
        ("s3://other/a", True, "these credentials may not read it (S3 also says this of an object"),
    ],
)  # fmt: skip
def test_s3_forbidden(bucket: Path, monkeypatch: pytest.MonkeyPatch, path: str, signed: bool, message: str) -> None:
    put(bucket, path[5:], b"x")
    if signed:
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key-id")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s3cr3t")
    with FaultServer(bucket, scripted(then=Fault("forbidden"))) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", server.url)
        with pytest.raises(FetchError) as caught:
            read_all(path)
        assert len(server.log) == 1
    assert str(caught.value).startswith(f"{path}: 403 AccessDenied: {message}")


@pytest.mark.parametrize("kind", KINDS)
def test_s3_under_faults(bucket: Path, monkeypatch: pytest.MonkeyPatch, kind: Kind) -> None:
    content = put(bucket, "crawl/a", noise(300_000))
    with FaultServer(bucket, scripted(Fault("hang_up", 0.3), Fault(kind, 0.5), Fault(kind, 0.5))) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", server.url)
        assert read_all("s3://crawl/a") == content
        assert len(server.log) <= 6
        assert server.log[1].headers["if-match"].startswith('"')


def test_s3_gives_up(bucket: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(bucket, "crawl/a", noise(1000))
    for kind, reason in (
        ("slow_down", "503 SlowDown"),
        ("error", "500"),
        ("hang_up", "the body broke off"),
        ("html_page", "200 in place of 206: not the part that was asked for, or a page of a proxy"),
    ):
        with FaultServer(bucket, scripted(then=Fault(kind, 0.0))) as server:  # type: ignore[arg-type]
            clients.forget_clients()
            monkeypatch.setenv("AWS_ENDPOINT_URL_S3", server.url)
            with pytest.raises(FetchError) as caught:
                read_all("s3://crawl/a", TWICE)
            assert str(caught.value) == f"s3://crawl/a: {reason} (2 attempts)"
            assert len(server.log) == 2
    with pytest.raises(FetchError, match=r"s3://crawl/a: .*\(2 attempts\)"):
        read_all("s3://crawl/a", TWICE)


def test_gcs(bucket: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = put(bucket, "crawl/x y/a?b#c", noise(200_000))
    with FaultServer(bucket, random_faults(2, 0.5, ["reset", "unavailable", "part"])) as server:
        monkeypatch.setenv("GOOGLE_BASE_URL", server.url)
        assert read_all("gs://crawl/x y/a?b#c") == content
        assert size_of("gs://crawl/x y/a?b#c", FAST) == 200_000
        headers = server.log[0].headers
        assert headers["accept-encoding"] == "gzip"
        assert "authorization" not in headers
        with pytest.raises(FetchError, match=r"^gs://crawl/none: 404 NoSuchKey: there is no such object$"):
            read_all("gs://crawl/none")


def test_gcs_forbidden_is_not_tried_again(bucket: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(bucket, "crawl/a", b"x")
    with FaultServer(bucket, scripted(then=Fault("forbidden"))) as server:
        monkeypatch.setenv("GOOGLE_BASE_URL", server.url)
        with pytest.raises(FetchError, match=r"^gs://crawl/a: 403 AccessDenied: not public, and no credentials were"):
            read_all("gs://crawl/a")
        assert len(server.log) == 1


def test_gcs_asks_with_the_token_of_google_auth(bucket: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(bucket, "crawl/a", b"x")
    (tmp_path / "adc.json").write_text('{"type": "external_account"}')
    credentials = SimpleNamespace(token="t0ken", expiry=None, refresh=lambda request: None)
    monkeypatch.setattr("google.auth.default", lambda scopes: (credentials, "project"))
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "adc.json"))
    with FaultServer(bucket) as server:
        monkeypatch.setenv("GOOGLE_BASE_URL", server.url)
        assert read_all("gs://crawl/a") == b"x"
        assert server.log[0].headers["authorization"] == "Bearer t0ken"


def test_azure(bucket: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = put(bucket, "account/crawl/x y", noise(200_000))
    with FaultServer(bucket, random_faults(2, 0.5, ["reset", "unavailable", "part"])) as server:
        monkeypatch.setenv("AZURE_STORAGE_ENDPOINT", f"{server.url}account")
        monkeypatch.setenv("AZURE_SKIP_SIGNATURE", "true")
        for path in ("az://crawl/x y", "abfss://crawl@account.dfs.core.windows.net/x y"):
            monkeypatch.setenv("AZURE_STORAGE_ACCOUNT", "account")
            assert read_all(path) == content
            assert size_of(path, FAST) == 200_000


# Reads a file, in a forked process too, and once more. In a process of its own, for the tests have threads.
FORK = """
import os, sys
from ccnet_pipeline.fetch import FetchPolicy, read_small
def read():
    return read_small(sys.argv[1], FetchPolicy(), max_bytes=100_000)
content = read()
child = os.fork()
if child == 0:
    os._exit(read() != content)
assert os.waitpid(child, 0)[1] == 0
assert read() == content
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_forked_process_has_connections_of_its_own(bucket: Path) -> None:
    put(bucket, "a", noise(100_000))
    with FaultServer(bucket) as server:
        subprocess.run([sys.executable, "-c", FORK, server.url + "a"], check=True, timeout=PATIENCE_S)
        before, of_child, after = (request.client for request in server.log)
    assert before == after != of_child


def test_s3_that_gives_a_byte_now_and_then(
    bucket: Path, hasty: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    put(bucket, "crawl/a", noise(100_000))
    hasty()
    with FaultServer(bucket, scripted(then=Fault("drip", 0.0))) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", server.url)
        with pytest.raises(FetchError, match=r"too slow: \d+ bytes in 90 s \(2 attempts\)"):
            read_all("s3://crawl/a", TWICE)
