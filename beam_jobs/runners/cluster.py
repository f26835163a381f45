"""A pipeline is run elsewhere: submitted, watched until it ends, and cancelled when this process is stopped."""

import contextlib
import logging
import sys
import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import apache_beam as beam
import grpc
from apache_beam.options.pipeline_options import GoogleCloudOptions, PortableOptions
from apache_beam.runners.dataflow.dataflow_runner import DataflowRunner
from apache_beam.runners.portability.flink_runner import FlinkRunner

from beam_jobs.progress import Progress
from beam_jobs.runners import dataflow
from beam_jobs.runners.causes import cause_of
from beam_jobs.runners.cluster_jobs import FLINK, JobNote, remove_notes, write_notes
from beam_jobs.runners.flink_checks import address, remark_on
from beam_jobs.runners.flink_rest import FlinkCluster, FlinkJob, UnansweredError
from beam_jobs.runners.portable_jobs import running_state
from beam_jobs.runners.watching import Watch
from ccnet_pipeline import storage
from ccnet_pipeline.errors import ClusterError

_LOOK_EVERY_S = 0.5
_MOMENT_S = 10.0  # for what comes in seconds
_SUBMISSION_S = 300.0
_JOB_SERVER_LOG = "FlinkJarJobServer"  # as Beam calls it
_MOST_LINES = 500


def execute(pipeline: beam.Pipeline, folders: Sequence[str], progress: Progress, *, detach: bool) -> bool:
    """Run a pipeline elsewhere, to its end.

    Args:
        pipeline: with all that it has to do.
        folders: what it writes to and nothing else may meanwhile.
        progress: of its work.
        detach: do not wait for the end.

    Returns:
        False if it goes on without this process.

    Raises:
        ClusterError: it failed, or was cancelled there.
        UserError, FetchError, BalanceError: as a worker raised it.
    """
    with _quiet_logs(), _job_server_log() as log:
        if isinstance(pipeline.runner, FlinkRunner) and (master := address(pipeline.options)):
            return _FlinkRun(pipeline, FlinkCluster(master), folders, log).run(progress, detach=detach)
        result = _submit(pipeline, log)
        if dataflow.is_not_sent(pipeline.options):
            return False
        if isinstance(pipeline.runner, DataflowRunner):
            for line in dataflow.watched(result, pipeline.options):
                say(line)
        with _noted(pipeline, result, folders):
            _wait(result, log)
    return True


class _FlinkRun:
    """One job on a Flink cluster."""

    def __init__(self, pipeline: beam.Pipeline, cluster: FlinkCluster, folders: Sequence[str], log: list[str]) -> None:
        self._pipeline, self._cluster, self._folders, self._log = pipeline, cluster, folders, log
        options = pipeline.options.view_as(GoogleCloudOptions)
        options.job_name = f"{options.job_name or 'cc100'}-{uuid.uuid4().hex[:8]}"
        self._note = JobNote(runner=FLINK, master=cluster.url, name=options.job_name)
        self._is_known = False  # the cluster has had it

    def run(self, progress: Progress, *, detach: bool) -> bool:
        if remark := remark_on(self._cluster):
            say(remark)
        write_notes(self._folders, self._note)
        try:
            result = _submit(self._pipeline, self._log)
            self._tell(self._found(result), detach=detach)
            if not detach:
                Watch(self._cluster, self._note.name, say, progress.state).wait()
                _state_of(result)  # at which Beam removes what it uploaded
        except BaseException as error:
            is_stopped = isinstance(error, KeyboardInterrupt)
            if (self._is_known or is_stopped) and self._cancel() and is_stopped:
                say("the job is cancelled")
            raise
        finally:
            self._forget()
        return not detach

    def _found(self, result: Any) -> FlinkJob:
        """Return the job as soon as the cluster has it, and complete the note."""
        deadline, job = time.monotonic() + _SUBMISSION_S, None
        while job is None:
            with contextlib.suppress(UnansweredError):  # it may be there already
                if job := self._cluster.find(self._note.name):
                    break
                if _state_of(result) in ("FAILED", "CANCELLED", None):
                    raise cause_of(["\n".join(self._log)])
            if time.monotonic() > deadline:
                raise ClusterError(f"{self._cluster.url} has not begun the job in {_SUBMISSION_S / 60:.0f} minutes")
            time.sleep(_LOOK_EVERY_S)
        self._is_known = True
        write_notes(self._folders, replace(self._note, id=job.jid))
        return job

    def _tell(self, job: FlinkJob, *, detach: bool) -> None:
        how = self._cluster.how_to_cancel(job.jid)
        say(f"the job is {job.name} ({job.jid}); watch it: {self._cluster.watch_url(job.jid)}")
        if detach:
            say(f"it goes on by itself; when it has ended, the same command prints the summary; to cancel it: {how}")
        else:
            say(f"Ctrl-C cancels it; so does, from elsewhere: {how}")

    def _cancel(self) -> bool:
        """Cancel the job if it has not ended, also one that is being submitted at this moment; tell whether it was."""
        deadline, was_asked, trouble = time.monotonic() + _MOMENT_S, False, ""
        while time.monotonic() < deadline:
            try:
                job = self._cluster.find(self._note.name)
                if job.has_ended if job else self._is_known:
                    return was_asked
                if job and not was_asked:
                    self._cluster.cancel(job.jid)
                    was_asked = True
                trouble = "it was asked to end, and has not yet" if was_asked else ""
            except ClusterError as error:  # the next time it may answer
                trouble = str(error)
            time.sleep(_LOOK_EVERY_S)
        if trouble:
            say(f"the job may still run: {trouble}")
        return False

    def _forget(self) -> None:
        """Remove the note, unless the job goes on, or the cluster does not say."""
        with contextlib.suppress(ClusterError):
            job = self._cluster.find(self._note.name)
            if job is None or job.has_ended:
                _remove_notes(self._folders)


