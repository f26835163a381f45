"""Requests to one host keep their distance, whichever process makes them."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from ccnet_pipeline.fetch import FetchPolicy, pacing, read_small
from tests.fetch.reading import put
from tests.fetch.server import Fault, FaultServer, scripted
from tests.moments import PATIENCE_S

NOW_S = 1_800_000_000.0  # the time of the tests, for it stands still
# Reads a file six times, and prints how long pacing would have slept each time.
READ = """
import json, sys, types
from ccnet_pipeline.fetch import FetchPolicy, pacing, read_small
naps = []
pacing.time = types.SimpleNamespace(time=lambda: float(sys.argv[1]), sleep=naps.append)
for _ in range(6):
    read_small("http://paced.test/a", FetchPolicy(request_interval_s=0.5), max_bytes=10)
print(json.dumps(naps))
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
    """How long pacing would have slept, at a time that stands still."""
    taken: list[float] = []
    monkeypatch.setattr(pacing, "time", SimpleNamespace(time=lambda: NOW_S, sleep=taken.append))
    return taken


def test_two_processes_keep_their_distance(bucket: Path, slots: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(bucket, "a", b"x")
    with FaultServer(bucket) as server:
        monkeypatch.setenv("http_proxy", server.url)
        command = [sys.executable, "-c", READ, str(NOW_S)]
        readers = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(2)]
        naps = [json.loads(reader.communicate(timeout=PATIENCE_S)[0]) for reader in readers]
        assert len(server.log) == 12
    assert [len(each) for each in naps] == [6, 6]
    assert sorted(naps[0] + naps[1]) == [0.5 * turn for turn in range(12)]


def test_a_busy_host_is_left_alone_by_all(
    bucket: Path, slots: Path, naps: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    put(bucket, "a", b"x")
    put(bucket, "b", b"x")
    waits: list[float] = []
    monkeypatch.setattr("tenacity.nap.time", SimpleNamespace(sleep=waits.append))
    with FaultServer(bucket, scripted(Fault("unavailable", retry_after="8"))) as server:
        monkeypatch.setenv("http_proxy", server.url)
        for name in ("a", "b"):  # what is known of the host lies in a file: another process knows it, too
            read_small(f"http://paced.test/{name}", FetchPolicy(request_interval_s=0.5), max_bytes=10)
        assert [request.path for request in server.log] == ["a", "a", "b", "b"]
    # Each first request is told to leave the host alone for 8 s, from a time that stands still.
    assert waits == [8, 8]
    assert naps == [0, 8, 8.5, 9]


def test_slots_follow_one_another(slots: Path, naps: list[float]) -> None:
    for _ in range(3):
        pacing.wait_turn("h.test", 100)
    pacing.wait_turn("other.test", 100)
    assert naps == [0, 100, 200, 0]
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
    assert naps == [0, 0, 100]


def test_nobody_sleeps_with_the_lock(slots: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    free: list[bool] = []

    def look(seconds: float) -> None:
        with (slots / "h.test.slot").open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            free.append(True)

    monkeypatch.setattr(pacing, "time", SimpleNamespace(time=lambda: NOW_S, sleep=look))
    pacing.wait_turn("h.test", 1)
    pacing.wait_turn("h.test", 1)
    assert free == [True, True]


def test_one_at_a_time_takes_a_slot(slots: Path, naps: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    pacing.wait_turn("h.test", 1)
    asked, lock = threading.Event(), fcntl.flock

    def noted(file: int, operation: int) -> None:
        assert operation == fcntl.LOCK_EX  # which waits
        asked.set()
        lock(file, operation)

    thread = threading.Thread(target=pacing.wait_turn, args=("h.test", 1))
    with (slots / "h.test.slot").open("rb") as file:
        lock(file, fcntl.LOCK_EX)
        monkeypatch.setattr(fcntl, "flock", noted)
        thread.start()
        assert asked.wait(PATIENCE_S)
        assert len(naps) == 1
    thread.join(PATIENCE_S)
    assert len(naps) == 2


def test_hold_back(slots: Path, naps: list[float]) -> None:
    pacing.hold_back("h.test", 300)
    pacing.hold_back("h.test", 100)
    pacing.wait_turn("h.test", 1)
    assert naps == [300]


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
