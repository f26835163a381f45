"""The folder of whole files: written atomically, verified, fetched once."""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccnet_pipeline.errors import FetchError, UserError
from ccnet_pipeline.fetch import FetchPolicy, open_archive, read_small, size_of
from ccnet_pipeline.fetch.cache import entry_path
from tests.fetch.reading import FAST, noise, put, read_all
from tests.fetch.server import Fault, FaultServer, random_faults, scripted
from tests.moments import PATIENCE_S, wait_for

READ = """
import sys
from ccnet_pipeline.fetch import FetchPolicy, open_archive
with open_archive(sys.argv[1], FetchPolicy(max_wait_s=0.01, cache=sys.argv[2])) as stream:
    size = 0
    while chunk := stream.read(1 << 20):
        size += len(chunk)
print(size)
"""
NAME = "crawl/x.warc.gz"


@pytest.fixture
def policy(tmp_path: Path) -> FetchPolicy:
    return replace(FAST, cache=str(tmp_path / "cache"))


def entry_of(server: FaultServer, policy: FetchPolicy, name: str = NAME) -> Path:
    assert policy.cache is not None
    return entry_path(policy.cache, server.url + name)


def reader(url: str, policy: FetchPolicy) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", READ, url, str(policy.cache)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def test_fetched_once_and_then_never_asked_for(bucket: Path, policy: FetchPolicy) -> None:
    content = put(bucket, NAME, noise(300_000))
    with FaultServer(bucket, scripted(Fault("hang_up"), Fault("unavailable"))) as server:
        url = server.url + NAME
        assert read_all(url, policy) == content
        assert len(server.log) == 3
        entry = entry_of(server, policy)
    assert read_all(url, policy) == content
    assert read_all(url, policy, start=299_000) == content[299_000:]
    assert read_small(url, policy, max_bytes=300_000) == content
    assert size_of(url, policy) == 300_000
    # The folder serves as a base of its own.
    assert read_all(str(Path(policy.cache or "", entry.relative_to(policy.cache or "").parts[0], NAME))) == content
    assert sorted(path.name for path in entry.parent.iterdir()) == [".x.warc.gz.json", "x.warc.gz"]


def test_a_file_of_no_bytes(bucket: Path, policy: FetchPolicy) -> None:
    put(bucket, NAME, b"")
    with FaultServer(bucket) as server:
        assert read_all(server.url + NAME, policy) == b""
        assert read_all(server.url + NAME, policy) == b""
        assert len(server.log) == 1


@pytest.mark.parametrize("damage", ["flipped", "short", "long", "gone", "no note", "bad note", "other note"])
def test_what_does_not_fit_its_note_is_fetched_anew(bucket: Path, policy: FetchPolicy, damage: str) -> None:
    content = put(bucket, NAME, noise(100_000))
    with FaultServer(bucket) as server:
        assert read_all(server.url + NAME, policy) == content
        entry = entry_of(server, policy)
        note = entry.with_name(f".{entry.name}.json")
        if damage == "flipped":
            entry.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
            os.utime(entry, (1, 1))  # however soon after the first bytes
        elif damage == "short":
            os.truncate(entry, 99_999)
        elif damage == "long":
            os.truncate(entry, 100_001)
        elif damage == "gone":
            entry.unlink()
        elif damage == "no note":
            note.unlink()
        else:
            note.write_bytes(b"{}" if damage == "bad note" else note.read_bytes().replace(b"127.0", b"128.0"))
        assert read_all(server.url + NAME, policy) == content
        assert len(server.log) == 2
        assert entry.read_bytes() == content


def test_corrupted_entry_is_not_left_where_the_server_is_gone(bucket: Path, policy: FetchPolicy) -> None:
    put(bucket, NAME, noise(1000))
    with FaultServer(bucket) as server:
        read_all(server.url + NAME, policy)
    entry = entry_of(server, policy)
    entry.write_bytes(b"junk")
    with pytest.raises(FetchError):
        read_all(server.url + NAME, replace(policy, attempts=1))
    assert not entry.exists()


