"""What all commands do alike: a mistake is one line on standard error, and an exit status."""

import argparse
import contextlib
import errno
import io
import logging
import os
import select
import signal
import sys
from collections.abc import Callable, Iterator, Sequence

from model.errors import UserError, lacks_memory


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

    0 is success and 2 a user's mistake, which includes what the disk or the memory did not have. A reader that leaves
    early (`| head -1`) has what it wanted: the command ends there, without a word, with 0.
    """
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    status = None  # as it stays where nobody reads on
    try:
        with _standard_output():
            status = work(parser.parse_args(arguments))
        return status or 0
    except KeyboardInterrupt:
        print(f"\n{parser.prog}: interrupted; {interrupted}", file=sys.stderr)
        return 130
    except (UserError, OSError, MemoryError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and not lacks_memory(error):
            raise
        print(f"{parser.prog}: {_message(error, no_memory)}", file=sys.stderr)
        return 2
    finally:
        signal.signal(signal.SIGTERM, before)


@contextlib.contextmanager
def _standard_output() -> Iterator[None]:
    """Write what the output's encoding lacks as escapes, hear of an output that takes no more, end with its reader."""
    if not isinstance(sys.stdout, io.TextIOWrapper):  # there is none, or a test's
        yield
        return
    sys.stdout.reconfigure(errors="backslashreplace")
    try:
        yield
    except BrokenPipeError:
        if not _reader_has_left():
            raise  # it was another pipe
    finally:
        try:
            sys.stdout.flush()
        except OSError as error:
            # Python would try once more when it ends, and complain.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            if not isinstance(error, BrokenPipeError):
                raise


def _reader_has_left() -> bool:
    try:
        poll = select.poll()
        poll.register(sys.stdout, select.POLLOUT)
        return any(events & (select.POLLERR | select.POLLHUP) for _, events in poll.poll(0))
    except (OSError, ValueError, TypeError):  # closed, or no file
        return False


def _message(error: Exception, no_memory: str) -> str:
    if lacks_memory(error):
        return f"out of memory: {no_memory}"
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return f"no space left on the disk ({error}): make room and give the same command again"
    return str(error)
