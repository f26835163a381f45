"""Places that the user names: a path is a name and no pattern, and one run never touches what is another's."""

import errno
import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from moto.server import ThreadedMotoServer

from beam_jobs import job
from ccnet_pipeline import storage
from ccnet_pipeline.command import IN_USE
from ccnet_pipeline.sample import crawl_directory
from ccnet_pipeline.storage import clients
from ccnet_pipeline.storage.local import LocalStore

WET = sorted(crawl_directory().rglob("*.wet.gz"))[0]
ODD_NAMES = ["exp[1]", "run-*", "what?"]  # as patterns they would match the neighbours
NEIGHBOURS = ["exp1", "run-a", "run-b", "whatx"]


class Crash(BaseException):
    """The power fails."""


@pytest.fixture
def build(lid_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """`build("out", ...)`: one run of one small archive in an empty folder; its exit status."""
    monkeypatch.chdir(tmp_path)

    def run(output: str, *more: str, archive: str = str(WET)) -> int:
        argv = ["--input", archive, "--lid_model", str(lid_model), "--workers=1", "--output", output, *more]
        return job.main(argv)

    return run


def crash_when(pattern: str, patch: pytest.MonkeyPatch) -> None:
    """Let a run end where it would write a file whose path contains the pattern."""
    original = LocalStore.writing

    def writing(store: LocalStore, path: str) -> Any:
        if pattern in path:
            raise Crash(path)
        return original(store, path)

    patch.setattr(LocalStore, "writing", writing)


def crash(build: Callable[..., int], pattern: str, *argv: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        crash_when(pattern, patch)
        with pytest.raises(Crash):
            build(*argv)


def files_in(folder: str) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted(Path(folder).rglob("*")) if path.is_file()}


def shards_in(folder: str) -> dict[str, bytes]:
    return {name.removeprefix(folder): data for name, data in files_in(f"{folder}/shards").items()}


# --- names


@pytest.mark.parametrize("name", ODD_NAMES)
def test_a_folder_may_have_any_name(build: Callable[..., int], name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert build(name, "--work_dir", f"work/{name}") == 0
    for neighbour in NEIGHBOURS:
        shutil.copytree(name, neighbour)
    before = [files_in(neighbour) for neighbour in NEIGHBOURS]
    assert build(name, "--overwrite", "--min_chars=10", "--work_dir", f"work/{name}") == 0
    assert [files_in(neighbour) for neighbour in NEIGHBOURS] == before
    assert json.loads(Path(name, "run.json").read_text())["configuration"]["recipe"]["min_chars"] == 10
    capsys.readouterr()
    assert build(name, "--min_chars=10", "--work_dir", f"work/{name}") == 0
    assert f"{name} is complete already" in capsys.readouterr().out


def test_an_input_of_that_very_name_is_no_glob(build: Callable[..., int]) -> None:
    for name in ("a[1].warc.wet.gz", "a*.warc.wet.gz", "a1.warc.wet.gz"):
        shutil.copy(WET, name)
    for name in ("a[1].warc.wet.gz", "a*.warc.wet.gz"):
        assert build("out", "--overwrite", archive=name) == 0
        assert [each["name"] for each in json.loads(Path("out/run.json").read_text())["inputs"]] == [name]


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A bucket on an S3 server."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    requests.put(f"http://{host}:{port}/names").raise_for_status()
    clients.forget_clients()
    yield "s3://names"
    clients.forget_clients()
    server.stop()


def test_an_object_may_have_any_name(bucket: str) -> None:
    for folder in ("exp[1]", "exp1", "run-*", "run-a"):
        for name in ("a?.json", "ab.json"):
            storage.write(f"{bucket}/{folder}/{name}", folder.encode())
    for folder in ("exp[1]", "run-*"):
        assert storage.size(f"{bucket}/{folder}/a?.json") == len(folder)
        storage.remove_file(f"{bucket}/{folder}/a?.json")
        assert storage.size(f"{bucket}/{folder}/a?.json") is None
        assert storage.exists(f"{bucket}/{folder}/ab.json")
        storage.remove_folder(f"{bucket}/{folder}")
        assert not storage.exists(f"{bucket}/{folder}/ab.json")
    assert all(storage.exists(f"{bucket}/{folder}/a?.json") for folder in ("exp1", "run-a"))


# --- intermediate files


def test_runs_of_one_configuration_may_share_a_work_folder(build: Callable[..., int]) -> None:
    crash(build, "shards/", "one", "--work_dir", "work")
    of_one = files_in("work")
    crash(build, "shards/", "two", "--work_dir", "work")
    assert build("two", "--work_dir", "work") == 0
    assert files_in("work") == of_one
    assert build("two", "--work_dir", "work", "--overwrite") == 0
    assert files_in("work") == of_one
    crash(build, "scatter", "one", "--work_dir", "work", "--overwrite")
    assert build("one", "--work_dir", "work") == 0
    assert shards_in("one") == shards_in("two")
    assert files_in("work") == {}


def test_a_copied_run_directory_does_not_disturb_the_original(
    build: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    crash(build, "shards/", "out", "--work_dir", "work")
    shutil.copytree("out", "copy")
    [folder] = Path("work").iterdir()
    before = files_in("work")
    with storage.locked(str(folder.absolute())):  # as the original's run would
        for more in ([], ["--overwrite"]):
            assert build("copy", "--work_dir", "work", *more) == IN_USE
            assert "another run is writing to " in capsys.readouterr().err
    assert files_in("work") == before


@pytest.mark.parametrize("devices", ["one disk", "two disks"])
def test_intermediate_files_move_when_another_place_is_named(
    build: Callable[..., int], devices: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert build("whole") == 0
    crash(build, "shards/", "out")
    [old] = Path("out/work").iterdir()
    (old / ".writing-x").write_text("half a file")
    done = {name.removeprefix(str(old)) for name in files_in(str(old)) if "writing" not in name}
    if devices == "two disks":
        replace = Path.replace

        def only_on_one_disk(path: Path, target: Path) -> Path:
            if path.parent != Path(target).parent:
                raise OSError(errno.EXDEV, os.strerror(errno.EXDEV), str(path))
            return replace(path, target)

        monkeypatch.setattr(Path, "replace", only_on_one_disk)
    crash(build, "shards/", "out", "--work_dir", "b")
    assert capsys.readouterr().err.count("intermediate files move from ") == 1
    [new] = Path("b").iterdir()
    assert not Path("out/work").exists()
    assert {name.removeprefix(str(new)) for name in files_in(str(new))} >= done
    with monkeypatch.context() as patch:
        patch.setattr("beam_jobs.extract_segment.ExtractSegment.__call__", lambda *_: pytest.fail("was read again"))
        assert build("out", "--work_dir", "c") == 0
    assert shards_in("out") == shards_in("whole")
    assert not files_in("b")
    assert not files_in("c")


def test_a_move_that_was_interrupted_goes_on(build: Callable[..., int], monkeypatch: pytest.MonkeyPatch) -> None:
    assert build("whole") == 0
    crash(build, "shards/", "out")
    count = len(files_in("out/work"))
    replace, moved = Path.replace, 0

    def fail_in_the_middle(path: Path, target: Path) -> Path:
        nonlocal moved
        moved += path.parent != Path(target).parent
        if moved > 3:
            raise Crash
        return replace(path, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", fail_in_the_middle)
        with pytest.raises(Crash):
            build("out", "--work_dir", "b")
    assert len(files_in("out/work")) == count - 3
    assert build("out", "--work_dir", "c") == 0  # a third place: what is in the other two is found
    assert shards_in("out") == shards_in("whole")
    assert not Path("out/work").exists()
    assert not files_in("b")


def test_a_full_disk_can_be_relieved_by_another_work_folder(
    build: Callable[..., int], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The disk of the run directory takes no byte as long as the intermediate files are there."""
    original = LocalStore._create

    def on_a_full_disk(store: LocalStore, aside: Path) -> Any:
        path = str(aside)
        if path.startswith("out") or "/out/" in path:
            used = sum(len(data) for name, data in files_in("out").items() if "/work/" in name)
            if used > 50_000:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), path)
        return original(store, aside)

    monkeypatch.setattr(LocalStore, "_create", on_a_full_disk)
    assert build("out") == 2
    assert "the disk is full; free some room (or put --work_dir elsewhere)" in capsys.readouterr().err
    assert build("out", "--work_dir", "b") == 0
    assert not Path("out/work").exists()


def test_a_run_file_names_nothing_for_removal_that_is_not_ours(build: Callable[..., int], tmp_path: Path) -> None:
    crash(build, "shards/", "out")
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "thesis.txt").write_text("text")
    run = json.loads(Path("out/run.json").read_text())
    Path("out/run.json").write_text(json.dumps(run | {"work": [str(precious), "..", "../precious"]}))
    assert build("out") == 0
    assert build("out", "--overwrite") == 0
    assert (precious / "thesis.txt").read_text() == "text"
