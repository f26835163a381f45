"""The command `train`: the added model from a folder of text."""

import argparse
import logging
from pathlib import Path

from ccnet_pipeline.command import Parser
from ccnet_pipeline.errors import UserError
from ccnet_pipeline.language.fasttext_model import FastTextModel
from ccnet_pipeline.language.loading import card_of
from ccnet_pipeline.language.making import Making, make
from ccnet_pipeline.language.training import Settings
from ccnet_pipeline.models import find_model

_log = logging.getLogger(__name__)


def add_parser(subparsers: "argparse._SubParsersAction[Parser]") -> Parser:
    """Add the command to those of a parser."""
    default = Settings()
    parser = subparsers.add_parser(
        "train",
        allow_abbrev=False,
        help="train a second model, which build_cc100 asks where the general one is unsure",
        description="Train a classifier of languages from a folder of text, and measure when it is to be asked beside "
        "a general model. Writes the model and its card, for --second_lid_model. 150 languages take some 10 minutes.",
    )
    text = "a file a language, such as sw.txt.zst, one paragraph a line, a blank line between documents; other/ too"
    parser.add_argument("--text", type=Path, required=True, metavar="DIR", help=text)
    text = "where to write the model; its card lies beside it under the same name with .json"
    parser.add_argument("--output", type=Path, required=True, metavar="FILE.ftz", help=text)
    text = "the general model that it is to complete: a name or a file (%(default)s)"
    parser.add_argument("--lid_model", default="lid.176.bin", metavar="NAME|PATH", help=text)
    text = "train on hi, bn, ta, te, ur in Latin letters, too; needs the extra `train` (uroman)"
    parser.add_argument("--romanised", action="store_true", help=text)
    text = "the largest size of the model in bytes (%(default)s)"
    parser.add_argument("--most_bytes", type=int, default=default.most_bytes, metavar="N", help=text)
    parser.add_argument(
        "--epochs", type=int, default=default.epochs, metavar="N", help="rounds over the text (%(default)s)"
    )
    text = "of all chance: the same text and seed give the same bytes (%(default)s)"
    parser.add_argument("--seed", type=int, default=default.seed, metavar="N", help=text)
    parser.add_argument("--licence", default="", help="of the text and so of the model, for the card")
    return parser


def run(options: argparse.Namespace) -> None:
    """Train, and say what was measured."""
    if options.output.suffix != ".ftz":
        raise UserError(f"--output {options.output}: want a name that ends in .ftz")
    settings = Settings(seed=options.seed, epochs=options.epochs, most_bytes=options.most_bytes)
    settings.check()
    making = Making(
        text=options.text,
        output=options.output,
        general=FastTextModel(find_model(options.lid_model)),
        settings=settings,
        makes_romanised=options.romanised,
        licence=options.licence,
        command=_command(options),
    )
    rule = make(making)
    size = options.output.stat().st_size
    print(f"{options.output}: {len(rule.labels)} languages, {size} bytes; {card_of(options.output).name} is its card")
    for what, value in rule.sources.measured.items():
        print(f"{what} (on text held out): {value:.3f}")
    print(f"Now give build_cc100 --second_lid_model {options.output}")


def _command(options: argparse.Namespace) -> str:
    """Return the command line without folders, which differ from machine to machine."""
    words = [
        f"--text {options.text.name}",
        f"--output {options.output.name}",
        f"--lid_model {Path(options.lid_model).name}",
    ]
    words += ["--romanised"] * options.romanised
    words += [f"--seed {options.seed}", f"--epochs {options.epochs}", f"--most_bytes {options.most_bytes}"]
    return f"python -m ccnet_pipeline.language train {' '.join(words)}"
