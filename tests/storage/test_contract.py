"""What every place for files does: a disk, S3, Google's and Azure's stores, HDFS."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from ccnet_pipeline import storage
from ccnet_pipeline.errors import InUseError, UserError
from ccnet_pipeline.storage import hdfs, objects
from ccnet_pipeline.storage.webhdfs import statuses_in, upload

NAMES = [
    "a.json", "exp[1]", "run-*", "what?", "two words", "100%25", "q?x=1&y=2", "#1", "a+b", "\u00fc\u4e2d.zst", "a:b",
]  # fmt: skip
LARGE = os.urandom(1 << 20) * 6  # two parts of an upload, with the parts of this test


@pytest.fixture(autouse=True)
def _small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Parts of the least size that S3 takes; and little stays in memory."""
    monkeypatch.setattr(objects, "_PART_BYTES", 5 << 20)
    for module in (objects, hdfs):
        monkeypatch.setattr(module, "_IN_MEMORY_BYTES", 1 << 20)


def names_for(place: str) -> list[str]:
    return [name for name in NAMES if ":" not in name or not place.startswith("hdfs")]  # HDFS has no colons


def test_what_is_written_is_read(place: str) -> None:
    for data in (b"text", b"", b"other text"):
        storage.write(f"{place}/new/folder/a", data)
        assert storage.read(f"{place}/new/folder/a") == data
        assert storage.size(f"{place}/new/folder/a") == len(data)
        with storage.open_for_reading(f"{place}/new/folder/a") as file:
            assert file.read() == data
            assert file.read() == b""


def test_a_name_is_a_name(place: str) -> None:
    for name in names_for(place):
        storage.write(f"{place}/{name}/{name}", name.encode())
    for name in names_for(place):
        assert storage.read(f"{place}/{name}/{name}") == name.encode()
    assert storage.sizes(place) == {f"{name}/{name}": len(name.encode()) for name in names_for(place)}
    assert storage.names(place) == sorted(names_for(place))
    storage.remove_file(f"{place}/run-*/run-*")
    storage.remove_folder(f"{place}/exp[1]")
    assert not storage.exists(f"{place}/run-*/run-*")
    assert {name.partition("/")[0] for name in storage.sizes(place)} == {*names_for(place)} - {"exp[1]", "run-*"}


def test_what_is_not_there(place: str) -> None:
    for ask in (storage.read, storage.open_for_reading):
        with pytest.raises(FileNotFoundError) as caught:
            ask(f"{place}/none")
        assert caught.value.strerror == "No such file or directory"
        assert caught.value.filename == f"{place}/none"
    with pytest.raises(FileNotFoundError):
        storage.read_range(f"{place}/none", 0, 1)
    with pytest.raises(FileNotFoundError):
        storage.read_many(f"{place}/none", [(0, 1)])
    assert storage.size(f"{place}/none") is None
    assert storage.sizes(f"{place}/none") == {}
    assert storage.names(f"{place}/none") == []
    assert storage.is_empty(f"{place}/none")
    assert not storage.folder_exists(f"{place}/none")
    storage.remove_file(f"{place}/none")
    storage.remove_files([f"{place}/none", f"{place}/nor this"])
    storage.remove_folder(f"{place}/none")


def test_ranges(place: str) -> None:
    path, data = f"{place}/a", bytes(range(256)) * 4096
    storage.write(path, data)
    assert storage.read_range(path, 1000, 10) == data[1000:1010]
    assert storage.read_range(path, len(data) - 1, 1) == data[-1:]
    assert storage.read_range(path, 0, 0) == b""
    wanted = [(900_000, 5), (0, 3), (1, 10), (5, 0), (600_000, 100_000)]
    assert storage.read_many(path, wanted) == [data[start : start + size] for start, size in wanted]
    assert storage.read_many(path, []) == []
    for start, size in ((len(data) - 1, 2), (len(data), 1), (2 * len(data), 1)):
        with pytest.raises(UserError, match="a is damaged; remove it"):
            storage.read_range(path, start, size)
        with pytest.raises(UserError, match="a is damaged; remove it"):
            storage.read_many(path, [(0, 1), (start, size)])


