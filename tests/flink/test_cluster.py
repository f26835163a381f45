"""A session cluster of two hosts: what is built there, and what happens to jobs, hosts, workers and drivers.

Minutes: `make flink-test`.
"""

from __future__ import annotations

import hashlib
import re
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import requests

from beam_jobs.runners.flink_rest import FlinkCluster
from ccnet_pipeline import sample, storage
from tests.flink.conftest import LONGEST_S, Driver, Gate, shards_of
from tests.flink.hosts import ADDRESS, HOST, Hosts, inside
from tests.moments import wait_for
from tests.s3_server import S3Server

pytestmark = [pytest.mark.flink, pytest.mark.usefixtures("hosts")]

DUMP = f"--dump={sample.DUMP}"
Drive = Callable[..., Driver]
Here = Callable[..., dict[str, str]]


@pytest.fixture
def output(tmp_path: Path) -> Path:
    return tmp_path / "out"


@pytest.fixture
def last() -> str:
    """The last segment of the sample, without what its packing adds."""
    return sorted(sample.crawl_directory().rglob("*.wet.gz"))[-1].name


def afar(gate: Gate) -> list[str]:
    return [DUMP, f"--base={gate.url}", "--request_interval=0"]


def slots_free() -> int:
    return FlinkCluster(ADDRESS).overview().slots_available


def one_line(printed: str) -> str:
    """The line that says why it failed: the last, and no trace."""
    assert "Traceback" not in printed
    assert "\tat " not in printed
    return printed.splitlines()[-1].removeprefix("build_cc100: ")


@pytest.mark.parametrize("by", ["uber", "server"])
def test_the_sample_is_the_same_however_it_is_submitted(drive: Drive, built_here: Here, output: Path, by: str) -> None:
    status, printed = drive(output, by=by).ended()
    assert status == 0, printed
    assert shards_of(output) == built_here()
    assert re.search(
        r"the job is cc100-\w{8} \(\w{32}\); watch it: http://\S+/#/job/running/\w{32}/overview\n", printed
    )
    assert "Ctrl-C cancels it; so does, from elsewhere: curl -X PATCH 'http://" in printed
    assert not (output / "job.json").exists()


def test_a_crawl_of_eight_segments_is_the_same_with_the_translation_of_flink_2(
    drive: Drive, built_here: Here, output: Path, generated_crawl: Callable[..., Path]
) -> None:
    crawl = f"--input={generated_crawl(files=8, records_per_file=60)}"
    status, printed = drive(output, crawl, "--streaming").ended()
    assert status == 0, printed
    assert shards_of(output) == built_here(crawl)


def test_a_segment_that_cannot_be_read_ends_the_job_once_and_is_all_that_is_read_again(
    drive: Drive, built_here: Here, output: Path, gate: Gate, last: str
) -> None:
    gate.missing = last
    status, printed = drive(output, *afar(gate)).ended()
    assert status == 1
    assert re.fullmatch(r"1 segment could not be read, all others were; .*: 404 Not Found.*", one_line(printed))
    assert "a task failed" not in printed
    gate.missing = ""
    gate.asked.clear()
    status, printed = drive(output, *afar(gate)).ended()
    assert status == 0, printed
    assert gate.asked == {last}
    assert shards_of(output) == built_here(DUMP, f"--base={sample.crawl_directory()}")


def test_a_second_driver_is_refused_while_the_job_of_one_that_is_dead_goes_on(
    drive: Drive, built_here: Here, output: Path, gate: Gate, last: str
) -> None:
    gate.hold(last)
    first = drive(output, *afar(gate))
    first.says("the job is cc100-")
    assert gate.waiting.wait(LONGEST_S)
    first.kill()
    for elsewhere in ((), inside(1)):
        status, printed = drive(output, *afar(gate), "--overwrite", inside=elsewhere).ended()
        assert status == 75
        assert re.fullmatch(
            rf"a job on a cluster writes to {output} \(cc100-\w+, running\); wait for it \(http://\S+\) or cancel it: "
            r"curl -X PATCH 'http://\S+'", one_line(printed)
        )  # fmt: skip
    gate.open()
    wait_for((output / "manifest.json").exists, "the job to end without its driver")
    wait_for(lambda: slots_free() == 4, "its slots")
    status, printed = drive(output, *afar(gate)).ended()
    assert status == 0, printed
    assert "is complete already" in printed
    assert not (output / "job.json").exists()
    assert shards_of(output) == built_here(DUMP, f"--base={sample.crawl_directory()}")


