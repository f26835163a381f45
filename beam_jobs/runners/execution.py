"""The graph is built and run, and shown meanwhile: in this process, in several of this machine, or on a cluster."""

import contextlib
import functools
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import apache_beam as beam

from beam_jobs.graph import Plan, build
from beam_jobs.mine_segment import MineSegment
from beam_jobs.options import LOCAL_RUNNERS, Arguments
from beam_jobs.preparation import Prepared
from beam_jobs.progress import shown
from beam_jobs.runners import local
from ccnet_pipeline import storage

# What one process does in some seconds stays in one: others would have to start, and Beam to speak with them.
_SMALL_INPUT_BYTES = 16 << 20


def make_pipeline(arguments: Arguments, prepared: Prepared) -> tuple[int, beam.Pipeline]:
    """Return the worker processes on this machine, and an empty pipeline that will use them."""
    if arguments.runner not in LOCAL_RUNNERS:
        from beam_jobs.runners import submission

        return 1, submission.make_pipeline(arguments.runner, list(arguments.beam))
    workers = min(arguments.workers, len(prepared.segments)) if prepared.size >= _SMALL_INPUT_BYTES else 1
    return workers, local.make_pipeline(workers, list(arguments.beam))


def execute(pipeline: beam.Pipeline, plan: Plan, workers: int, prepared: Prepared) -> None:
    """Build the graph of a plan in a pipeline, and run it to its end."""
    build(pipeline, plan)
    progress = shown(plan.layout, len(prepared.segments), prepared.size)
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
