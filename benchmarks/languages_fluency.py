"""Language models of all languages, and how well perplexity tells articles from junk, on crawls whose truth is known.

    n=0; for code in de ha sw zh-Hans; do n=$((n+1))
      make_crawl.py --languages $code --files 1 --records-per-file 1200 --dump 2018-$(printf %02d $n) --out crawls/$code
    done
    python benchmarks/languages_fluency.py --text train/ --lm_dir models --crawl crawls/* --lid_model lid.176.ftz

trains what `--lm_dir` lacks, reads the crawls as preset `cc100` does, each as one scope, and prints five tables.
MINUTES

models      text, pieces, n-grams, held-out perplexity, size of the files; time and memory of what was trained now
AUC         of perplexity, articles against junk: how probable it is that a page of junk has a higher perplexity than an
            article has. Once by the model of the language of the page's site, of all paragraphs that deduplication
            left; once as the pipeline identifies: documents of a language against each other, behind the noise class
comparison  the same AUC with one setting changed
policies    articles lost and junk kept, by where the cut-offs are. They are taken from every second page of the crawl,
            and tried on the others

A page of junk is the lines of it that are junk: its title, menu and footer are text, and so is the mojibake of a line
in ASCII. A page counts if deduplication left 200 characters of what it is. Where no blanks stand between words (ja, zh,
th), the generator's lists of keywords are lists of whole sentences.
"""

from __future__ import annotations

import argparse
import io
import itertools
import json
import re
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import zstandard

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from ccnet_pipeline.dedup import KEPT, resolve, verdicts  # noqa: E402
from ccnet_pipeline.extract import Extraction  # noqa: E402
from ccnet_pipeline.fluency import Cutoffs, FluencyModel, FluencyModels  # noqa: E402
from ccnet_pipeline.fluency.calibration import BY, FEWEST_DOCUMENTS, By, Sample, cutoffs_of  # noqa: E402
from ccnet_pipeline.fluency.cards import CARD, read_card  # noqa: E402
from ccnet_pipeline.fluency.model import Score  # noqa: E402
from ccnet_pipeline.fluency.one_language import Order, Outcome  # noqa: E402
from ccnet_pipeline.fluency.programs import Programs, find_programs  # noqa: E402
from ccnet_pipeline.fluency.texts import find_sources, read_texts  # noqa: E402
from ccnet_pipeline.fluency.train_all import train_all  # noqa: E402
from ccnet_pipeline.fluency.training import Training, train_in  # noqa: E402
from ccnet_pipeline.groups import Group, Grouper, Paragraphs  # noqa: E402
from ccnet_pipeline.language import load, with_second  # noqa: E402
from ccnet_pipeline.models import find_model  # noqa: E402
from ccnet_pipeline.recipe import CC100  # noqa: E402

_JUNK = ("keywords", "code", "mojibake", "digits")
_ARTICLES = ("article", "article_long")
_LEAST_CHARACTERS = 200
_POLICIES: tuple[tuple[By, float, float], ...] = (
    *((by, 30.0, 60.0) for by in BY),
    *((by, 30.0, middle) for by in BY for middle in (70.0, 80.0, 90.0)),
)
_SETTINGS: dict[str, dict[str, object]] = {
    "before: with commas, unknown characters as one piece": {"normalization": "mended", "byte_fallback": False},
    "without commas (running)": {"byte_fallback": False},
    "and unknown characters as bytes (default)": {},
    "default, 8 000 pieces at most": {"vocab_size": 8000},
    "default, order 3": {"order": 3},
    "default, --prune 0 0 1": {"prune": (0, 0, 1)},
}


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
            lines = [line for line in lines if _IS_JUNK[self.junk](line)]
        elif self.kind not in _ARTICLES:
            return False
        return sum(map(len, lines)) >= _LEAST_CHARACTERS


def _is_mojibake(line: str) -> bool:
    """Return whether a line is UTF-8 that was read as something else, but for what is ASCII."""
    for charset in ("latin-1", "cp1252", "cp1251"):
        read = line.encode(charset, "ignore").decode("utf-8", "ignore")
        if sum(not letter.isascii() for letter in read) * 200 >= len(line):
            return True
    return False