@pytest.mark.parametrize("by", ["uber", "server"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_driver_that_is_stopped_cancels_its_job(
    drive: Drive, output: Path, gate: Gate, last: str, by: str, number: signal.Signals
) -> None:
    gate.hold(last)
    driver = drive(output, *afar(gate), by=by)
    driver.says("the job is cc100-")
    driver.process.send_signal(number)
    status, printed = driver.ended()
    assert status == 130
    assert "build_cc100: the job is cancelled\n" in printed
    assert one_line(printed) == "interrupted; the same command goes on where it stopped"
    assert slots_free() == 4
    assert not (output / "job.json").exists()


def test_a_job_that_is_cancelled_as_was_told_is_one_line(drive: Drive, output: Path, gate: Gate, last: str) -> None:
    gate.hold(last)
    driver = drive(output, *afar(gate))
    driver.says("so does, from elsewhere: ")
    subprocess.run(driver.printed().partition("from elsewhere: ")[2].splitlines()[0], shell=True, check=True)
    status, printed = driver.ended()
    assert (status, one_line(printed)) == (1, "the job was cancelled on the cluster")


def test_a_detached_job_goes_on(drive: Drive, output: Path, gate: Gate, last: str) -> None:
    gate.hold(last)
    status, printed = drive(output, *afar(gate), "--detach").ended()
    assert status == 0
    assert "it goes on by itself; when it has ended, the same command prints the summary; to cancel it: curl" in printed
    assert drive(output, *afar(gate)).ended()[0] == 75
    gate.open()
    wait_for((output / "manifest.json").exists, "the job to end")
    wait_for(lambda: slots_free() == 4, "its slots")
    status, printed = drive(output, *afar(gate)).ended()
    assert (status, "is complete already" in printed) == (0, True)


def test_a_host_is_lost_and_the_job_goes_on_at_the_other(
    drive: Drive, built_here: Here, output: Path, gate: Gate, last: str, hosts: Hosts
) -> None:
    gate.hold(last)
    driver = drive(output, *afar(gate))
    driver.says("the job is cc100-")
    assert gate.waiting.wait(LONGEST_S)
    wait_for(lambda: len(list(output.rglob("*.done.json"))) == 3, "the other segments")
    gate.asked.clear()
    hosts.kill_pool(1)
    hosts.kill_taskmanager(1)
    try:
        driver.says("slots are lost: 2 of 4 slots are there")
        gate.open()
        status, printed = driver.ended()
        assert status == 0, printed
        assert gate.asked == {last}  # no other is read again
        assert shards_of(output) == built_here(DUMP, f"--base={sample.crawl_directory()}")
    finally:
        hosts.start_taskmanager(1)
        hosts.start_pool(1)
        wait_for(lambda: slots_free() == 4, "the host to be there again")


def test_a_worker_pool_that_does_not_answer_is_one_line(drive: Drive, output: Path, hosts: Hosts) -> None:
    for number in range(2):
        hosts.kill_pool(number)
    try:
        status, printed = drive(output).ended()
        assert status == 1
        assert one_line(printed).startswith(
            "nobody answers at localhost/127.0.0.1:50000, where a TaskManager looks for "
        )
    finally:
        for number in range(2):
            hosts.start_pool(number)


def test_worker_pools_that_are_lost_end_the_job_and_the_same_command_goes_on(
    drive: Drive, built_here: Here, output: Path, gate: Gate, last: str, hosts: Hosts
) -> None:
    gate.hold(last)
    driver = drive(output, *afar(gate))
    driver.says("the job is cc100-")
    assert gate.waiting.wait(LONGEST_S)
    wait_for(lambda: len(list(output.rglob("*.done.json"))) == 3, "the other segments")
    for number in range(2):
        hosts.kill_pool(number)
    try:
        status, printed = driver.ended()
        assert (status, "a task failed, which Flink starts again: " in printed) == (1, True)
        assert one_line(printed).startswith("nobody answers at localhost/127.0.0.1:50000, ")
    finally:
        for number in range(2):
            hosts.start_pool(number)
    gate.open()
    gate.asked.clear()
    status, printed = drive(output, *afar(gate)).ended()
    assert status == 0, printed
    assert gate.asked == {last}
    assert shards_of(output) == built_here(DUMP, f"--base={sample.crawl_directory()}")


def test_workers_that_lack_something_are_one_line(drive: Drive, output: Path, hosts: Hosts, tmp_path: Path) -> None:
    (tmp_path / "kenlm.py").write_text("raise ModuleNotFoundError(\"No module named 'kenlm'\", name='kenlm')\n")
    for number in range(2):
        hosts.kill_pool(number)
        hosts.start_pool(number, [tmp_path])
    try:
        status, printed = drive(output).ended()
        assert status == 2
        assert re.match(r"the worker on \S+ cannot import kenlm \(No module named 'kenlm'\); ", one_line(printed))
        assert slots_free() == 4  # the job is not tried again
        assert not (output / "job.json").exists()
    finally:
        for number in range(2):
            hosts.kill_pool(number)
            hosts.start_pool(number)


def test_with_everything_in_an_object_store_the_bytes_are_the_same_and_progress_is_shown(
    drive: Drive, built_here: Here, hosts: Hosts, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = S3Server(HOST)
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)  # of the driver, too
    requests.put(f"{server.environment['AWS_ENDPOINT_URL']}/corpora", timeout=10).raise_for_status()
    for number in range(2):
        hosts.kill_pool(number)
        hosts.start_pool(number, environment=server.environment)
    try:
        status, printed = drive("s3://corpora/out", "--work_dir=s3://corpora/work").ended()
        assert status == 0, printed
        names = storage.sizes("s3://corpora/out/shards")
        digest = {
            f"shards/{name}": hashlib.sha256(storage.read(f"s3://corpora/out/shards/{name}")).hexdigest()
            for name in names
        }
        assert digest == built_here()
        assert "read and hash: 4/4 segments, " in printed
        assert "language and fluency: 4/4 segments, 361 documents, " in printed
        assert list(storage.sizes("s3://corpora/work")) == []
    finally:
        for number in range(2):
            hosts.kill_pool(number)
            hosts.start_pool(number)
        server.stop()
