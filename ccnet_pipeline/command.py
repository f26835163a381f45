"""What all command lines do alike: a mistake is one line and an exit status, and nothing that is printed can fail.

Exit statuses: 0; 1 the network, a cluster, or a defect of ours that was noticed; 2 what the user can mend; 75 another
run is at work there; 130 interrupted.
"""

import argparse
import contextlib
import errno
import io
import logging
import os
import select
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NoReturn, Protocol, TextIO

from ccnet_pipeline.errors import BalanceError, ClusterError, FetchError, FilterError, InUseError, UserError
from ccnet_pipeline.fetch import tell_of_waits

if TYPE_CHECKING:
    from rich.table import Table

INTERRUPTED = 130  # as shells have it
IN_USE = 75  # EX_TEMPFAIL of sysexits.h: later it may go
_ENDS: tuple[tuple[type[Exception], int, str], ...] = (
    (InUseError, IN_USE, ""),
    (UserError, 2, ""),
    (FetchError, 1, ""),
    (FilterError, 1, ""),
    (ClusterError, 1, ""),
    (BalanceError, 1, "; this is a defect, please report it; nothing was published"),
)
_REFUSALS = {  # of the machine
    errno.ENOSPC: "make room and run it again",
    errno.EDQUOT: "make room and run it again",
    errno.EFBIG: "raise the limit (ulimit -f) and run it again",
    errno.EACCES: "choose another place, or mend the permissions",
    errno.EPERM: "choose another place, or mend the permissions",
    errno.EROFS: "choose another place",
}


def default_workers() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def duration(seconds: float) -> str:
    """Return a duration in hours, minutes and seconds.

    >>> duration(3725)
    '1:02:05'
    """
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}"


def enumerated(names: Sequence[str], count: int | None = None, most: int = 5) -> str:
    """Return the first names for a line of text, and how many more there are; `count`: of all, if not all are given."""
    count = len(names) if count is None else count
    more = f", and {count - most} more" if count > most else ""
    return ", ".join(names[:most]) + more


def leave(status: int, *, at_once: bool = False) -> NoReturn:
    """End this process with an exit status; if it was interrupted, at once: what it abandoned would hold up the end."""
    if status == INTERRUPTED or at_once:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
    sys.exit(status)


class Parser(argparse.ArgumentParser):
    """Says what is wrong as every other mistake is said: in one line."""

    def error(self, message: str) -> NoReturn:
        raise UserError(f"{message} (see --help)")


def at_least(option: str, value: int, minimum: int) -> int:
    """Return a value of an option that must not be less than a minimum (UserError)."""
    if value < minimum:
        raise UserError(f"{option} must be {minimum} or more, not {value}")
    return value


class Subcommand(Protocol):
    """The module of one command among several."""

    def add_parser(self, subparsers: "argparse._SubParsersAction[Parser]", /) -> Parser:
        """Add the command, with its options, to those of a parser."""

    def run(self, options: argparse.Namespace, /) -> int | None:
        """Do it; return the exit status, None being 0."""


def _own_message(error: BaseException, kind: type[Exception]) -> str | None:
    return str(error) if isinstance(error, kind) else None


def run(
    program: str,
    work: Callable[[], int | None],
    *,
    interrupted: str = "interrupted",
    message_of: Callable[[BaseException, type[Exception]], str | None] = _own_message,
) -> int:
    """Do the work of a command line; return its exit status.

    Args:
        program: its name, which begins every line on standard error.
        work: parses and does; returns the status, None being 0.
        interrupted: what to say after Ctrl-C.
        message_of: finds the message of an error of a kind (`ccnet_pipeline.errors`) in what was raised.

    An error that is none of ours goes through. A reader that leaves early, such as `head`, has what it wanted: the
    program ends there, with 0.
    """
    _let_all_characters_pass()
    _tell(program)
    try:
        status = work() or 0
    except SystemExit as leaving:  # argparse, after --help
        status = int(leaving.code or 0)
    except BrokenPipeError:
        if not any(map(_reader_has_left, (sys.stdout, sys.stderr))):
            raise  # it was another pipe
        status = 0
    except KeyboardInterrupt:
        _say(f"\n{program}: {interrupted}")
        status = INTERRUPTED
    except Exception as error:
        ended = _end(error, message_of)
        if ended is None:
            raise
        status, line = ended
        _say(f"{program}: {line}")
    flushed = _flush(program)
    return status or flushed


def run_subcommand(
    package: str, description: str, commands: Sequence[Subcommand], arguments: Sequence[str] | None
) -> int:
    """Run `python -m ccnet_pipeline.<package> COMMAND ...`; return the exit status.

    Args:
        package: whose command line it is.
        description: of all commands together, for the help.
        commands: their modules.
        arguments: beginning with the command; None: those of the process.
    """

    def work() -> int | None:
        parser = Parser(prog=f"python -m ccnet_pipeline.{package}", allow_abbrev=False, description=description)
        subparsers = parser.add_subparsers(required=True, metavar="COMMAND", dest="command")
        for command in commands:
            command.add_parser(subparsers).set_defaults(run=command.run)
        options = parser.parse_args(arguments)
        status: int | None = options.run(options)
        return status

    return run(package, work)


def _end(
    error: Exception, message_of: Callable[[BaseException, type[Exception]], str | None]
) -> tuple[int, str] | None:
    """Return the exit status and the line for an error; None if it is none of ours."""
    for kind, status, more in _ENDS:
        if (message := message_of(error, kind)) is not None:
            return status, message + more
    if isinstance(error, OSError) and error.errno in _REFUSALS:
        return 2, f"{f'{error.filename}: ' if error.filename else ''}{error.strerror}; {_REFUSALS[error.errno]}"
    return None


def _let_all_characters_pass() -> None:
    """Let what the encoding of the output lacks be shown as an escape (a backslash and its number), not be an error."""
    for stream in (sys.stdout, sys.stderr):
        # A choice of the user's own (PYTHONIOENCODING=ascii:replace) stays.
        if isinstance(stream, io.TextIOWrapper) and stream.errors in ("strict", "surrogateescape"):
            stream.reconfigure(errors="backslashreplace")


def _reader_has_left(stream: TextIO | None) -> bool:
    try:
        poll = select.poll()
        poll.register(stream or -1, select.POLLOUT)
        return any(events & (select.POLLERR | select.POLLHUP) for _, events in poll.poll(0))
    except (OSError, ValueError):  # closed, or no file
        return False


class _Teller(logging.Handler):
    def __init__(self, program: str) -> None:
        super().__init__()
        self._program = program

    def emit(self, record: logging.LogRecord) -> None:
        _say(f"{self._program}: {record.getMessage()}")


def _say(line: str) -> None:
    with contextlib.suppress(OSError):  # nobody reads it any more
        print(line, file=sys.stderr, flush=True)


def print_table(table: "Table") -> None:
    """Print a table as wide as the terminal, or wide enough for a file."""
    from ccnet_pipeline.terminal import output_console, printed

    print(printed(output_console(), table))


def _tell(program: str) -> None:
    """Show what the package has to say by the way, and why something is fetched again, on standard error."""
    log = logging.getLogger(__package__)
    log.handlers = [_Teller(program)]
    log.setLevel(logging.INFO)
    log.propagate = False
    tell_of_waits(program)


def _flush(program: str) -> int:
    """Write what is still held, and drop what cannot be written: Python would complain of it at its end."""
    status = 0
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None:
                stream.flush()
        except OSError as error:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
            if not isinstance(error, BrokenPipeError):
                _say(f"{program}: standard output: {error.strerror}")
                status = 2
    return status
