"""`thresholds`: those of each language for the filter fineweb2, from the documents of a finished run."""

import argparse
import logging
from collections.abc import Iterator
from pathlib import Path

from ccnet_pipeline.command import Parser
from ccnet_pipeline.documents import Document
from ccnet_pipeline.errors import UserError
from ccnet_pipeline.filters.threshold_file import FORMAT, ThresholdFile, written
from ccnet_pipeline.filters.thresholds import METHODS, Measured, measure, sample, thresholds_of
from ccnet_pipeline.formats import PARQUET
from ccnet_pipeline.shards.published_run import PublishedRun, open_run
from ccnet_pipeline.shards.reading import HashedFile, damage_explained, parquet_documents, read_jsonl, sound_file
from ccnet_pipeline.storage import write

_EPILOG = """example:
  python -m ccnet_pipeline.filters thresholds corpus --output thresholds.json
  python -m beam_jobs.build_cc100 --output filtered --filters fineweb2 --filter_thresholds thresholds.json
"""
_log = logging.getLogger(__name__)


def add_parser(subparsers: "argparse._SubParsersAction[Parser]") -> Parser:
    """Add the command to those of a parser."""
    parser = subparsers.add_parser(
        "thresholds",
        help="take the thresholds of each language from a finished run",
        description="Take the thresholds of each language, for --filters fineweb2, from a finished run.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("run_directory", metavar="OUT", help="what build_cc100 --output named")
    add("--output", type=Path, required=True, metavar="FILE", help="where to write them: JSON")
    add("--method", choices=METHODS, default=METHODS[0], help="how (docs/method.md, Filters; %(default)s)")
    text = "by quantile: at most this much of the documents lies beyond a threshold (%(default)g)"
    add("--share", type=float, default=5.0, metavar="PERCENT", help=text)
    text = "documents of a language that are measured, chosen by the hash of their id (%(default)d)"
    add("--sample", type=int, default=10_000, metavar="N", help=text)
    text = "languages with fewer documents get no thresholds, and are not filtered (%(default)d)"
    add("--min_documents", type=int, default=100, metavar="N", help=text)
    return parser


def run(options: argparse.Namespace) -> None:
    """Write the file."""
    _check(options)
    run = open_run(options.run_directory)
    if run.format_of_documents is None:
        raise UserError(f"{run.output} has text alone; build it with --formats jsonl.zst")
    languages = sorted({file.language for file in run.shards()})
    english = _measured(run, "en", options.sample) if options.method == "deviation" else None
    if english is not None and english.documents < options.min_documents:
        raise UserError(
            f"--method deviation needs {options.min_documents} English documents, and {run.output} has "
            f"{english.documents}; take --method quantile"
        )
    found, small = {}, list[str]()
    for language in languages:
        measured = _measured(run, language, options.sample)
        if measured.documents < options.min_documents:
            small.append(language)
        else:
            found[language] = thresholds_of(measured, options.method, options.share / 100, english)
    if small:
        _log.info("fewer than %d documents, so no thresholds: %s", options.min_documents, ", ".join(small))
    if not found:
        raise UserError(f"{run.output} has no language with {options.min_documents} documents; lower --min_documents")
    write(
        str(options.output),
        written(ThresholdFile(format=FORMAT, method=options.method, share=options.share / 100, languages=found)),
    )
    print(f"{options.output}: thresholds of {len(found)} languages")


def _check(options: argparse.Namespace) -> None:
    if not 0 < options.share < 50:
        raise UserError(f"--share {options.share:g}: want a share of documents above 0 and below 50 %")
    for name in ("sample", "min_documents"):
        if getattr(options, name) < 1:
            raise UserError(f"--{name} {getattr(options, name)}: want a number of documents, at least 1")


def _measured(run: PublishedRun, language: str, size: int) -> Measured:
    return measure(sample(_documents(run, language), size))


def _documents(run: PublishedRun, language: str) -> Iterator[Document]:
    for file in run.shards(run.format_of_documents):
        if file.language == language:
            path = run.path(file.path)
            with damage_explained(path), sound_file(run.output, file, lambda _: None) as stream:
                if file.format == PARQUET:
                    yield from parquet_documents(stream)
                else:
                    for batch in read_jsonl(HashedFile(stream), _refuse, is_reject=False):
                        yield from batch.documents


def _refuse(number: int | None, what: str) -> None:
    raise ValueError(f"document {number}: {what}")
