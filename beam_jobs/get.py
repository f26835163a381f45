"""Print a document of a run directory by its id, as JSON; or the record of the crawl that it was made of.

    python -m beam_jobs.get corpus c9336e99-b3c8-46b6-8cd7-0c60e6696c6b
    python -m beam_jobs.get corpus c9336e99-b3c8-46b6-8cd7-0c60e6696c6b --source

An id that ends with a language, and --language, leave the files of that language to look into; --segment one file a
bucket. Otherwise all files are read until it is found, the rejects last. The id of a page that gave documents in
several languages gives them all.
"""

import argparse
import sys
from collections.abc import Sequence

import msgspec

from beam_jobs.runners.stopping import leave
from ccnet_pipeline import command
from ccnet_pipeline.documents import Document
from ccnet_pipeline.errors import UserError
from ccnet_pipeline.fetch import FetchPolicy
from ccnet_pipeline.over_files import add_output, add_workers, over_files, workers_of
from ccnet_pipeline.shards.lookup import Lookup, Wanted, files_to_read
from ccnet_pipeline.shards.published import FinalFile
from ccnet_pipeline.shards.published_run import PublishedRun, open_run
from ccnet_pipeline.shards.source import place_of, read_source

_PROGRAM = "get"
_NOT_FOUND = 1  # exit status


def main(argv: Sequence[str] | None = None) -> int:
    """Return the exit status: 0, 1 (not found, or the network), 2 (the user's mistake), 130 (interrupted)."""
    return command.run(_PROGRAM, lambda: _run(_parser().parse_args(argv)))


def _parser() -> command.Parser:
    parser = command.Parser(
        prog="python -m beam_jobs.get",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add_output(parser)
    add("id", metavar="ID", help="the field id of a document, or the part before /<language>")
    add("--language", metavar="CODE", help="look into the files of this language only")
    add("--segment", metavar="NAME", help="of this archive only, by its name as in the field segment")
    add("--source", action="store_true", help="print the record that it was made of, fetched again by one request")
    add("--base", metavar="PATH|URL", help="where the crawl lies, for --source (default: CommonCrawl)")
    add_workers(parser)
    return parser


def _run(options: argparse.Namespace) -> int:
    workers = workers_of(options)
    if options.base is not None and not options.source:
        raise UserError("--base says where --source reads; give --source, too")
    if not options.id:
        raise UserError("ID is empty")
    run = open_run(options.output)
    wanted = Wanted(id=options.id, language=options.language, segment=options.segment)
    lines = _find(run, wanted, workers)
    if not lines:
        print(f"{_PROGRAM}: {options.output} has no document {options.id}{_where(wanted)}", file=sys.stderr)
        return _NOT_FOUND
    if options.source:
        document = msgspec.json.decode(lines[0], type=Document)
        sys.stdout.flush()
        sys.stdout.buffer.write(read_source(document, place_of(document, options.base), FetchPolicy()))
    else:
        print("\n".join(line.decode() for line in lines))
    return 0


def _where(wanted: Wanted) -> str:
    language = f" in --language {wanted.language}" if wanted.language else ""
    return language + (f" from --segment {wanted.segment}" if wanted.segment else "")


def _find(run: PublishedRun, wanted: Wanted, workers: int) -> list[bytes]:
    """Return the documents that are wanted; the one of this very id ends the search."""
    for files in files_to_read(run, wanted):
        found = _find_in(files, Lookup(run.output, wanted), workers)
        if found:
            return sorted(found)
    return []


def _find_in(files: Sequence[FinalFile], lookup: Lookup, workers: int) -> list[bytes]:
    found: list[bytes] = []
    with over_files(_PROGRAM, "look for it", lookup, files, workers) as results:
        for lines in results:
            found += lines
            if any(msgspec.json.decode(line, type=Document).id == lookup.wanted.id for line in lines):
                break
    return found


if __name__ == "__main__":
    leave(main())
