"""``python -m ccnet_pipeline.hash_index``: the hashes of earlier dumps, each command a module of its own."""

from collections.abc import Sequence

from ccnet_pipeline.command import leave, run_subcommand
from ccnet_pipeline.hash_index import info_command, merge_command, verify_command

_DESCRIPTION = "Show, merge and check what build_cc100 --hash_index keeps: the hashes of the paragraphs of all dumps."
_COMMANDS = (info_command, merge_command, verify_command)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; the exit status is 0, 2 (the user's mistake) or 130 (interrupted)."""
    return run_subcommand("hash_index", _DESCRIPTION, _COMMANDS, arguments)


if __name__ == "__main__":
    leave(main())
