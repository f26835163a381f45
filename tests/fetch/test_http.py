"""What an HTTP server may say, what a message says of it, and what nobody gets to see."""

from __future__ import annotations

import datetime
import ipaddress
import logging
import pickle
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from ccnet_pipeline.errors import FetchError, UserError
from ccnet_pipeline.fetch import FetchPolicy, is_remote, open_archive, read_small, size_of
from ccnet_pipeline.fetch.error_page import excerpt, is_page
from ccnet_pipeline.fetch.ranges import content_length, content_range
from ccnet_pipeline.fetch.retry import retry_after_s
from ccnet_pipeline.storage.paths import is_local, local_path, shown
from tests.fetch.reading import FAST, noise, put, read_all
from tests.fetch.server import Fault, FaultServer, scripted

TWICE = replace(FAST, attempts=2)


@contextmanager
def answering(*answers: bytes, tls: ssl.SSLContext | None = None) -> Iterator[tuple[str, list[bytes]]]:
    """A server that gives the n-th connection the n-th answer, later ones the last, and notes what it was sent."""
    received: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def run() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                try:
                    with tls.wrap_socket(connection, server_side=True) if tls else connection as stream:
                        request = b""
                        while b"\r\n\r\n" not in request and (data := stream.recv(65536)):
                            request += data
                        received.append(request)
                        stream.sendall(answers[min(len(received), len(answers)) - 1])
                except OSError:
                    continue

        threading.Thread(target=run, daemon=True).start()
        yield f"http{'s' if tls else ''}://127.0.0.1:{listener.getsockname()[1]}/", received
        listener.shutdown(socket.SHUT_RDWR)


def reply(status: str, body: bytes, *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "Connection: close", "", ""]
    return "\r\n".join(lines).encode() + body


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (reply("400 Bad Request", b"no\nsuch  thing"), "400 Bad Request (no such thing)"),
        (reply("401 Unauthorized", b""), "401 Unauthorized"),
        (reply("404 Not Found", b"<Error><Code>NoSuchKey</Code></Error>"), "404 Not Found (NoSuchKey)"),
        (reply("403 Forbidden", b"<Error><Code>NoSuchBucket</Code></Error>"), "403 Forbidden (NoSuchBucket)"),
        (reply("405 No", b""), "405 Method Not Allowed"),
        (reply("410 Gone", b""), "410 Gone"),
        (reply("451 Law", b"\xff\x00" + b"x" * 200), f"{451} Unavailable For Legal Reasons (\ufffd\ufffd{'x' * 78})"),
        (reply("399 What", b""), "399"),
        (reply("302 Found", b"", "Location: /again"), "redirected without end"),
        (reply("302 Found", b"", "Location: ftp://x/"), "not a URL that can be asked for"),
    ],
)  # fmt: skip
def test_refusals_that_last(answer: bytes, message: str) -> None:
    with answering(answer) as (url, received):
        with pytest.raises(FetchError) as caught:
            read_all(url + "a")
        assert str(caught.value) == f"{url}a: {message}"
        assert len(received) == (31 if "redirected" in message else 1)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (reply("503 Slow Down", b"<Code>SlowDown</Code>"), "503 Service Unavailable (SlowDown)"),
        (reply("403 Forbidden", b"<html>\n<b>Go away"), "403 Forbidden (Go away)"),
        (reply("429 No", b""), "429 Too Many Requests"),
        (reply("599 No", b""), "599"),
        (reply("204 No Content", b""), "204 No Content"),
        (reply("200 OK", b"\xef\xbb\xbf\n <h1>Log in"), "200 OK, but a page instead of the file: 'Log in'"),
        (reply("200 OK", b"Hello", "Content-Type: Text/HTML"), "200 OK, but a page instead of the file: 'Hello'"),
        (reply("206 Part", b"abc"), "206 without a Content-Range that can be read"),
        (reply("206 Part", b"abc", "Content-Range: bytes 5-7/9"), "gave bytes from 5 on, asked for those from 0 on"),
        (reply("416 No", b""), "416, but there must be bytes from 0 on"),
        (reply("416 No", b"", "Content-Range: bytes */9"), "416, but there must be bytes from 0 on"),
        (reply("416 No", b"<ActualObjectSize>9</ActualObjectSize>"), "416, but there must be bytes from 0 on"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef", "InvalidHeader"),
        (b"SSH-2.0-OpenSSH_9.6\r\n", "BadStatusLine"),
        (b"", "RemoteDisconnected"),
        (b"HTTP/1.0 200 OK\r\n\r\n", "no bytes, and no length that says there are none"),
        (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n", "HTTPException"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffff\r\n", "the body broke off"),
    ],
)  # fmt: skip
def test_refusals_that_may_pass(answer: bytes, message: str) -> None:
    with answering(answer) as (url, received):
        with pytest.raises(FetchError) as caught:
            read_all(url + "a", TWICE)
        assert str(caught.value) == f"{url}a: {message} (2 attempts)"
        assert len(received) == 2


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port that nobody listens on: it is taken, so that nobody can begin to."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield int(taken.getsockname()[1])


