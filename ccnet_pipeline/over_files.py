"""A function over the files of a run directory, in processes, with progress: `verify`, `get`, `remove`, `export`."""

import argparse
import contextlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from operator import attrgetter
from typing import TypeVar

from ccnet_pipeline import storage
from ccnet_pipeline.byte_progress import shown
from ccnet_pipeline.command import default_workers
from ccnet_pipeline.errors import UserError
from ccnet_pipeline.processes import SMALL_BYTES, Advance, in_any_order

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


def add_output(parser: argparse.ArgumentParser, argv: Sequence[str] = ()) -> None:
    """Add the argument OUT, the run directory; where the command line has it as the option --output, that option."""
    by_option = any(word.partition("=")[0] == "--output" for word in argv)
    text = "what build_cc100 --output named: a folder, or s3://, gs://, az://, hdfs://"
    name = "--output" if by_option else "output"
    parser.add_argument(name, type=storage.folder, metavar="OUT", help=text).required = True


def add_workers(parser: argparse.ArgumentParser) -> None:
    """Add the option --workers."""
    text = "processes (default: as many as processors)"
    parser.add_argument("--workers", type=int, default=0, metavar="N", help=text)


def workers_of(options: argparse.Namespace) -> int:
    """Return how many processes are wanted."""
    given: int = options.workers
    if given < 0:
        raise UserError(f"--workers must be 0 or more, not {given}")
    return given or default_workers()


@contextlib.contextmanager
def over_files(
    program: str,
    doing: str,
    function: Callable[[_Item, Advance], _Result],
    items: Iterable[_Item],
    workers: int,
    size_of: Callable[[_Item], int] = attrgetter("bytes"),
) -> Iterator[Iterator[_Result]]:
    """Give the results as they come, the largest files first; little is read by one process.

    Args:
        program: begins every line of progress.
        doing: what is being done.
        function: see `processes.in_any_order`.
        items: files, or what is to be done with them.
        workers: processes at the most.
        size_of: bytes that are read for an item.
    """
    ordered = sorted(items, key=size_of, reverse=True)
    size = sum(map(size_of, ordered))
    workers = workers if size >= SMALL_BYTES else 1
    with (
        shown(program, doing, size) as advance,
        contextlib.closing(in_any_order(function, ordered, workers, advance)) as results,
    ):
        yield results