def test_what_somebody_put_there_is_kept_until_there_is_better(bucket: Path, policy: FetchPolicy) -> None:
    content = put(bucket, NAME, noise(1000))
    with FaultServer(bucket, scripted(Fault("missing"))) as server:
        entry = entry_of(server, policy)
        entry.parent.mkdir(parents=True)
        entry.write_bytes(b"mine")
        with pytest.raises(FetchError):
            read_all(server.url + NAME, policy)
        assert entry.read_bytes() == b"mine"
        assert read_all(server.url + NAME, policy) == content


def killed_in_the_middle(server: FaultServer, policy: FetchPolicy) -> int:
    """Kill a process while it fetches; return how many bytes it left."""
    part = entry_of(server, policy).with_name(".x.warc.gz.part")
    process = reader(server.url + NAME, policy)

    def begun() -> bool:
        assert process.poll() is None
        return part.exists() and part.stat().st_size > 0

    wait_for(begun, f"{part} to have content")
    process.send_signal(signal.SIGKILL)
    process.communicate()
    return part.stat().st_size


def test_killed_in_the_middle_and_resumed(bucket: Path, policy: FetchPolicy) -> None:
    content = put(bucket, NAME, noise(5 << 20))
    with FaultServer(bucket, scripted(Fault("stall", 0.8))) as server:
        left = killed_in_the_middle(server, policy)
        assert not entry_of(server, policy).exists()
        assert 0 < left < len(content)
        assert read_all(server.url + NAME, policy) == content
        assert [request.start for request in server.log] == [0, left]
        assert sorted(path.name for path in entry_of(server, policy).parent.iterdir()) == [
            f".{NAME[6:]}.json",
            NAME[6:],
        ]


@pytest.mark.parametrize("change", ["object", "note", "part longer", "no validators"])
def test_killed_and_not_to_be_resumed(bucket: Path, policy: FetchPolicy, change: str) -> None:
    content = put(bucket, NAME, noise(3 << 20))
    with FaultServer(bucket, scripted(Fault("stall", 0.8)), validators=change != "no validators") as server:
        killed_in_the_middle(server, policy)
        part = entry_of(server, policy).with_name(".x.warc.gz.part")
        if change == "object":
            content = put(bucket, NAME, noise(3 << 20, 2))
        elif change == "note":
            part.with_name(part.name + ".json").write_bytes(b"junk")
        elif change == "part longer":
            os.truncate(part, 4 << 20)
        assert read_all(server.url + NAME, policy) == content
        assert not part.exists()


def test_changed_twice_is_an_error(bucket: Path, policy: FetchPolicy) -> None:
    put(bucket, NAME, noise(100_000))

    def plan(path: str, number: int) -> Fault:
        os.utime(bucket / NAME, (number, number))
        return Fault("hang_up")

    with FaultServer(bucket, plan) as server, pytest.raises(FetchError, match="changed while it was read"):
        read_all(server.url + NAME, policy)


def test_two_processes_fetch_it_once(bucket: Path, policy: FetchPolicy) -> None:
    put(bucket, NAME, noise(2 << 20))
    with FaultServer(bucket) as server:
        processes = [reader(server.url + NAME, policy) for _ in range(3)]
        assert [process.communicate(timeout=PATIENCE_S)[0].strip() for process in processes] == [str(2 << 20)] * 3
        assert len(server.log) == 1
        left = sorted(path.name for path in entry_of(server, policy).parent.iterdir())
        assert left == [".x.warc.gz.json", "x.warc.gz"]


def test_waits_for_whoever_fetches_it(bucket: Path, policy: FetchPolicy, monkeypatch: pytest.MonkeyPatch) -> None:
    content = put(bucket, NAME, noise(100_000))
    asked, lock = threading.Event(), fcntl.flock

    def noted(file: int, operation: int) -> None:
        assert operation == fcntl.LOCK_EX  # which waits
        asked.set()
        lock(file, operation)

    with FaultServer(bucket) as server:
        part = entry_of(server, policy).with_name(".x.warc.gz.part")
        part.parent.mkdir(parents=True)
        got: list[bytes] = []
        thread = threading.Thread(target=lambda: got.append(read_all(server.url + NAME, policy)))
        with part.open("wb") as other:
            lock(other, fcntl.LOCK_EX)
            monkeypatch.setattr(fcntl, "flock", noted)
            thread.start()
            assert asked.wait(PATIENCE_S)
            assert server.log == []
            # The other one has finished, or given up: what is locked now is not the `.part` any more.
            part.unlink()
        thread.join(PATIENCE_S)
        assert got == [content]


