"""Beam's in-process runner on this machine, in one process or several, and what is needed to stop it cleanly.

Beam's own DirectRunner first tries to download another engine (Prism); this never does. Its mode multi_processing is
used with worker processes of ours (`beam_jobs.local_worker`), because Beam's print every error several times over, stay
behind when the parent is killed, and let the parent wait for ever when one of them dies.
"""

import contextlib
import os
import shlex
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import grpc
import psutil
from apache_beam.runners.portability.fn_api_runner.fn_runner import FnApiRunner
from apache_beam.transforms.environments import SubprocessSDKEnvironment

from ccnet_pipeline.errors import UserError
from ccnet_pipeline.fetch import tell_of_waits

WORKER_LOG = "CC100_WORKER_LOG"  # environment variable: the file that takes what workers print
_LOOK_EVERY_S = 0.1


def runner(workers: int) -> FnApiRunner:
    """Return the runner for a number of processes; 1 is the present one."""
    if workers == 1:
        return FnApiRunner()
    # Ctrl-C reaches every process of the terminal; only the parent answers it, for all.
    command = f"trap '' INT; exec {shlex.quote(sys.executable)} -m beam_jobs.local_worker {os.getpid()}"
    return FnApiRunner(default_environment=SubprocessSDKEnvironment.from_command_string(command))


def run_supervised(run: Callable[[], object], log: str) -> None:
    """Call `run`, which starts worker processes; watch over them, and leave none behind.

    It runs in a thread of its own: a KeyboardInterrupt in the middle of Beam would make it wait for workers that have
    not started yet, for ever. What an abandoned run leaves on disk is what a killed one leaves.

    Args:
        run: runs a pipeline to its end.
        log: the file for what workers print.

    Raises:
        UserError: a worker died.
    """
    deaths: list[str] = []
    errors: list[BaseException] = []

    def on_thread_error(failed: threading.ExceptHookArgs) -> None:
        # A thread of Beam's waits for each worker and raises when it ends; the runner itself would not notice. Others
        # speak with the workers, and raise when one does not answer: that says no more.
        if "Worker subprocess exited" in str(failed.exc_value):
            deaths.append(str(failed.exc_value))
        elif not isinstance(failed.exc_value, grpc.RpcError):
            previous(failed)

    def run_and_tell() -> None:
        try:
            run()
        except BaseException as error:  # handed on below
            errors.append(error)

    previous, threading.excepthook = threading.excepthook, on_thread_error
    os.environ[WORKER_LOG] = log
    thread = threading.Thread(target=run_and_tell, daemon=True)
    thread.start()
    try:
        while thread.is_alive() and not deaths:
            thread.join(_LOOK_EVERY_S)
    finally:
        _kill_children()
    if deaths:
        raise UserError(
            f"a worker process died ({deaths[0]}; -9 often means too little memory); the same command goes on "
            f"where it stopped, and fewer --workers need less memory; what it printed last: {log}"
        )
    if errors:
        raise errors[0]


def _kill_children() -> None:
    for child in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            child.kill()


def redirect_stderr() -> None:
    """Send what this worker process prints to the file that its parent has named, but waits for the network on."""
    tell_of_waits("build_cc100", os.fdopen(os.dup(sys.stderr.fileno()), "w"))
    if log := os.environ.get(WORKER_LOG):
        descriptor = os.open(Path(log), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        os.dup2(descriptor, sys.stderr.fileno())
        os.close(descriptor)
