"""What a Flink cluster lacks is one line, before anything is read or written; so is a job that is there already."""

from __future__ import annotations

import gzip
import http.server
import json
import shutil
import socket
import threading
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from beam_jobs import job
from beam_jobs.elements import Failure
from beam_jobs.runners import worker_check
from beam_jobs.runners.flink_checks import _DRIVER
from beam_jobs.runners.worker_check import Installed
from ccnet_pipeline.command import IN_USE
from ccnet_pipeline.errors import UserError
from ccnet_pipeline.sample import crawl_directory

OVERVIEW = {"taskmanagers": 2, "slots-total": 4, "slots-available": 4, "flink-version": "1.19.0"}
JOB = {"jid": "5ed4", "name": "cc100-1", "state": "RUNNING", "start-time": 1, "tasks": {"running": 3}}


class Rest(http.server.ThreadingHTTPServer):
    """The REST interface of a cluster."""

    def __init__(self) -> None:
        self.answers: dict[str, Any] = {
            "/overview": OVERVIEW, "/jobmanager/config": [{"key": "rest.port", "value": "8081"}],
            "/jobs/overview": {"jobs": []},
        }  # fmt: skip

        class Handler(http.server.BaseHTTPRequestHandler):
            server: Rest

            def do_GET(self) -> None:
                answer = self.server.answers.get(self.path)
                self.send_response(404 if answer is None else 200)
                self.end_headers()
                self.wfile.write(answer if isinstance(answer, bytes) else json.dumps(answer).encode())

            def log_message(self, *_: Any) -> None:
                pass

        super().__init__(("127.0.0.1", 0), Handler)
        self.address = f"127.0.0.1:{self.server_address[1]}"


@pytest.fixture
def rest() -> Iterator[Rest]:
    server = Rest()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def made_jar(path: Path, *names: str) -> Path:
    with zipfile.ZipFile(path, "w") as file:
        for name in names:
            file.writestr(name, b"")
    return path


@pytest.fixture
def said(
    rest: Rest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str]]:
    """`said(*flags)`: the status and the one line of a run on the cluster; none gets so far as to read its input."""

    def run(*flags: str, jar: Path | None = None) -> tuple[int, str]:
        jar = jar or made_jar(tmp_path / "beam-runners-flink-1.19-job-server-2.62.0.jar", _DRIVER)
        monkeypatch.setattr(job, "prepare", lambda _: (_ for _ in ()).throw(UserError("all is well")))
        argv = [
            "--output=out", "--runner=FlinkRunner", f"--flink_master={rest.address}", "--flink_submit_uber_jar",
            f"--flink_job_server_jar={jar}", *flags,
        ]  # fmt: skip
        status = job.main(argv)
        line = capsys.readouterr().err
        assert line.count("\n") == 1, line
        return status, line.removeprefix("build_cc100: ").rstrip("\n").replace(rest.address, "ADDRESS")

    monkeypatch.chdir(tmp_path)
    return run


def test_a_cluster_that_has_all_is_not_refused(said: Callable[..., tuple[int, str]], rest: Rest) -> None:
    assert said("--parallelism=4") == (2, "all is well")
    # One that starts TaskManagers when a job asks for them.
    rest.answers["/overview"] = {**OVERVIEW, "taskmanagers": 0, "slots-total": 0, "slots-available": 0}
    rest.answers["/jobmanager/config"] = [{"key": "kubernetes.cluster-id", "value": "x"}]
    assert said("--parallelism=4") == (2, "all is well")


def test_too_few_slots(said: Callable[..., tuple[int, str]], rest: Rest) -> None:
    remedy = "wait for other jobs, start TaskManagers, or give a smaller --parallelism"
    assert said("--parallelism=5") == (
        2, f"http://ADDRESS has 4 free slots of 4, and the job needs 5; {remedy}"
    )  # fmt: skip
    rest.answers["/overview"] = {**OVERVIEW, "slots-available": 0}
    assert said()[1].endswith(f" has 0 free slots of 4, and the job needs 1; {remedy}")
    rest.answers["/overview"] = {**OVERVIEW, "slots-available": 1}
    rest.answers["/jobmanager/config"] = [{"key": "parallelism.default", "value": "2"}]
    assert "needs 2" in said()[1]
    rest.answers["/jobmanager/config"] = [{"key": "jobmanager.scheduler", "value": "Adaptive"}]
    assert said("--parallelism=9") == (2, "all is well")


def test_an_address_where_no_flink_is(said: Callable[..., tuple[int, str]], rest: Rest) -> None:
    rest.answers["/overview"] = b"<html>"
    assert said()[1] == (
        "--flink_master ADDRESS: http://ADDRESS answers, but not as a Flink cluster does; is the port right?"
    )
    del rest.answers["/overview"]
    assert said()[1] == "--flink_master ADDRESS: http://ADDRESS answers 404 to GET /overview; is the port right?"


