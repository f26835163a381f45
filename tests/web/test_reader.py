"""A record becomes a page: its fields, its text, its reasons; nothing raises, nothing hangs."""

from __future__ import annotations

import sys
import time
import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ccnet_pipeline.archive import Record
from ccnet_pipeline.characters.invisible import strip_invisible
from ccnet_pipeline.errors import UserError
from ccnet_pipeline.pages.page import Page
from ccnet_pipeline.web import html, main_text
from ccnet_pipeline.web.html import MAX_ATTRIBUTES, MAX_DEPTH, MAX_NAMES, MAX_ROOTS, parse
from tests.web.messages import ARTICLE, HTML, message, page_of, read, reader, record

PAGE = f"""<!DOCTYPE html><html><head><title> A
  title &amp; more </title></head><body>
<nav><ul><li><a href=/>Home</a></ul></nav>
<main><article><h1>Heading</h1><p>First  paragraph,\tof two
lines. {ARTICLE}<p><b>Second</b>&nbsp;paragraph<br>after a break <img alt="alternative text" src=x>
<ol><li>one<li>two</ol><form><input value="a field"></form><a href="http://link/">linked</a><script>script()</script>
</article></main><footer>Imprint</footer>"""


def test_a_page() -> None:
    result = read(PAGE)
    text = (
        f"Heading\nFirst paragraph, of two lines. {ARTICLE.strip()}\nSecond paragraph\nafter a break\none\ntwo\nlinked"
    )
    assert result.page == Page(
        id="0000",
        url="http://example.org/page",
        date="2024-05-18T01:58:10Z",
        digest="sha1:BLOCK",
        offset=17,
        title="A title & more",
        lines=text.split("\n"),
        reason=None,
        main_share=0.969,
    )
    assert (result.reason, result.defects) == (None, ())


def test_fields_from_elsewhere() -> None:
    block = message(PAGE, HTML)
    headers = {"warc_block_digest": "", "warc_payload_digest": "sha1:PAY", "warc_target_uri": "<http://a.b/>"}
    page = reader().read(record(block, **headers), "s").page
    assert page is not None
    assert (page.digest, page.url) == ("sha1:PAY", "http://a.b/")
    bare = Record("response", {"content-type": "application/http"}, block, 5)
    first, other = reader().read(bare, "s").page, reader().read(bare, "t").page
    assert first is not None
    assert other is not None
    assert (first.url, first.date, first.digest) == ("", "", "")
    assert first.id != other.id


@pytest.mark.parametrize(
    ("body", "title", "text", "reason"),
    [
        ("", "", "", "empty"),
        ("<title> </title><body> &nbsp; </body>", "", "", "empty"),
        ("<title>T</title>", "T", "", "too_short"),
        ("<title>T</title><p>four", "T", "four", "too_short"),
        ("<title>T</title><p>five5", "T", "five5", None),
        ("<p>a<p>b<p>c", "", "a\nb\nc", None),
        ("<title>The same</title><h1>The  same</h1><p>other", "The same", "other", None),
        ("<title>The same</title><h1>The same</h1>", "The same", "", "too_short"),
    ],
)
def test_title_text_and_reasons(body: str, title: str, text: str, reason: str | None) -> None:
    page = page_of(body, min_chars=5)
    assert (page.title, page.text, page.reason) == (title, text, reason)


def test_no_line_is_blank_or_padded() -> None:
    page = page_of("<title>T</title><pre> a\n\n\x0c\n b\tc \x85\u2028d\u3000e</pre><p>\u00a0<p> x <p>\u200a")
    assert page.text == "a\nb c \x85\u2028d\u3000e\nx"


def test_lines_and_title_are_stripped_as_told() -> None:
    body = "<title>\ufeffT</title><p>\u200bfive5\u00ad<p>\u200b\u200c"
    page = page_of(body, strip=strip_invisible)
    assert (page.title, page.text) == ("T", "five5")
    assert page_of(body).title == "\ufeffT"


def test_too_large_counts_once_decoded() -> None:
    assert read("<p>" + "x" * 100, max_record_bytes=103).page is not None