# Pages of junk have titles, menus and footers that are text.
_IS_JUNK: Mapping[str, Callable[[str], bool]] = {
    "keywords": lambda line: line.count(", ") >= 19,
    "code": lambda line: re.search(r"[{};$=\[]|\(\)", line) is not None,
    "mojibake": _is_mojibake,
    "digits": lambda line: not any(map(str.isalpha, line)),
}


# ------------------------------------------------------------------ models


def train_models(text: Path, output: Path, programs: Programs, workers: int) -> list[Outcome]:
    """Train what a directory lacks of the languages of a folder of text; return how each ended."""
    orders = [Order(source=source, training=Training(language=source.language)) for source in find_sources(text)[0]]
    outcomes = []
    for outcome in train_all(orders, output, programs, workers):
        print(f"{outcome.language}: {outcome.end} {outcome.said}", file=sys.stderr, flush=True)
        outcomes.append(outcome)
    return outcomes


def models_table(directory: Path, outcomes: Iterable[Outcome]) -> Iterator[str]:
    """Yield a row for each model of a directory that has a card."""
    trained = {outcome.language: outcome for outcome in outcomes if outcome.end == "trained"}
    yield "| | characters | pieces | n-grams | held-out perplexity | MB | seconds | peak MB |"
    yield "|---|---|---|---|---|---|---|---|"
    for path in sorted(directory.glob(f"*{CARD}")):
        card = read_card(directory, path.name.removesuffix(CARD))
        if card is None or card.training is None:
            continue
        record, outcome = card.training, trained.get(card.language)
        cost = f"{outcome.seconds:.1f} | {outcome.peak_bytes / 1e6:.0f}" if outcome else " | "
        yield (
            f"| {card.language} | {record.text.characters:,} | {record.pieces:,} | {sum(record.ngrams):,} "
            f"| {record.held_out_perplexity or 0:,.0f} | {sum(record.file_bytes.values()) / 1e6:.1f} | {cost} |"
        )


# ------------------------------------------------------------------ pages


def read_pages(crawl: Path, grouper: Grouper, models: FluencyModels) -> Iterator[Page]:
    """Yield the pages of a crawl that preset `cc100` identifies, in order."""
    truth = {row["record_id"].removeprefix("<urn:uuid:").removesuffix(">"): row for row in _rows(crawl)}
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


def _rows(crawl: Path) -> Iterator[dict]:
    path = crawl / "truth.jsonl.zst"
    with path.open("rb") as file, zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True) as stream:
        yield from map(json.loads, io.TextIOWrapper(stream, encoding="utf-8", newline="\n"))


# ------------------------------------------------------------------ AUC


def auc(articles: Sequence[float], junk: Sequence[float]) -> float | None:
    """Return how probable it is that junk has a higher perplexity; ties count half. None: one of the two is missing."""
    if not articles or not junk:
        return None
    below, upto = (np.searchsorted(np.sort(articles), junk, side) for side in ("left", "right"))
    return float((below + upto).mean() / 2 / len(articles))


def auc_row(scored: Iterable[tuple[str, float | None]]) -> list[float | None]:
    """Return the AUC of each kind of junk, and of all, from (kind of page, perplexity)."""
    by_kind: dict[str, list[float]] = defaultdict(list)
    for kind, value in scored:
        if value is not None:
            by_kind["article" if kind in _ARTICLES else kind.removeprefix("junk_")].append(value)
    kinds = [by_kind[kind] for kind in _JUNK]
    return [auc(by_kind["article"], junk) for junk in (*kinds, list(itertools.chain(*kinds)))]


def by_site(pages: Iterable[Page], model_of: Callable[[str], FluencyModel | None]) -> dict[str, list[float | None]]:
    """Return the AUC of articles, and of what is junk on pages of junk, by the model of the site's language."""
    scored: dict[str, list[tuple[str, float | None]]] = defaultdict(list)
    for page in pages:
        model = model_of(page.language) if page.telling(page.lines) else None
        if model:
            lines = [line for line in page.lines if not page.junk or _IS_JUNK[page.junk](line)]
            scored[page.language].append((page.kind, model.perplexity(lines)))
    return {language: auc_row(of_language) for language, of_language in sorted(scored.items())}


