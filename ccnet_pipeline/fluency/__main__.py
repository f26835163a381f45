"""Models of fluency: train them, take their cut-offs from a crawl, try them.

python -m ccnet_pipeline.fluency train --all texts --output models
"""

import argparse
import sys
from collections.abc import Sequence

from ccnet_pipeline import command
from ccnet_pipeline.fluency import calibrate_command, score_command, train_command

_COMMANDS = (train_command, calibrate_command, score_command)


def _parser() -> argparse.ArgumentParser:
    parser = command.Parser(
        prog="python -m ccnet_pipeline.fluency",
        description="Models of fluency: train them, take their cut-offs from a crawl, try them.",
        allow_abbrev=False,
    )
    subparsers = parser.add_subparsers(metavar="COMMAND", required=True)
    for each in _COMMANDS:
        each.add_parser(subparsers)
    return parser


def _run(arguments: Sequence[str] | None) -> int | None:
    options = _parser().parse_args(arguments)
    status: int | None = options.run(options)
    return status


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; the exit status is 0, 1 (the network), 2 (the user's mistake) or 130 (interrupted)."""
    said = "interrupted; what was finished stays, and the same command does the rest"
    return command.run("fluency", lambda: _run(arguments), interrupted=said)


if __name__ == "__main__":
    sys.exit(main())