def test_faults_at_random(bucket: Path, policy: FetchPolicy) -> None:
    content = put(bucket, NAME, noise(200_000))
    for seed in range(10):
        with FaultServer(bucket, random_faults(seed, 0.6)) as server:
            assert read_all(server.url + NAME, policy) == content


def test_too_long_for_a_listing(bucket: Path, policy: FetchPolicy) -> None:
    content = put(bucket, NAME, noise(100_000))
    with FaultServer(bucket) as server:
        with pytest.raises(FetchError, match=r"/x.warc.gz: more than 99999 bytes"):
            read_small(server.url + NAME, policy, max_bytes=99_999)
        assert list(entry_of(server, policy).parent.iterdir()) == []
        assert read_all(server.url + NAME, policy) == content
        with pytest.raises(FetchError, match=r"/x.warc.gz: more than 99999 bytes"):
            read_small(server.url + NAME, policy, max_bytes=99_999)


def test_full_disk(bucket: Path, policy: FetchPolicy, monkeypatch: pytest.MonkeyPatch) -> None:
    content = put(bucket, NAME, noise(100_000))

    def full(file: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with FaultServer(bucket) as server:
        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", full)
            with pytest.raises(UserError) as caught:
                read_all(server.url + NAME, policy)
        remedy = "make room, or name another folder with --cache"
        assert str(caught.value) == f"--cache {policy.cache}: No space left on device; {remedy}"
        assert not entry_of(server, policy).exists()
        assert read_all(server.url + NAME, policy) == content


def test_folder_that_cannot_be_used(bucket: Path, tmp_path: Path) -> None:
    put(bucket, NAME, b"x")
    (tmp_path / "file").write_bytes(b"")
    with FaultServer(bucket) as server, pytest.raises(UserError, match=r"--cache .*/file: Not a directory; make room"):
        read_all(server.url + NAME, replace(FAST, cache=str(tmp_path / "file")))


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("https://user:pass@Data.CommonCrawl.org/crawl-data/a.gz", "data.commoncrawl.org/crawl-data/a.gz"),
        ("http://h:8080/a", "h_8080/a"),
        ("s3://bucket/x/a.gz", "bucket/x/a.gz"),
        ("gs://bucket/a?b", "bucket/a?b"),
    ],
)
def test_places(url: str, place: str) -> None:
    assert entry_path("DIR", url) == Path("DIR", place)


@given(
    st.sampled_from(["http://h/", "s3://bucket/", "gs://b/"]),
    st.lists(
        st.sampled_from(["..", ".", "", "a", "\0", "/", "x" * 300, "%2e%2e", ".a.part", "\u00fc", "a\nb", "?", "@"])
    ),
)
def test_no_place_outside_of_the_folder(base: str, parts: list[str]) -> None:
    place = entry_path("/DIR", base + "a" + "/".join(parts))
    assert place.parts[:2] == ("/", "DIR")
    assert len(place.parts) > 3
    assert not any(part.startswith(".") or len(part.encode()) > 230 or "\0" in part for part in place.parts[2:])


def test_no_two_files_in_one_place() -> None:
    urls = ["http://h/a/b", "http://h/a//b", "http://h/a/../b", "http://h/a/./b", "http://h/a/b?x", "http://h/a/b?y",
            "http://h/a/b/", "http://h/", "http://h/a/b@x"]  # fmt: skip
    assert len({entry_path("DIR", url) for url in urls}) == len(urls)


def test_closed_with_its_context(bucket: Path, policy: FetchPolicy) -> None:
    put(bucket, NAME, b"x")
    with FaultServer(bucket) as server, open_archive(server.url + NAME, policy) as stream:
        pass
    with pytest.raises(ValueError, match="closed"):
        stream.read(1)
