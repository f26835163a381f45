"""Language models of all languages, and how well perplexity tells articles from junk, on crawls whose truth is known.

    n=0; for code in de ha sw zh-Hans; do n=$((n+1))
      make_crawl.py --languages $code --files 1 --records-per-file 1200 --dump 2018-$(printf %02d $n) --out crawls/$code
    done
    python benchmarks/languages_fluency.py --text train/ --lm_dir models --crawl crawls/* --lid_model lid.176.ftz

trains what `--lm_dir` lacks, reads the crawls as preset `cc100` does, each as one scope, and prints five tables.
CPU time: 77 languages are trained in five minutes, 30 crawls are judged in two; the comparison takes half a minute to
one and a half for each of its languages (`--compare ''` leaves it out).

models      text, pieces, n-grams, held-out perplexity, size of the files; time and memory of what was trained now
AUC         of perplexity, articles against junk: how probable it is that a page of junk has a higher perplexity than an
            article has. Once by the model of the language of the page's site, of all paragraphs that deduplication
            left; once as the pipeline identifies: documents of a language against each other, behind the noise class
comparison  the same AUC with one setting changed
policies    articles lost and junk kept, by which share of the documents or tokens of a crawl (of every second page; the
            others are judged), or of the text that training holds out, lies below the upper cut-off

What counts as an article and as junk: generated_pages.py.
"""

from __future__ import annotations

import argparse
import itertools
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from generated_pages import ARTICLES, IS_JUNK, Page, Part, read_pages

from ccnet_pipeline.fluency import NORMALIZERS, Cutoffs, FluencyModel, FluencyModels
from ccnet_pipeline.fluency.calibration import FEWEST_DOCUMENTS, By, Sample, cutoffs_of
from ccnet_pipeline.fluency.cards import CARD, read_card
from ccnet_pipeline.fluency.model import Score
from ccnet_pipeline.fluency.one_language import Order, Outcome
from ccnet_pipeline.fluency.preparation import lines_of, prepare
from ccnet_pipeline.fluency.programs import Programs, find_programs
from ccnet_pipeline.fluency.texts import find_sources, read_texts
from ccnet_pipeline.fluency.train_all import train_all
from ccnet_pipeline.fluency.training import Training, scores_of, train_in
from ccnet_pipeline.groups import Grouper
from ccnet_pipeline.language import load, with_second
from ccnet_pipeline.models import find_model
from ccnet_pipeline.recipe import CC100
from ccnet_pipeline.text_files import documents_of

