"""A run on Dataflow: what is missing is one line before anything is read or written, and what is submitted is small."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from beam_jobs import job
from beam_jobs.options import parse
from beam_jobs.runners import dataflow
from ccnet_pipeline.errors import UserError

PLACES = ["--project=a-project", "--region=europe-west4", "--temp_location=gs://bucket/temp"]
IMAGE = "--sdk_container_image=registry/cc100:1"
OFFLINE = ["--no_auth", "--dry_run=True"]
REMOTE = ["--dump", "CC-MAIN-2018-51", "--output", "gs://bucket/corpus"]


@pytest.fixture
def refusal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """`refusal(...)`: the one line that a command line for Dataflow gives, before anything is written."""
    monkeypatch.chdir(tmp_path)

    def run(*argv: str) -> str:
        assert job.main(["--runner", "DataflowRunner", *argv]) == 2
        assert not list(tmp_path.iterdir())
        captured = capsys.readouterr()
        assert (captured.out, captured.err.count("\n")) == ("", 1), captured.err
        return captured.err.removeprefix("build_cc100: ").rstrip("\n")

    return run


@pytest.mark.parametrize("given", [[], [PLACES[0]], PLACES[:2], PLACES])
def test_options_that_are_missing_are_named_together(refusal: Callable[..., str], given: list[str]) -> None:
    wanted = ["--project PROJECT", "--region REGION", "--temp_location gs://BUCKET/temp", "--sdk_container_image IMAGE"]
    line = refusal(*REMOTE, *given)
    assert line.startswith(f"--runner DataflowRunner needs {wanted[len(given)]}")
    assert [option in line for option in wanted] == [i >= len(given) for i in range(4)]


def test_options_that_cannot_be_right_are_told_as_beam_has_them(refusal: Callable[..., str]) -> None:
    line = refusal(*REMOTE, "--project=12", PLACES[1], "--temp_location=here", "--staging_location=gs://b", IMAGE)
    assert line.startswith("--runner DataflowRunner: Invalid Project ID (12). ")
    assert "Invalid GCS path (here), given for the option: temp_location. Invalid GCS bucket (gs://b), " in line


def test_an_image_of_beams_own_is_refused(refusal: Callable[..., str]) -> None:
    line = refusal(*REMOTE, *PLACES, "--sdk_container_image=apache/beam_python3.11_sdk:2.77.0")
    assert line.startswith("--sdk_container_image apache/beam_python3.11_sdk:2.77.0 is Beam's, without this package; ")


@pytest.mark.parametrize(
    ("option", "path"),
    [
        ("--output", "corpus"),
        ("--work_dir", "/scratch"),
        ("--input", "crawl/*.wet.gz"),
        ("--base", "mirror"),
        ("--cache", "cache"),
        ("--lid_model", "own.bin"),
        ("--second_lid_model", "own.ftz"),
        ("--lm_dir", "models"),
        ("--hash_index", "seen"),
    ],
)
def test_a_path_that_no_worker_reaches_is_refused(refusal: Callable[..., str], option: str, path: str) -> None:
    line = refusal(*REMOTE, *PLACES, IMAGE, option, path)
    assert line.startswith(f"{option} {path}: on this machine, which no worker of Dataflow reaches; give gs://")


def test_what_the_image_brings_or_the_network_gives_is_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dataflow, "_check_packages", lambda: None)
    beam = [*PLACES, IMAGE, *OFFLINE, "--runner=DataflowRunner"]
    dataflow.check(parse(["--output", "gs://bucket/sample", *beam]))
    dataflow.check(parse([*REMOTE, *beam, "--lid_model=lid.176.ftz", "--second_lid_model=none", "--robots", "here"]))
    dataflow.check(parse([*REMOTE, *beam, "--lid_model=gs://bucket/m.bin", "--lm_dir=s3://bucket/lm"]))


def test_packages_that_are_missing_are_named(refusal: Callable[..., str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "google.cloud.dataflow", None)
    line = refusal(*REMOTE, *PLACES, IMAGE)
    assert line.startswith("--runner DataflowRunner needs Google's packages: pip install 'cc100-xlmr[dataflow]' (")


def test_without_credentials_nothing_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    from google.auth.exceptions import DefaultCredentialsError

    def none() -> None:
        raise DefaultCredentialsError("none")

    monkeypatch.setattr("google.auth.default", none)
    monkeypatch.setattr(dataflow, "_check_packages", lambda: None)
    with pytest.raises(UserError, match="gcloud auth application-default login"):
        dataflow.check(parse([*REMOTE, *PLACES, IMAGE, "--runner=DataflowRunner"]))


def test_a_local_run_imports_no_client_of_a_service_with_beam() -> None:
    clients = {"google.cloud.dataflow", "pandas", "pyarrow", "pymongo"}
    program = f"import beam_jobs.job, sys; print({clients} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
