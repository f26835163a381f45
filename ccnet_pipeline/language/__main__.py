"""``python -m ccnet_pipeline.language``: what the package knows of languages, each command a module of its own."""

import sys
from collections.abc import Sequence

from ccnet_pipeline import command
from ccnet_pipeline.language import evaluate_command, list_command, train_command

_COMMANDS = (list_command, train_command, evaluate_command)


def _parse_and_run(arguments: Sequence[str] | None) -> int | None:
    parser = command.Parser(prog="python -m ccnet_pipeline.language", allow_abbrev=False, description=__doc__)
    subparsers = parser.add_subparsers(required=True, metavar="COMMAND", dest="command")
    for module in _COMMANDS:
        module.add_parser(subparsers).set_defaults(run=module.run)
    options = parser.parse_args(arguments)
    status: int | None = options.run(options)
    return status


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; the exit status is 0, 1 (the network), 2 (the user's mistake) or 130 (interrupted)."""
    return command.run("language", lambda: _parse_and_run(arguments))


if __name__ == "__main__":
    sys.exit(main())
