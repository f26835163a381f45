"""What the driver says of a job on a cluster, and when it gives up; no cluster and no clock is needed for that."""

from __future__ import annotations

import itertools
import logging
import os
import signal
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import apache_beam as beam
import pytest
from apache_beam.options.pipeline_options import PipelineOptions

from beam_jobs.runners import cluster, watching
from beam_jobs.runners.causes import cause_of, of_ours
from beam_jobs.runners.flink_rest import Failure, FlinkCluster, FlinkJob, Overview, UnansweredError
from beam_jobs.runners.watching import Quiet, Watch
from ccnet_pipeline.errors import BalanceError, ClusterError, FetchError, FilterError, UnreachableError, UserError
from tests.moments import PATIENCE_S

JAVA_AND_PYTHON = """\
java.util.concurrent.ExecutionException: java.lang.RuntimeException: Error received from SDK harness: \
Traceback (most recent call last):
  File "apache_beam/runners/common.py", line 1512, in apache_beam.runners.common.DoFnRunner.process
{error}

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "apache_beam/runners/common.py", line 1623, in apache_beam.runners.common.DoFnRunner._reraise_augmented
{error} [while running 'ref_AppliedPTransform_Mine_57']

\tat java.base/java.util.concurrent.CompletableFuture.get(CompletableFuture.java:2073)
Caused by: java.lang.RuntimeException: Error received from SDK harness for instruction 4: Traceback ...
\tat org.apache.flink.runtime.taskmanager.Task.doRun(Task.java:751)
"""
SUPPRESSED = """\
org.apache.flink.runtime.JobException: Recovery is suppressed by NoRestartBackoffTimeStrategy
\tat org.apache.flink.runtime.executiongraph.failover.ExecutionFailureHandler.handleFailure(X.java:180)
Caused by: org.apache.flink.runtime.jobmaster.JobMasterException: TaskManager 10.0.0.2:1-a is no longer reachable.
\tat org.apache.flink.runtime.jobmaster.JobMaster.disconnectTaskManager(JobMaster.java:1)
"""


@pytest.mark.parametrize(
    ("trace", "kind", "line"),
    [
        ("ccnet_pipeline.errors.UserError: s3://b/x: the disk is full", UserError, "s3://b/x: the disk is full"),
        ("ccnet_pipeline.errors.FetchError: h: 404", FetchError, "h: 404"),
        ("ccnet_pipeline.errors.UnreachableError: s3://b is down", UnreachableError, "s3://b is down"),
        ("ccnet_pipeline.errors.FilterError: it raised", FilterError, "it raised"),
        ("ccnet_pipeline.errors.BalanceError: 9 of 10", BalanceError, "9 of 10"),
        ("ModuleNotFoundError: No module named 'isal'", UserError, "a worker cannot import isal; the workers' "),
        (
            "ModuleNotFoundError: No module named 'beam_jobs.runners.worker_check'", UserError,
            "a worker has another version of this package (no module beam_jobs.runners.worker_check); the workers' ",
        ),
        ("ValueError: a defect of ours", ClusterError, "ValueError: a defect of ours"),
    ],
)  # fmt: skip
def test_the_error_of_a_worker_is_found_in_the_traces(trace: str, kind: type[Exception], line: str) -> None:
    found = cause_of([JAVA_AND_PYTHON.format(error=trace), SUPPRESSED])
    assert type(found) is kind
    assert str(found).startswith(line)
    assert "\n" not in str(found)
    assert "while running" not in str(found)


def test_what_java_says_is_told_where_no_worker_is_to_blame() -> None:
    assert str(cause_of([SUPPRESSED])) == (
        "org.apache.flink.runtime.jobmaster.JobMasterException: TaskManager 10.0.0.2:1-a is no longer reachable."
    )
    refused = "io.grpc.StatusRuntimeException: UNAVAILABLE\nCaused by: X: Connection refused: localhost/127.0.0.1:50000"
    assert str(cause_of([refused])).startswith("nobody answers at localhost/127.0.0.1:50000, where a TaskManager looks")
    assert str(cause_of([])) == "the cluster gives no reason"
    assert of_ours([SUPPRESSED, refused]) is None