_JUNK = ("keywords", "code", "mojibake", "digits")
_FEWEST = 5  # pages of either kind that an AUC wants
_OF_CRAWL: tuple[tuple[By, float], ...] = (
    *(("documents", middle) for middle in (60.0, 70.0, 80.0)),
    *(("tokens", middle) for middle in (60.0, 80.0, 84.0, 90.0)),
)
_OF_HELD_OUT = (60.0, 80.0, 90.0)
_SETTINGS: dict[str, dict[str, object]] = {
    "before: with commas, unknown characters as one piece": {"normalization": "mended", "byte_fallback": False},
    "without commas (running)": {"byte_fallback": False},
    "and unknown characters as bytes, a piece for 30 characters at most (default)": {},
    "default, 8 000 pieces at most": {"vocab_size": 8000},
    "default, order 3": {"order": 3},
    "default, --prune 0 0 1": {"prune": (0, 0, 1)},
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


# ------------------------------------------------------------------ AUC


def auc(articles: Sequence[float], junk: Sequence[float]) -> float | None:
    """Return how probable it is that junk has a higher perplexity; ties count half. None: too few of one."""
    if min(len(articles), len(junk)) < _FEWEST:
        return None
    below, upto = (np.searchsorted(np.sort(articles), junk, side) for side in ("left", "right"))
    return float((below + upto).mean() / 2 / len(articles))


def auc_row(scored: Iterable[tuple[str, float | None]]) -> list[float | None]:
    """Return the AUC of each kind of junk, and of all, from (kind of page, perplexity)."""
    by_kind: dict[str, list[float]] = defaultdict(list)
    for kind, value in scored:
        if value is not None:
            by_kind["article" if kind in ARTICLES else kind.removeprefix("junk_")].append(value)
    kinds = [by_kind[kind] for kind in _JUNK]
    return [auc(by_kind["article"], junk) for junk in (*kinds, list(itertools.chain(*kinds)))]


def by_site(pages: Iterable[Page], model_of: Callable[[str], FluencyModel | None]) -> dict[str, list[float | None]]:
    """Return the AUC of articles, and of what is junk on pages of junk, by the model of the site's language."""
    scored: dict[str, list[tuple[str, float | None]]] = defaultdict(list)
    for page in pages:
        model = model_of(page.language) if page.telling(page.lines) else None
        if model:
            lines = [line for line in page.lines if not page.junk or IS_JUNK[page.junk](line)]
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
        if page.kind in ARTICLES:
            lost[page.language].append(not any(part.language == page.language and kept(part) for part in page.parts))
        elif page.junk:
            stay = page.telling([line for part in page.parts if kept(part) for line in part.lines])
            for kind in (page.junk, "all"):
                junk[kind].append(stay)
    of_languages = [float(np.mean(each)) for each in lost.values()]
    return Shares(float(np.mean(of_languages)), {kind: float(np.mean(each)) for kind, each in junk.items()})


def policies(pages: Sequence[Page], held_out: Mapping[str, Sample]) -> Iterator[str]:
    """Yield a row for each choice of cut-offs, from none at all to shares of the crawl and of held-out text."""
    sample, others = pages[::2], [page for page in pages[1::2] if page.telling(page.lines)]
    scores: dict[str, list[Score]] = defaultdict(list)
    for part in itertools.chain(*(page.parts for page in sample)):
        scores[part.language].append(part.score)
    crawl = {language: _sample(each) for language, each in scores.items() if len(each) >= FEWEST_DOCUMENTS}
    choices = [(f"{middle:.0f} % of the {by} of a crawl", crawl, by, middle) for by, middle in _OF_CRAWL]
    choices += [(f"{middle:.0f} % of held-out text", held_out, "documents", middle) for middle in _OF_HELD_OUT]
    yield f"| head and middle | articles lost | junk kept | {' | '.join(_JUNK)} |"
    yield "|---" * (len(_JUNK) + 3) + "|"
    yield f"| all: what identification does alone | {shares(others, lambda part: True).row()} |"
    for name, samples, by, middle in choices:
        if samples:
            cutoffs = {language: cutoffs_of(each, by, middle, middle) for language, each in samples.items()}
            yield f"| {name} | {shares(others, _below(cutoffs)).row()} |"


def held_out_samples(text: Path, models: FluencyModels, languages: Iterable[str]) -> dict[str, Sample]:
    """Return the scores of what training holds out of the texts of some languages."""
    sources = {source.language: source for source in find_sources(text)[0]}
    samples = {}
    for language in languages:
        training, model = Training(language=language), models.get(language)
        if model and language in sources:
            documents = (document.paragraphs for document in read_texts(sources[language].files, "opening"))
            with tempfile.TemporaryDirectory() as name:
                prepared = prepare(documents, NORMALIZERS[training.normalization], training.held_out, Path(name))
                samples[language] = _sample(scores_of(model, documents_of(lines_of(prepared.held_out))))
    return samples


def _sample(scores: Sequence[Score]) -> Sample:
    return Sample(np.array([s.perplexity for s in scores]), np.array([s.num_tokens for s in scores]))


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
    found = sorted({page.language for page in pages})
    held_out = held_out_samples(options.text, models, found) if options.text else {}
    _print("AUC of perplexity, by the model of the site's language", auc_table(by_site(pages, models.get)))
    _print("AUC of perplexity, as identified, behind the noise class", auc_table(as_identified(pages)))
    _print("Junk kept and articles lost, by cut-offs", policies(pages, held_out))
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
