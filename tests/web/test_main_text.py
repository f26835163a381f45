"""The main text of pages that mislead an extractor, and what becomes of its lines."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Literal

import numpy as np
import pytest

from ccnet_pipeline.archive import Record
from ccnet_pipeline.extract import Extraction
from ccnet_pipeline.fluency import FluencyModels
from ccnet_pipeline.ledger import MainTextTally
from ccnet_pipeline.mine import Miner
from ccnet_pipeline.pages.page import Page
from ccnet_pipeline.recipe import CC100
from ccnet_pipeline.web import WebResult
from ccnet_pipeline.web.fallback import MAX_LEVELS
from tests.chunks import chunks_of
from tests.lid_models import StandIn, identifier_of
from tests.web.messages import ARTICLE, HTML, message, page_of, read, record

SENTENCES = [f"Sentence {number} of an article, long enough to be a paragraph of its own." for number in range(30)]
LONG = "".join(f"<p>{sentence}" for sentence in SENTENCES)
MENU = "<ul>" + "".join(f"<li><a href=/{number}>Topic {number}</a>" for number in range(40)) + "</ul>"


def lines(result: WebResult) -> list[str]:
    assert result.page is not None
    return result.page.text.split("\n")


# --- no page is lost


@pytest.mark.parametrize(
    "body",
    [
        f"<div class='subnav'>{LONG}</div>",
        f"<div class='breadcrumb'>{LONG}</div>",
        f"<div id='S:0' hidden>{LONG}</div>",
        f"<div style='display: none'>{LONG}</div>",
        f"<div><div class='promoted'><section aria-hidden=true>{LONG}</section></div></div>",
        f"<div class='is-collapsed'>{LONG}</div>",
        f"<div role=main></div><div>{LONG}</div>",
        f"<div class='post-content'>Share</div><div>{LONG}</div>",
    ],
)
def test_an_element_that_holds_the_article_is_not_taken_for_a_notice(body: str) -> None:
    result = read(f"{MENU}{body}")
    assert set(SENTENCES) <= set(lines(result))
    assert result.found_by == "second_pass"
    assert "Topic 3" not in lines(result)


def test_long_lines_of_all_text_where_both_passes_find_little() -> None:
    links = "".join(f"<li class=nav-menu><a href=/x>{sentence} {sentence}</a>" for sentence in SENTENCES)
    result = read(f"{MENU}<nav>{links}</nav>")
    assert result.found_by == "long_lines"
    assert lines(result) == [f"{sentence} {sentence}" for sentence in SENTENCES]


@pytest.mark.parametrize(("depth", "found_by"), [(MAX_LEVELS - 2, "second_pass"), (MAX_LEVELS + 2, "long_lines")])
def test_how_deep_the_second_pass_looks_is_bounded(depth: int, found_by: str) -> None:
    paragraphs = "".join(f"<p>{sentence} {sentence}" for sentence in SENTENCES)
    assert read(f"{'<div>' * depth}<div hidden>{paragraphs}").found_by == found_by


def test_all_text_where_no_line_is_long() -> None:
    result = read(f"<nav>{MENU}{MENU}</nav>")
    assert result.found_by == "all_text"
    assert len(lines(result)) == 80


def test_resiliparse_alone_is_still_there() -> None:
    assert page_of(f"{MENU}<div hidden>{LONG}</div>", extractor="resiliparse").lines == []


def test_a_short_page_stays_short() -> None:
    assert read(f"<nav>{MENU[:100]}</nav><p>few words", min_chars=300).page == page_of("<p>few words", min_chars=300)


def test_how_texts_were_found_is_counted() -> None:
    extraction = Extraction("segment", CC100)
    for body in (LONG, f"<div hidden>{LONG}</div>", f"<div class=promoted>{LONG}</div>"):
        item = record(message(body, HTML))
        assert isinstance(item, Record)
        assert isinstance(extraction.page_of(item), Page)
    assert extraction.account.main_text.found_by == {"first_pass": 1, "second_pass": 2}


# A model that knows Thai by its letters.
BY_SCRIPT = StandIn(lambda text: [("th" if "\u0e01" <= max(text, default="") <= "\u0e5b" else "en", 0.9)])


def shares(*bodies: str, extractor: Literal["cascade", "resiliparse"]) -> MainTextTally:
    recipe = replace(CC100, extractor=extractor, languages="all")
    extraction = Extraction("segment", recipe)
    pages = [page for body in bodies if isinstance(page := extraction.page_of(record(message(body, HTML))), Page)]
    paragraphs = sum(len(page.paragraphs(title_is_paragraph=True)) for page in pages if page.reason is None)
    miner = Miner("segment", "dump", recipe, identifier_of(BY_SCRIPT, recipe), FluencyModels(None, "mended"))
    assert list(miner.mine(chunks_of(recipe, pages), np.zeros(paragraphs, np.uint8))) is not None
    return miner.account.main_text


def test_the_share_of_main_text_is_counted_by_language_lost_pages_included() -> None:
    lost = f"<title>ภาษาไทย</title><body><div hidden>{'<p>ภาษาไทย' * 100}</div>"
    assert shares(LONG, lost, "<p>short", extractor="resiliparse").shares == {
        "en": [0, 0, 0, 0, 0, 0, 0, 0, 0, 1],
        "th": [1, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    }
    assert shares(lost, extractor="cascade").shares == {"th": [0, 0, 0, 0, 0, 0, 0, 0, 0, 1]}


@pytest.mark.parametrize(("pages", "tenth", "poor"), [(20, 2, True), (19, 2, False), (20, 3, False)])
def test_a_language_whose_pages_give_less_than_half_of_the_others_is_told(pages: int, tenth: int, poor: bool) -> None:
    tally = MainTextTally()
    for language, count, share in (("en", 30, 0.62), ("de", 30, 0.75), ("th", pages, tenth / 10)):
        for _ in range(count):
            tally.count_share(language, share)
    assert tally.poor_languages() == ({"th": (0.25, 0.7)} if poor else {})


# --- the frame of a page


def test_short_lines_around_the_text_are_left_out_and_the_headline_stays() -> None:
    page = page_of(
        "<title>A headline of some words - The Paper</title><body><div>12 May<br>Sport<br>Print</div>"
        f"<h2>A headline of some words</h2><p>By A. Author<p>{ARTICLE}<p>{ARTICLE}<h3>Between</h3><p>{ARTICLE}"
        "<div>Share<br>Older posts</div>"
    )
    text = ARTICLE.strip()
    assert page.text.split("\n") == [
        "A headline of some words", "By A. Author", text, text, "Between", text
    ]  # fmt: skip


@pytest.mark.parametrize(
    "body",
    [
        "<br>".join(f"word {number}" for number in range(200)),  # a list: no line is a paragraph
        f"<p>{'<p>'.join(f'post {number}' for number in range(200))}<p>{ARTICLE}",  # most would go
        "<p>short<p>" + ARTICLE[:200],  # too little would be left
    ],
)
def test_all_lines_stay_where_the_frame_cannot_be_told(body: str) -> None:
    assert page_of(body).text == page_of(body, extractor="resiliparse").text


def test_a_headline_far_behind_the_beginning_of_the_text_cuts_nothing_off() -> None:
    page = page_of(f"<title>A headline - Paper</title><p>{ARTICLE}<p>{ARTICLE}<p>A headline<p>{ARTICLE}<p>{ARTICLE}")
    assert page.text.split("\n") == [ARTICLE.strip()] * 2 + ["A headline"] + [ARTICLE.strip()] * 2


def test_a_paragraph_of_chinese_is_shorter() -> None:
    text = "天地玄黄宇宙洪荒日月盈昃辰宿列张寒来暑往秋收冬藏闰余成岁律吕调阳。" * 10
    assert page_of(f"<p>首页<p>{text}<p>上一篇").text == text


# --- lines


@pytest.mark.parametrize("extractor", ["cascade", "resiliparse"])
def test_a_row_of_data_is_a_line_with_single_blanks(extractor: str) -> None:
    page = page_of(
        "<table><tr><th>Alcalde<td>Hilario  Lopez</tr><tr><td>860&nbsp;m<td><td>2013</table>", extractor=extractor
    )
    assert page.text == "Alcalde Hilario Lopez\n860 m 2013"


@pytest.mark.parametrize("extractor", ["cascade", "resiliparse"])
def test_cells_of_a_layout_table_are_lines(extractor: str) -> None:
    page = page_of(f"<table><tr><td>{ARTICLE}<td>{ARTICLE[::-1]}</tr></table>", extractor=extractor)
    assert page.text == f"{ARTICLE.strip()}\n{ARTICLE[::-1].strip()}"


@pytest.mark.parametrize(
    ("html", "line"),
    [
        ("a&nbsp;&nbsp; b", "a b"),
        ("a&#9;b", "a b"),
        ("a&emsp;&emsp;b", "a b"),
        ("a\u3000b", "a\u3000b"),  # as WET text has it
        ("a&emsp;b", "a\u2003b"),
        ("a\u3000\u3000b", "a b"),
    ],
)
def test_runs_of_blanks_are_one(html: str, line: str) -> None:
    assert page_of(f"<p>{html}").text == line


@pytest.fixture
def trafilatura() -> Callable[[str], list[str]]:
    pytest.importorskip("trafilatura", exc_type=ImportError)
    return lambda body: page_of(body, extractor="trafilatura").text.split("\n")


PROSE = [
    f"Paragraph number {number} has so many words about things of kind {number * 7} that any extractor keeps it, and "
    "more words in a second sentence, so that nobody can take it for a menu." for number in range(3)
]  # fmt: skip


def test_trafilatura_leaves_no_marks(trafilatura: Callable[[str], list[str]]) -> None:
    one, two, three = PROSE
    table = "<table><tr><th>Year</th><th>City</th></tr><tr><td>1979</td><td>A town</td></tr></table>"
    items = f"<ul><li>{two}</li><li>an item</li></ul>"
    found = trafilatura(f"<html><body><article><p>{one}</p>{items}{table}<p>{three}</p></article></body></html>")
    assert found == [one, two, "an item", "Year City", "1979 A town", three]


def test_trafilatura_and_a_layout_table(trafilatura: Callable[[str], list[str]]) -> None:
    paragraphs = "".join(f"<p>{paragraph}</p>" for paragraph in PROSE)
    found = trafilatura(f"<html><body><table><tr><td>{paragraphs}</td></tr></table></body></html>")
    assert found == PROSE