def job(state: str = "RUNNING", running: int = 2) -> FlinkJob:
    return FlinkJob(jid="5ed4", name="cc100-1", state=state, start_time=0, tasks={"running": running})


def overview(slots: int = 4) -> Overview:
    return Overview(taskmanagers=slots // 2, slots_total=slots, slots_available=0, flink_version="1.19.0")


def test_a_job_that_stands_still_is_told_each_minute_with_what_is_there() -> None:
    quiet, said = Quiet(0.0), []
    for now in range(0, 200, 10):
        slots = 4 if now < 20 else 2
        state = 1 if now < 30 else 2
        said += [(now, line) for line in quiet.see(now, job(), overview(slots), state)]
    seen = "2 of 4 slots are there; the job is running"
    assert said == [
        (20, f"slots are lost: {seen}"), (90, f"no progress for 60 s; {seen}"), (150, f"no progress for 120 s; {seen}")
    ]  # fmt: skip


def test_a_job_of_which_no_task_runs_is_given_up_after_ten_minutes() -> None:
    quiet = Quiet(0.0)
    list(quiet.see(0.0, job(), overview(), 0))
    list(quiet.see(599.0, job("RESTARTING", running=0), overview(0), 0))
    with pytest.raises(ClusterError, match=r"^no task of the job has run for 10 minutes; 0 of 4 slots"):
        list(quiet.see(600.0, job("RESTARTING", running=0), overview(0), 0))


class Cluster(FlinkCluster):
    """Answers what the test wants it to; each question to it takes ten seconds."""

    def __init__(self, jobs: Sequence[FlinkJob | Exception | None], failures: Sequence[Failure] = ()) -> None:
        super().__init__("flink:8081")
        self.jobs, self._failures = iter(jobs), failures

    def find(self, name: str) -> FlinkJob | None:
        found = next(self.jobs)
        if isinstance(found, Exception):
            raise found
        return found

    def overview(self) -> Overview:
        return overview()

    def records(self, job: str) -> int:
        return 0

    def failures(self, job: str) -> list[Failure]:
        return list(self._failures)


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> Callable[[Cluster], list[str]]:
    """`watch(cluster)`: wait for the job, at ten seconds a look; what is said."""

    def wait(cluster: Cluster) -> list[str]:
        said: list[str] = []
        Watch(cluster, "cc100-1", said.append, lambda: 0).wait()
        return said

    ticks = itertools.count(step=10)
    clock = SimpleNamespace(sleep=lambda _: None, monotonic=lambda: float(next(ticks)))
    monkeypatch.setattr(watching, "time", clock)
    return wait


def test_a_failure_that_may_pass_is_told_once(watch: Callable[[Cluster], list[str]]) -> None:
    cluster = Cluster([job()] * 4 + [job("FINISHED")], [Failure(7, [SUPPRESSED])])
    assert [line for line in watch(cluster) if "failed" in line] == [
        "a task failed, which Flink starts again: org.apache.flink.runtime.jobmaster.JobMasterException: TaskManager "
        "10.0.0.2:1-a is no longer reachable."
    ]


def test_an_error_of_ours_ends_the_job_at_once(watch: Callable[[Cluster], list[str]]) -> None:
    trace = JAVA_AND_PYTHON.format(error="ccnet_pipeline.errors.UserError: make room")
    cluster = Cluster([job()] * 4, [Failure(7, [trace])])
    with pytest.raises(UserError, match=r"^make room$"):
        watch(cluster)


def test_a_job_that_fails_again_and_again_without_any_work_is_given_up(watch: Callable[[Cluster], list[str]]) -> None:
    class Restless(Cluster):
        times = itertools.count(1)

        def failures(self, job: str) -> list[Failure]:
            return [Failure(next(self.times), [SUPPRESSED])]

    cluster = Restless([job()] * 50)
    with pytest.raises(ClusterError, match="no longer reachable"):
        watch(cluster)


@pytest.mark.parametrize(
    ("last", "message"),
    [
        (job("CANCELED"), "the job was cancelled on the cluster"),
        (job("FAILED"), "the cluster gives no reason"),
        (None, "http://flink:8081 knows the job no longer; was its JobManager restarted?"),
    ],
)
def test_how_a_job_ended(watch: Callable[[Cluster], list[str]], last: FlinkJob | None, message: str) -> None:
    with pytest.raises(ClusterError) as ended:
        watch(Cluster([job(), last]))
    assert str(ended.value) == message


def test_a_cluster_that_is_silent_for_a_while_is_asked_again(watch: Callable[[Cluster], list[str]]) -> None:
    silence: list[Any] = [UnansweredError("http://flink:8081 does not answer (refused)")] * 8
    said = watch(Cluster([job(), *silence, job(), job("FINISHED")]))
    assert said[0] == "http://flink:8081 does not answer (refused), for 60 s"
    with pytest.raises(ClusterError, match=r"^http://flink:8081 does not answer \(refused\); the job may still run"):
        watch(Cluster(silence * 10))


def test_why_a_job_server_did_not_start_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    def run() -> None:
        logging.getLogger("FlinkJarJobServer").info("Unrecognized VM option 'X'\n")
        logging.getLogger("FlinkJarJobServer").info("Error: Could not create the Java Virtual Machine.")
        raise RuntimeError("Service failed to start up with error 1")

    pipeline: Any = SimpleNamespace(run=run)
    with cluster._job_server_log() as log, pytest.raises(ClusterError) as failed:
        cluster._submit(pipeline, log)
    assert str(failed.value) == "the job was not submitted: Unrecognized VM option 'X'"
    assert capsys.readouterr() == ("", "")


@pytest.fixture
def a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Cluster], cluster._FlinkRun]:
    """`a_run(cluster)`: a job of which the cluster says what the test wants it to; each question takes a second."""
    ticks = itertools.count()
    monkeypatch.setattr(cluster, "time", SimpleNamespace(sleep=lambda _: None, monotonic=lambda: float(next(ticks))))
    return lambda asked: cluster._FlinkRun(beam.Pipeline(options=PipelineOptions([])), asked, [str(tmp_path)], [])


