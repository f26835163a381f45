"""Beam's in-process runner on this machine, in one process or several, and what is needed to stop it cleanly.

Beam's own DirectRunner first tries to download another engine (Prism); this never does. Nor is Beam's mode
multi_processing used: its processes print every error several times over, stay behind when the parent is killed, let
the parent wait for ever when one of them dies, and import everything anew. Ours (`local_worker`) are forked when all
modules and models are loaded, which they then share; and they are given work as they come free (`local_bundles`).
"""

import contextlib
import functools
import multiprocessing
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any, TypeVar

import apache_beam as beam
import grpc
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.portability.fn_api_runner.fn_runner import FnApiRunner
from apache_beam.runners.portability.fn_api_runner.worker_handlers import (
    ControlConnection,
    GrpcWorkerHandler,
    WorkerHandler,
)
from apache_beam.transforms.environments import Environment, python_sdk_capabilities

from beam_jobs.runners.local_bundles import SharingRunner
from beam_jobs.runners.local_worker import STOPPING, Post, serve
from ccnet_pipeline import storage
from ccnet_pipeline.errors import UserError
from ccnet_pipeline.language.fasttext_kernels import has_threads

_URN = "cc100:env:local_worker:v1"
_LOOK_EVERY_S = 0.1
_MOMENT_S = 5.0
_View = TypeVar("_View", bound=PipelineOptions)


class _Options(PipelineOptions):
    """Options whose views are made once: Beam asks for one at every transform, and parses all options for it."""

    def view_as(self, cls: type[_View]) -> _View:
        view: _View = _view(self, cls)  # type: ignore[arg-type]  # to mypy a type variable is not hashable
        return view


@functools.cache
def _view(options: _Options, cls: type[Any]) -> Any:
    return PipelineOptions.view_as(options, cls)


def make_pipeline(workers: int, flags: list[str]) -> beam.Pipeline:
    """Return an empty pipeline for this machine.

    Args:
        workers: how many processes; 1 is the present one.
        flags: options for Beam.
    """
    # The graph is always the same: its types are for tests to check.
    options = _Options(flags, direct_num_workers=workers, pipeline_type_check=False)
    runner = FnApiRunner() if workers == 1 else SharingRunner(default_environment=_LocalEnvironment())
    return beam.Pipeline(runner=runner, options=options)


@contextlib.contextmanager
def started(
    workers: int, log: str, options: PipelineOptions, load: Callable[[], object] = lambda: None
) -> Iterator["Processes"]:
    """Start the worker processes of a runner; none is left when the block ends.

    Args:
        workers: how many.
        log: the file for what they print.
        options: those of the pipeline.
        load: loads what they can share, if they are forked.
    """
    can_fork = _can_fork()
    if can_fork:
        load()
    context = multiprocessing.get_context("fork") if can_fork else multiprocessing.get_context("spawn")
    processes = Processes(log)
    WorkerHandler.register_environment(_URN, bytes)(functools.partial(_Handler, processes))
    try:
        with _no_interrupt():
            for _ in range(workers):
                post_office, sender = context.Pipe(duplex=False)
                process = context.Process(target=serve, args=(post_office, log, options), daemon=True)
                process.start()
                processes.add(process, sender)
        Processes.were_started = True
        yield processes
    finally:
        processes.kill()


def _can_fork() -> bool:
    """Tell whether a fork of this process would work: it has no thread but this one.

    A lock that another thread holds at the moment of a fork stays locked in the new process for ever, and what a
    library has its threads do is never done there. Python does not know the threads of gRPC, which an earlier run in
    this process has started, nor those of a language model or of an object store.
    """
    is_alone = threading.active_count() == 1 and not Processes.were_started
    return sys.platform == "linux" and is_alone and not has_threads() and not storage.has_threads()


@contextlib.contextmanager
def _no_interrupt() -> Iterator[None]:
    """Let Ctrl-C and SIGTERM wait: what it does in a process that has just begun is not settled yet."""
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, STOPPING)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)


