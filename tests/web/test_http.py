"""Status line, fields, chunks."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccnet_pipeline.web.http import MAX_HEAD_BYTES, join_chunks, parse_response
from tests.web.messages import ARTICLE, HTML, message, page_of, read, reader, record


@pytest.mark.parametrize(
    "line",
    [
        b"HTTP/1.1 200 OK",
        b"http/1.0 200 ok",
        b"HTTP/2 200",
        b"HTTP/1.1 200",
        b"HTTP/1.1 200 ",
        b"HTTP/1.1  200\tFine\xe9",
        b"HTTP 200 OK",
        b"ICY 200 OK",
        b"\r\nHTTP/1.1 200 OK",
    ],
)
@pytest.mark.parametrize("end", [b"\r\n", b"\n"])
def test_status_lines(line: bytes, end: bytes) -> None:
    response = parse_response(line + end + b"A: b" + end + end + b"body")
    assert response is not None
    assert (response.status, response.fields, response.body) == (200, {"a": ["b"]}, b"body")


@pytest.mark.parametrize(
    "block", [b"", b"\r\n", b"<html>", b"HTTP/1.1 OK", b"HTTP/1.1 2000 OK\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n"]
)
def test_no_status_line(block: bytes) -> None:
    assert parse_response(block) is None
    assert reader().read(record(block), "s").reason == "bad_http"


def test_fields_repeated_folded_odd() -> None:
    response = parse_response(b"HTTP/1.1 200 OK\r\nA: 1\r\n  2\r\n\t3\nno colon\r\na : 4\r\nB:\r\n: x\r\n\r\n")
    assert response is not None
    assert response.fields == {"a": ["1 2 3", "4"], "b": [""], "": ["x"]}
    assert (response.tokens("a"), response.tokens("c")) == (["1 2 3", "4"], [])


def test_head_alone_has_no_body() -> None:
    response = parse_response(b"HTTP/1.1 200 OK\r\nA: b")
    assert response is not None
    assert (response.fields, response.body) == ({"a": ["b"]}, b"")


def test_head_without_end() -> None:
    assert read("x", "A: " + "b" * MAX_HEAD_BYTES).reason == "bad_http"
    assert parse_response(message("x", "A: " + "b" * (MAX_HEAD_BYTES - 100))) is not None


@pytest.mark.parametrize("part", ["A:" + " " * 1000, "\n ", "\n\t\t", "A\n", ":"])
def test_hostile_heads_are_read_in_linear_time(part: str) -> None:
    began = time.process_time()
    parse_response(message("x", part * (MAX_HEAD_BYTES // len(part) - 10)))
    assert time.process_time() - began < 5


@pytest.mark.parametrize(
    ("body", "joined", "sound"),
    [
        (b"5\r\nhello\r\n0\r\n\r\n", b"hello", True),
        (b'5 \r\nhello\r\n1;ext="a b"\r\n!\r\n0\r\nTrailer: x\r\n\r\n', b"hello!", True),
        (b"A\nhelloworld\n0\n\n", b"helloworld", True),
        (b"0\r\n\r\n", b"", True),
        (b"", b"", True),
        (b"<html>not chunked</html>", b"<html>not chunked</html>", True),
        (b"12\r\n<p>A page that begins with a number", b"12\r\n<p>A page that begins with a number", True),
        (b"ff\r\ncut off", b"cut off", False),
        (b"5\r\nhello\r\nff\r\ncut", b"hellocut", False),
        (b"5\r\nhello\r\nzz\r\nworld\r\n", b"hello", False),
        (b"5\r\nhello\r\n3\r\nworld\r\n0\r\n\r\n", b"hellowor", False),
        (b"5\r\nhello\r\n", b"hello", False),
        (b"fffffffffffffff\r\nx", b"x", False),
    ],
)
def test_chunks(body: bytes, joined: bytes, sound: bool) -> None:
    assert join_chunks(body) == (joined, sound)


@given(st.lists(st.binary(min_size=1, max_size=40), max_size=8))
def test_what_is_cut_into_chunks_is_joined(chunks: list[bytes]) -> None:
    body = b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n\r\n"
    assert join_chunks(body) == (b"".join(chunks), True)


@given(st.binary(max_size=200))
def test_joining_any_bytes_makes_nothing_longer(body: bytes) -> None:
    assert len(join_chunks(body)[0]) <= len(body)


def test_many_chunks_take_linear_time() -> None:
    began = time.process_time()
    assert join_chunks(b"1\nx\n" * 500_000 + b"0\n\n") == (b"x" * 500_000, True)
    assert time.process_time() - began < 10


def test_chunks_within_a_record() -> None:
    body = f"<title>T</title><p>{ARTICLE}".encode()
    chunked = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
    plain = page_of(body)
    assert page_of(chunked, HTML, "Transfer-Encoding: chunked") == plain
    assert page_of(body, HTML, "Transfer-Encoding: chunked") == plain  # decoded by the crawler, the field left
    assert page_of(body, HTML, "X-Crawl-Transfer-Encoding: chunked", "X-Crawl-Content-Encoding: gzip") == plain
    cut = read(chunked[:-7], HTML, "Transfer-Encoding: chunked")
    assert (cut.page, cut.defects) == (plain, ("bad_chunking",))


@pytest.mark.parametrize(
    "status", ["HTTP/1.1 404 Not Found", "HTTP/1.1 301 Moved", "HTTP/1.1 206 Partial", "HTTP/1.1 204"]
)
def test_only_status_200_gives_a_page(status: str) -> None:
    assert read("<p>text", HTML, status=status).reason == "http_status"


def test_what_is_no_http() -> None:
    dns = record(b"20080430204825\r\nwww.archive.org. 589 IN A 207.241.229.39")
    for headers in (
        {"warc_target_uri": "dns:www.archive.org", "content_type": "text/dns"},
        {"warc_target_uri": "dns:www.archive.org"},
        {"warc_target_uri": "ftp://example.org/x"},
        {"content_type": "text/html"},
        {"content_type": ""},
    ):
        assert reader().read(record(dns.body, **headers), "s").reason == "not_http", headers
    block = message("<p>text", HTML)
    for headers in (
        {"content_type": "Application/HTTP;msgtype=response"},
        {"content_type": ""},
        {"warc_target_uri": "<HTTP://a.b/>"},
    ):
        assert reader().read(record(block, **headers), "s").page is not None, headers


@pytest.mark.parametrize(
    "content_type",
    [
        "application/http; msgtype=response",
        "Application/HTTP;msgtype = response",
        '"application/http"',
        "application/https",
        "message/http",
        "text/html",
        "text/plain",
        "application/octet-stream",
        "application/http msgtype=response",
        "nonsense",
        "",
    ],
)
def test_a_block_that_begins_as_http_is_http_whatever_its_record_says(content_type: str) -> None:
    for status in ("HTTP/1.1 200 OK", "\r\nhttp/1.0 200"):
        block = message("<p>text", HTML, status=status)
        assert reader().read(record(block, content_type=content_type), "s").page is not None
        dns = record(block, content_type=content_type, warc_target_uri="dns:a.b")
        assert reader().read(dns, "s").reason == "not_http"


def test_a_block_that_only_its_record_calls_http() -> None:
    for content_type in ("application/http", "application/https", "message/http"):
        assert reader().read(record(b"<html>", content_type=content_type), "s").reason == "bad_http"
    assert reader().read(record(b"<html>", content_type="text/html"), "s").reason == "not_http"
