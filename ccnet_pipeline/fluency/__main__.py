"""``python -m ccnet_pipeline.fluency``: models of fluency, each command a module of its own."""

import sys
from collections.abc import Sequence

from ccnet_pipeline.command import run_subcommand
from ccnet_pipeline.fluency import calibrate_command, fetch_command, list_command, score_command, train_command

_DESCRIPTION = "Train models of fluency, take their cut-offs from a crawl, try them; fetch those of cc_net, list them."
_COMMANDS = (train_command, calibrate_command, score_command, fetch_command, list_command)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; the exit status is 0, 1 (the network), 2 (the user's mistake) or 130 (interrupted)."""
    return run_subcommand("fluency", _DESCRIPTION, _COMMANDS, arguments)


if __name__ == "__main__":
    sys.exit(main())
