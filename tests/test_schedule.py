"""Runs by a schedule: which dumps `latest` and `new` are, and that a run which is started twice does its work once."""

import gzip
import json
import re
import shlex
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
import requests

from beam_jobs import dump_choice, job
from beam_jobs.options import Arguments, parse
from beam_jobs.run_directory import run_of
from beam_jobs.runners import execution
from ccnet_pipeline import sample, storage
from ccnet_pipeline.command import IN_USE
from ccnet_pipeline.dumps import Latest, New, collections_of, read_dumps
from ccnet_pipeline.errors import UserError
from ccnet_pipeline.fetch import FetchPolicy
from ccnet_pipeline.hash_index.directory import read_index
from ccnet_pipeline.storage.local import LocalStore
from tests.conftest import CHECKOUT
from tests.fetch.server import FaultServer
from tests.s3_server import S3Server
from tests.test_build import result

OLD, MIDDLE, NEWEST = DUMPS = ["CC-MAIN-2013-20", "CC-MAIN-2025-51", "CC-MAIN-2026-04"]
ARCHIVES = sorted((sample.crawl_directory() / "crawl-data").rglob("*.wet.gz"))

Run = Callable[..., int]


def list_dumps(base: Path, names: Sequence[str]) -> None:
    """Write collinfo.json as CommonCrawl has it: the newest first, with more than we read."""
    listed = [
        {
            "id": name,
            "name": f"{name} Index",
            "timegate": f"https://index.example/{name}/",
            "cdx-api": f"https://index.example/{name}-index",
            "from": "2026-01-10T00:00:00",
            "to": "2026-01-23T00:00:00",
        }
        for name in reversed(names)
    ]
    (base / "collinfo.json").write_text(json.dumps(listed, indent=2))


def make_mirror(base: Path) -> Path:
    """Make a mirror with three dumps of one archive each."""
    for dump, archive in zip(DUMPS, ARCHIVES, strict=False):
        place = base / "crawl-data" / dump / "wet" / archive.name
        place.parent.mkdir(parents=True)
        shutil.copy(archive, place)
        listing = gzip.compress(f"crawl-data/{dump}/wet/{archive.name}\n".encode())
        (place.parent.parent / "wet.paths.gz").write_bytes(listing)
    list_dumps(base, DUMPS)
    return base


@pytest.fixture
def mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Such a mirror; we are in an empty folder."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return make_mirror(tmp_path / "mirror")


@pytest.fixture
def run(lid: str, mirror: Path) -> Run:
    def run(*argv: str) -> int:
        return job.main(["--base", str(mirror), "--lid_model", lid, "--workers", "1", *argv])

    return run


def built() -> set[str]:
    return {str(path.parent) for path in Path().rglob("manifest.json")}


# --- which dumps are meant


def test_the_order_of_dumps_is_that_of_time_whatever_that_of_the_list(mirror: Path) -> None:
    place = collections_of(str(mirror))
    for order in (DUMPS, DUMPS[::-1], [MIDDLE, NEWEST, OLD, MIDDLE]):
        list_dumps(mirror, order)
        assert read_dumps(place, FetchPolicy()) == DUMPS
    assert Latest().of(DUMPS, place) == (NEWEST,)
    assert Latest(3).of(DUMPS, place) == tuple(DUMPS)
    with pytest.raises(UserError, match=re.escape(f"--dump latest:4: {place} has only 3")):
        Latest(4).of(DUMPS, place)
    for new, done, meant in (
        (New(), [], (OLD,)),
        (New(), [OLD, NEWEST], (MIDDLE,)),
        (New(MIDDLE), [MIDDLE], (NEWEST,)),
        (New("CC-MAIN-2025"), [], (MIDDLE,)),
        (New(), DUMPS, ()),
    ):
        assert new.of(DUMPS, done.__contains__) == meant


