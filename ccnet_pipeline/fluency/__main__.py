"""``python -m ccnet_pipeline.fluency``: models of fluency, each command a module of its own."""

import sys
from collections.abc import Sequence

from ccnet_pipeline import command
from ccnet_pipeline.fluency import calibrate_command, fetch_command, list_command, score_command, train_command

_DESCRIPTION = "Train models of fluency, take their cut-offs from a crawl, try them; or fetch those of cc_net."
_COMMANDS = (train_command, calibrate_command, score_command, fetch_command, list_command)


def _parse_and_run(arguments: Sequence[str] | None) -> int | None:
    parser = command.Parser(prog="python -m ccnet_pipeline.fluency", allow_abbrev=False, description=_DESCRIPTION)
    subparsers = parser.add_subparsers(required=True, metavar="COMMAND", dest="command")
    for module in _COMMANDS:
        module.add_parser(subparsers).set_defaults(run=module.run)
    options = parser.parse_args(arguments)
    status: int | None = options.run(options)
    return status


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; the exit status is 0, 1 (the network), 2 (the user's mistake) or 130 (interrupted)."""
    return command.run("fluency", lambda: _parse_and_run(arguments))


if __name__ == "__main__":
    sys.exit(main())