def as_identified(pages: Iterable[Page]) -> dict[str, list[float | None]]:
    """Return the AUC of documents by the language that they were identified as, and of all of them together."""
    scored: dict[str, list[tuple[str, float | None]]] = defaultdict(list)
    for page in pages:
        for part in page.parts:
            if page.telling(part.lines) and (page.junk or part.language == page.language):
                scored[part.language].append((page.kind, part.score.perplexity))
    rows = {language: auc_row(of_language) for language, of_language in sorted(scored.items())}
    return {language: row for language, row in rows.items() if row[-1] is not None}


def auc_table(rows: Mapping[str, list[float | None]], first: str = "") -> Iterator[str]:
    """Yield a row a language, the mean, and the lowest."""
    yield f"| {first} | {' | '.join(_JUNK)} | all junk |"
    yield "|---" * (len(_JUNK) + 2) + "|"
    for language, values in rows.items():
        yield f"| {language} | {_cells(values)} |"
    yield f"| mean | {_cells(means(rows))} |"
    columns = [[value for value in column if value is not None] for column in zip(*rows.values(), strict=True)]
    yield f"| lowest | {_cells([min(column, default=None) for column in columns])} |"


def means(rows: Mapping[str, list[float | None]]) -> list[float | None]:
    """Return the mean of every column."""
    columns = [[value for value in column if value is not None] for column in zip(*rows.values(), strict=True)]
    return [float(np.mean(column)) if column else None for column in columns]


def _cells(values: Iterable[float | None]) -> str:
    return " | ".join("" if value is None else f"{value:.2f}" for value in values)


# ------------------------------------------------------------------ comparison of settings


def comparison(text: Path, pages: Sequence[Page], languages: Sequence[str], programs: Programs) -> Iterator[str]:
    """Yield a row for each setting: the AUC over some languages, how many n-grams, and how large the files are."""
    sources = {source.language: source for source in find_sources(text)[0]}
    yield f"| AUC over {', '.join(languages)} | {' | '.join(_JUNK)} | all junk | lowest of a language | n-grams | MB |"
    yield "|---" * (len(_JUNK) + 5) + "|"
    for name, settings in _SETTINGS.items():
        rows, ngrams, size = {}, 0, 0
        for language in languages:
            training = replace(Training(language=language), **settings)  # type: ignore[arg-type]
            with tempfile.TemporaryDirectory() as folder:
                documents = (document.paragraphs for document in read_texts(sources[language].files, "opening"))
                trained = train_in(Path(folder), training, documents, programs)
                model = FluencyModel(trained.files, training.normalization)
                rows |= by_site((page for page in pages if page.language == language), lambda _, model=model: model)
                ngrams += sum(trained.ngrams)
                size += sum(path.stat().st_size for path in (trained.files.pieces, trained.files.ngrams))
        lowest = min(values[-1] for values in rows.values() if values[-1] is not None)
        yield f"| {name} | {_cells([*means(rows), lowest])} | {ngrams:,} | {size / 1e6:.0f} |"


# ------------------------------------------------------------------ policies


@dataclass(frozen=True, slots=True)
class Shares:
    """What a choice of cut-offs does."""

    lost: float  # of the articles: no document in their language is kept
    junk_kept: Mapping[str, float]  # of the pages of a kind and of all: 200 characters of their junk are kept

    def row(self) -> str:
        """Return the cells of a table, in per cent."""
        return f"{self.lost:.1%} | " + " | ".join(f"{self.junk_kept.get(kind, 0):.1%}" for kind in ("all", *_JUNK))