def test_a_cluster_that_is_silent_at_the_submission_is_asked_again(
    a_run: Callable[[Cluster], cluster._FlinkRun],
) -> None:
    run = a_run(Cluster([UnansweredError("http://flink:8081 does not answer (refused)"), None, job()]))
    assert run._found(SimpleNamespace(state="RUNNING")) == job()


def test_a_cluster_that_is_silent_at_the_end_is_asked_again_to_cancel_the_job(
    a_run: Callable[[Cluster], cluster._FlinkRun],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    silence = UnansweredError("http://flink:8081 does not answer (refused)")
    cancelled: list[str] = []
    asked = Cluster([silence, job(), silence, job("CANCELED")])
    monkeypatch.setattr(asked, "cancel", cancelled.append)
    assert a_run(asked)._cancel()
    assert cancelled == ["5ed4"]
    assert capsys.readouterr().err == ""
    assert not a_run(Cluster([silence] * 20))._cancel()
    assert (
        capsys.readouterr().err == "build_cc100: the job may still run: http://flink:8081 does not answer (refused)\n"
    )


def test_a_job_that_could_not_be_cancelled_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    has_ended = threading.Event()

    def interrupted() -> None:
        os.kill(os.getpid(), signal.SIGINT)
        has_ended.wait(PATIENCE_S)

    def cancel() -> None:
        has_ended.set()
        raise OSError("no route to host")

    with pytest.raises(KeyboardInterrupt):
        cluster._wait(SimpleNamespace(wait_until_finish=interrupted, cancel=cancel), [])
    assert capsys.readouterr().err == (
        "build_cc100: the job may still run: it could not be cancelled (no route to host)\n"
    )
