"""The commands of the hash index on what lies in an object store: what they say and write is the same as on a disk."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path

import msgspec
import pytest

from ccnet_pipeline import storage
from ccnet_pipeline.command import IN_USE
from ccnet_pipeline.dedup import tables
from ccnet_pipeline.hash_index import verify_command
from ccnet_pipeline.hash_index.__main__ import main
from ccnet_pipeline.storage.leases import LOCK, Owner
from tests.s3_server import S3Server
from tests.test_hash_index import A, B, write_index

ANOTHER = Owner("id", "elsewhere", 42, "sam", "elsewhere boot pid:[1] 7", "2026-01-01T00:00:00Z")
Told = Callable[..., str]


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """Two indexes, `a` and `b`."""
    write_index(tmp_path / "a", A, "aaaa", (0, 3, 256))
    write_index(tmp_path / "b", B, "bbbb")
    return tmp_path


def files(place: str) -> dict[str, bytes]:
    return {name: storage.read(storage.join(place, name)) for name in storage.sizes(place)}


def upload(folder: Path, place: str) -> None:
    for name, data in files(str(folder)).items():
        storage.write(f"{place}/{name}", data)


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]) -> Told:
    """`said(0, "info", place)`: what a command prints that ends with that status."""

    def said(status: int, *argv: str) -> str:
        capsys.readouterr()
        assert main(argv) == status
        out, err = capsys.readouterr()
        assert (err.count("\n"), out == "") == ((1, True) if status else (0, False))
        return out + err

    return said


def test_all_three_commands_say_and_write_the_same_wherever_an_index_lies(here: Path, place: str, said: Told) -> None:
    for name in ("a", "b"):
        upload(here / name, f"{place}/{name}")
    for argv in (["info"], ["info", "--json"], ["verify"]):
        there = said(0, *argv, f"{place}/a/")
        assert there.replace(f"{place}/a/", f"{here}/a") == said(0, *argv, f"{here}/a")
    for root in (place, str(here)):
        assert said(0, "merge", f"{root}/a", f"{root}/b", "--output", f"{root}/both").startswith(f"{root}/both: ")
    assert files(f"{place}/both") == files(f"{here}/both")
    assert "is whole: generation 3" in said(0, "verify", f"{place}/both")


def test_an_index_is_read_by_one_request_a_file_and_nothing_is_written(
    here: Path, s3: str, s3_server: S3Server, said: Told
) -> None:
    upload(here / "a", s3)
    s3_server.counted()
    with s3_server.failing("^(PUT|POST|DELETE) ", HTTPStatus.FORBIDDEN):  # as for one who may only read
        said(0, "verify", s3)
        said(0, "info", s3)
    assert s3_server.counted(r"\.hashes") == {"GET": 2}
    with s3_server.failing("^PUT ", HTTPStatus.FORBIDDEN):
        line = said(2, "merge", s3, f"{here}/b", "--output", f"{s3}-new")
    assert f"--output {s3}-new: these credentials may not do that" in line


def test_what_is_wrong_with_an_index_is_the_line_that_a_disk_gives(here: Path, remote: str, said: Told) -> None:
    assert f"{remote} is no hash index: it has no index.json" in said(2, "info", remote)
    upload(here / "a", remote)
    part = next(name for name in storage.sizes(remote) if name.endswith(".hashes"))
    data = storage.read(f"{remote}/{part}")
    storage.write(f"{remote}/{part}", bytes([data[0] ^ 1]) + data[1:])
    assert re.search(rf"{part} is damaged: cell .. .*restore", said(2, "verify", remote))
    storage.write(f"{remote}/{part}", data[:-1])
    assert f"{remote}/{part} is damaged: it has" in said(2, "info", remote)
    storage.remove_file(f"{remote}/{part}")
    assert f"{remote}/{part} is missing" in said(2, "verify", remote)


def test_an_index_that_a_run_writes_to_is_left_alone(here: Path, s3: str, said: Told) -> None:
    upload(here / "a", s3)
    storage.write(f"{s3}/{LOCK}", msgspec.json.encode(ANOTHER))
    for argv in (["verify", s3], ["merge", s3, f"{here}/b", "--output", f"{here}/both"]):
        assert f"another run is writing to {s3} (sam on elsewhere, process 42); wait for it" in said(IN_USE, *argv)
    assert not (here / "both").exists()
    storage.remove_file(f"{s3}/{LOCK}")
    with storage.locked(f"{s3}-new"):
        assert "another run is writing to" in said(IN_USE, "merge", s3, f"{here}/b", "--output", f"{s3}-new")


def test_an_index_that_is_extended_while_it_is_read_is_not_called_damaged(
    here: Path, s3: str, said: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload(here / "a", s3)

    def extended_first(*arguments: object) -> object:
        for name in [name for name in storage.sizes(s3) if name.endswith(".hashes")]:
            storage.remove_file(f"{s3}/{name}")
        shutil.copy(here / "b" / "index.json", here / "index.json")
        upload(here / "b", s3)
        return tables.parts(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(verify_command, "parts", extended_first)
    assert f"{s3} was extended while it was read; run the same command again" in said(IN_USE, "verify", s3)


def test_a_merger_that_breaks_off_leaves_nothing_and_one_that_was_killed_is_in_nobodys_way(
    here: Path, s3: str, s3_server: S3Server, said: Told
) -> None:
    upload(here / "a", f"{s3}/both/000003-merge")
    with s3_server.failing(r"PUT .*/both/index\.json", HTTPStatus.FORBIDDEN):
        said(2, "merge", f"{here}/a", f"{here}/b", "--output", f"{s3}/both")
    assert storage.sizes(s3) == {}
    said(0, "merge", f"{here}/a", f"{here}/b", "--output", f"{s3}/both")
    assert "both exists; choose a new folder" in said(2, "merge", f"{here}/a", f"{here}/b", "--output", f"{s3}/both")
