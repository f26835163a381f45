"""A worker process of the local runner: Beam's harness, but quiet, and gone when its parent is gone."""

import logging
import multiprocessing
import os
import signal
import threading
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from pathlib import Path

from apache_beam.io.filesystems import FileSystems
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.portability.fn_api_runner.worker_handlers import (
    DATA_BUFFER_TIME_LIMIT_MS,
    FNAPI_RUNNER_CAPABILITIES,
    STATE_CACHE_SIZE_MB,
)
from apache_beam.runners.worker.sdk_worker import SdkHarness

from ccnet_pipeline.fetch import tell_of_waits

STOPPING = (signal.SIGINT, signal.SIGTERM)
_STDERR = 2


@dataclass(frozen=True, slots=True)
class Post:
    """Where a worker process is to serve."""

    worker_id: str
    control_address: str


def serve(post_office: Connection, log: str, options: PipelineOptions) -> None:
    """Wait for a post, and serve there until the runner has no more work.

    Args:
        post_office: gives the post when it is known.
        log: the file for what this process prints.
        options: those of the pipeline.
    """
    for number in STOPPING:  # Ctrl-C reaches every process of the terminal, SIGTERM may; the parent answers
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPPING)
    threading.Thread(target=_leave_with_parent, daemon=True).start()
    _redirect_stderr(log)
    logging.getLogger("apache_beam").setLevel(logging.ERROR)
    FileSystems.set_options(options)
    post: Post = post_office.recv()
    SdkHarness(
        post.control_address,
        worker_id=post.worker_id,
        state_cache_size=STATE_CACHE_SIZE_MB << 20,
        data_buffer_time_limit_ms=DATA_BUFFER_TIME_LIMIT_MS,
        runner_capabilities=FNAPI_RUNNER_CAPABILITIES,
    ).run()


def _leave_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent:
        wait([parent.sentinel])
    os._exit(1)


def _redirect_stderr(log: str) -> None:
    """Send what this process prints to a file, but waits for the network on."""
    tell_of_waits("build_cc100", os.fdopen(os.dup(_STDERR), "w"))
    descriptor = os.open(Path(log), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(descriptor, _STDERR)
    os.close(descriptor)