def test_nobody_listens(closed_port: int) -> None:
    with pytest.raises(FetchError, match=r"/a: Connection refused \(2 attempts\)$"):
        read_all(f"http://127.0.0.1:{closed_port}/a", TWICE)


def test_no_such_host(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(FetchError, match=r"^http://nowhere.invalid/a: no such host, or no name server \(1 attempt\)$"):
        read_all("http://nowhere.invalid/a", FetchPolicy(attempts=1, request_interval_s=0))


@pytest.mark.parametrize("url", ["http:///a", "http://[::1/a", "http://host:port/a", "http://" + "x" * 70 + ".y/a"])
def test_not_a_url(url: str) -> None:
    with pytest.raises(FetchError):
        read_all(url, replace(TWICE, request_interval_s=0))


def part(first: int, last: int, total: int, body: bytes) -> bytes:
    return reply("206 Partial Content", body, f"Content-Range: bytes {first}-{last}/{total}")


def test_bytes_behind_the_stated_range_are_not_taken() -> None:
    with answering(part(0, 2, 6, b"abcXXX"), part(3, 5, 6, b"defYYY")) as (url, received):
        assert read_all(url + "a") == b"abcdef"
        assert len(received) == 2


def test_nothing_more_is_not_the_end_where_the_length_is_known() -> None:
    with answering(part(0, 5, 6, b"abc"), part(3, 5, 6, b"")) as (url, received):
        with pytest.raises(FetchError, match=r"the body ended at byte 3 of 6 \(2 attempts\)$"):
            read_all(url + "a", TWICE)
        # That the first body ended is the first failure.
        assert len(received) == 2


def test_the_same_length_is_the_end_without_reading_all_again() -> None:
    content = noise(9000)
    broken = reply("200 OK", content)[:-5000]
    with answering(reply("200 OK", content), broken) as (url, received):
        assert read_all(url + "a") == content
        assert len(received) == 2


@pytest.mark.parametrize("weak", [False, True])
def test_resumed_on_a_condition(bucket: Path, weak: bool) -> None:
    content = put(bucket, "a", noise(100_000))
    with FaultServer(bucket, scripted(Fault("hang_up")), weak=weak) as server:
        assert read_all(server.url + "a") == content
        conditions = [request.headers.get("if-range", "") for request in server.log]
    assert conditions[0] == ""
    assert conditions[1].endswith("GMT" if weak else '"')


def test_content_coding_stays_on() -> None:
    with answering(reply("200 OK", b"\x1f\x8b not gzip at all", "Content-Encoding: gzip", "Content-Type: x/y")) as (
        url,
        _,
    ):
        assert read_all(url + "a") == b"\x1f\x8b not gzip at all"


@pytest.mark.parametrize(
    "answer",
    [
        reply("416 No", b"<Error><Code>InvalidRange</Code><ActualObjectSize>0</ActualObjectSize></Error>"),
        reply("416 No", b"", "Content-Range: bytes */0"),
        reply("200 OK", b""),
    ],
)
def test_empty_files(answer: bytes) -> None:
    with answering(answer) as (url, _):
        assert read_all(url + "a") == b""
        assert size_of(url + "a", FAST) == 0


def test_redirect_keeps_the_range(bucket: Path) -> None:
    content = put(bucket, "a", noise(1000))
    with FaultServer(bucket) as server:
        with answering(reply("302 Found", b"", f"Location: {server.url}a")) as (url, _):
            assert read_all(url + "x", start=500) == content[500:]
            assert size_of(url + "x", FAST) == 1000
        assert [request.start for request in server.log] == [500, 0]


def test_certificate_that_cannot_be_verified(tmp_path: Path) -> None:
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "x")])
    today = datetime.datetime.now(datetime.timezone.utc)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), 1, today, today + datetime.timedelta(1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (tmp_path / "pem").write_bytes(private + certificate.public_bytes(pem))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "pem")
    with answering(b"", tls=context) as (url, received):
        with pytest.raises(FetchError, match=r"/a: the server's certificate cannot be verified$"):
            read_all(url + "a")
        assert received == []


