"""Take documents out of a run directory that is complete, for good: those of pages, of digests, or of whole hosts.

    python -m beam_jobs.remove corpus --hosts hosts.txt --dry_run
    python -m beam_jobs.remove corpus --urls urls.txt --by "A. Reader" --why "request 17"

Every file that holds such a document is written anew without it, rejects too, and takes its place; manifest.json and
ledger.json follow (`removed_later`), what was noted of such documents for the report goes, too, the report is written
anew, and removed/00001.json says what was asked and done. Interrupted, the same command goes on; given once more, it
finds nothing to do. Later runs need the list as --blocklist.
"""

import argparse
import getpass
import os
import socket
import sys
from collections.abc import Sequence
from operator import attrgetter

from beam_jobs import clock, renewals, run_directory
from beam_jobs.runners import cluster_jobs
from beam_jobs.runners.stopping import leave
from ccnet_pipeline import command, export, storage
from ccnet_pipeline.errors import UserError
from ccnet_pipeline.observations.published import OBSERVATIONS
from ccnet_pipeline.observations.reading import read_observations
from ccnet_pipeline.over_files import add_output, add_workers, over_files, workers_of
from ccnet_pipeline.shards import removal, swapping
from ccnet_pipeline.shards.asked import KINDS, read_list
from ccnet_pipeline.shards.finding import Find, Found
from ccnet_pipeline.shards.published import SHARDS
from ccnet_pipeline.shards.published_run import REMOVED_FOLDER, PublishedRun, open_run, read_run_file
from ccnet_pipeline.shards.removal_observations import Rewritten, noted_in
from ccnet_pipeline.shards.rewriting import Rewrite, Task

_PROGRAM = "remove"
_HELP = {
    "urls": "list of pages: same host, port, path and query",
    "digests": "list of the field digest of documents",
    "hosts": "list of hosts, each with its subdomains",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Return the exit status: 0, 1 (the network), 2 (the user's mistake), 75 (a run is at work), 130 (interrupted)."""
    given = sys.argv[1:] if argv is None else argv
    again = "interrupted; the same command goes on where it stopped"
    return command.run(_PROGRAM, lambda: _run(_parser(given).parse_args(given)), interrupted=again)


def _parser(argv: Sequence[str]) -> command.Parser:
    parser = command.Parser(
        prog="python -m beam_jobs.remove",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add_output(parser, argv)  # the option is its older way
    lists = parser.add_mutually_exclusive_group(required=True)
    for kind in KINDS:
        lists.add_argument(f"--{kind}", metavar="FILE", help=_HELP[kind])
    add("--by", metavar="NAME", help="who asks for it, for the record (default: user and host)")
    add("--why", default="", metavar="TEXT", help="for the record")
    add("--dry_run", action="store_true", help="say how much would be removed, and change nothing")
    add_workers(parser)
    return parser


def _run(options: argparse.Namespace) -> None:
    workers = workers_of(options)
    kind = next(kind for kind in KINDS if getattr(options, kind) is not None)
    asked = read_list(kind, getattr(options, kind))
    request = removal.Request(options.by or _user(), options.why, asked)
    read_run_file(options.output)  # before a lock would make the folder
    with storage.locked(options.output):
        cluster_jobs.refuse_if_running(options.output)
        if swapping.is_pending(options.output):
            if options.dry_run:
                raise UserError(f"a removal from {options.output} was interrupted; run that command again first")
            _finish(options.output)
            print(f"{options.output}: what an interrupted removal had begun is done")
        if not options.dry_run:
            swapping.clear(options.output)
        _remove(open_run(options.output), request, workers, is_dry=options.dry_run)


def _user() -> str:
    try:
        return f"{getpass.getuser()}@{socket.gethostname()}"
    except (KeyError, OSError):  # a user without a name, as in containers
        return f"{os.getuid()}@{socket.gethostname()}"


def _remove(run: PublishedRun, request: removal.Request, workers: int, *, is_dry: bool) -> None:
    found = _find(run, request, workers)
    tasks = list(removal.tasks(run, found))
    observations = Rewritten.of(run.output, request.asked, [each.noted for each in found])
    if not tasks and not observations.removed:
        print(f"{run.output} has no document that --{request.asked.kind} asks for: nothing to do")
        if not is_dry and swapping.has_removals(run.output):  # one may have ended before its last step
            renewals.renew(run.output, _PROGRAM, missing_only=True)
        return
    documents, rejects = (
        sum(each.amount.documents for each in found if each.file.path.startswith(SHARDS) is in_shards)
        for in_shards in (True, False)
    )
    what = f"{documents:,} documents" + (f" and {rejects:,} rejects" if rejects else "")
    what += f" in {len(tasks):,} of {len(run.manifest.files):,} files"
    what += f" and {observations.removed:,} entries of {OBSERVATIONS}" if observations.removed else ""
    if is_dry:
        print(f"{run.output}: {what} would be removed")
        return
    number = swapping.next_number(run.output)
    changed = _rewrite(run, tasks, number, workers)
    run_directory.remove_work(run.output, run_directory.work_of(run.output))  # where kept, it has the text, too
    export.discard(run.output)  # as have files of an export that was interrupted
    changes = removal.Changes(changed, observations, list(renewals.RENEWALS))
    removal.stage(run, request, number, clock.now(), found, changes)
    _finish(run.output)
    record = storage.join(run.output, REMOVED_FOLDER, f"{number}.json")
    print(f"{run.output}: {what} removed; the record: {record}")


def _finish(output: str) -> None:
    """Do what was decided, or the rest of it."""
    swapping.finish(output)
    renewals.renew(output, _PROGRAM)


def _find(run: PublishedRun, request: removal.Request, workers: int) -> list[Found]:
    find = Find(run.output, request.asked, noted_in(read_observations(run.output)))
    with over_files(_PROGRAM, "look for them", find, removal.files_to_search(run), workers) as found:
        return sorted(found, key=lambda each: each.file.path)


def _rewrite(run: PublishedRun, tasks: Sequence[Task], number: str, workers: int) -> list[removal.Changed]:
    """Write the files anew into the folder of the removal, but those of which nothing is left."""
    left = [task for task in tasks if task.amount.documents < task.file.documents]
    rewrite = Rewrite(run.output, storage.join(run.output, REMOVED_FOLDER, number))
    with over_files(_PROGRAM, "write anew", rewrite, left, workers, attrgetter("file.bytes")) as rewritten:
        after = {file.path: file for file in rewritten}
    return [(task.file, after.get(task.file.path)) for task in tasks]


if __name__ == "__main__":
    leave(main())
