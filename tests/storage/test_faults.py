"""What passes is got over; what does not is one line with the remedy, soon, and nothing is left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import obstore
import pytest
import requests

from ccnet_pipeline import storage
from ccnet_pipeline.errors import FetchError, UnreachableError, UserError
from ccnet_pipeline.fetch import FetchPolicy
from ccnet_pipeline.fetch.objects import ObjectSource
from ccnet_pipeline.storage import clients, leases, objects, webhdfs
from tests.fetch.server import Fault, FaultServer, scripted
from tests.moments import PATIENCE_S
from tests.s3_server import S3Server
from tests.storage.cutting_proxy import CuttingProxy
from tests.storage.webhdfs_server import WebHdfsServer

LARGE = os.urandom(1 << 20) * 11  # two parts of the least size that S3 takes, and a rest
BUCKET = "s3://bucket"
HASTY = clients.Timing(connect_s=60, read_s=60, attempts=3)


@pytest.fixture(autouse=True)
def _hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few attempts, with short waits; small parts."""
    for name in ("FOR_WORK", "FOR_A_LOOK"):
        monkeypatch.setattr(clients, name, HASTY)
    monkeypatch.setattr(objects, "_PART_BYTES", 5 << 20)


@pytest.mark.parametrize("kind", ["s3", "gs", "hdfs"])
def test_a_server_that_is_busy_for_a_moment(kind: str, place_of_kind: Callable[[str], str], request: Any) -> None:
    place = place_of_kind(kind)
    server = request.getfixturevalue({"s3": "s3_server", "gs": "gcs_server", "hdfs": "webhdfs"}[kind])

    def under_faults(work: Callable[[], object]) -> object:
        failures = iter([True, True])
        status = "503" if kind == "hdfs" else HTTPStatus.SERVICE_UNAVAILABLE
        server.fault = lambda _: status if next(failures, False) else None
        return work()

    try:
        under_faults(lambda: storage.write(f"{place}/a", b"text"))
        assert under_faults(lambda: storage.read(f"{place}/a")) == b"text"
        assert under_faults(lambda: storage.sizes(place)) == {"a": 4}
        assert under_faults(lambda: storage.read_range(f"{place}/a", 1, 2)) == b"ex"
        under_faults(lambda: storage.remove_file(f"{place}/a"))
    finally:
        server.fault = (lambda _: None) if kind == "hdfs" else None
    assert storage.sizes(place) == {}


def test_a_place_whose_first_answer_was_lost_can_be_written_to(s3: str, monkeypatch: pytest.MonkeyPatch) -> None:
    put = obstore.put

    def twice(*arguments: Any, **more: Any) -> Any:
        put(*arguments, **more)
        return put(*arguments, **more)

    monkeypatch.setattr(obstore, "put", twice)
    storage.check_place(s3, "--output")
    assert storage.sizes(s3) == {}


def test_a_server_that_stays_busy(s3: str, s3_server: S3Server) -> None:
    busy = s3_server.failing("PUT", HTTPStatus.SERVICE_UNAVAILABLE)
    with busy, pytest.raises(UnreachableError, match=r"/a: the store does not work at the moment \(503\); run the"):
        storage.write(f"{s3}/a", b"text")
    assert storage.sizes(s3) == {}


@pytest.mark.parametrize("data", [b"x" * 300_000, LARGE])
def test_an_upload_that_is_reset_is_made_again(
    s3: str, s3_server: S3Server, monkeypatch: pytest.MonkeyPatch, data: bytes
) -> None:
    with CuttingProxy(s3_server.environment["AWS_ENDPOINT_URL"], after_bytes=200_000, cuts=2) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.url)
        storage.write(f"{s3}/a", data)
        assert proxy.was_cut == 2
    clients.forget_clients()
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3_server.environment["AWS_ENDPOINT_URL"])
    assert storage.read(f"{s3}/a") == data


def test_a_large_upload_that_fails_leaves_nothing(s3: str, s3_server: S3Server) -> None:
    storage.write(f"{s3}/a", b"old")
    with s3_server.failing("partNumber=1", HTTPStatus.FORBIDDEN), pytest.raises(UserError, match="may not do that"):
        storage.write(f"{s3}/a", LARGE)
    assert storage.read(f"{s3}/a") == b"old"
    uploads = requests.get(f"{s3_server.environment['AWS_ENDPOINT_URL']}/bucket?uploads", timeout=60).text
    assert "<Upload>" not in uploads


