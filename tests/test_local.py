"""The local runner: a light start, work that goes to who is free, and a worker that dies is one line."""

import itertools
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from multiprocessing import Pipe
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import NoReturn

import apache_beam as beam
import grpc
import pytest
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.transforms.environments import EmbeddedPythonGrpcEnvironment

from beam_jobs.runners import local, local_bundles
from beam_jobs.runners.local_bundles import SharingRunner
from ccnet_pipeline.errors import UserError
from ccnet_pipeline.language.fasttext_model import FastTextModel
from tests.moments import PATIENCE_S, wait_for

# --- sharing


class _Meeting:
    """Elements that come to workers: the first to be given waits until the others are done."""

    SIZE = 6

    def __init__(self) -> None:
        self.came: list[int] = []
        self._others_are_done = threading.Event()
        self.failure_is_known = threading.Event()

    def take(self, number: int) -> None:
        self.came.append(number)
        if len(self.came) == self.SIZE:
            self._others_are_done.set()
        if number == 0:
            assert self._others_are_done.wait(PATIENCE_S)


_meetings: list[_Meeting] = []  # what the functions below share with the workers, which are threads here


def take(number: int) -> None:
    _meetings[-1].take(number)


def fail(number: int) -> None:
    _meetings[-1].came.append(number)
    if number == 0:
        raise UserError("the disk is full")
    assert _meetings[-1].failure_is_known.wait(PATIENCE_S)


@pytest.fixture
def meeting() -> Iterator[_Meeting]:
    _meetings.append(_Meeting())
    yield _meetings[-1]
    _meetings.pop()


def run_in_threads(elements: list[int], function: Callable[[int], None]) -> None:
    options = PipelineOptions([], direct_num_workers=2)
    runner = SharingRunner(default_environment=EmbeddedPythonGrpcEnvironment.default())
    with beam.Pipeline(runner=runner, options=options) as pipeline:
        _ = pipeline | beam.Create(elements, reshuffle=False) | beam.Reshuffle() | beam.Map(function)


def test_nobody_waits_for_a_worker_that_has_a_large_one(meeting: _Meeting) -> None:
    run_in_threads(list(range(_Meeting.SIZE)), take)
    assert sorted(meeting.came) == list(range(_Meeting.SIZE))


def test_what_comes_first_is_begun_first(meeting: _Meeting) -> None:
    run_in_threads([0, 3, 5, 1, 2, 4], take)
    assert [number for number in meeting.came if number] == [3, 5, 1, 2, 4]


def test_nothing_more_is_begun_when_one_has_failed(meeting: _Meeting, monkeypatch: pytest.MonkeyPatch) -> None:
    end = local_bundles._Parts.end

    def end_and_tell(parts: local_bundles._Parts) -> None:
        end(parts)
        meeting.failure_is_known.set()

    monkeypatch.setattr(local_bundles._Parts, "end", end_and_tell)
    with pytest.raises(RuntimeError, match="the disk is full"):
        run_in_threads(list(range(9)), fail)
    assert len(meeting.came) <= 2


def test_many_are_handed_over_several_at_a_time_and_the_last_ones_alone() -> None:
    class Numbers:
        def partition(self, parts: int) -> list[list[bytes]]:
            return [[bytes([number]) if number < 100 else b""] for number in range(parts)]

    handed = [part["numbers"] for part in local_bundles._Parts({"numbers": Numbers()}, 2)]  # type: ignore[dict-item]
    assert b"".join(itertools.chain(*handed)) == bytes(range(100))
    sizes = list(map(len, handed))
    assert sizes == sorted(sizes, reverse=True)
    assert (sizes[0], sizes[-20:]) == (6, [1] * 20)


# --- worker processes


@pytest.fixture
def one_more_thread() -> Iterator[None]:
    """With which nothing is forked."""
    over = threading.Event()
    thread = threading.Thread(target=over.wait)
    thread.start()
    yield
    over.set()
    thread.join()


def test_processes_that_cannot_be_forked_are_started_anew(one_more_thread: None, tmp_path: Path) -> None:
    def note(number: int) -> None:
        (tmp_path / f"{number} of {os.getpid()}").touch()

    pipeline = local.make_pipeline(2, [])
    _ = pipeline | beam.Create([1, 2, 3], reshuffle=False) | beam.Reshuffle() | beam.Map(note)
    loaded: list[bool] = []
    with local.started(2, str(tmp_path / "log"), pipeline.options, lambda: loaded.append(True)) as processes:
        processes.supervise(pipeline.run)
    assert loaded == []
    assert sorted(path.name[0] for path in tmp_path.iterdir() if path.name != "log") == ["1", "2", "3"]
    assert not any(path.name.endswith(f" {os.getpid()}") for path in tmp_path.iterdir())


