"""Identification of every language: the general model alone, and together with the second one. As Markdown tables.

    python benchmarks/languages_identification.py --text web/ --lid_model lid.176.ftz --crawl made/

`--text` is a folder with a file a language (sw.txt.zst, other/), of text that no model was trained on. `--crawl` is one
of make_crawl.py's, with its truth file: the cost is measured on its lines, each once, and so is what becomes of junk.

F1 is that of `python -m ccnet_pipeline.language evaluate`: paragraphs of 40 to 400 characters, and whole documents.
The cost is the CPU time of identification with both models over that with the general one, median [lowest .. highest]
of rounds in turn, and beside it what does not depend on the machine: how many characters each model is shown.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from generated_pages import read_json_lines
from warcio.archiveiterator import ArchiveIterator

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from ccnet_pipeline.language import (  # noqa: E402
    ADDED,
    CC100_CODES,
    NOT_LANGUAGE,
    UNDETERMINED,
    Identifier,
    Judgement,
    for_identification,
    load,
    with_second,
)
from ccnet_pipeline.language.evaluation import Evaluation, evaluate, merged  # noqa: E402
from ccnet_pipeline.language.fasttext_model import Model, Scored  # noqa: E402
from ccnet_pipeline.language.identifier import ModelIdentifier, Second  # noqa: E402
from ccnet_pipeline.language.loading import LoadedModels  # noqa: E402
from ccnet_pipeline.language.pools import evaluation_texts, find_pools, read_pool  # noqa: E402
from ccnet_pipeline.recipe import CC100  # noqa: E402

KINDS = ("paragraphs", "documents")
CLOSE = (("bs", "hr", "sr"), ("id", "ms"), ("xh", "zu", "ss"), ("hi_rom", "ur_rom"), ("fa", "prs"), ("no", "nn", "da"))
ROUNDS = 5
_ARTICLES = frozenset({"article", "article_long"})
_LEAST_JUNK = 40  # characters of a line: shorter ones are titles


@dataclass(frozen=True, slots=True)
class Answers:
    """Of one kind of text: what its languages are, and what was answered without and with the second model."""

    languages: Sequence[str]
    alone: Sequence[str]
    together: Sequence[str]
    asked: float  # share of the texts that the second model decided


class Counting:
    """A model that counts what it is shown."""

    def __init__(self, model: Model) -> None:
        self.name = model.name
        self.texts = self.characters = 0
        self._model = model

    def top(self, texts: Sequence[str], k: int, least: float = 0.0) -> list[list[Scored]]:
        self.texts += len(texts)
        self.characters += sum(map(len, texts))
        return self._model.top(texts, k, least)


def answers_of(text: Path, alone: Identifier, together: Identifier) -> dict[str, Answers]:
    """Return what is answered on the texts of a folder, by kind."""
    pools = {code: read_pool(code, path, fewest_characters=1) for code, path in find_pools(text).items()}
    found = {}
    for kind in KINDS:
        texts = evaluation_texts(pools, kind)
        readable = [" ".join(one.splitlines()) for one in for_identification([one for _, one in texts])]
        both = together.identify(readable)
        found[kind] = Answers(
            [code for code, _ in texts],
            [one.language for one in alone.identify(readable)],
            [one.language for one in both],
            sum(one.decided_by == ADDED for one in both) / len(both),
        )
    return found


def quality_tables(found: Mapping[str, Answers]) -> Iterator[str]:
    """Yield the tables of F1: averages, each language, and groups of close languages."""
    evaluated = {
        kind: (evaluate(one.languages, one.alone), evaluate(one.languages, one.together)) for kind, one in found.items()
    }
    yield "| texts | average over | languages | general alone | together |\n|---|---|---|---|---|"
    for kind, (alone, together) in evaluated.items():
        for average, name in (
            ("cc100", "codes of CC-100"),
            ("gold", "all languages of the texts (CommonLID's metric)"),
        ):
            number = sum(
                quality.texts > 0 and (average == "gold" or code in CC100_CODES)
                for code, quality in alone.languages.items()
            )
            yield f"| {kind} | {name} | {number} | {alone.macro_f1(average):.4f} | {together.macro_f1(average):.4f} |"
    for kind, one in found.items():
        strays = " | ".join(_strays(one.languages, answers) for answers in (one.alone, one.together))
        yield f"| {kind} | texts of other languages filed under CC-100, % | | {strays} |"
    yield ""
    yield "F1 of each language, general alone -> together (number of texts):\n"
    yield "| code | paragraphs | documents |\n|---|---|---|"
    codes = sorted({code for one in found.values() for code in one.languages})
    for code in codes:
        yield f"| {code} | " + " | ".join(_cell(*evaluated[kind], code) for kind in KINDS) + " |"
    yield ""
    yield "Close languages, merged: an answer counts if it is any of the group.\n"
    yield "| group | paragraphs | documents |\n|---|---|---|"
    for group in CLOSE:
        cells = []
        for one in found.values():
            languages, before, after = (merged(part, CLOSE) for part in (one.languages, one.alone, one.together))
            cells.append(_cell(evaluate(languages, before), evaluate(languages, after), "+".join(group)))
        yield f"| {' + '.join(group)} | {' | '.join(cells)} |"


def _cell(alone: Evaluation, together: Evaluation, code: str) -> str:
    before, after = alone.languages.get(code), together.languages.get(code)
    if not before or not after or not after.texts:
        return "-"
    return f"{before.f1:.3f} -> {after.f1:.3f} ({after.texts})"


def _strays(languages: Sequence[str], answers: Sequence[str]) -> str:
    of_others = [
        answer in CC100_CODES for code, answer in zip(languages, answers, strict=True) if code not in CC100_CODES
    ]
    return f"{100 * statistics.fmean(of_others):.2f}"


@dataclass(slots=True)
class Line:
    """Of a crawl."""

    kind: str  # of the page that has it first
    text: str
    pages: int = 0  # that have it


def lines_of_crawl(crawl: Path) -> list[Line]:
    """Return all lines of a generated crawl, each once."""
    kinds = {row["record_id"]: row["kind"] for row in read_json_lines(crawl / "truth.jsonl.zst")}
    lines: dict[str, Line] = {}
    for path in sorted(crawl.glob("**/*.warc.wet.gz")):
        with path.open("rb") as file:
            for record in ArchiveIterator(file):
                kind = kinds.get(record.rec_headers.get_header("WARC-Record-ID"))
                text = record.content_stream().read().decode("utf-8", "replace") if kind else ""
                for line in {line.strip(): None for line in text.split("\n") if line.strip()}:
                    lines.setdefault(line, Line(kind or "", line)).pages += 1
    return list(lines.values())


def cost_lines(models: LoadedModels, readable: Sequence[str]) -> Iterator[str]:
    """Yield what the second model costs on lines of a crawl."""
    assert models.second is not None
    ratios = []
    alone, together = ModelIdentifier(models.general, None, CC100.judgement), models.identifier(CC100.judgement)
    for _ in range(ROUNDS):
        times = []
        for identifier in (alone, together):
            started = time.process_time()
            identifier.identify(readable)
            times.append(time.process_time() - started)
        ratios.append(times[1] / times[0])
    general, second = Counting(models.general), Counting(models.second.model)
    ModelIdentifier(general, Second(second, models.second.rule), CC100.judgement).identify(readable)
    yield "| cost on a crawl | |\n|---|---|"
    ratio = f"{statistics.median(ratios):.2f} [{min(ratios):.2f} .. {max(ratios):.2f}]"
    yield f"| CPU time together / general alone | {ratio} |"
    yield f"| lines that the second model is asked of | {second.texts} of {general.texts} |"
    characters = sum(map(len, readable))
    for name, counted in (("general", general), ("second", second)):
        share = counted.characters / characters
        yield f"| characters that the {name} model is shown | {counted.characters} of {characters} ({share:.1%}) |"


def junk_table(lines: Sequence[Line], readable: Sequence[str], together: Identifier) -> Iterator[str]:
    """Yield what becomes of lines of junk and of articles that one page alone has: others are menus and footers."""
    counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for line, identified in zip(lines, together.identify(readable), strict=True):
        is_article = line.kind in _ARTICLES
        if len(line.text) >= _LEAST_JUNK and line.pages == 1 and (is_article or line.kind.startswith("junk_")):
            known = identified.language if identified.language in (NOT_LANGUAGE, UNDETERMINED) else "language"
            counts["articles" if is_article else line.kind][known] += 1
    yield f"| lines of {_LEAST_JUNK} characters and more | number | no language | unsure | in a language |"
    yield "|---|---|---|---|---|"
    for kind, count in sorted(counts.items()):
        cells = (f"{100 * count[what] / count.total():.1f} %" for what in (NOT_LANGUAGE, UNDETERMINED, "language"))
        yield f"| {kind} | {count.total()} | {' | '.join(cells)} |"


def _identifiers(models: LoadedModels) -> tuple[Identifier, Identifier]:
    return ModelIdentifier(models.general, None, Judgement()), models.identifier(Judgement())


def tables(text: Path, general: Path, second: str = ADDED, crawl: Path | None = None) -> Iterator[str]:
    """Yield all tables, in Markdown."""
    models = load(with_second(general, second, added_by_default=True))
    alone, together = _identifiers(models)
    yield from quality_tables(answers_of(text, alone, together))
    if crawl:
        lines = lines_of_crawl(crawl)
        readable = for_identification([line.text for line in lines])
        yield ""
        yield from cost_lines(models, readable)
        yield ""
        yield from junk_table(lines, readable, together)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--text", type=Path, required=True, metavar="DIR")
    parser.add_argument("--lid_model", type=Path, required=True, metavar="FILE")
    parser.add_argument("--second_lid_model", default=ADDED, metavar="NAME|FILE")
    parser.add_argument("--crawl", type=Path, metavar="DIR")
    options = parser.parse_args()
    for line in tables(options.text, options.lid_model, options.second_lid_model, options.crawl):
        print(line, flush=True)


if __name__ == "__main__":
    main()
