"""A whole run as a job of Dataflow, with a service on this machine that runs what it is given."""

import json
import os
import re
import shutil
import signal
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
import requests

from beam_jobs import job
from ccnet_pipeline import storage
from tests.s3_server import S3Server
from tests.test_dataflow import IMAGE, PLACES

pytest.importorskip("google.cloud.dataflow", reason="the extra `dataflow` is not installed")
from tests.dataflow_service import DataflowService

SMALL = ["--lid_model=lid.176.ftz", "--segments=0:1"]  # of the bundled crawl


@pytest.fixture
def service(tmp_path: Path, lid_model: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[DataflowService]:
    """Google's services, and a bucket of S3 for the corpus, on this machine."""
    server, s3 = DataflowService(), S3Server()
    for name, value in {**s3.environment, "STORAGE_EMULATOR_HOST": server.url}.items():
        monkeypatch.setenv(name, value)
    requests.put(f"{s3.environment['AWS_ENDPOINT_URL']}/bucket", timeout=60).raise_for_status()
    monkeypatch.setenv("CC100_CACHE", str(tmp_path / "models"))
    (tmp_path / "models").mkdir()
    shutil.copy(lid_model, tmp_path / "models" / "lid.176.ftz")
    quick = SimpleNamespace(**{**vars(time), "sleep": lambda _: time.sleep(0.01)})  # Beam asks every five seconds
    monkeypatch.setattr("apache_beam.runners.dataflow.dataflow_runner.time", quick)
    yield server
    server.stop()
    s3.stop()


def command(service: DataflowService) -> list[str]:
    return [
        *("--runner=DataflowRunner", f"--dataflow_endpoint={service.url}", "--no_auth", *PLACES, IMAGE),
        *(*SMALL, f"--output=s3://bucket/{uuid.uuid4().hex}"),
    ]


def told(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return capsys.readouterr().err.splitlines()


def shards(output: str) -> dict[str, bytes]:
    folder = storage.join(output, "shards")
    return {name: storage.read(storage.join(folder, name)) for name in storage.sizes(folder)}


def test_what_the_service_is_given_builds_the_same_corpus(
    service: DataflowService, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert job.main(argv := command(service)) == 0
    lines = told(capsys)
    name, number = service.jobs[0]["name"], service.jobs[0]["id"]
    assert any(line.startswith(f"build_cc100: the job is {name} ({number}); watch it: https://") for line in lines)
    assert any(f"gcloud dataflow jobs cancel {number} --project a-project" in line for line in lines)
    [pool] = service.jobs[0]["environment"]["workerPools"]
    assert pool["workerHarnessContainerImage"] == IMAGE.partition("=")[2]
    assert [path.rpartition("/")[2] for path in service.objects] == ["pipeline.pb"]
    assert job.main(["--output", str(tmp_path / "local"), *SMALL]) == 0
    assert shards(argv[-1].partition("=")[2]) == shards(str(tmp_path / "local"))


def test_the_launcher_of_a_template_gets_a_job_and_sends_it(service: DataflowService) -> None:
    assert job.main([*command(service), "--template_location=gs://bucket/launch/job_object"]) == 0
    assert not service.jobs
    assert json.loads(service.objects["gs://bucket/launch/job_object"])["type"] == "JOB_TYPE_BATCH"


def test_a_trial_sends_nothing(service: DataflowService) -> None:
    assert job.main([*command(service), "--dry_run=True"]) == 0
    assert (service.jobs, service.objects) == ([], {})


def test_ctrl_c_cancels_the_job(service: DataflowService) -> None:
    def interrupt_once() -> None:
        service.when_asked = bool
        os.kill(os.getpid(), signal.SIGINT)

    service.work, service.state, service.when_asked = len, "JOB_STATE_RUNNING", interrupt_once
    assert job.main(command(service)) == 130
    assert service.states_wanted == ["JOB_STATE_CANCELLED"]


@pytest.mark.parametrize(
    ("state", "message", "line"),
    [
        (
            "FAILED",
            "Traceback (most recent call last):\n  ...\nRuntimeError: no [while running 'Mine']",
            "RuntimeError: no",
        ),
        ("FAILED", "Workflow failed. Causes: S05:Mine failed.", "Workflow failed. Causes: S05:Mine failed."),
        ("CANCELLED", "", "Dataflow pipeline failed. State: CANCELLED"),
    ],
)
def test_why_a_job_failed_is_one_line(
    service: DataflowService, capsys: pytest.CaptureFixture[str], state: str, message: str, line: str
) -> None:
    service.work, service.state, service.message = len, f"JOB_STATE_{state}", message
    assert job.main(command(service)) == 1
    assert told(capsys)[-1] == f"build_cc100: {line}"


def test_a_bucket_that_cannot_be_written_to_is_told_before_anything_begins(
    service: DataflowService, capsys: pytest.CaptureFixture[str]
) -> None:
    service.forbids = True
    assert job.main(command(service)) == 2
    assert told(capsys) == [
        "build_cc100: --temp_location gs://bucket/temp: no permission to write there (storage.objects.create)"
    ]


def test_workers_are_not_told_of_paths_on_this_machine(service: DataflowService) -> None:
    staged: list[bytes] = []
    service.work, service.state, service.message = staged.append, "JOB_STATE_FAILED", "Traceback"
    output = (argv := command(service))[-1].partition("=")[2]
    assert job.main(argv) == 1
    [listed] = [name for name in storage.sizes(output) if name.endswith("segments.json")]
    for text in (*staged, storage.read(storage.join(output, listed))):
        assert str(Path(job.__file__).parents[1]).encode() not in text


def test_a_second_job_for_the_same_output_is_refused_by_the_service(
    service: DataflowService, capsys: pytest.CaptureFixture[str]
) -> None:
    service.active = "2026-11-26_7"
    assert job.main(command(service)) == 75
    assert re.fullmatch(
        r"build_cc100: There is already active job named cc100-\w+ with id: 2026-11-26_7; wait for it, or cancel it",
        told(capsys)[-1],
    )