@pytest.mark.parametrize("kind", ["reset", "hang_up", "stall"])
def test_a_download_that_breaks_off_goes_on(kind: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "bucket").mkdir()
    (tmp_path / "bucket/a").write_bytes(LARGE)
    if kind == "stall":  # the only one that takes its time
        monkeypatch.setattr(clients, "FOR_WORK", HASTY._replace(read_s=1.0))
    for read in (storage.read, lambda path: storage.open_for_reading(path).read()):
        clients.forget_clients()
        with FaultServer(tmp_path, scripted(Fault(kind, 0.3), Fault(kind, 0.5))) as server:
            monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
            assert read(f"{BUCKET}/a") == LARGE
            assert [request.method for request in server.log] == ["GET"] * 3


def test_a_file_that_changes_while_it_is_read_is_not_glued_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bucket").mkdir()
    (tmp_path / "bucket/a").write_bytes(LARGE)
    for read in (storage.read, lambda path: storage.open_for_reading(path).read()):
        clients.forget_clients()
        with FaultServer(tmp_path, scripted(Fault("reset", 0.3), Fault("changed"))) as server:
            monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
            with pytest.raises(FetchError, match=r"^s3://bucket/a: .*changed meanwhile"):
                read(f"{BUCKET}/a")


def test_hdfs_that_breaks_off_goes_on(place_of_kind: Callable[[str], str], webhdfs: WebHdfsServer) -> None:
    place = place_of_kind("hdfs")
    storage.write(f"{place}/a", LARGE)
    failures = iter([None, None, "reset", "reset"])  # the state, the redirection, and what it leads to
    webhdfs.fault = lambda operation: next(failures, None)
    with storage.open_for_reading(f"{place}/a") as file:
        assert file.read() == LARGE


def test_a_file_is_read_by_one_request_and_many_ranges_by_few(s3: str, s3_server: S3Server) -> None:
    storage.write(f"{s3}/a", LARGE)
    s3_server.counted()
    storage.read(f"{s3}/a")
    assert s3_server.counted() == {"GET": 1}
    with storage.open_for_reading(f"{s3}/a") as file:
        while file.read(50_000):
            pass
    assert s3_server.counted() == {"GET": 1}
    storage.read_many(f"{s3}/a", [(start, 1000) for start in range(0, 1 << 20, 50_000)] + [(5 << 20, 10)])
    assert s3_server.counted() == {"GET": 2}
    for name in range(30):
        storage.write(f"{s3}/many/{name}", b"")
    s3_server.counted()
    storage.remove_folder(f"{s3}/many")
    assert sum(s3_server.counted().values()) == 2


# --- what a user can mend


