"""The command `fetch`: the language models that cc_net published, and their cut-offs."""

import argparse
from pathlib import Path

from ccnet_pipeline.command import Parser
from ccnet_pipeline.errors import UserError
from ccnet_pipeline.fluency.buckets import CUTOFFS_FILE
from ccnet_pipeline.fluency.published import fetch_models, published_cutoffs, write_published_cutoffs
from ccnet_pipeline.models import LANGUAGE_MODELS_OF_CC_NET, patience


def add_parser(subparsers: "argparse._SubParsersAction[Parser]") -> Parser:
    """Add the command to those of a parser."""
    parser = subparsers.add_parser(
        "fetch",
        allow_abbrev=False,
        help="fetch models that cc_net published, with their cut-offs",
        description="Fetch the models that cc_net published of some languages, with their cut-offs, for --lm_dir. They "
        "are large, up to gigabytes a language. A fetch that was broken off goes on where it was.",
    )
    add = parser.add_argument
    text = "codes of CC-100; the command list shows those that have a model"
    add("languages", nargs="*", metavar="LANGUAGE", help=text)
    add("--output", type=Path, required=True, metavar="DIR", help="directory of the models")
    text = "write only the cut-offs of all of them, for models that are there already"
    add("--cutoffs", action="store_true", help=text)
    text = "URL of the folder with cc_net's files, such as a mirror (%(default)s)"
    add("--from", dest="place", default=LANGUAGE_MODELS_OF_CC_NET, metavar="URL", help=text)
    return parser


def run(options: argparse.Namespace) -> None:
    """Fetch the models of some languages, or write the cut-offs of all, and say what was done."""
    directory = options.output
    if directory.exists() and not directory.is_dir():
        raise UserError(f"--output {directory} is no directory")
    if bool(options.languages) == options.cutoffs:
        raise UserError("name the languages whose models are wanted, or give --cutoffs: one of the two (see --help)")
    if options.cutoffs:
        return _give_cutoffs(directory)
    for line in fetch_models(options.languages, directory, options.place, patience()):
        print(line)
    print(f"{directory / CUTOFFS_FILE}: their cut-offs; now give build_cc100 --lm_dir {directory}")


def _give_cutoffs(directory: Path) -> None:
    own = write_published_cutoffs(directory)
    print(f"{directory / CUTOFFS_FILE}: the cut-offs of all models of cc_net's: {', '.join(published_cutoffs())}")
    print(f"left as they are, for they are not cc_net's: {', '.join(own) or 'none'}")
