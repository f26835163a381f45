"""``python -m ccnet_pipeline.language``: what the package knows of languages, each command a module of its own."""

import sys
from collections.abc import Sequence

from ccnet_pipeline.command import run_subcommand
from ccnet_pipeline.language import evaluate_command, list_command, train_command

_DESCRIPTION = "Show the languages of CC-100; train a model that tells languages, and measure how right models are."
_COMMANDS = (list_command, train_command, evaluate_command)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; the exit status is 0, 1 (the network), 2 (the user's mistake) or 130 (interrupted)."""
    return run_subcommand("language", _DESCRIPTION, _COMMANDS, arguments)


if __name__ == "__main__":
    sys.exit(main())