class Processes:
    """Worker processes of this one."""

    were_started = False  # any, by this process

    def __init__(self, log: str) -> None:
        self._log = log
        self._all: list[BaseProcess] = []
        self._waiting: list[tuple[BaseProcess, Connection]] = []
        self._controls: list[ControlConnection] = []  # by which Beam gives them work

    def add(self, process: BaseProcess, sender: Connection) -> None:
        """Take one that waits for its post."""
        self._all.append(process)
        self._waiting.append((process, sender))

    def send(self, post: Post, control: ControlConnection) -> BaseProcess:
        """Send one that waits to its post, where it is given work by `control`; return it."""
        process, sender = self._waiting.pop()
        self._controls.append(control)
        sender.send(post)
        return process

    def kill(self) -> None:
        """End all."""
        for process in self._all:
            process.kill()
        for process in self._all:
            process.join(_MOMENT_S)  # one that waits for a disk that is gone cannot even be killed

    def supervise(self, run: Callable[[], object]) -> None:
        """Call `run`, which uses the processes, and watch over them.

        It runs in a thread of its own: a KeyboardInterrupt in the middle of Beam would make it wait for workers that
        have not started yet, for ever. What an abandoned run leaves on disk is what a killed one leaves.

        Raises:
            UserError: a worker died.
        """
        errors: list[BaseException] = []

        def run_and_tell() -> None:
            try:
                run()
            except BaseException as error:  # handed on below
                errors.append(error)

        thread = threading.Thread(target=run_and_tell, daemon=True)
        _let_lost_connections_pass()
        thread.start()
        try:
            while thread.is_alive() and self._death() is None:
                thread.join(_LOOK_EVERY_S)
            if (status := self._death()) is not None:
                raise UserError(
                    f"a worker process died (exit status {status}; -9 often means too little memory); the same command "
                    f"goes on where it stopped, and fewer --workers need less memory; what it printed last: {self._log}"
                )
        except BaseException:
            threading.Thread(target=self._abandon, args=(thread,), daemon=True).start()
            raise
        if errors:
            raise errors[0]

    def _abandon(self, thread: threading.Thread) -> None:
        """Let Beam have an error in the place of answers of workers that are gone, until it has ended in its thread.

        Beam waits for them without end, in threads that Python in its turn waits for when it ends.
        """
        while thread.is_alive():
            for control in self._controls:
                for answer in list(control._futures_by_id.values()):  # others may add to it
                    answer.abort(RuntimeError("the worker is gone"))
            thread.join(_LOOK_EVERY_S)

    def _death(self) -> int | None:
        """Return the exit status of one that has failed, if there is one."""
        return next((process.exitcode for process in self._all if process.exitcode), None)


def _let_lost_connections_pass() -> None:
    """Keep quiet about threads of Beam's that spoke with a worker that is gone: it says no more."""
    previous = threading.excepthook

    def on_thread_error(failed: threading.ExceptHookArgs) -> None:
        if not isinstance(failed.exc_value, grpc.RpcError):
            previous(failed)

    threading.excepthook = on_thread_error


@Environment.register_urn(_URN, None)
class _LocalEnvironment(Environment):
    """Worker processes of ours, as an environment of Beam's."""

    def __init__(self) -> None:
        super().__init__(capabilities=python_sdk_capabilities())

    def to_runner_api_parameter(self, context: object) -> tuple[str, bytes]:
        return _URN, b""

    @staticmethod
    def from_runner_api_parameter(*_: object) -> "_LocalEnvironment":
        return _LocalEnvironment()


class _Handler(GrpcWorkerHandler):
    """One worker process, as the runner sees it."""

    def __init__(self, processes: Processes, _payload: bytes, *rest: Any) -> None:
        super().__init__(*rest)
        self._processes = processes
        self._process: BaseProcess | None = None

    def start_worker(self) -> None:
        self._process = self._processes.send(Post(self.worker_id, self.control_address), self.control_conn)

    def stop_worker(self) -> None:
        if self._process:
            self._process.join()
