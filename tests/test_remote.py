"""Runs with every path in an object store: the bytes of one on a disk, few requests, and on from where they stop."""

import functools
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from pathlib import Path
from typing import Any

import psutil
import pytest
import requests

from beam_jobs import job
from beam_jobs.graph import Plan
from ccnet_pipeline import sample, storage
from ccnet_pipeline.storage import clients
from ccnet_pipeline.storage.objects import ObjectStores
from tests.conftest import CHECKOUT
from tests.moments import PATIENCE_S, wait_for
from tests.s3_server import S3Server

Files = dict[str, bytes]  # by path below the run directory

WETS = sorted(sample.crawl_directory().rglob("*.wet.gz"))
SEGMENTS = len(WETS)
STAGES = 9  # of the graph: docs/design.md, The graph
SMALL = ("--keep_rejects", "--languages=en,fr,hi", "--formats=jsonl.zst,txt.xz")  # few final files
BLOCKED = b"thegreenbench.example\n"
TEST = "LA LIGNE avait disparu, depuis douze ans, quand la compagnie annonça son retour.".encode()


class Crash(BaseException):
    """The power fails."""


@pytest.fixture(scope="module")
def server() -> Iterator[S3Server]:
    server = S3Server()
    requests.put(f"{server.environment['AWS_ENDPOINT_URL']}/bucket").raise_for_status()
    yield server
    server.stop()


@pytest.fixture
def s3(server: S3Server, monkeypatch: pytest.MonkeyPatch) -> S3Server:
    """The server, known to this process, with a bucket named `bucket`."""
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
    return server


@pytest.fixture
def place(s3: S3Server, request: pytest.FixtureRequest) -> str:
    """A folder of its own for each test."""
    return f"s3://bucket/{re.sub(r'[^a-z0-9]+', '-', request.node.name)}"


def cut(monkeypatch: pytest.MonkeyPatch, **sizes: int) -> None:
    """Cut the work otherwise than usual: the sample has four segments only, which are one block and one group."""
    monkeypatch.setattr(job, "Plan", functools.partial(Plan, **sizes))  # type: ignore[arg-type]


def local_files(output: Path) -> Files:
    """Everything that must be the same in every run."""
    paths = (path for path in output.rglob("*") if path.is_file())
    return _that_matter({path.relative_to(output).as_posix(): path.read_bytes() for path in paths})


def remote_files(output: str) -> Files:
    return _that_matter({name: storage.read(f"{output}/{name}") for name in storage.sizes(output)})


def _that_matter(files: Files) -> Files:
    others = r"run\.json|times\.json|report\.html|work/|\.lock"  # when it was, and how long it took
    return {name: data for name, data in files.items() if not re.match(others, name)}


