"""XHTML: what a parser of XML shows of a page, through one of HTML."""

from __future__ import annotations

import time

import pytest

from ccnet_pipeline.web.media_type import is_xhtml
from ccnet_pipeline.web.xhtml import as_html
from tests.web.messages import ARTICLE, page_of

XHTML = "Content-Type: application/xhtml+xml; charset=utf-8"
HEAD = '<?xml version="1.0"?><!DOCTYPE html PUBLIC "x" "y"><html xmlns="http://www.w3.org/1999/xhtml">'


def text_of(body: str, *fields: str) -> str | None:
    return page_of(f"{HEAD}<body><p>Before</p>{body}<p>{ARTICLE}</p></body></html>", *(fields or (XHTML,))).text


@pytest.mark.parametrize("name", "script style textarea iframe noframes noembed noscript xmp template select".split())
@pytest.mark.parametrize("attributes", ["", " ", ' src="a/b>c"', " class='x' defer='defer' ", ' a = "/" '])
def test_an_empty_element_holds_nothing(name: str, attributes: str) -> None:
    assert text_of(f"<{name}{attributes}/>") == f"Before\n{ARTICLE.strip()}"
    assert text_of(f"<{name.upper()}{attributes}/>") == f"Before\n{ARTICLE.strip()}"


@pytest.mark.parametrize("name", "div a p span b ul li table h1 button title object svg:g".split())
def test_an_empty_element_takes_nothing_in(name: str) -> None:
    assert text_of(f"<{name}/>") == text_of("")
    assert as_html(f"<{name} id='x'/>text") == f"<{name} id='x'></{name}>text"


def test_a_page_of_empty_titles_and_links() -> None:
    body = f"<body><a id='x'/><p>{ARTICLE}</p><a/></body></html>"
    page = page_of(f"{HEAD}<head><title/><script src='x'/></head>{body}", XHTML)
    assert (page.title, page.text) == ("", ARTICLE.strip())


def test_sections_are_text() -> None:
    assert text_of("<p><![CDATA[1 < 2 &amp; <b>]]>.</p>") == f"Before\n1 < 2 &amp; <b>.\n{ARTICLE.strip()}"


@pytest.mark.parametrize(
    "body",
    [
        "<script>//<![CDATA[\nw('</script>shown');\n//]]></script>",
        "<style><![CDATA[</style>shown]]></style>",
        "<script>w('<a/><b>')</script>",
        "<!-- <script/> <p> -->",
        "<?php if (a > b) shown() ?>",
        "<br/><img src='x'/><hr />",
    ],
)
def test_what_is_no_text(body: str) -> None:
    assert text_of(body) == f"Before\n{ARTICLE.strip()}"


@pytest.mark.parametrize(
    "body",
    [
        "<p>a & b < c</p>",
        "<p>&nbsp;x&eacute;<br>y<p>z",
        "<a href=/x/>link</a>",
        "<p class=>x</p>",
        "<p title='x>y</p>",
        "<![CDATA[ open",
        "<!-- open",
        "<script>open",
        "<? open",
        "<p/ id>x",
        "<script><![CDATA[ open </script><p>text</p>",
    ],
)
def test_what_is_not_well_formed_is_read_as_html(body: str) -> None:
    assert as_html(body) == body or body.startswith("<script><!")
    assert (
        page_of(f"<html><body><p>{ARTICLE}</p>{body}", XHTML).text
        == page_of(f"<html><body><p>{ARTICLE}</p>{body}", "Content-Type: text/html; charset=utf-8").text
    )


def test_a_section_without_end_is_none() -> None:
    body = "<script><![CDATA[ a </script><p>shown</p><script>//<![CDATA[\n</script>shown too"
    assert as_html(body) == "<script></script><p>shown</p><script></script>shown too"
    assert as_html("<!DOCTYPE html [<!ENTITY a '>'>]><p/>") == "<p></p>"


@pytest.mark.parametrize(
    ("declared", "begin", "expected"),
    [
        ("application/xhtml+xml", b"<!DOCTYPE html><html>", True),
        ('"Application/XHTML+xml"; charset=x', b"<html>", True),
        ("application/xml", b"<html>", True),
        ("text/xml", b"<html>", True),
        ("application/vnd.wap.xhtml+xml", b"<html>", True),
        ("", b"\xef\xbb\xbf <?xml version='1.0'?><html>", True),
        ("text/plain", b"<?xml version='1.0'?><html>", True),
        ("", b"<html>", False),
        ("text/html", b"<?xml version='1.0'?><!DOCTYPE html PUBLIC '-//W3C//DTD XHTML 1.0//EN'><html>", False),
        ("text/html; charset=xml", b"<html>", False),
    ],
)
def test_what_is_xhtml(declared: str, begin: bytes, expected: bool) -> None:
    assert is_xhtml(declared, begin) is expected


def test_a_page_sent_as_html_stays_what_its_readers_see() -> None:
    html = "Content-Type: text/html; charset=utf-8"
    assert text_of("<script src='x'/>", html) == "Before"
    assert text_of("<p>a<![CDATA[x]]>b</p><div/>c", html) == f"Before\nab\nc\n{ARTICLE.strip()}"


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    "part",
    ["<a", "<a/", "<a b='", "<!--", "<![CDATA[", "<script>", "<script><![CDATA[</script>", "<?", "<!DOCTYPE ["],
)
def test_hostile_markup_is_cheap(part: str) -> None:
    began = time.process_time()
    as_html(part * (300_000 // len(part)))
    # At most half a second where it was written; what looks through the rest at every tag takes minutes.
    assert time.process_time() - began < 20
