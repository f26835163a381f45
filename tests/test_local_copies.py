"""Files that must lie on this machine, wherever they are."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import requests

from ccnet_pipeline import storage
from ccnet_pipeline.errors import UserError
from ccnet_pipeline.language.loading import ADDED_FILE
from ccnet_pipeline.local_copies import local_copy, local_folder, portable
from tests.fetch.server import FaultServer
from tests.moments import PATIENCE_S
from tests.s3_server import S3Server


@pytest.fixture(scope="module")
def server() -> S3Server:
    server = S3Server()
    requests.put(f"{server.environment['AWS_ENDPOINT_URL']}/models", timeout=60).raise_for_status()
    return server


@pytest.fixture
def place(server: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A folder on an S3 server, and an empty cache."""
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("CC100_CACHE", str(tmp_path / "cache"))
    return f"s3://models/{tmp_path.name}"


def test_a_local_path_is_itself(tmp_path: Path) -> None:
    assert local_copy("models/lid.bin", "--lid_model") == Path("models/lid.bin")
    assert local_folder(tmp_path.as_uri(), "--lm_dir") == tmp_path


def test_a_remote_file_is_fetched_once_under_its_own_name(place: str, server: S3Server) -> None:
    storage.write(f"{place}/lid [1].bin", b"model")
    server.counted()
    copy = local_copy(f"{place}/lid [1].bin", "--lid_model")
    assert (copy.name, copy.read_bytes()) == ("lid [1].bin", b"model")
    assert server.counted() == {"HEAD": 1, "GET": 1}
    assert local_copy(f"{place}/lid [1].bin", "--lid_model") == copy
    assert server.counted() == {"HEAD": 1}


def test_a_file_that_changed_is_another_copy(place: str) -> None:
    storage.write(f"{place}/lid.bin", b"model")
    old = local_copy(f"{place}/lid.bin", "--lid_model")
    storage.write(f"{place}/lid.bin", b"other")
    assert local_copy(f"{place}/lid.bin", "--lid_model").read_bytes() == b"other"
    assert old.read_bytes() == b"model"  # somebody may be using it


def test_a_damaged_copy_is_fetched_anew(place: str) -> None:
    storage.write(f"{place}/lid.bin", b"model")
    local_copy(f"{place}/lid.bin", "--lid_model").write_bytes(b"maudel")
    assert local_copy(f"{place}/lid.bin", "--lid_model").read_bytes() == b"model"


def test_a_remote_folder_is_one_listing_and_what_is_new_in_it(place: str, server: S3Server) -> None:
    for name in ("sw.sp.model", "sw.arpa.bin", "cutoffs.csv", "below/no"):
        storage.write(f"{place}/{name}", name.encode())
    server.counted()
    folder = local_folder(place, "--lm_dir")
    assert {path.name: path.read_bytes() for path in folder.glob("[!.]*")} == {
        name: name.encode() for name in ("sw.sp.model", "sw.arpa.bin", "cutoffs.csv")
    }
    assert server.counted() == {"GET": 4}
    assert local_folder(f"{place}/", "--lm_dir") == folder
    assert server.counted() == {"GET": 1}
    storage.write(f"{place}/cutoffs.csv", b"new")
    server.counted()
    assert (local_folder(place, "--lm_dir") / "cutoffs.csv").read_bytes() == b"new"
    assert server.counted() == {"GET": 2}
    assert (folder / "cutoffs.csv").read_bytes() == b"cutoffs.csv"


def test_a_worker_elsewhere_is_told_of_the_place_and_not_of_the_copy(place: str, tmp_path: Path) -> None:
    storage.write(f"{place}/sw.sp.model", b"x")
    for found, told in (
        (local_copy(f"{place}/sw.sp.model", "--lid_model"), f"{place}/sw.sp.model"),
        (local_folder(place, "--lm_dir"), place),
        (local_folder(place, "--lm_dir") / "sw.sp.model", f"{place}/sw.sp.model"),
        (ADDED_FILE, "package://language/added.ftz"),
        (tmp_path / "cache/lid.176.bin", "model://lid.176.bin"),
        (tmp_path / "own.bin", str(tmp_path / "own.bin")),
    ):
        assert portable(found) == told
    assert local_copy(portable(ADDED_FILE), "--second_lid_model") == ADDED_FILE.resolve()
    assert local_copy(portable(local_copy(f"{place}/sw.sp.model", "x")), "x").read_bytes() == b"x"


def test_what_is_not_there_is_one_line(place: str) -> None:
    with pytest.raises(UserError, match=rf"^--lid_model {place}/none: 404: there is no such object$"):
        local_copy(f"{place}/none", "--lid_model")
    with pytest.raises(UserError, match=rf"^--lm_dir {place}/none: there are no files in it$"):
        local_folder(f"{place}/none", "--lm_dir")
    with pytest.raises(UserError, match=r"^--lm_dir https://host/\?\.\.\.: a web server does not list its files; "):
        local_folder("https://host/?secret", "--lm_dir")


def test_a_signed_url_is_fetched_under_its_plain_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CC100_CACHE", str(tmp_path / "cache"))
    (tmp_path / "served").mkdir()
    (tmp_path / "served/lid.bin").write_bytes(b"model")
    with FaultServer(tmp_path / "served") as server:
        copy = local_copy(f"{server.url}lid.bin?sig=s3cr3t", "--lid_model")
    assert (copy.name, copy.read_bytes()) == ("lid.bin", b"model")


ALL_AT_ONCE = """
import sys
from ccnet_pipeline.local_copies import local_folder
print(sorted(path.read_bytes() for path in local_folder(sys.argv[1], "--lm_dir").glob("[!.]*")))
"""


def test_many_processes_fetch_at_a_time(place: str, server: S3Server) -> None:
    for name in "ab":
        storage.write(f"{place}/{name}", name.encode())
    server.counted()
    command = [sys.executable, "-c", ALL_AT_ONCE, place]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(2)]
    for process in processes:
        assert process.communicate(timeout=PATIENCE_S)[0] == b"[b'a', b'b']\n"
    assert server.counted()["GET"] == 4  # two listings, and each file once