SECRETS = ("pass", "s3cr3t", "t0ken")


@pytest.mark.parametrize("kind", ["missing", "unavailable", "hang_up", "html_page", None])
def test_secrets_are_sent_and_never_shown(
    bucket: Path, caplog: pytest.LogCaptureFixture, kind: str | None, tmp_path: Path
) -> None:
    content = put(bucket, "a", noise(1000))
    plan = scripted(then=Fault(kind, 0.0) if kind else None)  # type: ignore[arg-type]
    with FaultServer(bucket, plan) as server, caplog.at_level(logging.INFO):
        url = server.url.replace("//", "//user:pass@") + "a?X-Amz-Signature=s3cr3t&sig=t0ken#pass"
        shown_texts = []
        for policy in (TWICE, replace(TWICE, cache=str(tmp_path / "cache"))):
            try:
                assert read_all(url, policy) == content
            except FetchError as error:
                shown_texts.append(str(error))
            else:
                assert kind is None
        assert server.log[0].headers["authorization"].startswith("Basic ")
    # What urllib3 logs at DEBUG is not shown by anything here, nor is it ours.
    shown_texts += [r.getMessage() for r in caplog.records if r.name.startswith("ccnet_pipeline")]
    shown_texts += [str(path) for path in tmp_path.rglob("*")]
    shown_texts += [path.read_text() for path in (tmp_path / "cache").rglob("*.json")]
    assert shown_texts
    assert not [text for text in shown_texts if any(secret in text for secret in SECRETS)]
    assert not [text for text in shown_texts if "\n" in text.strip()]


def test_nothing_listens_and_no_secret_is_shown(closed_port: int) -> None:
    with pytest.raises(FetchError) as caught:
        read_all(f"http://user:pass@127.0.0.1:{closed_port}/a?token=s3cr3t", TWICE)
    assert str(caught.value) == f"http://127.0.0.1:{closed_port}/a?...: Connection refused (2 attempts)"


def test_netrc(bucket: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(bucket, "a", b"x")
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password it\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    with FaultServer(bucket) as server:
        read_all(server.url + "a")
        assert server.log[0].headers["authorization"] == "Basic bWU6aXQ="


def test_proxy(bucket: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = put(bucket, "a", noise(1000))
    with FaultServer(bucket) as server:
        monkeypatch.setenv("http_proxy", server.url)
        assert read_all("http://somewhere.test/a", replace(FAST, request_interval_s=0)) == content
        assert server.log[0].headers["host"] == "somewhere.test"


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None), ("", None), ("0", 0), (" 7 ", 7), ("9" * 5000, 999_999_999), ("-1", None), ("1.5", None),
        ("soon", None), ("\u0663", None), ("Tue, 24 Nov 2026 00:00:30 GMT", 30), ("Mon, 23 Nov 2026 00:00:00 GMT", 0),
        ("Tuesday, 24-Nov-26 00:00:30 GMT", 30), ("Tue Nov 24 00:00:30 2026", 30),
        ("Tue, 99 Nov 2026 00:00:30 GMT", None),
    ],
)  # fmt: skip
def test_retry_after(value: str | None, seconds: float | None) -> None:
    assert retry_after_s(value, datetime.datetime(2026, 11, 24, tzinfo=datetime.timezone.utc)) == seconds


@pytest.mark.parametrize("asked", ["1", "3600", "Tue, 24 Nov 2099 00:00:00 GMT"])
def test_retry_after_is_kept_up_to_the_longest_wait(bucket: Path, monkeypatch: pytest.MonkeyPatch, asked: str) -> None:
    put(bucket, "a", b"x")
    waits: list[float] = []
    monkeypatch.setattr("tenacity.nap.time", SimpleNamespace(sleep=waits.append))
    with FaultServer(bucket, scripted(Fault("unavailable", retry_after=asked))) as server:
        read_all(server.url + "a", FetchPolicy(max_wait_s=5))
    assert waits == [min(float(asked), 5) if asked.isdigit() else 5]


