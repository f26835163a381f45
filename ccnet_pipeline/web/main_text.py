"""A parsed page -> the lines of its main text: one paragraph (block) a line, stripped.

    cascade      resiliparse, and its lines without the frame (ends.py); where it finds next to nothing, a second pass,
                 then the long lines of all text (fallback.py)
    resiliparse  its main content as it is, without alternative texts, links, form fields, bullets
    trafilatura  without comments, with tables, those for layout as blocks (layout.py)

What either library takes for the main text is its own affair. In all three a line is what lines.py makes of it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from resiliparse.extract.html2text import extract_plain_text

from ccnet_pipeline.extractors import Extractor, load_trafilatura
from ccnet_pipeline.web.ends import without_frame
from ccnet_pipeline.web.fallback import FEW_CHARS, FEW_SHARE, FEWEST_SHARE, disarm, is_few, long_lines
from ccnet_pipeline.web.html import Html
from ccnet_pipeline.web.layout import without_layout_tables
from ccnet_pipeline.web.lines import lines_of, without_marks

Pass = Literal["first_pass", "second_pass", "long_lines", "all_text"]
Strip = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class MainText:
    """What was found on a page."""

    lines: list[str]
    all_chars: int  # of all lines of the page, main text or not
    found_by: Pass = "first_pass"

    @property
    def share(self) -> float | None:
        """Return how much of all text it is, at most 1.0; None where there is too little to tell."""
        if self.all_chars < FEW_CHARS:
            return None
        return min(1.0, round(sum(map(len, self.lines)) / self.all_chars, 3))


def main_text_of(extractor: Extractor) -> Callable[[Html, Strip], MainText]:
    """Return the function that finds the main text of a page; it may raise, and leaves the tree changed.

    Raises:
        UserError: trafilatura is not installed.
    """
    if extractor == "trafilatura":
        return _by_trafilatura(load_trafilatura())
    return _by_cascade if extractor == "cascade" else _by_resiliparse


def _by_cascade(page: Html, strip: Strip) -> MainText:
    all_lines = _lines(page, strip, main_content=False)
    all_chars = sum(map(len, all_lines))
    lines = _lines(page, strip, main_content=True)
    found_by: Pass = "first_pass"
    if is_few(lines, all_chars, FEW_SHARE):
        disarm(page.tree)
        lines, found_by = _lines(page, strip, main_content=True), "second_pass"
    if is_few(lines, all_chars, FEWEST_SHARE):
        lines, found_by = long_lines(all_lines), "long_lines"
    if is_few(lines, all_chars, FEWEST_SHARE):
        return MainText(all_lines, all_chars, "all_text")
    return MainText(without_frame(lines, page.title()), all_chars, found_by)


def _by_resiliparse(page: Html, strip: Strip) -> MainText:
    return MainText(_lines(page, strip, main_content=True), _all_chars(page, strip))


def _by_trafilatura(library: Any) -> Callable[[Html, Strip], MainText]:
    def find(page: Html, strip: Strip) -> MainText:
        tree = library.load_html(page.text)
        if tree is None:
            return MainText([], _all_chars(page, strip))
        tree = without_layout_tables(tree)
        text = library.extract(tree, include_comments=False, include_tables=True, output_format="txt") or ""
        return MainText(lines_of(without_marks(text), strip), _all_chars(page, strip))

    return find


def _all_chars(page: Html, strip: Strip) -> int:
    return sum(map(len, _lines(page, strip, main_content=False)))


def _lines(page: Html, strip: Strip, *, main_content: bool) -> list[str]:
    return lines_of(_text_of(page, main_content=main_content), strip)


def _text_of(page: Html, *, main_content: bool) -> str:
    text = extract_plain_text(
        page.tree,
        preserve_formatting=True,
        main_content=main_content,
        list_bullets=False,
        alt_texts=False,
        links=False,
        form_fields=False,
    )
    return page.plain(text)
