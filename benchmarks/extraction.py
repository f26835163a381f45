"""The main text of web pages by each `--extractor`, against what people marked as the main text.

    python benchmarks/extraction.py pages/
    python benchmarks/extraction.py pages/ --extractors resiliparse --every 5

The folder holds sets: SET/pages/NAME.html.gz (or .html) and SET/truth/NAME.txt, UTF-8, one paragraph a line.
labelled_sets.py makes it from public sets. Each page is read as a WARC response of status 200, opt-outs ignored.

As Markdown tables: precision, recall and F1 of 4-shingles, as multisets, mean over pages; "bad" are pages with an F1
below 0.2; "too_short" are pages that would be lost: under 300 characters of a truth of 300 or more. A shingle is four
words in a row; in scripts without blanks (Chinese, Japanese, Thai, Lao, Khmer, Burmese) four characters. ms is CPU time
a page, from the HTTP response to the lines. "all text" is all that a browser would show, about what a WET file holds.
The second table is F1 by set. With --list the too_short pages are named, too.
"""

from __future__ import annotations

import argparse
import gzip
import re
import statistics
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import get_args

from resiliparse.extract.html2text import extract_plain_text

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from ccnet_pipeline.archive import Record  # noqa: E402
from ccnet_pipeline.extractors import Extractor  # noqa: E402
from ccnet_pipeline.web import WebReader  # noqa: E402
from ccnet_pipeline.web.charset import decode  # noqa: E402
from ccnet_pipeline.web.html import parse  # noqa: E402

MIN_CHARS = 300
BAD_F1 = 0.2
_SHINGLE = 4
_ALL_TEXT = "all text"
_WITHOUT_BLANKS = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_WORD = re.compile(rf"[{_WITHOUT_BLANKS}]|[^\W{_WITHOUT_BLANKS}]+")

Shingles = Counter[tuple[str, ...]]
Way = Callable[[bytes], str]  # the body of a response -> its text


@dataclass(frozen=True, slots=True)
class Sample:
    """A page with its truth."""

    group: str
    name: str
    page: bytes
    truth: str


@dataclass(frozen=True, slots=True)
class Score:
    """How near a text is to the truth."""

    precision: float
    recall: float

    @property
    def f1(self) -> float:
        both = self.precision + self.recall
        return 2 * self.precision * self.recall / both if both else 0.0


@dataclass(slots=True)
class Result:
    """What one way gave on all pages."""

    scores: list[Score] = field(default_factory=list)
    groups: list[str] = field(default_factory=list)
    too_short: list[str] = field(default_factory=list)  # names of pages
    cpu_s: float = 0.0

    def add(self, sample: Sample, text: str, cpu_s: float) -> None:
        self.scores.append(score(shingles(text), shingles(sample.truth)))
        self.groups.append(sample.group)
        self.cpu_s += cpu_s
        if len(text) < MIN_CHARS <= len(sample.truth.strip()):
            self.too_short.append(f"{sample.group}/{sample.name}")

    def f1(self, group: str = "") -> float:
        pairs = zip(self.groups, self.scores, strict=True)
        return statistics.mean(each.f1 for name, each in pairs if not group or name == group)

    def row(self) -> str:
        precision, recall = (statistics.mean(getattr(each, name) for each in self.scores) for name in _PARTS)
        bad = sum(each.f1 < BAD_F1 for each in self.scores)
        ms = 1000 * self.cpu_s / len(self.scores)
        parts = f"{precision:.3f} / {recall:.3f} / {self.f1():.3f}"
        return f"{parts} | {bad} | {len(self.too_short)} | {ms:.1f} | {1000 / ms:.0f}"


_PARTS = ("precision", "recall")


def shingles(text: str) -> Shingles:
    """Return the shingles of a text, each as often as it occurs; of a shorter text all its words as one.

    >>> sorted(shingles("One two, three four five"))
    [('one', 'two', 'three', 'four'), ('two', 'three', 'four', 'five')]
    """
    words = _WORD.findall(text.lower())
    if len(words) < _SHINGLE:
        return Counter([tuple(words)] if words else [])
    return Counter(zip(*(words[start:] for start in range(_SHINGLE)), strict=False))


def score(found: Shingles, truth: Shingles) -> Score:
    """Compare two texts; nothing found where there is nothing is right."""
    common = sum((found & truth).values())
    if not truth:
        return Score(float(not found), 1.0)
    return Score(common / found.total() if found else 0.0, common / truth.total())


def samples(folder: Path, every: int) -> Iterator[Sample]:
    """Give every so-manyth page of a folder, in the order of names."""
    for path in sorted(folder.glob("*/pages/*.html*"))[::every]:
        name = path.name.removesuffix(".gz").removesuffix(".html")
        group = path.parent.parent
        page = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        yield Sample(group.name, name, page, (group / "truth" / f"{name}.txt").read_text("utf-8"))


def by_extractor(extractor: Extractor) -> Way:
    """Return what reads the main text as a run does."""
    reader = WebReader(extractor=extractor, ignore_opt_out=True, min_chars=MIN_CHARS, max_record_bytes=64 << 20)

    def read(page: bytes) -> str:
        headers = {"content-type": "application/http; msgtype=response"}
        block = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n" + page
        result = reader.read(Record("response", headers, block, 0), "benchmark").page
        return (result.text or "") if result else ""

    return read


def all_text(page: bytes) -> str:
    """Return all that a browser would show."""
    parsed = parse(decode(page, ""))
    return parsed.plain(extract_plain_text(parsed.tree, alt_texts=False, list_bullets=False)) if parsed else ""


def measure(way: Way, pages: Sequence[Sample]) -> Result:
    """Read every page in one way."""
    result = Result()
    for sample in pages:
        began = time.process_time()
        text = way(sample.page)
        result.add(sample, text, time.process_time() - began)
    return result


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="of sets")
    parser.add_argument("--extractors", nargs="+", choices=get_args(Extractor), default=get_args(Extractor))
    parser.add_argument("--every", type=int, default=1, metavar="N", help="one page in N (default: %(default)s)")
    parser.add_argument("--list", action="store_true", help="name the pages that are too_short")
    options = parser.parse_args()
    pages = list(samples(options.folder, options.every))
    ways: dict[str, Way] = {extractor: by_extractor(extractor) for extractor in options.extractors}
    results = {name: measure(way, pages) for name, way in {**ways, _ALL_TEXT: all_text}.items()}
    print(f"{len(pages)} pages\n\n| | P / R / F1 | bad | too_short | ms a page | pages/s |\n|---|---|---|---|---|---|")
    for name, result in results.items():
        print(f"| {name} | {result.row()} |")
    groups = Counter(sample.group for sample in pages)
    print(f"\n| F1 | pages | {' | '.join(results)} |\n|---|---|{'---|' * len(results)}")
    for group, count in sorted(groups.items()):
        print(f"| {group} | {count} | {' | '.join(f'{result.f1(group):.3f}' for result in results.values())} |")
    if options.list:
        for name, result in results.items():
            print("", *(f"{name}: {page}" for page in result.too_short), sep="\n")


if __name__ == "__main__":
    main()