def test_a_file_is_read_from_where_one_seeks(place: str) -> None:
    storage.write(f"{place}/a", LARGE)
    with storage.open_for_reading(f"{place}/a") as file:
        assert file.read(10) == LARGE[:10]
        assert file.seek(-5, os.SEEK_END) == len(LARGE) - 5
        assert file.read() == LARGE[-5:]
        assert file.seek(2_000_000) == 2_000_000
        assert file.read(3_000_000) == LARGE[2_000_000:5_000_000]


def test_a_large_file_is_whole(place: str) -> None:
    with storage.writing(f"{place}/a") as file:
        for start in range(0, len(LARGE), 1 << 20):
            file.write(LARGE[start : start + (1 << 20)])
        file.seek(0)
        file.write(b"begin")
    assert storage.read(f"{place}/a") == b"begin" + LARGE[5:]


@pytest.mark.parametrize("data", [b"half", LARGE])
def test_an_exception_while_a_file_is_written_leaves_what_was_there(place: str, data: bytes) -> None:
    def break_off(path: str) -> None:
        with contextlib.suppress(ZeroDivisionError), storage.writing(path) as file:
            file.write(data)
            raise ZeroDivisionError

    storage.write(f"{place}/there", b"old")
    break_off(f"{place}/there")
    break_off(f"{place}/new")
    assert storage.sizes(place) == {"there": 3}
    assert storage.read(f"{place}/there") == b"old"


def test_many_files_go_at_once(place: str) -> None:
    for name in ("a", "b", "below/c", "below/d"):
        storage.write(f"{place}/{name}", b"x")
    storage.write(f"{place}2/a", b"x")
    storage.remove_files([f"{place}/a", f"{place}/none", f"{place}/below/c"])
    assert sorted(storage.sizes(place)) == ["b", "below/d"]
    storage.remove_folder(place)
    assert storage.sizes(place) == {}
    assert storage.sizes(f"{place}2") == {"a": 1}


def test_a_place_is_seen_to_take_files_and_nothing_is_left_there(place: str) -> None:
    storage.check_place(f"{place}/new/folder", "--output")
    assert not storage.folder_exists(place)


def test_one_program_at_a_time(place: str) -> None:
    with storage.locked(place):
        assert storage.is_empty(place)
        assert storage.sizes(place) == {}
        with pytest.raises(InUseError, match="another run is writing to"), storage.locked(place):
            pytest.fail("two at a time")
        storage.write(f"{place}/a", b"x")
    with storage.locked(place):
        assert storage.sizes(place) == {"a": 1}


@pytest.mark.parametrize("kind", ["local", "s3"])
def test_files_move_from_place_to_place(place: str, kind: str, place_of_kind: object) -> None:
    other = place_of_kind(kind) + "x"  # type: ignore[operator]
    for name in ("a", "below/[b]", ".writing-c"):
        storage.write(f"{place}/{name}", name.encode())
    storage.move_folder(place, other)
    assert storage.sizes(place) == {}
    assert storage.sizes(other) == {"a": 1, "below/[b]": 9}
    assert storage.read(f"{other}/below/[b]") == b"below/[b]"


def test_what_a_killed_program_was_writing_goes_and_what_locks_write_stays(place_of_kind: Callable[[str], str]) -> None:
    place = place_of_kind("hdfs")
    for name in (".writing-a-1", "below/.writing-b-1", ".writing-.lock-1", ".writing-clock-1", "a"):
        upload(f"{place}/{name}", b"", overwrite=False)
    storage.remove_leftovers(place)
    assert {status.name for status in statuses_in(place)} == {".writing-.lock-1", ".writing-clock-1", "a", "below"}
    assert statuses_in(f"{place}/below") == []


def test_readers_keep_out_writers_of_the_same_disk_and_a_url_names_the_same_folder(tmp_path: Path) -> None:
    readers = [storage.locked_for_reading(each) for each in (str(tmp_path), tmp_path.as_uri())]
    with readers[0], readers[1], pytest.raises(InUseError), storage.locked(tmp_path.as_uri()):
        pytest.fail("written to and read")
    with storage.locked(tmp_path.as_uri()), pytest.raises(InUseError), storage.locked_for_reading(str(tmp_path)):
        pytest.fail("written to and read")
    with storage.locked_for_reading(str(tmp_path / "none")):
        assert not (tmp_path / "none").exists()
