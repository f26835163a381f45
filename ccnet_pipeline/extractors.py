"""What finds the main text of a web page, by name; `ccnet_pipeline.web` is imported only where there are such pages."""

from __future__ import annotations

import importlib.metadata
import logging
from typing import Any, Literal

from ccnet_pipeline.errors import UserError

Extractor = Literal["cascade", "resiliparse", "trafilatura"]
_DECODING = ("endec", "chardet")  # web/encodings.py


def version_of(extractor: Extractor) -> str:
    """Return the name of an extractor, and the versions of all libraries that decide about the text of web pages.

    Raises:
        UserError: trafilatura is not installed.
    """
    if extractor == "trafilatura":
        load_trafilatura()
    finds_text = "trafilatura" if extractor == "trafilatura" else "resiliparse"
    versions = (f"{name} {importlib.metadata.version(name)}" for name in (finds_text, *_DECODING))
    return f"{extractor} ({', '.join(versions)})"


def load_trafilatura() -> Any:
    """Return the library.

    Raises:
        UserError: it is not installed.
    """
    try:
        import trafilatura
    except ImportError as error:
        raise UserError(
            f"--extractor trafilatura: it is not installed ({error}); pip install 'cc100-xlmr[trafilatura]'"
        ) from error
    logging.getLogger("trafilatura").setLevel(logging.CRITICAL)  # it reports every page that it cannot parse
    return trafilatura
