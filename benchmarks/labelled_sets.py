"""Three public sets of web pages with their true main text, in the form that extraction.py reads.

    git clone https://github.com/scrapinghub/article-extraction-benchmark
    git clone https://github.com/Murrough-Foley/web-content-extraction-benchmark
    git clone https://github.com/rundimeco/waddle
    python benchmarks/labelled_sets.py --scrapinghub article-extraction-benchmark --output pages
    python benchmarks/labelled_sets.py --wcxb web-content-extraction-benchmark --output pages
    python benchmarks/labelled_sets.py --daniel waddle --output pages

The sets are the seven page types of WCXB and the five languages of DAnIEL; scrapinghub's is one.
"""

from __future__ import annotations

import argparse
import gzip
import html
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Labelled:
    """A page and its truth."""

    group: str  # the set that it belongs to
    name: str
    page: bytes  # HTML, packed with gzip
    truth: str  # one paragraph a line


def scrapinghub(clone: Path) -> Iterator[Labelled]:
    """Give the articles of scrapinghub/article-extraction-benchmark."""
    truths = json.loads((clone / "ground-truth.json").read_text("utf-8"))
    for name, truth in sorted(truths.items()):
        page = (clone / "html" / f"{name}.html.gz").read_bytes()
        yield Labelled("scrapinghub", name, page, truth["articleBody"])


def wcxb(clone: Path) -> Iterator[Labelled]:
    """Give the pages of Murrough-Foley/web-content-extraction-benchmark (WCXB) that have a text, by page type."""
    pages = json.loads((clone / "metadata.json").read_text("utf-8"))["files"]
    for name, about in sorted(pages.items()):
        split = clone / about["split"]
        truth = json.loads((split / "ground-truth" / f"{name}.json").read_text("utf-8"))["ground_truth"]
        if truth.get("main_content"):
            page = (split / "html" / f"{name}.html.gz").read_bytes()
            yield Labelled(f"wcxb-{about['page_type']}", name, page, truth["main_content"])


def daniel(clone: Path) -> Iterator[Labelled]:
    """Give the articles of DAnIEL as cleaned in rundimeco/waddle, by language."""
    corpus = clone / "corpora" / "Corpus_daniel_v2.1"
    languages = json.loads((corpus / "doc_lg.json").read_text("utf-8"))
    for page in sorted((corpus / "html").iterdir()):
        marked = (corpus / "reference" / page.name).read_text("utf-8")
        truth = html.unescape(re.sub(r"<[^>]*>", "", marked.replace("</p>", "\n")))
        yield Labelled(f"daniel-{languages[page.name]}", page.name, gzip.compress(page.read_bytes(), mtime=0), truth)


def main() -> None:
    """Write the pages of a clone."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for read in (scrapinghub, wcxb, daniel):
        parser.add_argument(f"--{read.__name__}", type=Path, metavar="CLONE", help=read.__doc__)
    parser.add_argument("--output", type=Path, required=True, help="folder to write to")
    options = parser.parse_args()
    for read in (scrapinghub, wcxb, daniel):
        clone: Path | None = getattr(options, read.__name__)
        for each in read(clone) if clone else ():
            for kind, suffix, content in (("pages", ".html.gz", each.page), ("truth", ".txt", each.truth.encode())):
                path = options.output / each.group / kind / (each.name + suffix)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)


if __name__ == "__main__":
    main()
