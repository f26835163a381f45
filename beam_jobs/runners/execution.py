"""The graph is built and run, and shown meanwhile: in this process, in several of this machine, or on a cluster."""

import contextlib
import functools
import os
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import apache_beam as beam

from beam_jobs.elements import Failure
from beam_jobs.graph import Plan, build
from beam_jobs.mine_segment import MineSegment
from beam_jobs.options import LOCAL_RUNNERS, Arguments
from beam_jobs.preparation import Prepared
from beam_jobs.progress import Progress, shown
from beam_jobs.runners import cluster_jobs, local
from beam_jobs.runners.cluster_jobs import EndedJob
from beam_jobs.transforms.plan import check_failures
from ccnet_pipeline import storage
from ccnet_pipeline.errors import FetchError, UserError

# What one process does in some seconds stays in one: others would have to start, and Beam to speak with them.
_SMALL_INPUT_BYTES = 16 << 20
_NOT_KNOWN = "its cluster does not say why (Flink forgets a job an hour after its end)"


def make_pipeline(arguments: Arguments, prepared: Prepared) -> tuple[int, beam.Pipeline]:
    """Return the worker processes on this machine, and an empty pipeline that will use them."""
    if arguments.runner not in LOCAL_RUNNERS:
        from beam_jobs.runners import submission

        return 1, submission.make_pipeline(arguments.runner, list(arguments.beam), arguments.output)
    workers = min(arguments.workers, len(prepared.segments)) if prepared.size >= _SMALL_INPUT_BYTES else 1
    return workers, local.make_pipeline(workers, list(arguments.beam))


def check(arguments: Arguments) -> None:
    """See that what runs the graph can be asked to, before anything else is done.

    Raises:
        UserError: an option is missing or wrong, nobody answers, or a job on a cluster writes to the output.
    """
    is_here = arguments.runner in LOCAL_RUNNERS
    if arguments.detach and is_here:
        raise UserError(f"--detach: what {arguments.runner} does ends with this program; it is for jobs on a cluster")
    if not is_here:
        from beam_jobs.runners import submission

        submission.check(arguments)
    storage.check_place(arguments.output, "--output")
    cluster_jobs.refuse_if_running(arguments.output)  # before its slots are missed
    if not is_here:
        submission.ask(arguments)


def refuse_if_running(arguments: Arguments) -> list[EndedJob]:
    """See that no job on a cluster writes to what this program has just locked; return jobs that have ended meanwhile.

    Raises:
        UserError: one does, or may.
    """
    return cluster_jobs.refuse_if_running(*_claimed(arguments))


def conclude(jobs: Sequence[EndedJob], failures_file: str) -> list[str]:
    """Forget jobs that have ended; return, a line each, why those of the run did not complete it.

    Args:
        jobs: what `refuse_if_running` has returned.
        failures_file: of the run; what a job notes that could not read all segments, and finishes.
    """
    cluster_jobs.remove_notes([each.folder for each in jobs])
    try:
        check_failures(storage.read_json(failures_file, list[Failure]) or [] if jobs else [])
        noted = None
    except FetchError as error:
        noted = str(error)
    errors = {each.name: each.error or noted or each.error for each in jobs}
    return [
        f"the job before this one, {name}, did not complete the run: {error or _NOT_KNOWN}"
        for name, error in errors.items()
        if error != ""
    ]


def _claimed(arguments: Arguments) -> list[str]:
    """Return the folders that one run at a time may write to."""
    return [folder for folder in (arguments.output, arguments.hash_index) if folder]


def execute(arguments: Arguments, pipeline: beam.Pipeline, plan: Plan, workers: int, prepared: Prepared) -> bool:
    """Build the graph of a plan in a pipeline, and run it to its end.

    Returns:
        False if it goes on without this process, on a cluster.

    Raises:
        FetchError: segments could not be read.
    """
    storage.remove_file(plan.layout.failures_file)
    progress = shown(plan.layout, len(prepared.segments), prepared.size)
    if arguments.runner not in LOCAL_RUNNERS:
        from beam_jobs.runners import cluster, worker_check

        build(pipeline, worker_check.added(plan))
        with progress as seen:
            is_done = cluster.execute(pipeline, _claimed(arguments), seen, detach=arguments.detach)
        if not is_done:
            return False
        storage.remove_leftovers(plan.layout.output)  # of workers that were lost
    else:
        build(pipeline, plan)
        _execute_here(pipeline, plan, workers, prepared, progress)
    check_failures(storage.read_json(plan.layout.failures_file, list[Failure]) or [])
    return True


def _execute_here(
    pipeline: beam.Pipeline,
    plan: Plan,
    workers: int,
    prepared: Prepared,
    progress: contextlib.AbstractContextManager[Progress],
) -> None:
    if workers == 1:
        with progress:
            pipeline.run().wait_until_finish()
        return
    load = functools.partial(_load, plan, prepared)
    # The processes before the progress, which has a thread.
    with (
        _log_of_workers(plan.layout.work) as log,
        local.started(workers, log, pipeline.options, load) as processes,
        progress,
    ):
        processes.supervise(pipeline.run)


@contextlib.contextmanager
def _log_of_workers(work: str) -> Iterator[str]:
    """Give a local file for what workers print; where the work folder is remote, it goes when all is well."""
    if storage.is_local(work):
        yield str(Path(work) / "workers.log")
        return
    descriptor, log = tempfile.mkstemp(prefix="cc100-workers-", suffix=".log")
    os.close(descriptor)
    yield log
    Path(log).unlink(missing_ok=True)


def _load(plan: Plan, prepared: Prepared) -> None:
    if isinstance(plan.mine_segment, MineSegment):
        plan.mine_segment.load(sorted(prepared.coverage.with_fluency))
