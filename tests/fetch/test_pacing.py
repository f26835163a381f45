"""Requests to one host keep their distance, whichever process makes them."""

from __future__ import annotations

import fcntl
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from ccnet_pipeline.fetch import pacing
from tests.fetch.reading import put
from tests.fetch.server import Fault, FaultServer, scripted

INTERVAL_S = 0.05
READ = """
import sys
from ccnet_pipeline.fetch import FetchPolicy, read_small
policy = FetchPolicy(request_interval_s=float(sys.argv[1]), max_wait_s=float(sys.argv[2]))
for _ in range(int(sys.argv[3])):
    read_small("http://paced.test/" + sys.argv[4], policy, max_bytes=10)
"""


@pytest.fixture
def slots(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder with the slots, empty; hosts are reached through a proxy, as those of this machine are not paced."""
    (tmp_path / "tmp").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    monkeypatch.setattr(tempfile, "tempdir", None)
    yield tmp_path / "tmp" / f"cc100-pacing-{os.getuid()}"
    tempfile.tempdir = None


@pytest.fixture
def naps(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long pacing would have slept."""
    taken: list[float] = []
    monkeypatch.setattr("ccnet_pipeline.fetch.pacing.time.sleep", taken.append)
    return taken


def readers(count: int, *arguments: object) -> list[subprocess.Popen[bytes]]:
    command = [sys.executable, "-c", READ, *map(str, arguments)]
    return [subprocess.Popen(command) for _ in range(count)]


def test_two_processes_keep_their_distance(bucket: Path, slots: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(bucket, "a", b"x")
    with FaultServer(bucket) as server:
        monkeypatch.setenv("http_proxy", server.url)
        assert [process.wait(60) for process in readers(2, INTERVAL_S, 1, 6, "a")] == [0, 0]
        times = [request.time for request in server.log]
    assert len(times) == 12
    # One request may be held up on its way, and the next not.
    assert times[-1] - times[0] >= 0.5 * 11 * INTERVAL_S
    assert statistics.median(after - before for before, after in pairwise(times)) >= 0.5 * INTERVAL_S


def test_a_busy_host_is_left_alone_by_all(bucket: Path, slots: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(bucket, "a", b"x")
    put(bucket, "b", b"x")
    busy = scripted(Fault("unavailable", retry_after="1"))
    with FaultServer(bucket, lambda path, number: busy(path, number) if path == "a" else None) as server:
        monkeypatch.setenv("http_proxy", server.url)
        (first,) = readers(1, 0.01, 1, 1, "a")
        while not list(slots.glob("*")) or not server.log:
            time.sleep(0.005)
        told = server.log[0].time
        time.sleep(0.1)
        (second,) = readers(1, 0.01, 1, 1, "b")
        assert [first.wait(60), second.wait(60)] == [0, 0]
        (asked,) = server.requests_for("b")
    assert asked.time - told >= 0.8


def test_slots_follow_one_another(slots: Path, naps: list[float]) -> None:
    for _ in range(3):
        pacing.wait_turn("h.test", 100)
    pacing.wait_turn("other.test", 100)
    assert naps == pytest.approx([0, 100, 200, 0], abs=20)
    assert sorted(path.name for path in slots.iterdir()) == ["h.test.slot", "other.test.slot"]
    assert slots.stat().st_mode & 0o77 == 0


@pytest.mark.parametrize(
    "junk", [b"", b"junk", b"nan", b"inf", b"-inf", b"1e308", b"\xff" * 100, b"0" * 5000, b"99999999999.5"]
)
def test_junk_and_clocks_that_jumped(slots: Path, naps: list[float], junk: bytes) -> None:
    pacing.wait_turn("h.test", 1)
    (slots / "h.test.slot").write_bytes(junk)
    pacing.wait_turn("h.test", 100)
    pacing.wait_turn("h.test", 100)
    assert naps == pytest.approx([0, 0, 100], abs=20)


def test_nobody_sleeps_with_the_lock(slots: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    free: list[bool] = []

    def look(seconds: float) -> None:
        with (slots / "h.test.slot").open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            free.append(True)

    monkeypatch.setattr("ccnet_pipeline.fetch.pacing.time.sleep", look)
    pacing.wait_turn("h.test", 1)
    pacing.wait_turn("h.test", 1)
    assert free == [True, True]


def test_one_at_a_time_takes_a_slot(slots: Path, naps: list[float]) -> None:
    pacing.wait_turn("h.test", 1)
    thread = threading.Thread(target=pacing.wait_turn, args=("h.test", 1))
    with (slots / "h.test.slot").open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        thread.start()
        thread.join(0.2)
        assert thread.is_alive()
        assert len(naps) == 1
    thread.join(30)
    assert len(naps) == 2


def test_hold_back(slots: Path, naps: list[float]) -> None:
    pacing.hold_back("h.test", 300)
    pacing.hold_back("h.test", 100)
    pacing.wait_turn("h.test", 1)
    assert naps == pytest.approx([300], abs=20)


def test_no_place_for_slots(slots: Path, naps: list[float]) -> None:
    slots.write_text("a file where the folder should be")
    pacing.wait_turn("h.test", 7)
    pacing.hold_back("h.test", 7)
    slots.unlink()
    slots.symlink_to(slots.parent)
    pacing.wait_turn("h.test", 7)
    assert naps == [7, 7]


@pytest.mark.parametrize("host", ["localhost", "a.localhost", "127.0.0.1", "127.8.8.8", "::1"])
def test_this_machine_is_not_paced(slots: Path, naps: list[float], host: str) -> None:
    pacing.wait_turn(host, 100)
    pacing.hold_back(host, 100)
    pacing.wait_turn("h.test", 0)
    assert naps == []
    assert not slots.exists()
    assert pacing.is_paced("10.0.0.1")
    assert pacing.is_paced("2001:db8::1")


def test_any_name_of_a_host_is_a_file_in_the_folder(slots: Path, naps: list[float]) -> None:
    for host in ("../../x", "a/b", "", "fe80::1%eth0", "x" * 5000, "\u00fc.test"):
        pacing.wait_turn(host, 1)
    assert all(path.is_file() for path in slots.iterdir())
    assert [path.name for path in slots.parent.iterdir()] == [slots.name]