def _remove_notes(folders: Sequence[str]) -> None:
    """Remove the notes of a job that has ended. One that is left by a store that is down does no harm: it is asked."""
    storage.within(_MOMENT_S, lambda: remove_notes(folders))


def say(line: str) -> None:
    """Tell the user a line."""
    print(f"build_cc100: {line}", file=sys.stderr, flush=True)


def _submit(pipeline: beam.Pipeline, log: list[str]) -> Any:
    try:
        return pipeline.run()
    except Exception as error:
        if taken := dataflow.in_use(error):
            raise taken from error
        cause = cause_of(["\n".join((*log, str(error)))])
        raise ClusterError(f"the job was not submitted: {cause}") if type(cause) is ClusterError else cause from error


def _state_of(result: Any) -> str | None:
    """Return the state of a job as Beam has it; None if its job server is gone."""
    try:
        return str(result.state)
    except Exception:  # a different one of each kind of job server
        return None


@contextlib.contextmanager
def _noted(pipeline: beam.Pipeline, result: Any, folders: Sequence[str]) -> Iterator[None]:
    """Leave a note of a job that a job server of somebody else's has, while it runs there."""
    endpoint = pipeline.options.view_as(PortableOptions).job_endpoint
    if not endpoint or endpoint == "embed":
        yield
        return
    name = result._job_id
    write_notes(folders, JobNote(runner=type(pipeline.runner).__name__, master=endpoint, name=name))
    say(f"the job is {name}, of the job server at {endpoint}; Ctrl-C cancels it")
    try:
        yield
    finally:
        with contextlib.suppress(ClusterError):
            if running_state(endpoint, name) is None:
                _remove_notes(folders)


def _wait(result: Any, log: list[str]) -> None:
    """Wait for the end of a job that only Beam can ask about, in a way that Ctrl-C ends."""
    errors: list[BaseException] = []

    def wait() -> None:
        try:
            result.wait_until_finish()
        except BaseException as error:  # handed on below
            errors.append(error)

    thread = threading.Thread(target=wait, daemon=True)
    try:
        thread.start()
        while thread.is_alive():
            thread.join(_LOOK_EVERY_S)
    except KeyboardInterrupt:
        try:
            result.cancel()
        except grpc.RpcError:  # a job server of ours has ended, and its job with it
            pass
        except Exception as error:
            say(f"the job may still run: it could not be cancelled ({cause_of([str(error)])})")
        raise
    if errors:
        raise cause_of([dataflow.reason(errors[0]), "\n".join(log)]) from errors[0]


@contextlib.contextmanager
def _quiet_logs() -> Iterator[None]:
    """Keep Beam from logging every trace, which comes to the user as one line with the cause."""
    root = logging.getLogger()
    before = root.level
    root.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        root.setLevel(before)


class _Lines(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())
        del self.lines[:-_MOST_LINES]


@contextlib.contextmanager
def _job_server_log() -> Iterator[list[str]]:
    """Keep the last lines of what a job server of Beam's prints: why it does not start is told nowhere else."""
    log, handler = logging.getLogger(_JOB_SERVER_LOG), _Lines()
    log.setLevel(logging.INFO)
    log.propagate = False
    log.addHandler(handler)
    try:
        yield handler.lines
    finally:
        log.removeHandler(handler)
