"""Pages whose text, title, URL or domain would like to do something: in the report they do nothing, and are shown."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from tests.report.browser.conftest import Opened
from tests.report.browser.hostile import MENACES

_OPEN = "for (const each of document.querySelectorAll('details')) { each.hidden = false; each.open = true }"
_ELEMENTS = "[...document.querySelectorAll('*')].map(each => each.localName)"
_ATTRIBUTES = "[...document.querySelectorAll('*')].flatMap(each => each.getAttributeNames())"
_LINKS = "[...document.querySelectorAll('[href], [src]')].flatMap(each => [each.getAttribute('href'), each.src])"


def test_nothing_of_the_web_runs_in_the_report(hostile_report: Path, opened: Opened) -> None:
    # Once more without its policy, which would hide that a text was not escaped.
    for bypass_csp in (False, True):
        visit = opened(hostile_report, bypass_csp=bypass_csp)
        page = visit.page
        page.evaluate(_OPEN)
        for each in page.locator("article").all()[:20]:
            each.hover()
        assert (visit.said, visit.asked) == ([], [])
        assert [name for name in page.evaluate(_ATTRIBUTES) if name.startswith("on")] == []
        count = Counter(page.evaluate(_ELEMENTS))
        assert (count["script"], count["style"], count["title"]) == (1, 1, 1)
        assert not set(count) & {"img", "iframe", "object", "embed", "form", "textarea", "base", "template"}
        assert all(link.startswith(("#", "data:,")) for link in page.evaluate(_LINKS) if link)


def test_what_was_found_is_shown_as_it_stands(hostile_report: Path, opened: Opened) -> None:
    page = opened(hostile_report).page
    text = page.evaluate("document.body.textContent")
    for menace in MENACES[:9]:
        assert menace in text
    # What a reader does not see is shown as its number.
    assert not set(text) & set("\x00\x07\x1b\u202e\u2066")
    assert "override ⟨U+202E⟩ gpj.exe" in text
    places = {"title": "article b", "URL": ".url", "text": "article .text", "domain": "#domains ~ .scroll th"}
    for place, selector in places.items():
        found = " ".join(page.locator(selector).all_text_contents())
        assert "alert('" in found, place
