"""A small crawl that comes with the package, in CommonCrawl's own layout, and where its parts lie."""

from pathlib import Path

DUMP = "CC-MAIN-2026-04"  # the name of the bundled crawl
_HERE = Path(__file__).resolve().parent


def crawl_directory() -> Path:
    """The folder of the bundled crawl; ``crawl-data/CC-MAIN-2026-04/`` lies in it as in the public bucket."""
    return _HERE / "crawl"


def lm_directory() -> Path:
    """The folder of the small language models that this package's trainer made of ``lm_text/``."""
    return _HERE / "lm"


def lm_text_directory() -> Path:
    """The folder of the further text for the language models."""
    return _HERE / "lm_text"


def text_directory() -> Path:
    """The folder of the documents that the crawl is made of, one file a language."""
    return _HERE / "text"