# What costs a parser or an extractor more than its length says; each took minutes or gigabytes.
_HOSTILE: dict[str, tuple[str, str | None]] = {
    "nested divs": ("<div>" * 60_000 + "x", "too_complex"),
    "nested divs, closed": ("<div>" * 30_000 + "x" + "</div>" * 30_000, "too_complex"),
    "100 000 divs": ("<div>" * 100_000 + "x", "too_complex"),
    "nested lists": ("<ol><li>x" * 20_000, "too_complex"),
    "1 MB of <a": ("<a" * 500_000, None),
    "long names of tags": (("<a" + "x" * 300) * 20_000, None),
    "long values without quotes": (("<a/b=" + "x" * 300) * 20_000, "too_complex"),
    "a million paragraphs": ("<p>" * 1_000_000, "too_complex"),
    "nested late": ("<p>x" * 70_000 + "<div>" * 60_000, "too_complex"),
    "spans left open, and other end tags": ("<p>" * 70_000 + "<span>" * 40_000 + "</i>" * 40_000, "too_complex"),
    "divs in spans whose end tags do not count": ("<span><div></span>" * 100_000, "too_complex"),
    "many in something deep": ("<div>" * 400 + "<p>x" * 300_000, "too_complex"),
    "1 MB of an attribute": (f'<p title="{"x " * 500_000}">text</p>', None),
    "100 000 attributes": ("<p " + " ".join(f"a{i}=1" for i in range(100_000)) + ">text", None),
    "attributes behind quoted brackets": (
        "<p " + " ".join(f"a{i}='>'" for i in range(100_000)) + ">text",
        None,
    ),
    "many names": (
        "".join("<p " + " ".join(f"a{i}_{j}" for i in range(400)) + ">" for j in range(500)),
        "too_complex",
    ),
    "many bodies": ("".join(f"<body a{i}=1>" for i in range(20_000)), "too_complex"),
    "formatting left open": ("<p>" + "".join(f"<b id={i}>" for i in range(20_000)) + "<p>x" * 20_000, "too_complex"),
    "formatting left open, flat": ("<p>" + "".join(f"<b id={i}>" for i in range(500)) + "<p>x" * 20_000, None),
    "options": ("<p>text<select>" + "<option>x" * 60_000 + "</select>", None),
    "groups of options": ("<select>" + "<optgroup><option>x</optgroup>" * 20_000, None),
    "templates in templates": ("<p>x" * 70_000 + "<template>" * 60_000, "too_complex"),
    "a great many attributes": ("<p " + "<a " * 600_000, "too_complex"),
    "comments that are none": ("<?x>" * 600_000, "too_complex"),
    "unclosed comment": ("<p>text<!-- " + "x" * 5_000_000, None),
    "comments": ("<!--" * 60_000, None),
    "robots": ("<meta name=robots content=x>" * 20_000, None),
    "title": ("<title>" + "x " * 2_000_000, None),
    "blanks": ("<p>" + " " * 10_000_000 + "x", None),
    "lines": ("<pre>" + "x\n" * 1_000_000, None),
    "NUL": ("\0" * 5_000_000, None),
    "attribute grammar": (("<p " + "a =x " * 500 + ">") * 300, None),
    "quotes": ("=\"'" * 1_000_000, None),
}


@pytest.mark.parametrize("name", _HOSTILE)
def test_hostile_pages(name: str) -> None:
    body, reason = _HOSTILE[name]
    began = time.process_time()
    result = read(body, max_record_bytes=16 << 20)
    assert result.reason == reason
    # What passed took at most 2 s where it was written; what is not bounded takes minutes.
    assert time.process_time() - began < 30


# Large, but as cheap as they look.
_LARGE = {
    "70 000 tags, with links": "<p>some words <a href=/x>a name</a>" * 23_400,
    "112 000 tags in a table": "<table>" + "<tr><td>one</td><td>two</td></tr>" * 18_700,
    "150 000 line breaks": "<p>" + "a line<br>" * 150_000,
    "100 000 tags, some bold": "<div><p>a <b>b</b> <i>c</i></div>" * 14_500,
    "100 000 tags, 50 deep": ("<div>" * 50 + "text" + "</div>" * 50) * 1000,
    "comments": "<p>text" + "<!-- <p> <b> -->" * 70_000,
    "a script": "<script>" + "if(a<b)c='<i>';" * 100_000 + "</script><p>text",
    "arrow functions": "<script>" + "while (i <n.length) f(x => x + i)\n" * 20_000 + "</script><p>text",
    "text": "<p>" + "1 < 2 <3 " * 300_000,
}


@pytest.mark.parametrize("name", _LARGE)
def test_large_pages(name: str) -> None:
    page = page_of(_LARGE[name], max_record_bytes=16 << 20)
    last = page.text.rpartition("\n")[2]
    assert last in ("some words a name", "one two", "a line", "a b c", "text") or name == "text"


