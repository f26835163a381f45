"""Recount a run directory before it is published: every file against manifest.json, ledger.json and the format.

    python -m beam_jobs.verify corpus
    python -m beam_jobs.verify s3://bucket/corpus --workers 16 --json > report.json

Each file is read once: its sha256, its documents, paragraphs and characters, the fields of each document, their order.
No id stands twice, and no paragraph that deduplication would have dropped. The first ten differences are printed, a
line each.
"""

import argparse
import contextlib
import sys
import tempfile
from collections.abc import Iterator, Sequence

import msgspec
from rich import filesize

from beam_jobs.earlier_dumps import find_index
from beam_jobs.runners.stopping import leave
from ccnet_pipeline import command
from ccnet_pipeline.byte_progress import shown
from ccnet_pipeline.dedup.tables import Reader
from ccnet_pipeline.errors import UserError
from ccnet_pipeline.hash_index.directory import IndexReader
from ccnet_pipeline.over_files import add_output, add_workers, over_files, workers_of
from ccnet_pipeline.shards.published_run import PublishedRun, open_run
from ccnet_pipeline.shards.verification import Verdict, Verification

_PROGRAM = "verify"
_DIFFERS = 1  # exit status


def main(argv: Sequence[str] | None = None) -> int:
    """Return the exit status: 0, 1 (something differs, or the network), 2 (the user's mistake), 130 (interrupted)."""
    return command.run(_PROGRAM, lambda: _run(_parser().parse_args(argv)))


def _parser() -> command.Parser:
    parser = command.Parser(
        prog="python -m beam_jobs.verify",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add_output(parser)
    add_workers(parser)
    what = "folder for hashes, 8 bytes a paragraph and document (default: that of temporary files)"
    add("--tables", metavar="DIR", help=what)
    add("--json", action="store_true", help="print the result as JSON, for programs")
    return parser


def _run(options: argparse.Namespace) -> int:
    workers = workers_of(options)
    run = open_run(options.output)
    with _tables_folder(options.tables) as folder:
        verdict = _verify(run, folder, workers)
    if options.json:
        print(msgspec.json.format(msgspec.json.encode(verdict), indent=2).decode())
    else:
        print("\n".join(_lines(run, verdict)))
    return _DIFFERS if verdict.differences else 0


@contextlib.contextmanager
def _tables_folder(parent: str | None) -> Iterator[str]:
    try:
        folder = tempfile.TemporaryDirectory(prefix="cc100-verify-", dir=parent)
    except OSError as error:
        raise UserError(f"--tables {parent}: {error.strerror}; name a folder that can be written") from error
    with folder as name:
        yield name


def _index_before(run: PublishedRun) -> Reader | None:
    """Return the hashes that the run was compared with, of which no paragraph of it is one."""
    folder = run.run.hash_index
    if folder is None:
        return None
    try:
        found = find_index(folder, run.run.id)
        if not found.has_run:
            raise UserError(f"the hash index {folder} does not have this run")
        return IndexReader(found.base(), folder)
    except UserError as error:
        print(f"{_PROGRAM}: not compared with the hashes of earlier runs: {error}", file=sys.stderr)
        return None


def _verify(run: PublishedRun, folder: str, workers: int) -> Verdict:
    verification = Verification(run, folder, _index_before(run))
    with over_files(_PROGRAM, "read", verification.recount(), run.manifest.files, workers) as reports:
        for report in reports:
            verification.take(report)
    with shown(_PROGRAM, "compare", verification.table_bytes()) as advance:
        return verification.verdict(advance)


def _lines(run: PublishedRun, verdict: Verdict) -> Iterator[str]:
    held = (
        f"{verdict.files:,} files, {filesize.decimal(verdict.bytes)}, {verdict.documents:,} documents, "
        f"{verdict.paragraphs:,} paragraphs, {verdict.characters:,} characters"
    )
    if not verdict.differences:
        of_index = "; none of them is of an earlier run" if verdict.compared_with_index else ""
        yield f"{run.output} is as its manifest and its ledger say: {held}{of_index}"
        return
    yield from map(str, verdict.first)
    more = f"; the first {len(verdict.first)} are shown" if verdict.differences > len(verdict.first) else ""
    yield f"{run.output} differs in {verdict.differences:,} places{more} ({held})"


if __name__ == "__main__":
    leave(main())
