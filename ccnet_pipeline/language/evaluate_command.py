"""The command `evaluate`: how right one model is, or two together, on texts whose languages are known."""

import argparse
import json
import textwrap
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ccnet_pipeline.command import Parser
from ccnet_pipeline.language.codes import CC100_CODES
from ccnet_pipeline.language.evaluation import Evaluation, Quality, evaluate
from ccnet_pipeline.language.identifier import Identification, Identifier, Judgement
from ccnet_pipeline.language.loading import NONE, load, with_second
from ccnet_pipeline.language.pools import evaluation_texts, find_pools, read_pool
from ccnet_pipeline.language.readable import for_identification
from ccnet_pipeline.models import find_model

KINDS = ("paragraphs", "documents")
_WORST = 20  # confusions that are shown
_WIDTH = 80  # of what is printed
_AVERAGES = {
    "cc100": "codes of CC-100",
    "gold": "all languages of the texts (the metric of CommonLID)",
    "everything": "also what was only answered",
}


@dataclass(frozen=True, slots=True)
class Result:
    """Of one kind of text."""

    evaluation: Evaluation
    decided_by: Counter[str]  # texts by model
    strays: float  # share of the texts in languages that CC-100 lacks that went to one of its codes


def add_parser(subparsers: "argparse._SubParsersAction[Parser]") -> Parser:
    """Add the command to those of a parser."""
    parser = subparsers.add_parser(
        "evaluate",
        allow_abbrev=False,
        help="precision, recall and F1 by language on texts whose languages are known",
        description="Identify texts of a folder as build_cc100 does, paragraphs of 40 to 400 characters and whole "
        "documents, and say how right that is. A file a language: sw.txt.zst, one paragraph a line, a blank line "
        "between documents.",
    )
    parser.add_argument("--text", type=Path, required=True, metavar="DIR", help="texts that no model was trained on")
    text = "the general model, a name or a file (%(default)s)"
    parser.add_argument("--lid_model", default="lid.176.bin", metavar="NAME|PATH", help=text)
    text = "the second model: added, a file, or none (%(default)s)"
    parser.add_argument("--second_lid_model", default=NONE, metavar="MODEL", help=text)
    text = "least score of every language (by language with a second model, else 0.5)"
    parser.add_argument("--min_language_score", type=float, metavar="X", help=text)
    parser.add_argument("--json", action="store_true", help="for programs: all that is known, and all confusions")
    return parser


def run(options: argparse.Namespace) -> None:
    """Identify and print."""
    models = with_second(find_model(options.lid_model), options.second_lid_model, added_by_default=False)
    identifier = load(models).identifier(Judgement(least_score=options.min_language_score))
    pools = {code: read_pool(code, path, fewest_characters=1) for code, path in find_pools(options.text).items()}
    results = {kind: evaluate_texts(evaluation_texts(pools, kind), identifier) for kind in KINDS}
    if options.json:
        print(json.dumps({kind: _as_json(result) for kind, result in results.items()}, ensure_ascii=False, indent=1))
    else:
        print("\n".join(_lines(results)))


def evaluate_texts(texts: Sequence[tuple[str, str]], identifier: Identifier) -> Result:
    """Return how right an identifier is on (language, text)."""
    readable = for_identification([text for _, text in texts])
    identified: list[Identification] = identifier.identify([" ".join(text.splitlines()) for text in readable])
    answers = [identification.language for identification in identified]
    of_others = [
        answer in CC100_CODES for (code, _), answer in zip(texts, answers, strict=True) if code not in CC100_CODES
    ]
    return Result(
        evaluate([code for code, _ in texts], answers),
        Counter(identification.decided_by for identification in identified),
        sum(of_others) / len(of_others) if of_others else 0.0,
    )


def _lines(results: dict[str, Result]) -> Iterator[str]:
    head = "".join(f"{kind:>10}{'precision':>10}{'recall':>8}{'F1':>8}" for kind in KINDS)
    yield f"{'':8}{head}"
    languages = sorted({code for result in results.values() for code, quality in _present(result)})
    for code in languages:
        yield f"{code:8}" + "".join(_cells(result.evaluation.languages.get(code)) for result in results.values())
    for kind, result in results.items():
        evaluation = result.evaluation
        yield ""
        yield f"{kind}: " + ", ".join(
            f"{number} decided by {model}" for model, number in result.decided_by.most_common()
        )
        for average, meaning in _AVERAGES.items():
            yield f"  macro F1 {evaluation.macro_f1(average):.4f} over {meaning}"
        yield f"  {result.strays:.2%} of the texts in other languages were taken for one of CC-100"
        worst = (f"{is_} as {answer} {number}" for is_, answer, number in evaluation.worst_confusions(_WORST))
        said = f"most often taken for another: {', '.join(worst) or 'none'}"
        yield from textwrap.wrap(said, _WIDTH, initial_indent="  ", subsequent_indent="    ")


def _present(result: Result) -> Iterator[tuple[str, Quality]]:
    return ((code, quality) for code, quality in result.evaluation.languages.items() if quality.texts)


def _cells(quality: Quality | None) -> str:
    if quality is None or not quality.texts:
        return f"{'-':>10}{'-':>10}{'-':>8}{'-':>8}"
    return f"{quality.texts:10}{quality.precision:10.3f}{quality.recall:8.3f}{quality.f1:8.3f}"


def _as_json(result: Result) -> dict[str, object]:
    evaluation = result.evaluation
    return {
        "languages": {
            code: {
                "texts": quality.texts,
                "precision": round(quality.precision, 4),
                "recall": round(quality.recall, 4),
                "f1": round(quality.f1, 4),
            }
            for code, quality in evaluation.languages.items()
        },
        "macro_f1": {average: round(evaluation.macro_f1(average), 4) for average in _AVERAGES},
        "confusions": [[*pair, number] for pair, number in sorted(evaluation.confusions.items())],
        "decided_by": dict(sorted(result.decided_by.items())),
        "strays": round(result.strays, 4),
    }
