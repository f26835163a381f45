"""`train`: the models of one language, or of all languages of a folder of text."""

import argparse
import logging
import re
from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, get_args

from ccnet_pipeline.command import Parser, default_workers
from ccnet_pipeline.errors import UserError
from ccnet_pipeline.fluency.buckets import Normalization
from ccnet_pipeline.fluency.one_language import Order, Outcome
from ccnet_pipeline.fluency.programs import find_programs
from ccnet_pipeline.fluency.texts import ARTICLE_PARTS, Source, find_sources
from ccnet_pipeline.fluency.train_all import train_all
from ccnet_pipeline.fluency.train_progress import TrainingProgress, print_outcomes
from ccnet_pipeline.fluency.training import MEMORY, Training
from ccnet_pipeline.language.purity import models_at_hand

_EPILOG = """examples:
  make kenlm          # builds lmplz and build_binary, once
  python -m ccnet_pipeline.fluency train \\
      --language sw --input sw.txt.zst --output models
  python -m ccnet_pipeline.fluency train --all texts --output models
                      # texts holds <code>.txt.zst, shards, dumps
"""
_SETTINGS = tuple(field.name for field in fields(Training) if field.name not in ("language", "byte_fallback"))
_log = logging.getLogger(__name__)


def add_parser(subparsers: "argparse._SubParsersAction[Parser]") -> Parser:
    """Add the command to those of a parser."""
    parser = subparsers.add_parser(
        "train",
        help="train the model of a language, or those of a folder of text",
        description="Train fluency models and their cut-offs, for build_cc100 --lm_dir.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    _add_text(parser.add_argument)
    _add_settings(parser.add_argument)
    return parser


def _add_text(add: Any) -> None:
    add("--output", type=Path, required=True, metavar="DIR", help="directory of the models")
    add("--language", metavar="CODE", help="CC-100 code that names the files; zh serves both scripts")
    text = "its text: one paragraph a line, a blank line between documents (.txt, .zst, .xz, .gz), shards, dumps"
    add("--input", type=Path, nargs="+", action="extend", default=[], metavar="FILE", help=text)
    text = (
        "train every language of this folder: <code>.txt(.zst|.xz|.gz), shards/<code>/*.jsonl.zst of build_cc100, "
        "<code>wiki-*-cirrussearch-content.json.gz of Wikipedia"
    )
    add("--all", type=Path, metavar="DIR", help=text)
    add("--languages", metavar="CODES", help="of --all only these, separated by commas")
    text = "of an article of Wikipedia: the opening, as CCNet, or the whole text, lists included (%(default)s)"
    add("--wikipedia_text", choices=ARTICLE_PARTS, default=ARTICLE_PARTS[0], help=text)
    add("--workers", type=int, metavar="N", help="languages at a time (default: the processors, at most 4)")
    text = "model that tells whether a text is in its language (default: lid.176, if it was fetched before)"
    add("--lid_model", metavar="MODEL", help=text)
    add("--overwrite", action="store_true", help="replace models that were made of other text or with other settings")


def _add_settings(add: Any) -> None:
    default = Training(language="en")
    text = "normal form: running leaves out commas, mended has all marks, ccnet is bit-exact cc_net (%(default)s)"
    forms = get_args(Normalization)
    add("--normalization", choices=forms, default=default.normalization, metavar="FORM", help=text)
    text = "pieces at most; a small text gives fewer, the table says how many (%(default)s)"
    add("--vocab_size", type=int, default=default.vocab_size, metavar="N", help=text)
    add("--order", type=int, default=default.order, metavar="N", help="longest n-gram, 2 to 6 (%(default)s)")
    text = "leave out n-grams seen at most N times, by order: 0 0 1 drops those seen once from trigrams on"
    add("--prune", type=int, nargs="+", default=default.prune, metavar="N", help=text)
    add("--compact", action="store_true", help="small files, slower: quantised trie, no NFKC tables")
    text = "share of the documents that is kept for the perplexity and the first cut-offs (%(default)s)"
    add("--held_out", type=float, default=default.held_out, metavar="SHARE", help=text)
    text = "memory of a worker to sort in: 500M, 8G (%(default)s); the disk of --output takes up to 50 times the text"
    add("--memory", default=MEMORY, metavar="SIZE", help=text)
    text = "where lmplz and build_binary are (default: $KENLM_BIN, PATH, or where `make kenlm` puts them)"
    add("--kenlm_bin", type=Path, metavar="DIR", help=text)


def run(options: argparse.Namespace) -> int:
    """Do it; return the exit status: 2 if a language failed."""
    if options.output.exists() and not options.output.is_dir():
        raise UserError(f"--output {options.output} is no directory")
    programs = find_programs(options.kenlm_bin)
    orders = _orders(options)
    outcomes: list[Outcome] = []
    try:
        with TrainingProgress([order.source for order in orders]) as progress:
            for outcome in train_all(orders, options.output, programs, _workers(options.workers), progress.tell):
                progress.end(outcome)
                outcomes.append(outcome)
    except KeyboardInterrupt:
        _log.info("the same command trains what is still missing")
        raise
    return _report(outcomes, options.output, one=options.all is None)


def _orders(options: argparse.Namespace) -> list[Order]:
    """Return what the options ask for, checked as far as can be before any work."""
    if not re.fullmatch(r"\d+(\.\d+)?[bKMGT%]?", options.memory):
        raise UserError(f"--memory {options.memory}: want a size such as 500M or 8G")
    sources = _sources_of_folder(options) if options.all else [_source_of_one(options)]
    settings = {name: getattr(options, name) for name in _SETTINGS} | {"prune": tuple(options.prune)}
    order = Order(
        source=sources[0],
        training=Training(language=sources[0].language, byte_fallback=options.normalization != "ccnet", **settings),
        article_part=options.wikipedia_text,
        memory=options.memory,
        overwrite=options.overwrite,
        lid_models=models_at_hand(options.lid_model),
    )
    orders = [
        replace(order, source=source, training=replace(order.training, language=source.language)) for source in sources
    ]
    for each in orders:
        each.training.check()
    return orders


def _source_of_one(options: argparse.Namespace) -> Source:
    if not (options.language and options.input):
        raise UserError("--language and --input are needed, or --all; see --help")
    for path in options.input:
        if not path.is_file():
            raise UserError(f"{path} is no file; --input wants text, one paragraph a line")
    return Source(options.language, tuple(options.input))


def _sources_of_folder(options: argparse.Namespace) -> list[Source]:
    if options.language or options.input:
        raise UserError("--all takes the languages and texts of its folder: leave out --language and --input")
    sources, strangers = find_sources(options.all)
    for line in strangers:
        _log.info("left out: %s", line)
    if options.languages is None:
        return sources
    wanted = [code.strip() for code in options.languages.split(",") if code.strip()]
    if not wanted:
        raise UserError("--languages names no language; want codes separated by commas, such as ha,sw")
    for code in wanted:
        if code not in [source.language for source in sources]:
            raise UserError(f"--languages {code}: --all {options.all} has no text of it")
    return [source for source in sources if source.language in wanted]


def _workers(given: int | None) -> int:
    if given is not None and given < 1:
        raise UserError(f"--workers must be 1 or more, not {given}")
    return given or min(default_workers(), 4)


def _report(outcomes: Sequence[Outcome], output: Path, *, one: bool) -> int:
    """Say what came of it; return the exit status."""
    made = [outcome for outcome in outcomes if outcome.end in ("trained", "done")]
    failed = [outcome for outcome in outcomes if outcome.end == "failed"]
    if one and not made:
        raise UserError(f"{outcomes[0].language}: {outcomes[0].said}")
    if made:
        print_outcomes(made)
        print(f"models in {output}: {len(made)}; now give build_cc100 --lm_dir {output}")
    for end in ("left out", "failed"):
        lines = [f"{outcome.language}: {outcome.said}" for outcome in outcomes if outcome.end == end]
        print("".join(f"{end}: {line}\n" for line in sorted(lines)), end="")
    return 2 if failed or not made else 0
