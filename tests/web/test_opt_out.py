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
        "noml",
        "all, NoML",
        "DisallowAITraining",
        "ccbot: disallowaitraining",
        "noindex/nofollow",
        "noindex.",
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


@pytest.mark.parametrize("name", ["robots", "ROBOTS", "ccbot", "CCBot", " Robots ", "\nccbot\t"])
@pytest.mark.parametrize(
    "content",
    [
        "noindex",
        "NOINDEX, follow",
        "none",
        "noai",
        "index;noimageai",
        " noindex ",
        "noml",
        "nofollow|DisallowAITraining",
        "index&#44;&#110;oai",
    ],
)
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
        "<meta itemprop=robots content=noindex>",
        "<meta name=norobots content=noindex>",
        "<meta name=robots content=nomlx>",
        "<meta http-equiv=robots-tag content=noindex>",
        "<meta http-equiv=X-Robots-Tag content='googlebot: noindex'>",
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


def test_the_field_as_a_meta_element() -> None:
    for content in ("noindex", "ccbot: noml", "googlebot: nofollow, ccbot: noai"):
        tag = f'<meta http-equiv=" X-Robots-Tag" content="{content}">'
        assert read(f"<head>{tag}</head>{BODY}").reason == "opt_out_robots_meta"


def test_marks_behind_any_number_of_others() -> None:
    for before in ("<meta name=robots content=index>", "<meta name=robots content='max-image-preview:none'>" * 2):
        for last in ("<meta name=robots content=noindex>", "<meta name=tdm-reservation content=1>"):
            reason = read(f"<head>{before * 20}{last}</head>{BODY}").reason
            assert reason in ("opt_out_robots_meta", "opt_out_tdm"), (before, last)


def test_reserved_rights_as_proxies_and_people_write_them() -> None:
    assert read(BODY, HTML, "TDM-Reservation: 1, 1").reason == "opt_out_tdm"
    assert read(f'<meta name=" tdm-reservation " content=" 1 ">{BODY}').reason == "opt_out_tdm"
    assert read(BODY, HTML, "TDM-Reservation: 10").page is not None


@pytest.mark.parametrize(
    "fields",
    [
        ["Content-Usage: train-ai=n"],
        ['content-usage:  search=y,train-ai=n;why="x, y" , ai-use=y'],
        ["Content-Usage: search=y", "Content-Usage: ", "Content-Usage: train-ai=n"],
        ["Content-Usage: train-ai=y, train-ai=n"],
        ["Content-Usage: bots=n"],
        ["Content-Signal: search=yes, ai-train=no"],
        ["Content-Usage: train-ai=y", "Content-Signal: ai-train=no"],
    ],
)
def test_a_use_that_is_not_wanted(fields: list[str]) -> None:
    assert read(BODY, HTML, *fields).reason == "opt_out_content_usage"
    assert read(BODY, HTML, *fields, ignore_opt_out=True).page is not None


@pytest.mark.parametrize(
    "field",
    [
        "Content-Usage: train-ai=y",
        "Content-Usage: search=n, ai-use=n",
        "Content-Usage: train-ai=n, train-ai=y",
        'Content-Usage: train-ai="n"',
        "Content-Usage: train-ai=?0",
        "Content-Usage: train-ai=no",
        "Content-Usage: Train-AI=n",  # no key of a dictionary: none of it counts
        "Content-Usage: / train-ai=n",  # as in robots.txt
        "Content-Usage: train-ai;n",
        "Content-Usage: train-ai=y, bots=n",
        "Content-Usage: ",
        "Content-Usage: \xe9=n, train-ai=n",
        "Content-Signal: ai-train=yes, search=no",
        "Content-Signal: ai-train=n",
    ],
)
def test_a_use_that_is_not_refused(field: str) -> None:
    assert read(BODY, HTML, field).page is not None