def test_a_process_that_has_identified_languages_is_not_forked(lid: str, tmp_path: Path) -> None:
    asked = """
import multiprocessing, sys
from pathlib import Path
from beam_jobs.runners import local
from ccnet_pipeline.language.fasttext_model import FastTextModel
from tests.test_local import pipeline_that_identifies
model = FastTextModel(Path(sys.argv[1]))
model.top(["good morning"], 1)
pipeline = pipeline_that_identifies(sys.argv[1])
with local.started(2, sys.argv[2], pipeline.options) as processes:
    processes.supervise(pipeline.run)
"""
    command = [sys.executable, "-c", asked, lid, str(tmp_path / "log")]
    assert subprocess.run(command, timeout=PATIENCE_S, check=False).returncode == 0


def pipeline_that_identifies(model: str) -> beam.Pipeline:
    """Return a pipeline for two workers."""
    pipeline = local.make_pipeline(2, [])
    _ = pipeline | beam.Create(["good morning"] * 4) | beam.Map(best, model)
    return pipeline


def best(text: str, model: str) -> str:
    """Return the language of a text."""
    return FastTextModel(Path(model)).top([text], 1)[0][0][0]


# --- workers that die


def die(_: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def test_no_thread_waits_for_an_answer_of_a_dead_worker(tmp_path: Path) -> None:
    pipeline = local.make_pipeline(2, [])
    _ = pipeline | beam.Create([1, 2], reshuffle=False) | beam.Reshuffle() | beam.Map(die)
    with (
        pytest.raises(UserError, match=r"a worker process died \(exit status -9"),
        local.started(2, str(tmp_path / "log"), pipeline.options) as processes,
    ):
        processes.supervise(pipeline.run)
    waiting = [each for each in threading.enumerate() if each.name.startswith(local_bundles._THREADS)]
    wait_for(lambda: not any(each.is_alive() for each in waiting), "the threads that an ordinary exit waits for")


class _Ended(BaseProcess):
    """A worker process that has ended."""

    def __init__(self, status: int) -> None:
        self._status = status

    @property
    def exitcode(self) -> int:
        return self._status


def supervised(run: Callable[[], object], *statuses: int) -> None:
    """Run beside worker processes that end so."""
    processes = local.Processes("its.log")
    for status in statuses:
        processes.add(_Ended(status), Pipe()[1])
    processes.supervise(run)


def in_a_thread(error: Exception) -> None:
    def fail() -> NoReturn:
        raise error

    thread = threading.Thread(target=fail)
    thread.start()
    thread.join()


def test_a_dead_worker_is_one_line_and_no_trace_of_those_who_spoke_with_it(capsys: pytest.CaptureFixture[str]) -> None:
    spoken = threading.Event()

    def run() -> None:
        in_a_thread(grpc.RpcError())
        spoken.set()
        threading.Event().wait()  # as the runner would, for ever

    with pytest.raises(UserError, match=r"a worker process died \(exit status -9; .* printed last: its\.log"):
        supervised(run, 0, -9)
    assert spoken.wait(PATIENCE_S)
    assert capsys.readouterr().err == ""


def test_a_worker_that_has_no_more_work_may_leave() -> None:
    supervised(lambda: None, 0, 0)


def test_what_breaks_a_run_is_raised() -> None:
    broken = ZeroDivisionError("ours")

    def run() -> NoReturn:
        raise broken

    with pytest.raises(ZeroDivisionError) as caught:
        supervised(run)
    assert caught.value is broken


def test_what_else_breaks_in_a_thread_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[object] = []
    monkeypatch.setattr(threading, "excepthook", lambda failed: shown.append(failed.exc_value))
    broken = ZeroDivisionError("ours")
    supervised(lambda: in_a_thread(broken))
    assert shown == [broken]


# --- the start


def test_a_start_imports_no_client_of_a_service_that_it_does_not_use() -> None:
    heavy = ["boto3", "requests", "urllib3", "pymongo", "pandas", "pyarrow", "tenacity"]
    heavy += ["apache_beam.io.gcp.bigquery", "chardet", "protego", "ccnet_pipeline.web"]
    heavy += ["google.api_core", "google.auth", "google.cloud.dataflow", "google.cloud.storage"]
    script = f"import sys, beam_jobs.job; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("[]\n", "")


def test_a_run_whose_worker_died_ends_though_a_thread_waits_for_it_for_ever() -> None:
    program = """
import threading
from beam_jobs.runners.local import Processes
from beam_jobs.runners.stopping import leave
Processes.were_started = True
threading.Thread(target=threading.Event().wait).start()
print("told")
leave(2)
"""
    done = subprocess.run([sys.executable, "-c", program], check=False, capture_output=True, timeout=PATIENCE_S)
    assert (done.returncode, done.stdout) == (2, b"told\n")
