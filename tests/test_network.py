"""Whole runs that read from afar, with faults: the same bytes as from disk, or an error that names the segment."""

import functools
import json
import re
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from moto.server import ThreadedMotoServer

from beam_jobs import extract_segment, job
from beam_jobs.blocks import Blocks
from beam_jobs.elements import Compacted, Failure
from beam_jobs.runners import execution
from beam_jobs.transforms.plan import _PlanFn, check_failures
from ccnet_pipeline import storage
from ccnet_pipeline.errors import FetchError, UnreachableError
from ccnet_pipeline.fetch import FetchPolicy, open_archive
from ccnet_pipeline.sample import crawl_directory
from tests.fetch.server import Fault, FaultServer, random_faults, scripted
from tests.test_build import Bytes, build
from tests.test_build import result as whole_result

DUMP = "CC-MAIN-2026-04"  # of the sample


def result(output: Path) -> Bytes:
    """Everything that must be the same from any place; the fingerprint holds sizes of local files, so it is not."""
    manifest = json.loads((output / "manifest.json").read_text())
    return whole_result(output) | {"manifest.json": json.dumps(manifest["files"])}


# --- a segment that cannot be read


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Segments whose name contains one of these strings fail after some bytes; which were tried, in `tried`."""
    names: list[str] = []

    def opened(path: str, policy: FetchPolicy) -> object:
        context = open_archive(path, policy)
        if not any(name in path for name in names):
            return context
        stream = context.__enter__()

        class Breaking:
            def __enter__(self) -> object:
                return self

            def __exit__(self, *_: object) -> None:
                context.__exit__(None, None, None)

            def read(self, size: int) -> bytes:
                if data := stream.read(min(size, 3000)):
                    return data
                raise UnreachableError(f"{path}: the host is away")

        return Breaking()

    monkeypatch.setattr(extract_segment, "open_archive", opened)
    return names


def test_a_failed_segment_fails_alone_and_is_named_and_tried_again(
    broken: list[str],
    lid: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    argv = [f"--output={tmp_path / 'out'}", f"--lid_model={lid}", "--workers=1"]
    broken[:] = ["080000-00001.warc"]
    assert job.main(argv) == 1
    error = capsys.readouterr().err
    assert re.search(
        rf"^build_cc100: 1 segment could not be read, all others were; the same command tries again what is missing: "
        rf"/\S*/crawl-data/{DUMP}/\S*17/wet/\S*00001\.warc\.wet\.gz: the host is away$",
        error,
        flags=re.MULTILINE,
    ), error
    assert "Traceback" not in error
    work = tmp_path / "out" / "work"
    assert len(list(work.rglob("extract/*/*.done.json"))) == 3
    assert not list(work.rglob(".writing-*"))
    assert not (tmp_path / "out" / "manifest.json").exists()
    times = {note: note.stat().st_mtime_ns for note in work.rglob("extract/*/*.done.json")}
    broken.clear()
    assert job.main([*argv, "--keep_work"]) == 0
    assert {note: note.stat().st_mtime_ns for note in times} == times, "what was read is not read again"
    build(tmp_path / "undisturbed", lid)
    assert result(tmp_path / "out") == result(tmp_path / "undisturbed")


def test_a_run_of_which_nothing_can_be_read_publishes_nothing(
    broken: list[str],
    lid: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    broken[:] = ["warc"]
    assert job.main([f"--output={tmp_path / 'out'}", f"--lid_model={lid}", "--workers=1"]) == 1
    assert "4 segments could not be read" in capsys.readouterr().err
    assert not (tmp_path / "out" / "manifest.json").exists()
    assert not (tmp_path / "out" / "ledger.json").exists()


def test_after_five_failures_in_a_row_no_more_is_tried(
    broken: list[str],
    lid: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    archive = sorted(crawl_directory().rglob("*.wet.gz"))[0].read_bytes()
    for number in range(8):
        (tmp_path / f"{number}.wet.gz").write_bytes(archive)
    broken[:] = [".wet.gz"]
    argv = [f"--input={tmp_path}", f"--output={tmp_path / 'out'}", f"--lid_model={lid}", "--workers=1"]
    assert job.main(argv) == 1
    error = capsys.readouterr().err
    assert error.count("the host is away") == 5
    assert "5 segments could not be read, 3 were then not tried, all others were" in error


def test_many_failures_are_cut_short() -> None:
    with pytest.raises(FetchError, match=r"^12 segments could not .*: 00: why; .*; 09: why; and 2 more$"):
        check_failures([Failure(f"{number:02d}", f"{number:02d}: why") for number in reversed(range(12))])
    check_failures([])


def test_a_failure_is_noted_and_not_thrown_for_a_cluster_would_try_it_again(tmp_path: Path) -> None:
    failures, noted = [Failure("07", "07: why"), Failure("09", "", tried=False)], str(tmp_path / "failures.json")
    plan = _PlanFn(Blocks(num_segments=9, scope_segments=None, block_segments=3), 0, noted)
    assert list(plan.process((0, [Compacted(None, False, failures[:1]), Compacted(None, False, failures[1:])]))) == []
    assert storage.read_json(noted, list[Failure]) == failures


# --- from a server that fails


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits between attempts are short."""
    policy = functools.partial(FetchPolicy, max_wait_s=0.02, attempts=20)
    monkeypatch.setattr("beam_jobs.options.FetchPolicy", policy)


