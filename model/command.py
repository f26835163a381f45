"""What all commands do alike: a mistake is one line on standard error, and an exit status."""

import argparse
import errno
import logging
import signal
import sys
from collections.abc import Callable, Sequence

from model.errors import UserError


def run(
    parser: argparse.ArgumentParser,
    work: Callable[[argparse.Namespace], int | None],
    arguments: Sequence[str] | None,
    *,
    interrupted: str = "nothing was written",
    no_memory: str = "use a machine with more",
) -> int:
    """Parse a command line and do its work; return the exit status.

    Args:
        parser: of the command line.
        work: what is done; it returns the status, None being 0.
        arguments: by default those of the process.
        interrupted: what to say at Ctrl-C or SIGTERM (status 130).
        no_memory: the remedy.

    0 is success and 2 a user's mistake, which includes what the disk or the memory did not have.
    """
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    options = parser.parse_args(arguments)
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        return work(options) or 0
    except KeyboardInterrupt:
        print(f"\n{parser.prog}: interrupted; {interrupted}", file=sys.stderr)
        return 130
    except (UserError, OSError, MemoryError) as error:
        print(f"{parser.prog}: {_message(error, no_memory)}", file=sys.stderr)
        return 2
    finally:
        signal.signal(signal.SIGTERM, before)


def _message(error: UserError | OSError | MemoryError, no_memory: str) -> str:
    if isinstance(error, MemoryError):
        return f"out of memory: {no_memory}"
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return f"no space left on the disk ({error}): make room and give the same command again"
    return str(error)
