"""A parsed page -> the lines of its main text: one paragraph (block) a line, stripped.

resiliparse: main content only, without alternative texts, links, form fields, bullets. trafilatura: without comments,
with tables. What either takes for the main text is its own affair; neither ever raises here.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Literal

from resiliparse.extract.html2text import extract_plain_text

from ccnet_pipeline.errors import UserError
from ccnet_pipeline.web.html import Html

Extractor = Literal["resiliparse", "trafilatura"]


def main_text_of(extractor: Extractor) -> Callable[[Html], str]:
    """Return the function that gives the main text of a page, blank lines included; it may raise.

    Raises:
        UserError: trafilatura is not installed.
    """
    if extractor == "resiliparse":
        return _by_resiliparse
    try:
        import trafilatura
    except ImportError as error:
        raise UserError(
            f"--extractor trafilatura: it is not installed ({error}); pip install 'cc100-xlmr[trafilatura]'"
        ) from error
    logging.getLogger("trafilatura").setLevel(logging.CRITICAL)  # it reports every page that it cannot parse

    def by_trafilatura(page: Html) -> str:
        return trafilatura.extract(page.text, include_comments=False, include_tables=True, output_format="txt") or ""

    return by_trafilatura


def _by_resiliparse(page: Html) -> str:
    text = extract_plain_text(
        page.tree,
        preserve_formatting=True,
        main_content=True,
        list_bullets=False,
        alt_texts=False,
        links=False,
        form_fields=False,
    )
    return page.plain(text)


def lines_of(text: str, strip: Callable[[str], str]) -> list[str]:
    """Return the lines that are not blank, stripped, as of a WET file."""
    return [line for line in map(strip, text.replace("\r", "\n").split("\n")) if line]