class _Answering(BaseHTTPRequestHandler):
    """Says the same to everybody."""

    protocol_version = "HTTP/1.1"
    status, code, more = 403, "AccessDenied", ""

    def log_message(self, *_: object) -> None:
        pass

    def _answer(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = f"<Error><Code>{self.code}</Code>{self.more}</Error>".encode()
        self.send_response(self.status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_PUT = do_HEAD = do_DELETE = do_POST = _answer  # noqa: N815 - names of the standard library


@pytest.fixture
def refusing() -> Any:
    """`refusing(403, "AccessDenied")`: the address of a server that says nothing else."""
    servers = []

    def start(status: int, code: str, more: str = "") -> str:
        handler = type("Handler", (_Answering,), {"status": status, "code": code, "more": more})
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        servers.append(server)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize(
    ("status", "code", "more", "message"),
    [
        (404, "NoSuchBucket", "", "there is no bucket bucket; make it, or mend its name"),
        (403, "AccessDenied", "", "these credentials may not do that (403 AccessDenied); give them the right, or"),
        (403, "InvalidAccessKeyId", "", "the credentials are not right (InvalidAccessKeyId); set AWS_ACCESS_KEY_ID"),
        (403, "SignatureDoesNotMatch", "", "the credentials are not right (SignatureDoesNotMatch); set AWS_ACCESS"),
        (400, "ExpiredToken", "", "the credentials have expired (ExpiredToken); get new ones"),
        (403, "RequestTimeTooSkewed", "", "the clock of this machine differs from the store's by too much"),
        (301, "PermanentRedirect", "", "the bucket is in another region; set AWS_REGION to its region"),
        (400, "AuthorizationHeaderMalformed", "<Region>eu-west-1</Region>", "is in another region (eu-west-1); set"),
        (503, "SlowDown", "", "the store does not work at the moment (503 SlowDown); run the same command again later"),
        (501, "NotImplemented", "", "the store does not do that (501 NotImplemented)"),
    ],
)  # fmt: skip
def test_what_a_store_refuses_is_one_line_with_the_remedy(
    refusing: Any, monkeypatch: pytest.MonkeyPatch, status: int, code: str, more: str, message: str
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", refusing(status, code, more))
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key-id")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s3cr3t")
    for ask in (
        lambda: storage.check_place(f"{BUCKET}/out", "--output"),
        lambda: storage.write(f"{BUCKET}/out/a", b"x"),
        lambda: storage.sizes(f"{BUCKET}/out"),
    ):
        with pytest.raises((FetchError, UserError)) as caught:
            ask()
        assert message in str(caught.value)
        assert "s3://bucket/out" in str(caught.value)
        for secret in ("\n", "s3cr3t", "key-id", "127.0.0.1", "Error"):
            assert secret not in str(caught.value)


def test_who_has_no_credentials_is_told_what_to_set(refusing: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", refusing(403, "AccessDenied"))
    monkeypatch.setenv("AZURE_STORAGE_ENDPOINT", refusing(403, "AuthenticationFailed"))
    monkeypatch.setenv("AZURE_SKIP_SIGNATURE", "true")
    for place, message in (
        ("s3://bucket/out", "refused (403 AccessDenied), and no credentials were found: set AWS_ACCESS_KEY_ID and AWS"),
        ("gs://bucket/out", "gs://bucket/out: no credentials were found: `gcloud auth application-default login`, or"),
        ("abfss://c@account.dfs.core.windows.net/out", "the credentials are not right (AuthenticationFailed); `az log"),
        ("az://c/out", "no account is named; write abfss://container@account.dfs.core.windows.net/path, or set AZURE"),
    ):
        with pytest.raises(UserError, match=r"^--output ") as caught:
            storage.check_place(place, "--output")
        assert message in str(caught.value)


@pytest.mark.parametrize("place", ["s3://bucket/out", "hdfs://namenode/out"])
def test_a_server_that_is_not_there_is_named(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhdfs, "_RETRIES", 0)
    monkeypatch.setattr(webhdfs, "_local", threading.local())
    for name in ("AWS_ENDPOINT_URL", "CC100_WEBHDFS"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    with pytest.raises(UserError, match=r"^--output \S+/out\S*: .* cannot be reached; .*(AWS_ENDPOINT|CC100_WEBHDFS)"):
        storage.check_place(place, "--output")


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("s3://", r"s3://: write s3://bucket/key"),
        ("s3://bucket/a//b", r"an object's name has no empty part"),
        ("s3://bucket/../b", r"an object's name has no empty part"),
        ("https://user:s3cr3t@host/a?sig=s3cr3t", r"https://host/a\?\.\.\.: web servers are read only; write to"),
        ("ftp://host/a", r"not from ftp://"),
    ],
)
def test_a_path_that_nothing_can_be_written_to(path: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        storage.write(path, b"x")
    with pytest.raises(UserError, match=message):
        storage.check_place(path, "--output")


# --- Ctrl-C


@pytest.mark.parametrize(
    "ask",
    [
        lambda place: storage.write(f"{place}/b", b"text"),
        lambda place: storage.read(f"{place}/a"),
        lambda place: storage.read_range(f"{place}/a", 1, 2),
        lambda place: storage.open_for_reading(f"{place}/a"),
        lambda place: storage.size(f"{place}/a"),
        storage.sizes,
        storage.names,
        lambda place: storage.remove_file(f"{place}/a"),
        lambda place: storage.check_place(place, "--output"),
        lambda place: storage.locked(place).__enter__(),
        lambda place: ObjectSource(f"{place}/a", FetchPolicy()).open_range(0, None),
    ],
)
def test_an_interrupt_is_heard_while_the_store_does_not_answer(
    ask: Callable[[str], object], s3: str, s3_server: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases, "TIDYING_S", 0.01)
    storage.write(f"{s3}/a", b"text")
    come, answered = threading.Event(), threading.Event()
    main = threading.main_thread().ident or 0

    def hold(_: str) -> HTTPStatus:
        if not come.is_set():
            come.set()
            signal.pthread_kill(main, signal.SIGINT)
        over.wait(PATIENCE_S)
        answered.set()
        return HTTPStatus.SERVICE_UNAVAILABLE

    over = threading.Event()
    s3_server.fault = hold
    try:
        with pytest.raises(KeyboardInterrupt):
            ask(s3)
        assert not answered.is_set()
    finally:
        s3_server.fault = None
        over.set()


# In a process of its own, for the tests have threads.
FORK = """
import os, sys
from ccnet_pipeline import storage
storage.write(sys.argv[1], b"x")
assert storage.has_threads()
child = os.fork()
if child == 0:
    try:
        storage.read(sys.argv[1])
    except RuntimeError as error:
        os._exit("start it as a new one" not in str(error))
    os._exit(2)
assert os.waitpid(child, 0)[1] == 0
assert storage.read(sys.argv[1]) == b"x"
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_forked_process_is_told_and_does_not_hang(s3: str) -> None:
    subprocess.run([sys.executable, "-c", FORK, f"{s3}/a"], check=True, timeout=PATIENCE_S)
