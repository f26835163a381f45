"""`list`: which models a directory holds, or which cc_net published."""

import argparse
from collections.abc import Iterator
from pathlib import Path

from rich import filesize
from rich.table import Table

from ccnet_pipeline.command import Parser, print_table
from ccnet_pipeline.errors import UserError
from ccnet_pipeline.fluency.cards import read_card
from ccnet_pipeline.fluency.directory import PIECES, ModelFiles, find_models, languages_of_model
from ccnet_pipeline.fluency.published import published_cutoffs
from ccnet_pipeline.language.codes import LANGUAGES

_FIGURES = ("head <", "middle <", "held-out perplexity", "paragraphs", "size")


def add_parser(subparsers: "argparse._SubParsersAction[Parser]") -> Parser:
    """Add the command to those of a parser."""
    parser = subparsers.add_parser(
        "list",
        allow_abbrev=False,
        help="show the models of a directory, or which cc_net published",
        description="Show the models of a directory: languages, cut-offs, and what their cards tell of text and "
        "perplexity. Without a directory: the models that cc_net published, which the command fetch brings here.",
    )
    parser.add_argument("directory", nargs="?", type=Path, metavar="DIR", help="directory of models")
    return parser


def run(options: argparse.Namespace) -> None:
    """Print the models that were asked for."""
    if options.directory is None:
        _print_published()
    else:
        _print_installed(options.directory)


def _print_published() -> None:
    table = _table("model", "languages", "head <", "middle <", "normal form")
    for name, cutoffs in published_cutoffs().items():
        table.add_row(name, _languages(name), f"{cutoffs.head:g}", f"{cutoffs.middle:g}", cutoffs.normalization or "")
    print_table(table)
    served = {code for name in published_cutoffs() for code in languages_of_model(name)} & LANGUAGES.keys()
    print(f"cc_net has a model for {len(served)} of the {len(LANGUAGES)} languages of CC-100. To fetch some of them:")
    print("python -m ccnet_pipeline.fluency fetch LANGUAGE ... --output DIR; of others train your own: command train")


def _print_installed(directory: Path) -> None:
    if not any(directory.glob(f"*{PIECES}")):
        raise UserError(f"{directory} holds no models: the commands train and fetch put some there (--output)")
    table = _table("model", "languages", *_FIGURES, "normal form", "from")
    for name, files in find_models(directory).items():
        table.add_row(name, _languages(name), *_about(name, files, directory))
    print_table(table)


def _about(name: str, files: ModelFiles, directory: Path) -> Iterator[str]:
    """Yield the figures of a model, its normal form, and where it is from."""
    cutoffs = files.cutoffs
    card = read_card(directory, name)
    training = card and card.training
    yield f"{cutoffs.head:g}"
    yield f"{cutoffs.middle:g}"
    yield f"{training.held_out_perplexity:,.0f}" if training and training.held_out_perplexity else ""
    yield f"{training.text.paragraphs:,}" if training else ""
    yield filesize.decimal(sum(path.stat().st_size for path in (files.pieces, files.ngrams)))
    yield cutoffs.normalization or ""
    if training:
        yield ", ".join(source.name for source in training.ingredients.sources)
    else:
        yield "cc_net" if published_cutoffs().get(name) == cutoffs else ""


def _languages(name: str) -> str:
    """Return the names of the languages that a model serves."""
    codes = sorted(languages_of_model(name) & LANGUAGES.keys())
    return ", ".join(LANGUAGES[code].name for code in codes)


def _table(*headings: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="")
    for heading in headings:
        table.add_column(heading, justify="right" if heading in _FIGURES else "left", overflow="fold")
    return table
