"""A whole run as a job of Dataflow, with a service on this machine that runs what it is given."""

import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
import requests

from beam_jobs import job
from ccnet_pipeline import storage
from tests.dataflow_service import DataflowService
from tests.s3_server import S3Server
from tests.test_dataflow import IMAGE, PLACES

pytest.importorskip("google.cloud.dataflow", reason="the extra `dataflow` is not installed")


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
        *("--lid_model=lid.176.ftz", "--output=s3://bucket/corpus"),
    ]


def test_what_the_service_is_given_builds_the_corpus(service: DataflowService, tmp_path: Path) -> None:
    assert job.main(command(service)) == 0
    assert [path.rpartition("/")[2] for path in service.objects] == ["pipeline.pb"]
