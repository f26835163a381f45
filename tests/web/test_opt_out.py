"""Senders who say no, and those who only seem to."""

from __future__ import annotations

import pytest

from tests.web.messages import ARTICLE, HTML, page_of, read

BODY = f"<title>noindex</title><p>{ARTICLE} robots noindex, noai"


@pytest.mark.parametrize(
    "value",
    [
        "noindex",
        "NoIndex, nofollow",
        "nofollow,noindex",
        "none",
        "noai",
        "noarchive, noimageai",
        "ccbot: noindex",
        "CCBot : nofollow, noindex",
        "googlebot: nofollow, ccbot: noai",
        "*: noindex",
        "robots: noindex",
        "noindex nofollow",
        "max-snippet: 20, noindex",
        "unavailable_after: Wed, 25 Jun 2030 15:00:00 GMT, noindex",
    ],
)
def test_robots_header(value: str) -> None:
    assert read(BODY, HTML, f"x-robots-tag: {value}").reason == "opt_out_robots_header"
    assert read(BODY, HTML, "X-Robots-Tag: all", f"X-Robots-Tag: {value}").reason == "opt_out_robots_header"
    assert read(BODY, HTML, f"X-Robots-Tag: {value}", ignore_opt_out=True).page is not None


@pytest.mark.parametrize(
    "value",
    [
        "",
        "all",
        "nofollow, noarchive",
        "googlebot: noindex",
        "otherbot: nofollow, noindex",
        "max-image-preview: none",
        "max-image-preview:none",
        "unavailable_after: Wed, 25 Jun 2030 15:00:00 GMT",
        "noindexing",
        "x-noindex",
    ],
)
def test_robots_header_that_lets_us(value: str) -> None:
    assert read(BODY, HTML, f"X-Robots-Tag: {value}").page is not None


@pytest.mark.parametrize("name", ["robots", "ROBOTS", "ccbot", "CCBot"])
@pytest.mark.parametrize("content", ["noindex", "NOINDEX, follow", "none", "noai", "index;noimageai", " noindex "])
def test_robots_meta(name: str, content: str) -> None:
    for tag in (f'<meta name="{name}" content="{content}">', f"<META CONTENT='{content}' NAME='{name}' />"):
        assert read(f"<head><meta name=robots content=all>{tag}</head>{BODY}").reason == "opt_out_robots_meta"
        assert read(f"{BODY}<div>{tag}</div>").reason == "opt_out_robots_meta"
        assert read(f"{tag}{BODY}", ignore_opt_out=True).page is not None


@pytest.mark.parametrize(
    "tag",
    [
        "<meta name=googlebot content=noindex>",
        "<meta name=robots content='index, follow, max-image-preview: none'>",
        "<meta name=robots>",
        "<meta name=description content=noindex>",
        "<meta property=robots content=noindex>",
        "<!-- <meta name=robots content=noindex> -->",
        "<script>'<meta name=robots content=noindex>'</script>",
        "<meta name=tdm-reservation content=0>",
        "&lt;meta name=robots content=noindex>",
    ],
)
def test_pages_that_let_us(tag: str) -> None:
    assert read(f"<head>{tag}</head>{BODY}").page is not None


def test_reserved_rights() -> None:
    assert read(BODY, HTML, "TDM-Reservation: 1").reason == "opt_out_tdm"
    assert read(BODY, HTML, "tdm-reservation:  1 ", "TDM-Policy: https://x/").reason == "opt_out_tdm"
    assert read(BODY, HTML, "TDM-Reservation: 0").page is not None
    assert read(f'<meta name="TDM-Reservation" content="1">{BODY}').reason == "opt_out_tdm"
    assert page_of(f'<meta name="TDM-Reservation" content="1">{BODY}', ignore_opt_out=True).title == "noindex"
