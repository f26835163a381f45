"""``python -m ccnet_pipeline.filters``: what filters need, each command a module of its own."""

import sys
from collections.abc import Sequence

from ccnet_pipeline.command import run_subcommand
from ccnet_pipeline.filters import thresholds_command

_DESCRIPTION = "Take the thresholds of filters from a corpus."
_COMMANDS = (thresholds_command,)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; the exit status is 0, 1 (the network), 2 (the user's mistake) or 130 (interrupted)."""
    return run_subcommand("filters", _DESCRIPTION, _COMMANDS, arguments)


if __name__ == "__main__":
    sys.exit(main())