@pytest.fixture(scope="session")
def from_disk(lid: str, tmp_path_factory: pytest.TempPathFactory) -> Bytes:
    output = tmp_path_factory.mktemp("disk") / "out"
    build(output, lid, f"--input={crawl_directory()}")
    return result(output)


@pytest.mark.parametrize("seed", range(3))
def test_a_dump_over_a_failing_network_gives_the_bytes_of_the_disk(
    impatient: None,
    from_disk: Bytes,
    lid: str,
    tmp_path: Path,
    seed: int,
) -> None:
    with FaultServer(crawl_directory(), random_faults(seed=seed, rate=0.6)) as server:
        build(tmp_path / "out", lid, f"--dump={DUMP}", f"--base={server.url}")
        assert {request.fault.kind for request in server.log if request.fault}
    assert result(tmp_path / "out") == from_disk


def test_two_workers_over_a_failing_network_give_the_bytes_of_the_disk_and_tell_of_their_waits(
    impatient: None,
    from_disk: Bytes,
    lid: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(execution, "_SMALL_INPUT_BYTES", 0)  # the sample would stay in one process
    # The first request for an archive is the parent's, who wants to know its size.
    plan = scripted(None, Fault("unavailable", retry_after="0"), Fault("reset", 0.3), Fault("hang_up", 0.6))
    with FaultServer(crawl_directory(), lambda path, number: plan(path, number) if "/wet/" in path else None) as server:
        build(tmp_path / "out", lid, f"--dump={DUMP}", f"--base={server.url}", "--workers=2")
        assert len({request.path for request in server.log if request.fault}) == 4
    assert result(tmp_path / "out") == from_disk
    told = capfd.readouterr().err
    assert re.search(r"^build_cc100: http\S*/wet/\S+: 503 .*; attempt 1 of 20, the next in 0\.0 s$", told, re.M), told


def test_web_pages_over_a_failing_network(impatient: None, lid: str, tmp_path: Path) -> None:
    build(tmp_path / "disk", lid, f"--input={crawl_directory()}", "--kind=warc")
    with FaultServer(crawl_directory(), random_faults(seed=5, rate=0.5)) as server:
        build(tmp_path / "net", lid, f"--dump={DUMP}", f"--base={server.url}", "--kind=warc")
    assert result(tmp_path / "net") == result(tmp_path / "disk")
    ledger = json.loads((tmp_path / "net" / "ledger.json").read_text())
    assert ledger["records"]["dropped"]["http_status"] == 4
    assert ledger["records"]["dropped"]["not_html"] == 2


def test_from_a_bucket(impatient: None, from_disk: Bytes, lid: str, tmp_path: Path, bucket: str) -> None:
    build(tmp_path / "out", lid, f"--dump={DUMP}", f"--base=s3://{bucket}")
    assert result(tmp_path / "out") == from_disk


def test_what_is_in_the_cache_is_read_without_a_network(
    impatient: None,
    from_disk: Bytes,
    lid: str,
    tmp_path: Path,
) -> None:
    cache = f"--cache={tmp_path / 'cache'}"
    with FaultServer(crawl_directory(), random_faults(seed=7, rate=0.5)) as server:
        build(tmp_path / "net", lid, f"--dump={DUMP}", f"--base={server.url}", cache)
        requests = len(server.log)
        build(tmp_path / "again", lid, f"--dump={DUMP}", f"--base={server.url}", cache)
        assert len(server.log) == requests
    (host,) = (path for path in (tmp_path / "cache").iterdir() if path.is_dir())
    build(tmp_path / "offline", lid, f"--dump={DUMP}", f"--base={host}")
    assert result(tmp_path / "net") == result(tmp_path / "again") == result(tmp_path / "offline") == from_disk


def test_files_that_are_missing_fail_alone_however_many(
    impatient: None,
    lid: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    archive = sorted(crawl_directory().rglob("*.wet.gz"))[0].read_bytes()
    folder = tmp_path / "bucket" / "crawl-data" / "CC-X"
    folder.mkdir(parents=True)
    names = [f"crawl-data/CC-X/{number:02d}.wet.gz" for number in range(12)]
    (folder / "wet.paths").write_text("\n".join(names))
    for name in names[8:]:
        (tmp_path / "bucket" / name).write_bytes(archive)
    with FaultServer(tmp_path / "bucket") as server:
        argv = [f"--input={server.url}crawl-data/CC-X/wet.paths", f"--lid_model={lid}", "--workers=1"]
        assert job.main([*argv, f"--output={tmp_path / 'out'}"]) == 1
        error = capsys.readouterr().err.splitlines()[-1]
        assert "8 segments could not be read, all others were" in error
        assert f"{server.url}{names[7]}: 404" in error
        assert len(list((tmp_path / "out").rglob("extract/*/*.done.json"))) == 4
        for name in names[8:]:
            (tmp_path / "bucket" / name).unlink()
        assert job.main([*argv, f"--output={tmp_path / 'other'}"]) == 2, "nothing that was asked for its size is there"
        assert not (tmp_path / "other").exists()
        wrong = ["--dump=CC-MAIN-1999-99", f"--base={server.url}", f"--output={tmp_path / 'other'}"]
        assert job.main([*wrong, f"--lid_model={lid}"]) == 2
        assert "check the name of the dump" in capsys.readouterr().err.splitlines()[-1]


def test_an_end_that_nobody_vouches_for_in_mid_record_is_no_end(
    impatient: None,
    lid: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    name = str(sorted(crawl_directory().rglob("*.wet.gz"))[0].relative_to(crawl_directory()))
    with FaultServer(crawl_directory(), scripted(then=Fault("no_length_hang_up", 0.5)), validators=False) as server:
        argv = [f"--input={server.url}{name}", f"--lid_model={lid}", "--workers=1"]
        assert job.main([*argv, f"--output={tmp_path / 'out'}"]) == 1
        assert "ends in mid-record, and its server tells no length" in capsys.readouterr().err
        assert job.main([*argv, f"--output={tmp_path / 'out'}", f"--cache={tmp_path / 'cache'}"]) == 1
        assert "cannot be verified for the cache" in capsys.readouterr().err
    assert not list((tmp_path / "cache").rglob("*.wet.gz"))


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The name of a bucket of an S3 server, with the sample crawl in it."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    client = boto3.client("s3", region_name="us-east-1")
    client.create_bucket(Bucket="crawl")
    for path in crawl_directory().rglob("*.gz"):
        client.put_object(Bucket="crawl", Key=str(path.relative_to(crawl_directory())), Body=path.read_bytes())
    yield "crawl"
    server.stop()
