"""`calibrate`: the cut-offs of a model from a sample of crawl text in its language."""

import argparse
import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from ccnet_pipeline.command import Parser
from ccnet_pipeline.errors import UserError
from ccnet_pipeline.fluency.buckets import CUTOFFS_FILE, Cutoffs, write_cutoffs
from ccnet_pipeline.fluency.calibration import BY, Sample, cutoffs_of, doubts, record_of, shares
from ccnet_pipeline.fluency.cards import Card, read_card, source_files, write_card
from ccnet_pipeline.fluency.directory import find_models, languages_of_model
from ccnet_pipeline.fluency.histogram import check_picture, draw, histogram_lines
from ccnet_pipeline.fluency.model import FluencyModel, Score
from ccnet_pipeline.fluency.texts import MOST_PARAGRAPHS, Text, read_texts
from ccnet_pipeline.language.purity import EvenSample, doubt_of, models_at_hand
from ccnet_pipeline.recipe import PRESETS, Recipe

_EPILOG = """example:
  python -m beam_jobs.build_cc100 --input ... --output plain
                      # without --lm_dir: nothing is filtered
  python -m ccnet_pipeline.fluency calibrate --lm_dir models --language sw \\
      --input plain/shards/sw/*.jsonl.zst
"""
_log = logging.getLogger(__name__)


def add_parser(subparsers: "argparse._SubParsersAction[Parser]") -> Parser:
    """Add the command to those of a parser."""
    parser = subparsers.add_parser(
        "calibrate",
        help="take the cut-offs of a model from text of a crawl",
        description="Take the cut-offs of a model from a sample of crawl text in its language.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add(
        "--lm_dir",
        type=Path,
        required=True,
        metavar="DIR",
        help="directory of the models; cutoffs.csv is written there",
    )
    add("--language", required=True, metavar="CODE", help="whose model")
    text = "the sample: shards, or plain text with a blank line behind each document"
    add("--input", type=Path, nargs="+", required=True, metavar="FILE", help=text)
    add("--by", choices=BY, default=BY[0], help="what the shares are of (%(default)s)")
    add("--head", type=float, default=30.0, metavar="PERCENT", help="this much shall be head (%(default)g)")
    add("--middle", type=float, default=60.0, metavar="PERCENT", help="this much head or middle (%(default)g)")
    text = "the preset of build_cc100 that the cut-offs are for: it decides what a line is (%(default)s)"
    add("--preset", choices=sorted(PRESETS), default="cc100", help=text)
    text = "model that tells whether the sample is in the language (default: lid.176, if it was fetched before)"
    add("--lid_model", metavar="MODEL", help=text)
    add("--plot", type=Path, metavar="FILE", help="draw the distribution into this .png, too")
    return parser


def run(options: argparse.Namespace) -> int:
    """Do it; return the exit status."""
    recipe = PRESETS[options.preset]
    if options.plot:
        check_picture(options.plot)
    files = find_models(options.lm_dir)
    if options.language not in files:
        raise UserError(
            f"--language {options.language}: {options.lm_dir} has no such model; there are {', '.join(files)}"
        )
    model = FluencyModel(files[options.language], recipe.normalization)
    documents = read_sample(options.input, options.language)
    sample = score_sample(documents, model, recipe)
    found = cutoffs_of(sample, options.by, options.head, options.middle)
    sources = source_files(options.input)
    card = read_card(options.lm_dir, options.language) or Card(language=options.language)
    paragraphs = EvenSample()
    for _ in paragraphs.watch(documents):
        pass
    doubt = doubt_of(options.language, paragraphs.paragraphs, models_at_hand(options.lid_model))
    for said in (*doubts(card, sample, documents, sources), *([doubt] if doubt else [])):
        _log.warning("%s", said)
    _show(options, sample, found, model.cutoffs)
    write_cutoffs(options.lm_dir, {options.language: replace(found, normalization=model.cutoffs.normalization)})
    record = record_of(sample, sources, options.by, options.head, options.middle)
    write_card(options.lm_dir, replace(card, calibration=record))
    return 0


def read_sample(files: Sequence[Path], language: str) -> list[list[str]]:
    """Return the documents of a sample; of shards those of one language.

    Raises:
        UserError: a text without blank lines, or nothing of the language.
    """
    documents = []
    others, buckets = 0, set()
    for file in files:
        texts = list(read_texts([file]))
        if _is_one_piece(texts):
            raise UserError(f"{file} has no blank line; put one behind each document, so that documents can be judged")
        for text in texts:
            if text.language is None or text.language in languages_of_model(language):
                documents.append(text.paragraphs)
                buckets.add(text.bucket)
            else:
                others += 1
    if others:
        _log.info("%d documents are in other languages and do not count", others)
    if buckets & {"head", "middle"} and "tail" not in buckets:
        _log.warning(
            "the shards have no tail: cut-offs of what was filtered keep too little; take shards of a run "
            "without --lm_dir"
        )
    return documents


def _is_one_piece(texts: Sequence[Text]) -> bool:
    pieces = [len(text.paragraphs) for text in texts if text.language is None]
    return bool(pieces) and (pieces[0] > 1 if len(pieces) == 1 else pieces[0] >= MOST_PARAGRAPHS)


def score_sample(documents: Sequence[Sequence[str]], model: FluencyModel, recipe: Recipe) -> Sample:
    """Return the scores of documents, as the pipeline would give them; without those that have none."""
    scores: list[Score] = []
    for document in documents:
        whole = "\n".join(document)
        if len(whole.encode("utf-8", "replace")) > recipe.max_record_bytes:
            _log.info("a document is larger than build_cc100 takes a page, and does not count")
        elif score := model.score([whole] if recipe.unit == "document" else document):
            scores.append(score)
    return Sample(np.array([score.perplexity for score in scores]), np.array([score.num_tokens for score in scores]))


def _show(options: argparse.Namespace, sample: Sample, found: Cutoffs, before: Cutoffs) -> None:
    weights = sample.weights(options.by)
    for line in histogram_lines(sample, weights, found):
        print(line)
    for name, cutoffs in (("before", before), ("now", found)):
        parts = ", ".join(f"{bucket} {share:.0%}" for bucket, share in shares(sample, options.by, cutoffs).items())
        print(f"{name}: head < {cutoffs.head:,.1f}, middle < {cutoffs.middle:,.1f}: {parts} of the {options.by}")
    print(f"{options.lm_dir / CUTOFFS_FILE}: {options.language}, of {len(sample.perplexities):,} documents")
    if options.plot:
        title = f"{options.language}: {len(sample.perplexities):,} documents, by {options.by}"
        draw(sample, weights, found, title, options.plot)
        print(options.plot)
