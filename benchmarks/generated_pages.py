"""Pages of generated crawls (make_crawl.py): what was written, what deduplication left, what identification made of it.

A page of junk is the lines of it that are junk: its title, menu and footer are text, and so is the mojibake of a line
in ASCII. A page counts if deduplication left 200 characters of what it is. Where no blanks stand between words (ja, zh,
th), the generator's lists of keywords are lists of whole sentences.
"""

from __future__ import annotations

import json
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from ccnet_pipeline.dedup.duplicates import KEPT, resolve, verdicts  # noqa: E402
from ccnet_pipeline.extract import Extraction  # noqa: E402
from ccnet_pipeline.fluency import FluencyModels  # noqa: E402
from ccnet_pipeline.fluency.model import Score  # noqa: E402
from ccnet_pipeline.frames import read_lines  # noqa: E402
from ccnet_pipeline.groups import Group, Grouper, Paragraphs  # noqa: E402
from ccnet_pipeline.recipe import CC100  # noqa: E402

ARTICLES = ("article", "article_long")
LEAST_CHARACTERS = 200


@dataclass(frozen=True, slots=True)
class Part:
    """The paragraphs of a page that were identified as one language: a document, if its bucket is kept."""

    language: str
    lines: Sequence[str]
    score: Score


@dataclass(frozen=True, slots=True)
class Page:
    """What the generator wrote, what deduplication left of it, and what identification made of that."""

    kind: str
    language: str  # of its text; of junk that of its site
    lines: Sequence[str]
    parts: Sequence[Part]

    @property
    def junk(self) -> str | None:
        """Return the kind of junk, or None."""
        return self.kind.removeprefix("junk_") if self.kind.startswith("junk_") else None

    def telling(self, lines: Sequence[str]) -> bool:
        """Return whether some lines of the page are enough of what the page is: an article, or junk of its kind."""
        if self.junk:
            lines = [line for line in lines if IS_JUNK[self.junk](line)]
        elif self.kind not in ARTICLES:
            return False
        return sum(map(len, lines)) >= LEAST_CHARACTERS


def _is_mojibake(line: str) -> bool:
    """Return whether a line is UTF-8 that was read as something else, but for what is ASCII."""
    for charset in ("latin-1", "cp1252", "cp1251"):
        read = line.encode(charset, "ignore").decode("utf-8", "ignore")
        if sum(not letter.isascii() for letter in read) * 200 >= len(line):
            return True
    return False


# Pages of junk have titles, menus and footers that are text.
IS_JUNK: Mapping[str, Callable[[str], bool]] = {
    "keywords": lambda line: line.count(", ") >= 19,
    "code": lambda line: re.search(r"[{};$=\[]|\(\)", line) is not None,
    "mojibake": _is_mojibake,
    "digits": lambda line: not any(map(str.isalpha, line)),
}


def read_pages(crawl: Path, grouper: Grouper, models: FluencyModels) -> Iterator[Page]:
    """Yield the pages of a crawl that preset `cc100` identifies, in order."""
    truth = {uuid_of(row): row for row in read_json_lines(crawl / "truth.jsonl.zst")}
    of_site: dict[str, Counter[str]] = defaultdict(Counter)
    for row in truth.values():
        if row["lang"]:
            of_site[row["site"]][row["lang"]] += 1
    for name, survivors in _after_dedup(sorted(crawl.rglob("*.warc.wet.gz"))):
        row = truth[name]
        languages = Counter([row["lang"]]) if row["lang"] else of_site[row["site"]]
        if languages and survivors.texts:
            [groups] = grouper.groups_of([survivors])
            parts = filter(None, (_part(group, survivors, models) for group in groups))
            yield Page(row["kind"], languages.most_common(1)[0][0], survivors.texts, list(parts))


def _after_dedup(archives: Sequence[Path]) -> Iterator[tuple[str, Paragraphs]]:
    """Yield the uuid of each record that is compared, and the paragraphs that stay."""
    segments = []
    for path in archives:
        extraction = Extraction(path.name, CC100)
        with path.open("rb") as stream:
            pages = [page for page in extraction.pages(stream) if page.reason is None]
        segments.append((pages, extraction.hashes()))
    may_keep = resolve([(hashes.unique, hashes.in_several) for _, hashes in segments], "none")
    for (pages, hashes), kept in zip(segments, may_keep, strict=True):
        of_segment = iter((verdicts(hashes.paragraphs, kept) == KEPT).tolist())
        for page in pages:
            paragraphs = page.paragraphs(title_is_paragraph=CC100.title_is_paragraph)
            stays = [number for number, text in enumerate(paragraphs) if next(of_segment) and text]
            yield page.id, Paragraphs(stays, [paragraphs[number] for number in stays])


def _part(group: Group, survivors: Paragraphs, models: FluencyModels) -> Part | None:
    """Return what would be a document; None without a language, a model, or anything to score."""
    model = None if group.reason else models.get(group.language)
    wanted = set(group.positions)
    texts = [text for number, text in zip(survivors.positions, survivors.texts, strict=True) if number in wanted]
    score = model.score(texts) if model else None
    return Part(group.language, texts, score) if score else None


def read_json_lines(path: Path) -> Iterator[dict]:
    """Yield the objects of a file of JSON lines in zstd: a truth file, a shard."""
    with path.open("rb") as file:
        yield from map(json.loads, read_lines(file))


def uuid_of(row: Mapping[str, str]) -> str:
    """Return the uuid of the record that a row of a truth file is about."""
    return row["record_id"].removeprefix("<urn:uuid:").removesuffix(">")