def shares(pages: Sequence[Page], kept: Callable[[Part], bool]) -> Shares:
    """Return what is lost and kept; of articles every language counts the same."""
    lost: dict[str, list[bool]] = defaultdict(list)
    junk: dict[str, list[bool]] = defaultdict(list)
    for page in pages:
        if page.kind in _ARTICLES:
            lost[page.language].append(not any(part.language == page.language and kept(part) for part in page.parts))
        elif page.junk:
            stay = page.telling([line for part in page.parts if kept(part) for line in part.lines])
            for kind in (page.junk, "all"):
                junk[kind].append(stay)
    of_languages = [float(np.mean(each)) for each in lost.values()]
    return Shares(float(np.mean(of_languages)), {kind: float(np.mean(each)) for kind, each in junk.items()})


def policies(pages: Sequence[Page], models: FluencyModels) -> Iterator[str]:
    """Yield a row for each choice of cut-offs, from none at all to shares of the crawl."""
    sample, others = pages[::2], [page for page in pages[1::2] if page.telling(page.lines)]
    scores: dict[str, list[Score]] = defaultdict(list)
    for part in itertools.chain(*(page.parts for page in sample)):
        scores[part.language].append(part.score)
    samples = {
        language: Sample(np.array([s.perplexity for s in each]), np.array([s.num_tokens for s in each]))
        for language, each in scores.items()
        if len(each) >= FEWEST_DOCUMENTS
    }
    yield f"| head and middle are kept | articles lost | junk kept | {' | '.join(_JUNK)} |"
    yield "|---" * (len(_JUNK) + 3) + "|"
    yield f"| all buckets: what identification does alone | {shares(others, lambda part: True).row()} |"
    of_models = {language: model.cutoffs for language in samples if (model := models.get(language))}
    yield f"| cut-offs of the models | {shares(others, _below(of_models)).row()} |"
    for by, head, middle in _POLICIES:
        cutoffs = {language: cutoffs_of(each, by, head, middle) for language, each in samples.items()}
        yield f"| below {middle:.0f} % of the {by} of a crawl | {shares(others, _below(cutoffs)).row()} |"


def _below(cutoffs: Mapping[str, Cutoffs]) -> Callable[[Part], bool]:
    def kept(part: Part) -> bool:
        return part.language in cutoffs and part.score.perplexity < cutoffs[part.language].middle

    return kept


# ------------------------------------------------------------------ command line


def main() -> int:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--text", type=Path, metavar="DIR", help="pools to train on, <code>.txt.zst")
    parser.add_argument("--lm_dir", type=Path, required=True, metavar="DIR", help="directory of the models")
    parser.add_argument("--crawl", type=Path, nargs="*", default=[], metavar="DIR", help="crawls with truth.jsonl.zst")
    parser.add_argument("--lid_model", default="lid.176.bin", help="as for build_cc100 (%(default)s)")
    parser.add_argument("--second_lid_model", help="as for build_cc100; none: without the noise class")
    parser.add_argument("--compare", default="de,en,ja,sw,ha,lg", help="languages whose settings are compared")
    parser.add_argument("--workers", type=int, default=1, help="languages that are trained at a time")
    options = parser.parse_args()
    outcomes = train_models(options.text, options.lm_dir, find_programs(), options.workers) if options.text else []
    _print("Language models", models_table(options.lm_dir, outcomes))
    if not options.crawl:
        return 0
    models = FluencyModels(options.lm_dir, "mended")
    lid_models = with_second(find_model(options.lid_model), options.second_lid_model, added_by_default=True)
    grouper = Grouper(CC100, load(lid_models).identifier(CC100.judgement))
    every = itertools.chain(*(read_pages(crawl, grouper, models) for crawl in options.crawl))
    pages = [page for page in every if models.get(page.language)]
    _print("AUC of perplexity, by the model of the site's language", auc_table(by_site(pages, models.get)))
    _print("AUC of perplexity, as identified, behind the noise class", auc_table(as_identified(pages)))
    _print("Junk kept and articles lost, by cut-offs", policies(pages, models))
    wanted = [language for language in options.compare.split(",") if language]
    if options.text and wanted:
        _print("What helps", comparison(options.text, pages, wanted, find_programs()))
    return 0


def _print(title: str, lines: Iterable[str]) -> None:
    print(f"\n### {title}\n")
    for line in lines:
        print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