def test_limits_are_above_what_they_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(html, "MAX_ELEMENTS", 70_000)
    implied = 3  # <html>, <head>, <body>
    assert parse("<p>" * (70_000 - implied)) is not None
    assert parse("<p>" * (70_001 - implied)) is None
    monkeypatch.setattr(html, "MAX_STEPS", 66 * 70_000)
    assert parse("<i>" * 60 + "<p>" * 69_000) is not None
    assert parse("<i>" * 70 + "<p>" * 69_000) is None
    monkeypatch.undo()
    monkeypatch.setattr(html, "MAX_LOOKS", 512 * 300_000)
    assert parse("<i>" * 260 + "</x>" * 80_000) is not None
    assert parse("<i>" * 260 + "</x>" * 300_000) is None
    assert parse("<p>" + "</x>" * 300_000) is not None
    monkeypatch.undo()
    padding = "<p>" * 5000
    assert parse("<div>" * (MAX_DEPTH - 10) + padding) is not None
    assert parse("<div>" * (MAX_DEPTH + 10) + padding) is None
    text = "x" * (1 << 20)
    attributes = " ".join(f"a{i}" for i in range(MAX_ATTRIBUTES - 1))
    assert parse(f"<p {attributes}>{text}") is not None
    shown = parse(f"<p {attributes}>{text}"), parse(f"<p {attributes} b c>{text}")
    assert ["a7 a8" in (page.tree.body.text or "") for page in shown if page and page.tree.body] == [False, True]
    assert parse("<body x>" * MAX_ROOTS + padding) is not None
    assert parse("<body x>" * (MAX_ROOTS + 1) + padding) is None
    names = "".join(f"<p a{i}=1 b{i}=2>" for i in range(MAX_NAMES // 2))
    assert parse(names + text) is not None
    assert parse(names + "<p c d>" + text) is None


def test_words_of_a_text_are_no_attributes() -> None:
    words = " ".join(f"w{i}" for i in range(100_000))
    page = page_of(f"<p>{words}</p><script>if (a<b) '{words}'</script><p>{ARTICLE}", max_record_bytes=16 << 20)
    assert page.text == f"{words}\n{ARTICLE.strip()}"


def test_renamed_formatting_does_not_change_the_text() -> None:
    body = "<p>a <b>b</b> <i class=x>c</i> <FONT color=red>d</font>, <strong>e</strong><br>" * 2000
    plain, renamed = page_of(body[: len(body) // 4]), page_of(body)
    assert plain.text is not None
    assert renamed.text is not None
    assert renamed.text.startswith(plain.text[:5000])
    assert len(renamed.text) > 3.9 * len(plain.text)


@settings(max_examples=200)
@given(
    st.binary(max_size=400),
    st.sampled_from(["", "chunked", "gzip"]),
    st.sampled_from(["", "gzip", "deflate", "br", "zstd", "x"]),
)
def test_no_bytes_raise(body: bytes, transfer: str, coding: str) -> None:
    given_reader = reader(max_record_bytes=10_000)
    fields = (HTML, f"Transfer-Encoding: {transfer}", f"Content-Encoding: {coding}")
    for block in (body, message(body, *fields), message(b"<html><p>" + body, *fields)):
        result = given_reader.read(record(block), "s")
        assert (result.page is None) == (result.reason is not None)


_PARTS = [
    "<p>",
    "</p>",
    "<div ",
    "a=",
    '"',
    "'",
    ">",
    "<",
    "<!--",
    "-->",
    "<title>",
    "<table>",
    "<td>",
    "<svg>",
    "<b>",
    "<a>",
]


@settings(max_examples=200)
@given(
    st.lists(
        st.one_of(st.sampled_from([*_PARTS, "<script>", "</", "<meta name=robots ", "\0", "&#"]), st.text(max_size=5))
    )
)
def test_no_markup_raises(parts: list[str]) -> None:
    body = "".join(parts).encode("utf-8", "replace")
    result = read(body)
    if result.page is not None:
        assert all(line and line == line.strip() for line in result.page.lines)


def test_an_extractor_that_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> str:
        raise RuntimeError("no text today")

    monkeypatch.setattr(main_text, "extract_plain_text", fail)
    assert read(PAGE).reason == "extractor_failed"


def test_memory_of_a_long_text() -> None:
    body = "<p>" + "<p>".join(["word " * 60] * 5_000)
    tracemalloc.start()
    try:
        assert read(body, max_record_bytes=16 << 20).page is not None
        assert tracemalloc.get_traced_memory()[1] < 10 * len(body)
    finally:
        tracemalloc.stop()


def test_trafilatura_that_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "trafilatura", None)
    with pytest.raises(UserError, match=r"pip install 'cc100-xlmr\[trafilatura\]'"):
        reader(extractor="trafilatura")


def test_trafilatura_that_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    def load_html(text: str) -> None:
        if "fail" in text:
            raise ValueError(text)

    monkeypatch.setitem(sys.modules, "trafilatura", type("Module", (), {"load_html": staticmethod(load_html)}))
    given_reader = reader(extractor="trafilatura")
    assert given_reader.read(record(message("<p>fail", HTML)), "s").reason == "extractor_failed"
    page = given_reader.read(record(message("<title>T</title><p>x", HTML)), "s").page
    assert page is not None
    assert (page.title, page.lines) == ("T", [])


@pytest.fixture
def trafilatura() -> Callable[..., Page]:
    try:
        import trafilatura  # noqa: F401
    except ImportError as error:
        pytest.skip(f"trafilatura cannot be imported: {error}")
    return lambda body: page_of(body, extractor="trafilatura")


def test_trafilatura(trafilatura: Callable[..., Page]) -> None:
    page = trafilatura(PAGE)
    assert page.title == "A title & more"
    assert f"First paragraph, of two lines. {ARTICLE.strip()}" in page.text.split("\n")
    assert "Home" not in page.text
    assert all(line and line == line.strip() for line in page.text.split("\n"))


@pytest.mark.parametrize(
    "body", ["", "\0" * 100, "<div>" * 500 + "x", "<!--", "<a" * 30_000, "<svg><![CDATA[" * 100, "<b><p>" * 500]
)
def test_trafilatura_never_raises(trafilatura: Callable[..., Page], body: str) -> None:
    result = read(body, extractor="trafilatura")
    assert result.reason in (None, "extractor_failed")