def test_a_job_server_for_another_release(said: Callable[..., tuple[int, str]], rest: Rest, tmp_path: Path) -> None:
    rest.answers["/overview"] = {**OVERVIEW, "flink-version": "2.0.1"}
    line = "--flink_job_server_jar is for Flink 1.19, and the cluster at http://ADDRESS is Flink 2.0; they must be"
    assert said()[1].startswith(line)
    inside = "META-INF/maven/org.apache.beam/beam-runners-flink-1.19/pom.properties"
    assert said(jar=made_jar(tmp_path / "renamed.jar", _DRIVER, inside))[1].startswith(line)
    assert said(jar=made_jar(tmp_path / "unknown.jar", _DRIVER)) == (2, "all is well")


def test_a_jar_that_is_none(said: Callable[..., tuple[int, str]], tmp_path: Path) -> None:
    no_jar = tmp_path / "x.jar"
    no_jar.write_text("no jar")
    assert said(jar=no_jar) == (2, f"--flink_job_server_jar {no_jar} is no jar, or damaged")
    other = made_jar(tmp_path / "other.jar", "Main.class")
    assert said(jar=other)[1].startswith(f"--flink_job_server_jar {other} is no job server of Beam's for Flink (")


def test_a_port_that_is_taken(said: Callable[..., tuple[int, str]]) -> None:
    with socket.create_server(("localhost", 0)) as server:
        port = server.getsockname()[1]
        assert said(f"--artifact_port={port}") == (
            2, f"--artifact_port {port}: Address already in use; choose another, or 0 for any that is free"
        )  # fmt: skip


