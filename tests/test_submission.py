"""Runners elsewhere: what is missing is one line, before any work."""

import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NoReturn
from urllib.error import URLError

import pytest
from apache_beam.utils.subprocess_server import JavaJarServer

from beam_jobs import job
from ccnet_pipeline.sample import crawl_directory

WET = sorted(crawl_directory().rglob("*.wet.gz"))[0]


@pytest.fixture
def refused(
    lid_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., str]:
    """`refused("FlinkRunner", ...)`: the one line that it gives, before anything is written; no jar can be fetched."""

    def unreachable(*_: object) -> NoReturn:
        raise URLError("no network")

    monkeypatch.setattr(JavaJarServer, "_download_jar_to_cache", unreachable)
    monkeypatch.setattr(JavaJarServer, "JAR_CACHE", str(tmp_path / "jars"))
    monkeypatch.chdir(tmp_path)

    def run(runner: str, *more: str) -> str:
        argv = ["--input", str(WET), "--lid_model", str(lid_model), "--output", "out", "--runner", runner, *more]
        assert job.main(argv) == 2
        assert not Path("out").exists()
        captured = capsys.readouterr()
        assert (captured.out, captured.err.count("\n")) == ("", 1), captured.err
        return captured.err.removeprefix("build_cc100: ").rstrip("\n")

    return run


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port on which nobody listens, and which nobody else can take meanwhile."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


@pytest.fixture
def busy_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_a_portable_runner_without_an_address(refused: Callable[..., str]) -> None:
    assert "needs --job_endpoint HOST:PORT" in refused("PortableRunner")


@pytest.mark.parametrize(
    ("runner", "option", "more"),
    [
        ("PortableRunner", "--job_endpoint", []),
        ("FlinkRunner", "--job_endpoint", []),
        ("FlinkRunner", "--flink_master", []),
        ("FlinkRunner", "--flink_master", ["--flink_submit_uber_jar"]),
    ],
)
@pytest.mark.parametrize("address", ["127.0.0.1:{}", "http://127.0.0.1:{}"])
def test_nobody_answers(
    refused: Callable[..., str], silent_port: int, runner: str, option: str, more: list[str], address: str
) -> None:
    place = address.format(silent_port)
    line = refused(runner, option, place, *more)
    assert line == f"{option} {place}: Connection refused; is the cluster up, and the port right?"


@pytest.mark.parametrize(("name", "runner"), [("flink", "FlinkRunner"), ("spark", "SparkRunner")])
def test_a_job_server_that_cannot_be_had(
    refused: Callable[..., str], name: str, runner: str, busy_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert refused(runner, f"--{name}_job_server_jar=no.jar") == f"--{name}_job_server_jar no.jar is no file"
    assert refused(runner, "--job_server_java_launcher=no-java").startswith("there is no 'no-java', which ")
    monkeypatch.setattr("shutil.which", lambda program: program)
    wanted = [[]] if name == "spark" else [[], [f"--flink_master=127.0.0.1:{busy_port}", "--flink_submit_uber_jar"]]
    for more in wanted:
        line = refused(runner, *more)
        assert line.startswith(f"Beam's job server for {name} cannot be fetched; fetch https://")
        assert line.endswith(f".jar where the network allows it, and give --{name}_job_server_jar FILE")
