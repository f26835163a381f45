"""A small crawl that comes with the package, in CommonCrawl's own layout, and where its parts lie."""

from pathlib import Path

_HERE = Path(__file__).resolve().parent


def crawl_directory() -> Path:
    """The folder of the bundled crawl: it holds ``crawl-data/CC-MAIN-2026-04/...`` as the public bucket does."""
    return _HERE / "crawl"


def lm_directory() -> Path:
    """The folder of the small language models that were trained on ``lm_text/`` (by this package's trainer)."""
    return _HERE / "lm"


def text_directory() -> Path:
    """The folder of the documents that the crawl is made of, one file a language."""
    return _HERE / "text"
