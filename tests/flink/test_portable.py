"""A job server of Beam's that somebody else has started: here Beam's own of Python, in this process."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import apache_beam as beam
import grpc
import pytest
from apache_beam.runners.portability.local_job_service import LocalJobServicer

from beam_jobs.layout import Layout
from beam_jobs.progress import Progress
from beam_jobs.runners import cluster, cluster_jobs, submission
from beam_jobs.runners.portable_jobs import running_state
from ccnet_pipeline.errors import ClusterError, InUseError, UserError
from tests.moments import PATIENCE_S, wait_for

BEGUN, GO_ON = threading.Event(), threading.Event()


@pytest.fixture
def endpoint() -> Iterator[str]:
    server = LocalJobServicer()
    yield f"localhost:{server.start_grpc_server(0)}"
    server.stop()


@pytest.fixture
def run(endpoint: str, tmp_path: Path) -> Callable[[Callable[[bytes], bytes]], bool]:
    """`run(step)`: a job of one step, which writes to the folder of the test."""

    def run(step: Callable[[bytes], bytes]) -> bool:
        flags = [f"--job_endpoint={endpoint}", "--environment_type=LOOPBACK"]
        pipeline = submission.make_pipeline("PortableRunner", flags, str(tmp_path))
        _ = pipeline | beam.Impulse() | beam.Map(step)
        progress = Progress(Layout(str(tmp_path), str(tmp_path / "work")), 1, 0)
        return cluster.execute(pipeline, [str(tmp_path)], progress, detach=False)

    return run


def wait(element: bytes) -> bytes:
    BEGUN.set()
    GO_ON.wait(PATIENCE_S)
    return element


def fail(_: bytes) -> bytes:
    raise ValueError("no good")


def test_a_folder_is_refused_while_its_job_is_with_a_job_server(
    run: Callable[[Callable[[bytes], bytes]], bool], tmp_path: Path, endpoint: str
) -> None:
    BEGUN.clear()
    GO_ON.clear()
    first = threading.Thread(target=run, args=(wait,))
    first.start()
    try:
        assert BEGUN.wait(PATIENCE_S)
        wait_for((tmp_path / "job.json").exists, "the note, which comes after the job")
        with pytest.raises(
            InUseError, match=rf"^a job on a cluster writes to {tmp_path} \(job-\S+, running\); wait for it"
        ):
            cluster_jobs.refuse_if_running(str(tmp_path))
    finally:
        GO_ON.set()
        first.join()
    assert cluster_jobs.refuse_if_running(str(tmp_path)) == []


def test_a_job_server_that_is_at_a_loss_does_not_say_that_a_job_has_ended() -> None:
    class Lost(LocalJobServicer):
        def GetState(self, request: object, context: Any = None) -> Any:  # noqa: N802 - Beam's
            context.abort(grpc.StatusCode.UNAVAILABLE, "not now")

    server = Lost()
    endpoint = f"localhost:{server.start_grpc_server(0)}"
    with pytest.raises(ClusterError, match=f"^the job server at {endpoint} does not answer$"):
        running_state(endpoint, "job-1")
    server.stop()


def test_an_address_of_another_host_is_not_asked_on_this_one(endpoint: str, tmp_path: Path) -> None:
    cluster_jobs.write_notes([str(tmp_path)], cluster_jobs.JobNote(runner="PortableRunner", master=endpoint, name="j"))
    assert cluster_jobs.refuse_if_running(str(tmp_path)) == [cluster_jobs.EndedJob(str(tmp_path), "j", None)]
    note = json.loads((tmp_path / "job.json").read_text())
    (tmp_path / "job.json").write_text(json.dumps({**note, "host": "elsewhere"}))
    with pytest.raises(UserError, match=f"{endpoint} is an address of elsewhere, where it can be asked; if that clus"):
        cluster_jobs.refuse_if_running(str(tmp_path))


def test_a_failure_is_one_line(run: Callable[[Callable[[bytes], bytes]], bool], tmp_path: Path) -> None:
    with pytest.raises(ClusterError) as failed:
        run(fail)
    assert str(failed.value) == "ValueError: no good"
    assert not (tmp_path / "job.json").exists()
