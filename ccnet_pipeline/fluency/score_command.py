"""`score`: what a model says of texts, one line each, just as build_cc100 would score them."""

import argparse
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import msgspec

from ccnet_pipeline.command import Parser
from ccnet_pipeline.errors import UserError
from ccnet_pipeline.fluency.buckets import Bucket, bucket_of
from ccnet_pipeline.fluency.model import FluencyModels
from ccnet_pipeline.fluency.texts import Text, read_texts, texts_of_json
from ccnet_pipeline.recipe import PRESETS, Recipe
from ccnet_pipeline.text_files import documents_of, read_lines_of

_STDIN = "-"
_BEGINNING = 60  # characters that are shown
_EPILOG = """One line a text: perplexity, bucket, tokens, and how it begins; tabs between.
In plain text a document ends at a blank line. Empty: nothing to score, or more
bytes than build_cc100 takes of a page.

  python -m ccnet_pipeline.fluency score \\
      --lm_dir models --language sw text.txt.zst
  python -m ccnet_pipeline.fluency score \\
      --lm_dir models corpus/shards/sw/*.jsonl.zst
  echo "Habari ya asubuhi" | python -m ccnet_pipeline.fluency score \\
      --lm_dir models --language sw -
"""


@dataclass(frozen=True, slots=True)
class ScoredText:
    """A line of the output."""

    perplexity: float | None
    bucket: Bucket
    tokens: int
    text: str  # how it begins


def add_parser(subparsers: "argparse._SubParsersAction[Parser]") -> Parser:
    """Add the command to those of a parser."""
    parser = subparsers.add_parser(
        "score",
        help="score texts with a model",
        description="Score texts, one line each, as build_cc100 does.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("files", nargs="+", metavar="FILE|-", help="plain text or shards, packed or not; - is standard input")
    add("--lm_dir", type=Path, required=True, metavar="DIR", help="directory of the models")
    add("--language", metavar="CODE", help="language of the texts; the documents of a shard say it themselves")
    text = (
        "as which preset of build_cc100 scores: cc100 a line a paragraph, ccnet all of a text as one line (%(default)s)"
    )
    add("--preset", choices=sorted(PRESETS), default="cc100", help=text)
    add("--json", action="store_true", help="one JSON object a line")
    return parser


def run(options: argparse.Namespace) -> int:
    """Do it; return the exit status."""
    recipe = PRESETS[options.preset]
    models = FluencyModels(options.lm_dir, recipe.normalization)
    if options.language is not None and models.get(options.language) is None:
        raise UserError(
            f"--language {options.language}: {options.lm_dir} has no model of it; the commands train and fetch put "
            "some there (--output)"
        )
    for scored in score_texts(_texts(options.files), models, recipe, options.language):
        print(msgspec.json.encode(scored).decode() if options.json else _line(scored))
    return 0


def _texts(files: Sequence[str]) -> Iterator[Text]:
    for file in files:
        if file == _STDIN:
            yield from _texts_of_stdin()
        else:
            yield from read_texts([Path(file)], most=None)


def _texts_of_stdin() -> Iterator[Text]:
    """Yield the texts of standard input: of JSON, if it begins so."""
    lines = read_lines_of(sys.stdin.buffer, "standard input")  # type: ignore[arg-type]
    first = next(lines, "")
    lines = chain([first], lines)
    if first.startswith('{"'):
        yield from texts_of_json(lines, "standard input")
    else:
        yield from map(Text, documents_of(lines))


def score_texts(
    texts: Iterable[Text], models: FluencyModels, recipe: Recipe, language: str | None
) -> Iterator[ScoredText]:
    """Yield the scores of texts, as a stage of the pipeline with this recipe gives them.

    Args:
        texts: the kept paragraphs of pages.
        models: of the languages.
        recipe: says what a line is for the model.
        language: of all texts; None: each says its own.

    Raises:
        UserError: the language of a text is not known.
    """
    for text in texts:
        code = language or text.language
        if code is None:
            raise UserError("--language is missing: plain text does not say in which language it is")
        beginning = " ".join(text.paragraphs)[:_BEGINNING]
        model = models.get(code)
        whole = "\n".join(text.paragraphs)
        if model is None or len(whole.encode("utf-8", "replace")) > recipe.max_record_bytes:
            yield ScoredText(None, "all", 0, beginning)
            continue
        score = model.score([whole] if recipe.unit == "document" else text.paragraphs)
        value = score.perplexity if score else None
        yield ScoredText(value, bucket_of(value, model.cutoffs), score.num_tokens if score else 0, beginning)


def _line(scored: ScoredText) -> str:
    shown = "".join(each if each.isprintable() else " " for each in scored.text)
    value = "" if scored.perplexity is None else f"{scored.perplexity:.1f}"
    return f"{value}\t{scored.bucket}\t{scored.tokens}\t{shown}"
