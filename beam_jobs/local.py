"""Beam's in-process runner on this machine, in one process or several, and what is needed to stop it cleanly.

Beam's own DirectRunner first tries to download another engine (Prism); this never does. Its mode multi_processing is
used with worker processes of ours (`beam_jobs.local_worker`), because Beam's print every error several times over, stay
behind when the parent is killed, and let the parent wait for ever when one of them dies.
"""

import _thread
import contextlib
import os
import shlex
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import psutil
from apache_beam.runners.portability.fn_api_runner.fn_runner import FnApiRunner
from apache_beam.transforms.environments import SubprocessSDKEnvironment

from ccnet_pipeline.errors import UserError

WORKER_LOG = "CC100_WORKER_LOG"  # environment variable: the file that takes what workers print


def runner(workers: int) -> FnApiRunner:
    """Return the runner for a number of processes; 1 is the present one."""
    if workers == 1:
        return FnApiRunner()
    # Ctrl-C reaches every process of the terminal; only the parent answers it, for all.
    command = f"trap '' INT; exec {shlex.quote(sys.executable)} -m beam_jobs.local_worker"
    return FnApiRunner(default_environment=SubprocessSDKEnvironment.from_command_string(command))


@contextlib.contextmanager
def supervised(log: str) -> Iterator[None]:
    """Watch over the worker processes while the block runs, and leave none behind.

    Args:
        log: the file for what workers print.

    Raises:
        UserError: a worker died.
    """
    deaths: list[str] = []
    stopping = threading.Event()

    def on_thread_error(failed: threading.ExceptHookArgs) -> None:
        # A thread of Beam's waits for each worker and raises when it ends; the runner itself would not notice.
        if "Worker subprocess exited" in str(failed.exc_value) and not stopping.is_set():
            deaths.append(str(failed.exc_value))
            _thread.interrupt_main()

    def on_interrupt(*_: object) -> None:
        stopping.set()
        # First of all, or else Beam's clean-up waits for ever for workers that have not started yet.
        _kill_children()
        raise KeyboardInterrupt

    threading.excepthook = on_thread_error
    previous = signal.signal(signal.SIGINT, on_interrupt)
    os.environ[WORKER_LOG] = log
    try:
        yield
    except KeyboardInterrupt:
        if deaths:
            raise UserError(
                f"a worker process died ({deaths[0]}; -9 often means too little memory); the same command goes on "
                f"where it stopped, and fewer --workers need less memory; what it printed last: {log}"
            ) from None
        raise
    finally:
        stopping.set()
        _kill_children()
        os.environ.pop(WORKER_LOG)
        signal.signal(signal.SIGINT, previous)


def _kill_children() -> None:
    for child in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            child.kill()


def redirect_stderr() -> None:
    """Send what this worker process prints to the file that its parent has named."""
    if log := os.environ.get(WORKER_LOG):
        descriptor = os.open(Path(log), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        os.dup2(descriptor, sys.stderr.fileno())
        os.close(descriptor)
