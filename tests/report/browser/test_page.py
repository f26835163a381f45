"""The report in a real browser: opened, sorted, searched, printed, with a mouse and without, on a desk and a phone."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.report.browser.conftest import SCHEMES, WIDTHS, Opened, Scheme

if TYPE_CHECKING:
    from playwright.sync_api import Page


def codes(page: Page) -> list[str]:
    """Return the languages of the table that are to be seen, in their order."""
    return page.locator("table.languages tbody tr:visible th code").all_inner_texts()


def column(page: Page, heading: str) -> list[str]:
    headings = page.locator("table.languages thead th").all_inner_texts()
    number = [each.strip().lower() for each in headings].index(heading)
    return page.locator(f"table.languages tbody tr > :nth-child({number + 1})").all_inner_texts()


def numbers(cells: list[str]) -> list[float]:
    return [float(cell.replace(",", "")) for cell in cells if re.match(r"\d", cell)]


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("width", WIDTHS)
def test_it_opens_without_an_error_and_asks_for_nothing(
    report: Path, opened: Opened, width: int, scheme: Scheme
) -> None:
    visit = opened(report, width=width, scheme=scheme)
    assert (visit.said, visit.asked) == ([], [])
    assert visit.page.title().startswith("Report: ")
    assert visit.page.evaluate("document.documentElement.scrollWidth") == width


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", ["comparison", "unfinished_report"])
def test_so_do_its_relatives(name: str, width: int, opened: Opened, request: pytest.FixtureRequest) -> None:
    visit = opened(request.getfixturevalue(name), width=width)
    assert (visit.said, visit.asked) == ([], [])
    assert visit.page.locator("h1").inner_text()
    assert visit.page.evaluate("document.documentElement.scrollWidth") == width


def test_names_and_sizes_are_to_be_read_on_a_phone(comparison: Path, sample_report: Path, opened: Opened) -> None:
    width = "each => each.getBoundingClientRect().width"
    names = opened(comparison, width=390).page.locator("main th[scope=row]").all()
    assert min(each.evaluate(width) for each in names[:80]) > 90
    head = opened(sample_report, width=390).page.locator("table.languages thead th", has_text="Characters")
    assert head.evaluate("each => each.getBoundingClientRect().right") <= 390


def test_it_is_light_or_dark_as_the_reader_wants(sample_report: Path, opened: Opened) -> None:
    def brightness(scheme: Scheme) -> float:
        colour = opened(sample_report, scheme=scheme).page.evaluate("getComputedStyle(document.body).backgroundColor")
        red, green, blue = map(float, re.findall(r"[\d.]+", colour)[:3])
        return (red + green + blue) / (3 * 255)

    assert brightness("dark") < 0.2
    assert brightness("light") > 0.8


def test_the_table_of_languages_is_sorted_by_what_is_clicked(report: Path, opened: Opened) -> None:
    page = opened(report).page
    as_it_came = codes(page)
    documents = page.locator("table.languages thead button", has_text="documents")
    documents.click()
    sizes = numbers(column(page, "documents"))
    assert sizes == sorted(sizes, reverse=True)
    documents.click()
    assert numbers(column(page, "documents")) == sorted(sizes)
    assert page.locator("table.languages thead [aria-sort]").get_attribute("aria-sort") == "ascending"
    page.locator("table.languages thead button", has_text="perplexity").click()
    cells = column(page, "perplexity")
    known = numbers(cells)
    assert known == sorted(known, reverse=True)
    assert len(numbers(cells[: len(known)])) == len(known), "those without a perplexity come last"
    page.locator("table.languages thead button", has_text="language").click()
    assert sorted(as_it_came) == sorted(codes(page)) != as_it_came


def test_the_table_of_languages_is_searched(report: Path, opened: Opened) -> None:
    page = opened(report).page
    assert len(codes(page)) > 25
    page.get_by_label("Search languages").fill("SWAHI")
    assert codes(page) == ["sw"]
    assert page.get_by_role("status").inner_text().startswith("1 of ")
    page.get_by_label("Search languages").fill("no such language")
    assert codes(page) == []
    page.get_by_label("Search languages").fill("")
    assert len(codes(page)) > 25


def test_one_language_after_another_is_shown(report: Path, opened: Opened) -> None:
    page = opened(report).page
    shown = page.locator("details.language:visible")
    assert shown.count() == 1
    first = shown.locator("h3").inner_text()
    page.get_by_role("button", name="Next").click()
    assert shown.locator("h3").inner_text() != first
    page.get_by_role("button", name="Previous").click()
    assert shown.locator("h3").inner_text() == first
    options = page.get_by_label("Language", exact=True).locator("option").all_inner_texts()
    swahili = next(each for each in options if each.startswith("Swahili"))
    page.get_by_label("Language", exact=True).select_option(label=swahili)
    assert shown.locator("h3").inner_text() == swahili
    assert shown.locator("article").first.is_visible()


def test_a_language_of_the_table_leads_to_its_examples(report: Path, opened: Opened) -> None:
    page = opened(report).page
    page.locator("table.languages th a[href='#language-ar']").click()
    text = page.locator("details.language:visible .text").first
    assert text.is_visible()
    assert (text.get_attribute("dir"), text.get_attribute("lang")) == ("rtl", "ar")
    assert text.evaluate("each => getComputedStyle(each).direction") == "rtl"


def test_it_can_be_used_with_the_keyboard_alone(sample_report: Path, opened: Opened) -> None:
    page = opened(sample_report).page
    focus = "document.activeElement"
    page.keyboard.press("Tab")
    assert page.evaluate(f"{focus}.textContent") == "To the content"
    page.keyboard.press("Enter")
    seen: set[str] = set()
    for _ in range(150):
        page.keyboard.press("Tab")
        name = page.evaluate(f"({focus}.labels?.[0] ?? {focus}).textContent.trim().toLowerCase()")
        if name not in seen:
            outline = page.evaluate(f"getComputedStyle({focus}).outlineStyle")
            assert outline != "none", f"{name}: nothing shows that it has the focus"
        seen.add(name)
        if name == "documents":
            page.keyboard.press("Enter")
        if name == "search languages":
            page.keyboard.type("e")
        if name == "next":
            page.keyboard.press("Space")
            break
    sizes = numbers(column(page, "documents"))
    assert sizes == sorted(sizes, reverse=True)
    assert 0 < len(codes(page)) < len(sizes)
    assert page.get_by_label("Language", exact=True).evaluate("each => each.selectedIndex") == 1


def test_it_prints_its_tables_whole_and_the_language_that_is_chosen(
    sample_report: Path, opened: Opened, tmp_path: Path
) -> None:
    page = opened(sample_report).page
    page.get_by_role("button", name="Next").click()
    chosen = page.locator("details.language:visible h3").inner_text()
    page.set_viewport_size({"width": 718, "height": 1000})  # A4, without margins
    page.emulate_media(media="print")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.evaluate("[...document.querySelectorAll('.scroll')].every(each => each.scrollWidth <= innerWidth)")
    assert not page.get_by_label("Search languages").is_visible()
    assert page.locator("details.language:visible h3").all_inner_texts() == [chosen]
    page.pdf(path=tmp_path / "report.pdf", format="A4")
    assert len(re.findall(rb"/Type /Page\b", (tmp_path / "report.pdf").read_bytes())) > 3


def test_without_scripts_everything_is_there(sample_report: Path, opened: Opened) -> None:
    page = opened(sample_report, java_script_enabled=False).page
    assert len(codes(page)) > 25
    assert page.locator("details.language:visible").count() > 25
    assert not page.get_by_label("Search languages").is_visible()
