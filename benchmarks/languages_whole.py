"""The whole pipeline on generated crawls whose truth is known: per language what is found, what is right, what is junk.

Each crawl is built by preset `cc100` with `--keep_rejects`, once a variant (with and without further models). Pages are
then looked up in the truth file. What counts are pages that reach identification: those that deduplication or the
least length took away say nothing about language or fluency.

recall      of the pages of a language (articles, lists, forums, copies), how many gave a document in it
precision   of the characters filed under a language, how many are of pages that hold text in it; pages of junk are none
lost        of the articles in a language, how many gave no document in it
junk kept   of the pages of junk, how many gave 200 characters or more of junk in any language (titles, menus and
            footers of such pages are text)
"""

from __future__ import annotations

import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from generated_pages import ARTICLES, IS_JUNK, LEAST_CHARACTERS, read_json_lines, uuid_of

_ROOT = Path(__file__).resolve().parent.parent
_JUNK = "junk_"
_NOT_REACHED = frozenset({"duplicate", "repeated", "blank", "empty", "too_short"})
_PAGES = frozenset(ARTICLES) | {"listing", "forum", "mirror_exact", "mirror_site", "mirror_near"}


@dataclass(frozen=True, slots=True)
class Truth:
    """What the generator wrote on a page."""

    kind: str
    language: str | None  # of the main text
    languages: frozenset[str]  # all that were written on purpose


@dataclass(slots=True)
class Outcome:
    """What a build made of the pages."""

    kept: dict[str, dict[str, str]] = field(default_factory=lambda: defaultdict(dict))  # page -> language -> text
    reached: set[str] = field(default_factory=set)  # pages with text that identification saw


def build(crawls: Sequence[Path], output: Path, flags: Sequence[str]) -> Outcome:
    """Build a corpus of the crawls and return what became of each page."""
    inputs = [f"{crawl}/**/*.warc.wet.gz" for crawl in crawls]
    command = [sys.executable, "-m", "beam_jobs.build_cc100", "--input", *inputs, "--output", str(output)]
    command += ["--keep_rejects", "--overwrite", *flags]
    subprocess.run(command, cwd=_ROOT, check=True, stdout=subprocess.DEVNULL)
    outcome = Outcome()
    for document in _documents(output / "shards"):
        page = document["id"].partition("/")[0]
        outcome.kept[page][document["language"]] = document["text"]
        outcome.reached.add(page)
    for document in _documents(output / "rejects"):
        if document["reason"] not in _NOT_REACHED:
            outcome.reached.add(document["id"].partition("/")[0])
    return outcome


def _documents(folder: Path) -> Iterator[dict[str, str]]:
    for path in sorted(folder.rglob("*.jsonl.zst")):
        yield from read_json_lines(path)


def read_truth(crawls: Iterable[Path]) -> dict[str, Truth]:
    """Return the truth of every page, by the uuid of its record."""
    truth = {}
    for crawl in crawls:
        for row in read_json_lines(crawl / "truth.jsonl.zst"):
            truth[uuid_of(row)] = Truth(row["kind"], row["lang"], frozenset(row["langs"]))
    return truth


@dataclass(frozen=True, slots=True)
class Scores:
    """Of one language, in counts."""

    pages: int
    found: int
    articles: int
    lost: int
    filed: int
    right: int

    def row(self) -> str:
        """Return the cells of a table, in per cent."""
        return " | ".join(
            f"{100 * part / whole:.0f}" if whole else ""
            for part, whole in ((self.found, self.pages), (self.right, self.filed), (self.lost, self.articles))
        )


def scores_by_language(truth: Mapping[str, Truth], outcome: Outcome) -> dict[str, Scores]:
    """Return the scores of every language that the truth or the corpus names."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for page, of_page in truth.items():
        kept = outcome.kept.get(page, {})
        for language, text in kept.items():
            counts[language]["filed"] += len(text)
            if language in of_page.languages and not of_page.kind.startswith(_JUNK):
                counts[language]["right"] += len(text)
        if of_page.language is None or of_page.kind not in _PAGES or page not in outcome.reached:
            continue
        found = of_page.language in kept
        counts[of_page.language].update(pages=1, found=found)
        if of_page.kind in ARTICLES:
            counts[of_page.language].update(articles=1, lost=not found)
    names = Scores.__dataclass_fields__
    return {language: Scores(**{name: count[name] for name in names}) for language, count in sorted(counts.items())}


def junk_kept(truth: Mapping[str, Truth], outcome: Outcome) -> dict[str, tuple[int, int]]:
    """Return by kind of junk, and `all`, how many pages were kept as junk, of those that identification saw."""
    found: dict[str, tuple[int, int]] = defaultdict(lambda: (0, 0))
    for page, of_page in truth.items():
        if not of_page.kind.startswith(_JUNK) or page not in outcome.reached:
            continue
        kind = of_page.kind.removeprefix(_JUNK)
        lines = [line for text in outcome.kept.get(page, {}).values() for line in text.split("\n")]
        is_kept = sum(len(line) for line in lines if IS_JUNK[kind](line)) >= LEAST_CHARACTERS
        for name in (kind, "all"):
            found[name] = found[name][0] + is_kept, found[name][1] + 1
    return found


def tables(crawls: Sequence[Path], work: Path, variants: Mapping[str, Sequence[str]]) -> str:
    """Return the tables as Markdown: one row a language, one group of columns a variant.

    Args:
        crawls: folders with `crawl-data/` and `truth.jsonl.zst`.
        work: folder for the corpora.
        variants: name -> flags of build_cc100.
    """
    truth = read_truth(crawls)
    outcomes = {name: build(crawls, work / f"variant-{n}", flags) for n, (name, flags) in enumerate(variants.items())}
    by_variant = {name: scores_by_language(truth, outcome) for name, outcome in outcomes.items()}
    languages = sorted({of_page.language for of_page in truth.values() if of_page.language})
    lines = ["| | pages | " + " | ".join(f"{name}: recall | precision | lost" for name in variants) + " |"]
    lines.append("|---" * (2 + 3 * len(variants)) + "|")
    for language in languages:
        cells = [scores.get(language, Scores(0, 0, 0, 0, 0, 0)) for scores in by_variant.values()]
        lines.append(f"| {language} | {cells[0].pages} | " + " | ".join(each.row() for each in cells) + " |")
    sums = [_sum(scores[language] for language in languages if language in scores) for scores in by_variant.values()]
    lines.append(f"| all | {sums[0].pages} | " + " | ".join(each.row() for each in sums) + " |")
    return "\n".join([*lines, "", *_junk_table(truth, outcomes)])


def _sum(scores: Iterable[Scores]) -> Scores:
    total: Counter[str] = Counter()
    for each in scores:
        total.update({name: getattr(each, name) for name in Scores.__dataclass_fields__})
    return Scores(**{name: total[name] for name in Scores.__dataclass_fields__})


def _junk_table(truth: Mapping[str, Truth], outcomes: Mapping[str, Outcome]) -> Iterator[str]:
    kept = {name: junk_kept(truth, outcome) for name, outcome in outcomes.items()}
    kinds = [*sorted({kind for of_variant in kept.values() for kind in of_variant} - {"all"}), "all"]
    yield "| junk kept | " + " | ".join(kinds) + " |"
    yield "|---" * (1 + len(kinds)) + "|"
    for name, of_variant in kept.items():
        counts = [of_variant.get(kind, (0, 0)) for kind in kinds]
        cells = [f"{part} of {whole}, {part / max(whole, 1):.0%}" for part, whole in counts]
        yield f"| {name} | " + " | ".join(cells) + " |"