def test_waits_are_random_below_a_bound_that_doubles(bucket: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(bucket, "a", b"x")
    waits: list[float] = []
    monkeypatch.setattr("tenacity.nap.time", SimpleNamespace(sleep=waits.append))
    with FaultServer(bucket, scripted(then=Fault("error"))) as server, pytest.raises(FetchError):
        read_all(server.url + "a", FetchPolicy(max_wait_s=10))
    assert len(waits) == 7
    assert all(0 <= wait <= bound for wait, bound in zip(waits, (1, 2, 4, 8, 10, 10, 10), strict=True))
    assert len(set(waits)) == 7


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("http://u:p@h:80/a/b?x=1#f", "http://h:80/a/b?..."),
        ("https://h", "https://h"),
        ("https://a@b@h/c@d", "https://h/c@d"),
        ("s3://bucket/a?b", "s3://bucket/a?b"),
        ("/local/a?b", "/local/a?b"),
        ("http://h/a\nb\x1b[31m", "http://h/a\ufffdb\ufffd[31m"),
    ],
)
def test_shown(path: str, text: str) -> None:
    assert shown(path) == text


def test_schemes(tmp_path: Path) -> None:
    assert [is_remote(path) for path in ("HTTP://h/a", "https://h", "s3://b/k", "gs://b/k")] == [True] * 4
    local = ("a", "/a", "file:///a", "ftp://h/a", "a:b", "C:\\x", "http:/x", "./http://x")
    assert not any(is_remote(path) for path in local)
    assert [is_local(path) for path in ("a", "/a://b", "./http://x", "file:///a", "s3://b")] == [True] * 3 + [False] * 2
    assert local_path("file:///a%20b") == "/a b"
    for path in ("ftp://h/a", "sftp://x", "file://host/a", "s3://bucket", "s3://bucket/", "gs:///k"):
        for ask in (read_all, lambda path: size_of(path, FAST), lambda path: read_small(path, FAST, max_bytes=1)):
            with pytest.raises(UserError):
                ask(path)


def test_local_files(tmp_path: Path) -> None:
    content = put(tmp_path, "a b", noise(1000))
    for path in (str(tmp_path / "a b"), (tmp_path / "a b").as_uri()):
        assert read_all(path, start=10) == content[10:]
        assert size_of(path, FAST) == 1000
        assert read_small(path, FAST, max_bytes=1000) == content
        with pytest.raises(FetchError, match="more than 999 bytes"):
            read_small(path, FAST, max_bytes=999)
    with pytest.raises(FileNotFoundError):
        open_archive(str(tmp_path / "none"), FAST)


@pytest.mark.parametrize(
    ("value", "parsed"),
    [
        ("bytes 0-0/1", (0, 1, 1)), ("Bytes  5-9/*", (5, 10, None)), ("bytes */0", (None, None, 0)), (None, None),
        ("", None), ("bytes 0-/5", None), ("items 0-1/2", None), ("bytes 0-1/2, 3", None), ("bytes " + "9" * 99, None),
    ],
)  # fmt: skip
def test_content_range(value: str | None, parsed: tuple[int | None, int | None, int | None] | None) -> None:
    assert content_range(value) == parsed


def test_content_length() -> None:
    values = ("0", " 12 ", "-1", "", None, "9" * 40, "0x10", "\u0663")
    assert [content_length(value) for value in values] == [0, 12, *[None] * 6]


def test_pages_and_excerpts() -> None:
    assert is_page("text/html;charset=x", b"")
    assert is_page(" Application/XML", b"")
    assert is_page("", b"\xef\xbb\xbf \r\n\t<")
    assert not is_page("application/gzip", b"\x1f\x8b<")
    assert not is_page("", b"WARC/1.0")
    assert excerpt(b"<Error><Code> SlowDown </Code>") == "SlowDown"
    assert excerpt(b"<Code>no code, no!</Code>" * 9) == ("no code, no! " * 9)[:80]


def test_policy_travels() -> None:
    assert pickle.loads(pickle.dumps(TWICE)) == TWICE