@pytest.mark.parametrize(
    ("base", "place"),
    [
        (None, "https://index.commoncrawl.org/collinfo.json"),
        ("https://data.commoncrawl.org", "https://index.commoncrawl.org/collinfo.json"),
        ("s3://commoncrawl/", "https://index.commoncrawl.org/collinfo.json"),
        ("s3://mirror/cc/", "s3://mirror/cc/collinfo.json"),
        ("https://mirror.example", "https://mirror.example/collinfo.json"),
        ("crawl", "crawl/collinfo.json"),
        ("file:///data/crawl", "/data/crawl/collinfo.json"),
    ],
)
def test_the_list_of_dumps_lies_beside_crawl_data_and_commoncrawls_own_on_its_index_server(
    base: str | None, place: str
) -> None:
    assert collections_of(base) == place


def test_the_newest_dump_gives_what_its_name_gives(mirror: Path, run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    with FaultServer(mirror) as server:
        assert run("--dump", "latest", "--base", server.url, "--output", "corpus/{dump}", "--cache", "cache") == 0
        assert f"build_cc100: --dump latest is {NEWEST}\n" in capsys.readouterr().err
        list_dumps(mirror, DUMPS[:2])
        found = read_dumps(collections_of(server.url), FetchPolicy(cache="cache"))
        assert found == DUMPS[:2], "the list is not kept in the cache, for it changes"
        assert run("--dump", NEWEST, "--base", server.url, "--output", "by-name") == 0
    assert built() == {f"corpus/{NEWEST}", "by-name"}
    assert result(Path("corpus", NEWEST)) == result(Path("by-name"))
    runs = [json.loads(Path(place, "run.json").read_text()) for place in (f"corpus/{NEWEST}", "by-name")]
    assert runs[0]["fingerprint"] == runs[1]["fingerprint"]
    assert runs[0]["inputs"] == runs[1]["inputs"]


def test_an_estimate_says_which_dumps_it_is_of(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--dump", "latest:2", "--estimate", "1") == 0
    out, err = capsys.readouterr()
    assert f"--dump latest:2 is {MIDDLE} {NEWEST}\n" in err
    assert "2 segments" in out
    assert parse(["--dump", OLD, NEWEST, "--output", "x/{dump}", "--estimate"]).estimate, "the output is not used"
    assert list(Path().iterdir()) == []


# --- one dump after the other


@pytest.mark.parametrize("memory", [["--hash_index", "seen"], []])
def test_a_dump_after_the_other_until_nothing_is_new(
    memory: list[str], mirror: Path, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["--dump", f"new:{MIDDLE}", "--output", "corpus/{dump}", *memory]
    for so_far in ({MIDDLE}, {MIDDLE, NEWEST}):
        assert run(*command) == 0
        assert built() == {f"corpus/{dump}" for dump in so_far}
    if memory:
        assert [entry.dumps for entry in read_index("seen").history] == [[MIDDLE], [NEWEST]]
    before = {path: path.stat().st_mtime_ns for path in Path().rglob("*")}
    capsys.readouterr()
    assert run(*command) == 0
    out, err = capsys.readouterr()
    assert out.startswith(f"nothing new: all dumps in {mirror}/collinfo.json from {MIDDLE} on are ")
    assert (out.count("\n"), err) == (1, "")
    assert {path: path.stat().st_mtime_ns for path in Path().rglob("*")} == before
    older = dump_choice.chosen(
        parse(["--dump", "new", "--base", str(mirror), "--output", "corpus/{dump}", *memory])
    ).arguments
    assert older is not None
    assert older.output == f"corpus/{OLD}"


class Crash(BaseException):
    pass


@pytest.mark.parametrize("memory", [["--hash_index", "seen"], []])
def test_a_run_that_was_interrupted_comes_before_the_next_dump(
    memory: list[str], run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    writing = LocalStore.writing

    def stop(store: LocalStore, path: str) -> object:
        if path.endswith("/manifest.json"):  # the index is extended by then
            raise Crash
        return writing(store, path)

    command = ["--dump", "new", "--output", "corpus/{dump}", *memory]
    with monkeypatch.context() as patched:
        patched.setattr(LocalStore, "writing", stop)
        with pytest.raises(BaseException):  # noqa: B017, PT011 - Beam may wrap it
            run(*command)
    run_id = run_of(f"corpus/{OLD}")
    assert run_id
    assert not built()
    assert run(*command) == 0
    assert built() == {f"corpus/{OLD}"}
    assert run_of(f"corpus/{OLD}") == run_id


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[S3Server]:
    """An S3 server with a bucket named `bucket`."""
    server = S3Server()
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
    requests.put(f"{server.environment['AWS_ENDPOINT_URL']}/bucket").raise_for_status()
    yield server
    server.stop()


def test_what_is_new_in_a_bucket_takes_a_request_a_dump_and_writes_nothing(
    bucket: S3Server, mirror: Path, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    for path in (path for path in mirror.rglob("*") if path.is_file()):
        storage.write(f"s3://bucket/mirror/{path.relative_to(mirror)}", path.read_bytes())
    command = ["--dump", "new", "--base", "s3://bucket/mirror", "--output", "s3://bucket/corpus/{dump}"]
    for dump in (OLD, MIDDLE):
        storage.write(f"s3://bucket/corpus/{dump}/manifest.json", b"{}")
    found = dump_choice.chosen(parse(command)).arguments
    assert found is not None
    assert found.output == f"s3://bucket/corpus/{NEWEST}"
    storage.write(f"s3://bucket/corpus/{NEWEST}/manifest.json", b"{}")
    bucket.counted()
    assert run(*command) == 0
    assert capsys.readouterr().out.startswith("nothing new: all dumps in s3://bucket/mirror/collinfo.json are built")
    asked = bucket.counted()
    assert set(asked) <= {"GET", "HEAD"}
    assert asked.total() <= len(DUMPS) + 2


def test_the_command_of_the_page_builds_what_is_new_and_then_finds_nothing(
    run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    page = (CHECKOUT / "docs" / "schedules.md").read_text("utf-8")
    commands = re.findall(r"python -m beam_jobs\.build_cc100 (.*?)(?: >> .*)?$", page, flags=re.MULTILINE)
    first, in_crontab = map(shlex.split, commands)
    assert in_crontab == first
    assert run(*first) == 0
    assert built() == {f"corpus/{NEWEST}"}
    capsys.readouterr()
    assert run(*first) == 0
    assert capsys.readouterr().out.startswith("nothing new: ")
    for path in re.findall(r"deploy/\w+(?:/\w+\.\w+)?", page):
        assert (CHECKOUT / path).exists(), path


def test_the_runner_is_asked_when_the_output_is_known_and_not_when_nothing_is_new(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def check(arguments: Arguments) -> None:
        asked.append(arguments.output)
        raise UserError("nobody answers")

    monkeypatch.setattr(execution, "check", check)
    assert run("--dump", "new", "--output", "corpus/{dump}") == 2
    assert run("--dump", MIDDLE, "--output", "corpus/{dump}") == 2
    assert run("--dump", "new:CC-MAIN-2027", "--output", "corpus/{dump}") == 0
    assert asked == [f"corpus/{OLD}", f"corpus/{MIDDLE}"]


# --- mistakes


@pytest.fixture
def mistake(run: Run, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    def mistake(*argv: str) -> str:
        capsys.readouterr()
        assert run("--output", "corpus/{dump}", *argv) == 2
        out, err = capsys.readouterr()
        assert (out, err.count("\n")) == ("", 1), err
        assert not list(Path().iterdir()), "a mistake must leave nothing behind"
        return err.removeprefix("build_cc100: ").rstrip("\n")

    return mistake


def test_what_cannot_be_meant(mistake: Callable[..., str]) -> None:
    for text in ("latest:", "latest:0", "latest:-1", "latest:two", "new:", "new:../x", "new:2 3"):
        assert mistake("--dump", text).startswith(f"--dump {text!r}: want latest, latest:N with N >= 1, new, or new:N")
    assert mistake("--dump", "latest", NEWEST).startswith("--dump latest stands alone")
    assert mistake("--dump", "new", "--input", "x").startswith("--dump new stands alone; what --input names")
    assert mistake("--dump", "new", "--output", "corpus") == (
        "--dump new: nothing remembers what was built; give --hash_index DIR, or a folder for each dump with "
        "--output corpus/{dump}"
    )
    assert mistake("--dump", "latest:2") == "--output corpus/{dump}: {dump} is the name of one dump, and here are 2"
    assert mistake("--dump", OLD, NEWEST).endswith("{dump} is the name of one dump, and here are 2")
    assert mistake("--input", str(ARCHIVES[0])).endswith("{dump} is the name of one dump, and here are none")


def test_a_dump_to_begin_at_that_is_named_unlike_all_others(mistake: Callable[..., str], mirror: Path) -> None:
    for name in ("foo", "cc-main-2026-04", "2026-04"):
        assert mistake("--dump", f"new:{name}") == (
            f"--dump new:{name}: {mirror}/collinfo.json has no dump with a name like that; its newest is {NEWEST}"
        )


@pytest.mark.parametrize("remote", [False, True])
def test_a_list_of_dumps_that_is_none(remote: bool, mirror: Path, mistake: Callable[..., str]) -> None:
    with FaultServer(mirror) as server:
        base = ["--base", server.url] if remote else []
        assert "collinfo.json has only 3" in mistake(*base, "--dump", "latest:4")
        for content in (b"", b"[", b"{}", b"[]", b'[{"name": "x"}]', b'[{"id": 3}]', b'[{"id": "../x"}]', b"\xff\xfe"):
            (mirror / "collinfo.json").write_bytes(content)
            line = mistake(*base, "--dump", "new")
            assert "collinfo.json is no list of dumps" in line
            assert line.endswith("check --base, or give --dump the name of a dump")
        (mirror / "collinfo.json").unlink()
        line = mistake(*base, "--dump", "latest")
        assert "collinfo.json" in line
        assert line.endswith("where the dumps should be listed; check --base, or give --dump the name of a dump")


@pytest.mark.parametrize("remote", [False, True])
def test_a_dump_that_is_listed_and_not_there(remote: bool, mirror: Path, mistake: Callable[..., str]) -> None:
    list_dumps(mirror, ["CC-MAIN-2008-2009", *DUMPS])
    with FaultServer(mirror) as server:
        line = mistake(*(["--base", server.url] if remote else []), "--dump", "new")
    assert line.startswith("--dump new is CC-MAIN-2008-2009, but ")
    assert "crawl-data/CC-MAIN-2008-2009/wet.paths.gz" in line
    assert line.endswith("; give the name of another dump, or begin at a later one with --dump new:NAME")


def test_a_new_dump_does_not_take_the_place_of_another(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    Path("corpus").mkdir()
    Path("corpus/manifest.json").touch()
    assert run("--dump", "new", "--hash_index", "seen", "--output", "corpus", "--overwrite") == 2
    assert capsys.readouterr().err.endswith("give each one a folder of its own: --output corpus-{dump}\n")


# --- started twice


@pytest.mark.parametrize("memory", [["--hash_index", "seen"], []])
def test_a_second_start_while_the_first_runs_says_so_with_a_status_of_its_own(
    memory: list[str], run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    with storage.locked("seen" if memory else f"corpus/{OLD}"):
        assert run("--dump", "new", "--output", "corpus/{dump}", *memory) == IN_USE
        out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1), err
    assert "another run is writing to" in err
    assert not [path for path in Path().rglob("*") if path.is_file()]