@pytest.fixture(scope="module")
def local(lid: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a run on a disk gives, with every option that writes more."""
    output = tmp_path_factory.mktemp("local") / "out"
    assert build(str(output), lid) == 0
    return output


def build(output: str, lid: str, *more: str, inputs: Sequence[Path] = WETS) -> int:
    """One run of the sample in three languages; return its exit status."""
    return job.main([f"--output={output}", "--workers=1", *flags_of(lid, inputs), *more])


def flags_of(lid: str, inputs: Sequence[Path] = WETS) -> list[str]:
    return [f"--lid_model={lid}", *SMALL, "--input", *map(str, inputs)]


@dataclass(frozen=True)
class Finished:
    """A run whose every path is in the store."""

    flags: list[str]
    output: str
    asked: list[str]

    def again(self) -> int:
        return job.main([f"--output={self.output}", *self.flags])


@pytest.fixture(scope="module")
def finished(server: S3Server, lid: str, tmp_path_factory: pytest.TempPathFactory) -> Finished:
    root = "s3://bucket/finished"
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {**server.environment, "CC100_CACHE": str(tmp_path_factory.mktemp("cache"))}.items():
            patch.setenv(name, value)
        clients.forget_clients()
        cut(patch, block_segments=1, group_segments=2)
        for path in [*WETS, Path(lid), *sample.lm_directory().iterdir()]:
            storage.write(f"{root}/{path.parent.name}/{path.name}", path.read_bytes())
        storage.write(f"{root}/blocked.txt", BLOCKED)
        storage.write(f"{root}/tests/test.txt", TEST)
        flags = [
            *("--input", *(f"{root}/wet/{path.name}" for path in WETS)),
            *(f"--lid_model={root}/models/{Path(lid).name}", f"--lm_dir={root}/lm/", f"--blocklist={root}/blocked.txt"),
            f"--decontaminate={root}/tests/",
            *(f"--work_dir={root}/work/", f"--hash_index={root}/index", "--dedup_buckets=3", *SMALL, "--workers=1"),
        ]
        server.asked.clear()
        assert job.main([f"--output={root}/out", *flags]) == 0
        return Finished(flags, f"{root}/out", [*server.asked])


def test_a_run_with_every_path_in_an_object_store_gives_the_bytes_of_one_on_a_disk(
    s3: S3Server, finished: Finished, lid: str, tmp_path: Path
) -> None:
    (tmp_path / "blocked.txt").write_bytes(BLOCKED)
    (tmp_path / "test.txt").write_bytes(TEST)
    (tmp_path / "wet").mkdir()
    for path in WETS:
        (tmp_path / "wet" / path.name).symlink_to(path)
    places = [f"--lm_dir={sample.lm_directory()}", f"--blocklist={tmp_path}/blocked.txt", f"--hash_index={tmp_path}/i"]
    places.append(f"--decontaminate={tmp_path / 'test.txt'}")
    inputs = ["--input", *(str(tmp_path / "wet" / path.name) for path in WETS)]
    assert job.main([f"--output={tmp_path / 'out'}", f"--lid_model={lid}", *places, *SMALL, *inputs]) == 0
    expected, found = local_files(tmp_path / "out"), remote_files(finished.output)
    # Of remote archives the size is not known before they are read: the fingerprint is another.
    manifests = [json.loads(files.pop("manifest.json")) for files in (expected, found)]
    for files in (expected, found):
        card = files["README.md"]
        files["README.md"] = re.sub(
            rb"(?<=fingerprint of all that decides the bytes: )`\w+`|`inputs_sha256` .*", b"", card
        )
    assert found == expected
    assert manifests[0]["files"] == manifests[1]["files"]
    assert b'"blocked"' in found["ledger.json"]
    assert b'"contamination":{"files":{"test.txt":1}' in found["ledger.json"].replace(b" ", b"").replace(b"\n", b"")
    assert storage.is_empty("s3://bucket/finished/work")


# --- requests


def test_a_run_asks_little_of_an_object_store(finished: Finished) -> None:
    assert len(finished.asked) <= 12 * SEGMENTS * STAGES
    assert not [each for each in finished.asked if re.match(r"HEAD .*/(extract|mine)/", each)]


def test_a_finished_run_started_again_asks_a_handful(
    s3: S3Server, finished: Finished, monkeypatch: pytest.MonkeyPatch
) -> None:
    s3.asked.clear()
    assert finished.again() == 0
    assert not [each for each in s3.asked if re.search(r"/shards/|/00000\d\.", each)]
    assert len([each for each in s3.asked if not re.search("/(wet|lm|models|blocked)", each)]) <= 40


# What is written when a run is killed: what it may ask for afterwards of each segment that is done.
def test_what_is_done_is_listed_and_not_asked_for_by_segment(
    s3: S3Server, place: str, lid: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut(monkeypatch, block_segments=2)
    crash(place, lid, r"mine/000/000002\.blocks\.zst")
    s3.counted()
    monkeypatch.setattr("beam_jobs.extract_segment.ExtractSegment.__call__", lambda *_: pytest.fail("was read again"))
    crash(place, lid, r"gather/000/000000\.rows")
    asked = [each for each in s3.asked if not re.search(r"00000[23]\.(blocks|done|pages|paragraphs)|delete", each)]
    of_extract = [each for each in asked if re.search(r"/extract/.*/\d{6}\.", each)]
    assert of_extract == []
    s3.counted()
    monkeypatch.setattr("beam_jobs.mine_segment.MineSegment.__call__", lambda *_: pytest.fail("was judged again"))
    assert build(f"{place}/out", lid) == 0
    assert s3.counted(r"/extract/000/\d{6}").total() == 0
    assert s3.counted(r"/mine/000/\d{6}\.blocks")["HEAD"] == 0


# --- interrupted, and taken up again


def crash(place: str, lid: str, pattern: str, *more: str) -> None:
    """Let a run end where it would write a file that matches, whose content is there already."""
    original = ObjectStores.writing

    def writing(store: ObjectStores, path: str) -> Any:
        if re.search(f"/{pattern}$", path):
            raise Crash(path)
        return original(store, path)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ObjectStores, "writing", writing)
        with pytest.raises(Crash, match=pattern):
            build(f"{place}/out", lid, *more)
    assert not storage.exists(f"{place}/out/manifest.json")


WRITES = (
    r"000001\.pages\.zst", r"000001\.hashes", r"extract/.*1\.done\.json", r"compact/.*\.owners",
    r"compact/.*2\.done\.json", r"resolve/.*\.bits", r"scatter/.*2\.bits", r"mine/.*2\.done\.json",
    r"gather/.*2\.frames\.zst", r"gather/.*2\.done\.json", r"shards/en/.*\.jsonl\.zst", r"regroup/shards\+e\.json",
    r"ledger\.json", r"manifest\.json",
)  # fmt: skip


def test_a_crash_at_every_kind_of_write_is_survived(
    place: str, lid: str, local: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut(monkeypatch, block_segments=2, group_segments=2)
    for pattern in WRITES:
        crash(place, lid, pattern)
    assert build(f"{place}/out", lid) == 0
    assert remote_files(f"{place}/out") == local_files(local)
    assert set(storage.names(f"{place}/out")) == {path.name for path in local.iterdir()}


def test_counts_of_copies_are_made_again_too(
    place: str, lid: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flags = ("--dedup_keep=first", "--count_copies")
    assert build(str(tmp_path / "local"), lid, *flags) == 0
    cut(monkeypatch, block_segments=2, group_segments=2)
    crash(place, lid, r"resolve/.*\.copies", *flags)
    crash(place, lid, r"gather/.*2\.frames\.zst", *flags, "--keep_work")
    [work] = storage.names(f"{place}/out/work")
    for lost in ("extract/000/000001.counts", "scatter/000/000002.copies", "mine/000/000003.blocks.zst"):
        storage.remove_file(f"{place}/out/work/{work}/{lost}")
    assert build(f"{place}/out", lid, *flags) == 0
    assert remote_files(f"{place}/out") == local_files(tmp_path / "local")


def test_what_was_lost_is_made_again(place: str, lid: str, local: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cut(monkeypatch, block_segments=2, group_segments=2)
    crash(place, lid, r"gather/.*2\.frames\.zst", "--keep_work")
    [work] = storage.names(f"{place}/out/work")
    for lost in ("extract/000/000001.hashes", "scatter/000/000002.bits", "mine/000/000003.blocks.zst"):
        storage.remove_file(f"{place}/out/work/{work}/{lost}")
    assert build(f"{place}/out", lid) == 0
    assert remote_files(f"{place}/out") == local_files(local)


@pytest.mark.parametrize("way", ["to an object store", "within one", "to a disk"])
def test_intermediate_files_move_between_places(
    way: str, place: str, lid: str, local: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    disk, other = f"--work_dir={tmp_path / 'work'}", f"--work_dir={place}/other"
    ways = {"to an object store": (disk, other), "within one": ("--keep_work", other), "to a disk": (other, disk)}
    before, after = ways[way]
    crash(place, lid, r"shards/en/.*", before)
    monkeypatch.setattr("beam_jobs.extract_segment.ExtractSegment.__call__", lambda *_: pytest.fail("was read again"))
    monkeypatch.setattr("beam_jobs.mine_segment.MineSegment.__call__", lambda *_: pytest.fail("was judged again"))
    capsys.readouterr()
    assert build(f"{place}/out", lid, after) == 0
    assert capsys.readouterr().err.count("intermediate files move from ") == 1
    assert remote_files(f"{place}/out") == local_files(local)
    assert "work" not in storage.names(f"{place}/out")
    assert storage.is_empty(f"{place}/other")


# --- mistakes


def test_a_folder_that_is_no_run_directory_is_left_alone(
    place: str, lid: str, capsys: pytest.CaptureFixture[str]
) -> None:
    storage.write(f"{place}/out/thesis.txt", b"text")
    assert build(f"{place}/out", lid) == 2
    assert f"--output {place}/out exists and is no run directory" in capsys.readouterr().err
    assert build(f"{place}/new", lid, f"--hash_index={place}/out") == 2
    assert f"--hash_index {place}/out is no hash index, and not empty" in capsys.readouterr().err
    assert build(f"{place}/new", lid, f"--hash_index={place}/new/index/") == 2
    assert f"--hash_index {place}/new/index is in --output {place}/new" in capsys.readouterr().err
    assert {name for name in storage.sizes(place) if not name.endswith(".lock")} == {"out/thesis.txt"}


def test_another_configuration_starts_anew_only_with_overwrite(
    place: str, lid: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert build(f"{place}/out", lid) == 0
    assert build(f"{place}/out", lid, "--min_chars=10") == 2
    assert "holds a run of another configuration" in capsys.readouterr().err
    assert build(f"{place}/out", lid, "--min_chars=10", "--overwrite") == 0
    run = json.loads(storage.read(f"{place}/out/run.json"))
    assert run["configuration"]["recipe"]["min_chars"] == 10


# --- the hash index


def test_an_index_in_an_object_store_is_that_on_a_disk(place: str, lid: str, tmp_path: Path) -> None:
    first, second = WETS[:2]
    for root in (place, str(tmp_path)):
        index = f"--hash_index={root}/index/"
        assert build(f"{root}/one", lid, index, inputs=[first]) == 0
        assert build(f"{root}/two", lid, index, inputs=[second]) == 0
        assert build(f"{root}/two", lid, index, "--overwrite", inputs=[second]) == 0
    assert remote_files(f"{place}/two") == local_files(tmp_path / "two")
    here = {path.suffix: path.read_bytes() for path in tmp_path.glob("index/000002-*/*.hashes")}
    [there] = [name for name in storage.sizes(f"{place}/index") if re.fullmatch(r"000002-\w+/.*\.hashes", name)]
    assert storage.read(f"{place}/index/{there}") == here[".hashes"]
    assert len(storage.names(f"{place}/index")) == len(list((tmp_path / "index").iterdir()))


# The entry point, with worker processes even for an input as small as ours.
LAUNCHER = """
import runpy
from beam_jobs.runners import execution
execution._SMALL_INPUT_BYTES = 0
if __name__ == "__main__":
    runpy.run_module("beam_jobs.build_cc100", run_name="__main__")
"""


def workers_of(process: subprocess.Popen[bytes]) -> list[psutil.Process]:
    """Return the workers of a driver, whose processes are started anew and not forked."""
    children = psutil.Process(process.pid).children()
    return [child for child in children if any("spawn_main" in word for word in child.cmdline())]


@pytest.mark.parametrize("ended", ["the driver", "a worker", "Ctrl-C while the store is down"])
def test_a_run_that_is_killed_goes_on_where_it_stopped(
    ended: str, s3: S3Server, place: str, lid: str, local: Path, tmp_path: Path
) -> None:
    launcher = tmp_path / "launch.py"
    launcher.write_text(LAUNCHER)
    command = [sys.executable, str(launcher), f"--output={place}/out", *flags_of(lid), "--workers=2"]
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
    stop = s3.stopping_at("PUT .*/mine/000/000002.blocks.zst", and_then_all="down" in ended)
    with stop as come, (tmp_path / "told").open("wb") as told:
        process = subprocess.Popen(command, stdout=told, stderr=told, env=environment, start_new_session=True)
        wait_for(lambda: come.is_set() or process.poll() is not None, "a request to stop")
        assert come.is_set(), (tmp_path / "told").read_text()
        workers = workers_of(process)
        if ended == "the driver":
            process.kill()
        elif "Ctrl-C" in ended:
            os.killpg(process.pid, signal.SIGINT)
        else:
            workers[0].kill()
        status = process.wait(PATIENCE_S)
    assert status == {"the driver": -9, "a worker": 2}.get(ended, 130)
    said = (tmp_path / "told").read_text()
    assert "Traceback" not in said
    left = re.findall(r"these locks are left: (\S+)/work/\w+/\.lock, (\S+)/\.lock; runs on this machine", said)
    assert left == ([(f"{place}/out", f"{place}/out")] if "down" in ended else [])
    psutil.wait_procs(workers, PATIENCE_S)
    assert not any(worker.is_running() for worker in workers)
    assert build(f"{place}/out", lid) == 0
    assert remote_files(f"{place}/out") == local_files(local)


# --- faults


def told(capsys: pytest.CaptureFixture[str]) -> str:
    """Return the one line that a command ended with."""
    is_news = re.compile(r" identified by |segments, .*documents").search
    lines = [line for line in capsys.readouterr().err.splitlines() if not is_news(line)]
    assert len(lines) == 1, lines
    return lines[0]


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Requests are repeated as often as ever, but soon."""
    monkeypatch.setattr(clients, "_LONGEST_WAIT", timedelta(milliseconds=150))


def test_a_bucket_that_is_not_there_is_one_line(s3: S3Server, lid: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert build("s3://elsewhere/out", lid) == 2
    assert re.search(r"--output s3://elsewhere/out: .*bucket", told(capsys))


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize("option", ["--output", "--work_dir", "--hash_index"])
def test_a_place_that_may_not_be_written_to_is_one_line_before_any_work(
    option: str, s3: S3Server, place: str, lid: str, capsys: pytest.CaptureFixture[str]
) -> None:
    output = f"{place}/{'denied' if option == '--output' else 'out'}"
    more = [] if option == "--output" else [f"{option}={place}/denied"]
    with s3.failing(f"(PUT|POST) .*{place[12:]}/denied", HTTPStatus.FORBIDDEN):
        assert build(output, lid, *more) == 2
    assert re.search(rf"{option} {place}/denied.*: ", told(capsys))
    assert storage.sizes(place) == {}


@pytest.mark.usefixtures("hasty")
def test_a_store_that_does_not_answer_is_one_line(
    s3: S3Server, place: str, lid: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    clients.forget_clients()
    assert build(f"{place}/out", lid) == 2
    assert re.search(f"--output {place}/out", told(capsys))


@pytest.mark.usefixtures("hasty")
def test_a_store_that_fails_now_and_then_is_asked_again(s3: S3Server, place: str, lid: str, local: Path) -> None:
    seen: dict[str, int] = {}

    def first_time(request: str) -> HTTPStatus | None:
        seen[request] = seen.get(request, 0) + 1
        return HTTPStatus.SERVICE_UNAVAILABLE if len(seen) % 3 == 0 and seen[request] == 1 else None

    s3.fault = first_time
    try:
        assert build(f"{place}/out", lid) == 0
    finally:
        s3.fault = None
    assert remote_files(f"{place}/out") == local_files(local)


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize("request_", [r"PUT .*/mine/000/000002\.done", r"GET .*/extract/000/000001\.pages"])
def test_a_store_that_stays_down_ends_the_run_and_the_same_command_goes_on(
    request_: str, s3: S3Server, place: str, lid: str, local: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with s3.failing(request_, HTTPStatus.SERVICE_UNAVAILABLE):
        assert build(f"{place}/out", lid) == 1
    assert place in told(capsys)
    assert build(f"{place}/out", lid) == 0
    assert remote_files(f"{place}/out") == local_files(local)
