"""HTML or not: what is said against what the bytes say."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccnet_pipeline.web.media_type import declared_type, is_html
from tests.web.messages import read

NOT_HTML = [
    b"%PDF-1.4\n",
    b"\n %PDF-1.4\n",
    b"\x89PNG\r\n\x1a\n....",
    b"\xff\xd8\xff\xe0\x00\x10JFIF",
    b"GIF89a....",
    b"PK\x03\x04....",
    b"\x1f\x8b\x08....",
    b"RIFF\x10\x00\x00\x00WEBPVP8 ",
    b"MZ\x90\x00\x03\x00",
    b"\x7fELF\x02",
    b'{"id": 1}',
    b' [{"id": 1}]',
    b"\xef\xbb\xbf{}",
    b'["a", "b"]',
    b'<?xml version="1.0"?>\n<rss version="2.0">',
    b'<?xml version="1.0"?><!-- x --><feed xmlns="http://www.w3.org/2005/Atom">',
    b"<rss >",
    b'<?xml version="1.0"?><!DOCTYPE svg PUBLIC "x" "y"><svg >',
    b'<?xml version="1.0" encoding="UTF-8"?><anything>',
]
HTML = [
    b"<!DOCTYPE html>",
    b"\xef\xbb\xbf \r\n<!doctype HTML PUBLIC 'x'>",
    b"<html>",
    b"<HTML lang=en>",
    b'<?xml version="1.0"?>\n<!DOCTYPE html PUBLIC "x" "y">\n<html xmlns="http://www.w3.org/1999/xhtml">',
    b"<!-- comment --><html>",
]
HTML_IF_SAID_SO = [b"", b"plain text", b"<x-y>", b"[caption]text", b"{ text }", b"MZ is a country code", b"PK"]
FRAGMENTS = [b"<p >", b"<div class=x>", b"<!-- x", b" <TITLE>", b"<a href=x>", b"<script>"]


@pytest.mark.parametrize("body", NOT_HTML)
@pytest.mark.parametrize("declared", ["text/html", "", "text/plain"])
def test_bytes_that_are_something_else(body: bytes, declared: str) -> None:
    assert not is_html(declared, "text/html", body)


@pytest.mark.parametrize("body", HTML)
@pytest.mark.parametrize("declared", ["text/html", "", "text/plain", "application/json", "application/xml"])
def test_bytes_that_are_html(body: bytes, declared: str) -> None:
    assert is_html(declared, "", body)


@pytest.mark.parametrize("body", HTML_IF_SAID_SO)
def test_the_declaration_is_believed_where_bytes_say_nothing(body: bytes) -> None:
    assert is_html("Text/HTML; charset=x", "", body)
    assert is_html("application/xhtml+xml", "", body)
    assert not is_html("text/plain", "", body)
    assert not is_html("image/png", "text/html", body)
    assert is_html("", "text/html", body)


@pytest.mark.parametrize(
    "declared",
    [
        '"text/html"',
        "'text/html'",
        ' "text/html; charset=utf-8"',
        "text/html charset=utf-8",
        "\ufefftext/html",
        "\u00ef\u00bb\u00bftext/html",
        "text/html\0",
        "Content-Type: text/html",
        "text/html: charset=utf-8",
        "TEXT/HTML;;",
        "(text/html)",
    ],
)
def test_a_type_counts_whatever_stands_around_it(declared: str) -> None:
    assert is_html(declared, "", b"text")
    assert is_html("", declared, b"text")
    assert not is_html(declared.replace("html", "css").replace("HTML", "css"), "text/html", b"text")


@pytest.mark.parametrize(
    ("fields", "declared"),
    [
        ([], ""),
        (["", "nonsense", "*/*"], ""),
        (["text/html"], "text/html"),
        (["text/html, text/html"], "text/html"),
        (["text/plain, text/html;charset=x"], "text/html;charset=x"),
        (["text/html", "image/png"], "image/png"),
        (["text/html; charset=x", ""], "text/html; charset=x"),
        (["text/html; charset=x", "html"], "text/html; charset=x"),
        (["text/html; charset=x", "text/html"], "text/html; charset=x"),
        (["text/html; charset=x", "text/html; charset=y"], "text/html; charset=y"),
        (["text/html; charset=x, text/plain", "text/html"], "text/html"),
    ],
)
def test_of_many_types_the_last_counts(fields: list[str], declared: str) -> None:
    assert declared_type(fields) == declared


@pytest.mark.parametrize("body", FRAGMENTS)
def test_fragments(body: bytes) -> None:
    for vague in ("", "text/plain", "application/octet-stream; x", "*/*", "nonsense"):
        assert is_html(vague, "", body)
    for other in ("application/json", "text/css", "image/png", "text/xml"):
        assert not is_html(other, "", body)


@given(
    st.sampled_from([*HTML, *NOT_HTML, *FRAGMENTS, b"<?xml", b"<!--", b"<?"]),
    st.binary(max_size=60),
    st.text(max_size=20),
)
def test_no_bytes_raise(begin: bytes, body: bytes, declared: str) -> None:
    is_html(declared, declared, begin + body)


@pytest.mark.timeout(60)
@pytest.mark.parametrize("part", [b"<?", b"<!--", b"<!DOCTYPE ", b" ", b'{"', b"\\", b"<?x?>", b"<!---->", b"[["])
def test_hostile_beginnings_are_cheap(part: bytes) -> None:
    bodies = [begin + part * 200_000 for begin in (b"", b"[", b'["')]
    began = time.process_time()
    for body in 20 * bodies:
        is_html("", "", body)
    # Hundredths of a second; what tries a second way through such a beginning has 2 to the number of parts of them.
    assert time.process_time() - began < 10


def test_only_the_beginning_is_looked_at() -> None:
    prolog = b'<?xml version="1.0"?>' + b"<!-- -->" * 500
    assert not is_html("text/html", "", prolog + b"<rss >")
    assert is_html("text/html", "", prolog + b"<!-- -->" * 50 + b"<rss >")


def test_within_a_record() -> None:
    assert read(b"%PDF-1.4").reason == "not_html"
    assert read("<html><p>text", "Content-Type: text/plain").page is not None
    assert read("plain", "Content-Type: text/plain").reason == "not_html"
    assert read("<p>text", "Server: x").page is not None
    assert read("<p>t", "Content-Type: image/png", "Content-Type: text/html").page is not None
    assert read("text", 'Content-Type: "text/html"').page is not None
    assert read("text", "Content-Type: text/html", "Content-Type:").page is not None