def test_what_cannot_go_on_by_itself_is_not_detached(
    said: Callable[..., tuple[int, str]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert said("--detach", "--flink_master=[local]")[1].startswith("--detach needs --flink_master HOST:PORT and ")
    assert said("--detach") == (2, "all is well")
    assert job.main(["--output=out", "--detach"]) == 2
    assert capsys.readouterr().err == (
        "build_cc100: --detach: what DirectRunner does ends with this program; it is for jobs on a cluster\n"
    )


def note(rest: Rest, folder: str, state: str | None, **more: str) -> Path:
    rest.answers["/jobs/overview"] = {"jobs": [{**JOB, "state": state}] if state else []}
    path = Path(folder) / "job.json"
    path.parent.mkdir(exist_ok=True)
    text = {"runner": "FlinkRunner", "master": f"http://{rest.address}", "name": "cc100-1", "id": "5ed4", **more}
    text["host"] = socket.gethostname()
    path.write_bytes(msgspec.json.encode(text))
    return path


@pytest.mark.parametrize("state", ["RUNNING", "RESTARTING", "CREATED", "FAILING"])
def test_where_a_job_writes_no_other_is_begun(said: Callable[..., tuple[int, str]], rest: Rest, state: str) -> None:
    path = note(rest, "out", state)
    rest.answers["/overview"] = {**OVERVIEW, "slots-available": 0}  # the job has them: that is not what is told
    assert said() == (
        IN_USE,
        f"a job on a cluster writes to out (cc100-1, {state.lower()}); wait for it "
        "(http://ADDRESS/#/job/running/5ed4/overview) or cancel it: "
        "curl -X PATCH 'http://ADDRESS/jobs/5ed4?mode=cancel'",
    )
    assert path.exists()


@pytest.mark.parametrize("state", ["FINISHED", "FAILED", "CANCELED", None])
def test_where_a_job_has_ended_another_is_begun(
    said: Callable[..., tuple[int, str]], rest: Rest, state: str | None
) -> None:
    note(rest, "out", state)
    assert said() == (2, "all is well")


def test_of_a_cluster_that_does_not_say_nothing_is_taken_for_granted(
    said: Callable[..., tuple[int, str]], rest: Rest
) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        path = note(rest, "out", None, master=f"http://127.0.0.1:{silent.getsockname()[1]}")
        status, line = said()
    assert status == 2
    assert line.startswith("a job on a cluster may still write to out (cc100-1), and http://127.0.0.1:")
    assert line.endswith("; if that cluster is gone, remove out/job.json")
    path.write_text("{")
    assert said()[1] == "out/job.json is damaged; if no job on a cluster writes to out, remove it"


def test_a_worker_with_another_version_says_which(monkeypatch: pytest.MonkeyPatch) -> None:
    here = Installed.here()
    worker_check.check.cache_clear()
    worker_check.check(here)
    rest = "; the workers' image or environment must have what the machine has that submits the job"
    for wanted, line in [
        (Installed("2.7", here.packages), f"has Python {here.python}, not 2.7{rest}"),
        (Installed(here.python, (("cc100-xlmr", "0.1"), here.packages[1])), f"not 0.1{rest}"),
    ]:
        with pytest.raises(UserError) as refused:
            worker_check.check(wanted)
        assert str(refused.value).endswith(line)
    monkeypatch.setattr(worker_check, "_MODULES", ("no_such_module",))
    worker_check.check.cache_clear()
    with pytest.raises(
        UserError, match=r"cannot import no_such_module \(No module named 'no_such_module'\); the workers"
    ):
        worker_check.check(here)


# --- a job that ended when nobody was there (--detach, or a driver that was killed)

OLD, NEW = "CC-MAIN-2025-51", "CC-MAIN-2026-04"
Cluster = Callable[..., tuple[int, str, str]]


@pytest.fixture
def here(
    rest: Rest, lid: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Cluster:
    """`here("--dump", "new", ...)`: status and what is printed of a run on this machine; a mirror has two dumps."""
    archives = sorted((crawl_directory() / "crawl-data").rglob("*.wet.gz"))
    for dump, archive in zip((OLD, NEW), archives, strict=False):
        place = tmp_path / "mirror" / "crawl-data" / dump
        place.mkdir(parents=True)
        (place / "wet.paths.gz").write_bytes(gzip.compress(f"crawl-data/{dump}/{archive.name}\n".encode()))
        shutil.copy(archive, place)
    (tmp_path / "mirror" / "collinfo.json").write_text(json.dumps([{"id": NEW}, {"id": OLD}]))
    monkeypatch.chdir(tmp_path)

    def run(*flags: str) -> tuple[int, str, str]:
        common = ["--base=mirror", f"--lid_model={lid}", "--languages=en", "--output=corpus/{dump}", "--workers=1"]
        status = job.main([*flags, *common])
        return status, *capsys.readouterr()

    return run


FAILED = {"root-exception": "x", "exceptionHistory": {"entries": [{"stacktrace": "ccnet_pipeline.errors.UserError: "
          "s3://bucket/x: the disk is full [while running 'Mine']"}]}}  # fmt: skip


@pytest.mark.parametrize(
    ("state", "why"),
    [
        ("FAILED", "s3://bucket/x: the disk is full"),
        ("CANCELED", "the job was cancelled on the cluster"),
        (None, "its cluster does not say why (Flink forgets a job an hour after its end)"),
    ],
)
def test_a_job_that_failed_when_nobody_was_there_is_begun_again_and_said_why(
    here: Cluster, rest: Rest, tmp_path: Path, state: str | None, why: str
) -> None:
    rest.answers["/jobs/5ed4/exceptions?maxExceptions=5"] = FAILED
    assert here(f"--dump={OLD}")[0] == 0
    (tmp_path / "corpus" / OLD / "manifest.json").unlink()
    path = note(rest, f"corpus/{OLD}", state)
    status, _, err = here("--dump=new")
    line = f"build_cc100: the job before this one, cc100-1, did not complete the run: {why}\n"
    assert (status, err.count(line), path.exists()) == (0, 1, False)


def test_segments_that_a_job_could_not_read_are_named_when_it_is_begun_again(
    here: Cluster, rest: Rest, tmp_path: Path
) -> None:
    assert here(f"--dump={OLD}", "--keep_work")[0] == 0
    (tmp_path / "corpus" / OLD / "manifest.json").unlink()
    [work] = (tmp_path / "corpus" / OLD / "work").iterdir()
    (work / "failures.json").write_bytes(msgspec.json.encode([Failure("a.wet.gz", "a.wet.gz: 404", tried=True)]))
    note(rest, f"corpus/{OLD}", "FINISHED")
    assert "did not complete the run: 1 segment could not be read, all others were; " in here("--dump=new")[2]


def test_while_a_job_runs_new_is_its_dump_and_when_it_has_ended_its_summary_comes_first(
    here: Cluster, rest: Rest, tmp_path: Path
) -> None:
    assert here(f"--dump={OLD}", "--keep_work")[0] == 0
    note(rest, f"corpus/{OLD}", "RUNNING")  # its files are there, but it has not ended
    status, out, err = here("--dump=new")
    assert (status, out) == (IN_USE, "")
    assert f"a job on a cluster writes to corpus/{OLD} (cc100-1, running); wait for it" in err
    assert not (tmp_path / "corpus" / NEW).exists()
    path = note(rest, f"corpus/{OLD}", "FINISHED")
    status, out, err = here("--dump=new")
    assert out.startswith(f"corpus/{OLD} is complete: built by a job on a cluster that went on by itself.\n")
    assert (status, out.count("Documents kept"), "did not complete" in err) == (0, 2, False)
    assert not path.exists()
    assert not (tmp_path / "corpus" / OLD / "work").exists()
    assert (tmp_path / "corpus" / NEW / "manifest.json").exists()
    assert here("--dump=new")[1].startswith("nothing new: ")
