"""The commands of the documentation work: the blocks of a page run in order, in a folder of their own."""

import csv
import itertools
import json
import os
import shlex
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ccnet_pipeline import sample
from tests.conftest import CHECKOUT, data_folder
from tests.docs import given, stage
from tests.docs.blocks import PAGES, Block, blocks_of
from tests.docs.stage import Stage
from tests.test_build import build, result

# What the reader of a page has before its first command: the name, and `=` what it is made of where that differs.
GIVEN = {
    "CONTRIBUTING.md": ("ccnet_pipeline=checkout", "tests=checkout"),
    "README.md": ("xnli", "conll", "mlqa", "glue"),
    "docs/evaluation.md": ("hf=trained", "xnli", "conll", "mlqa", "glue"),
    "docs/extending.md": ("corpus=corpus", "my_filters.py", "texts"),
    "docs/formats.md": ("corpus=corpus",),
    "docs/hash_index.md": ("other=seen",),
    "docs/method.md": ("downloads", "texts"),
    "docs/operations.md": (
        "corpus=corpus",
        "seen=seen",
        "hosts.txt",
        "tests/xnli=xnli",
        "tests/mlqa/test.json=test.json",
    ),
    "docs/shard_format.md": ("OUT=corpus",),
}
BLOCKS = {page.relative_to(CHECKOUT).as_posix(): blocks_of(page) for page in PAGES}


def pages_with(tag: str) -> list[str]:
    return [page for page, blocks in BLOCKS.items() if any(block.tag == tag for block in blocks)]


@pytest.fixture(scope="session")
def internet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    mirror = tmp_path_factory.mktemp("mirror")
    with stage.web(mirror) as url:
        yield mirror, url


@pytest.fixture(scope="session")
def finished(lid: str, tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Path]:
    """The run of the sample and its hash index, built when a page first wants them."""
    folder = tmp_path_factory.mktemp("finished")

    def built() -> Path:
        if not (folder / "corpus").exists():
            build(folder / "corpus", lid, f"--hash_index={folder / 'seen'}")
        return folder

    return built


@pytest.fixture
def perform(
    internet: tuple[Path, str], finished: Callable[[], Path], lid: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[str, tuple[str, ...]], Path]]:
    """`perform(page, tags)` runs the blocks with these tags, and returns the folder in which they did."""
    monkeypatch.chdir(tmp_path)
    mirror, url = internet

    def run(page: str, tags: tuple[str, ...]) -> Path:
        given.lay_out(tmp_path, GIVEN.get(page, ()), finished)
        there = Stage(tmp_path, mirror, url, lid)
        for block in BLOCKS[page]:
            if block.tag in tags:
                _run(block, there)
        return tmp_path

    with stage.bucket(monkeypatch):
        yield run


def _run(block: Block, there: Stage) -> None:
    if block.language == "python":
        exec(compile(block.text, str(block), "exec"), {"__name__": "a_readers_program"})
    for command in block.commands:
        there.run(command, str(block))


@pytest.mark.timeout(600)
@pytest.mark.parametrize("page", pages_with("fast"))
def test_the_fast_blocks_of_a_page_work(page: str, perform: Callable[[str, tuple[str, ...]], Path]) -> None:
    folder = perform(page, ("fast",))
    CHECKS.get(page, lambda _: None)(folder)


@pytest.mark.docs
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("page", pages_with("slow"))
def test_all_blocks_of_a_page_work(page: str, perform: Callable[[str, tuple[str, ...]], Path]) -> None:
    folder = perform(page, ("fast", "slow"))
    for check in (CHECKS.get(page), SLOW_CHECKS.get(page)):
        if check:
            check(folder)


# --- what must have come of it


def _readme(folder: Path) -> None:
    finished = {path.name for path in folder.iterdir() if (path / "manifest.json").is_file()}
    assert finished >= {"cc100-sample", "corpus", "corpus-40", "corpus-web", "corpus-ha"}
    assert (folder / "comparison.html").is_file()
    assert (folder / "corpus" / "README.md").is_file()
    assert list((folder / "corpus" / "shards" / "en").glob("*.parquet"))
    hausa = json.loads((folder / "corpus-ha" / "ledger.json").read_text("utf-8"))["languages"]["ha"]
    assert hausa["records"]["read"] == 3  # the sample's articles
    assert (hausa["median_perplexity"] is not None) == stage.has_trainer()
    assert hausa["records"]["kept"] or not stage.hausa_pool().is_file()


def _hash_index(folder: Path) -> None:
    second = json.loads((folder / "corpus" / "2019-04" / "ledger.json").read_text("utf-8"))
    assert second["records"]["kept"] == 0  # the first dump has all that this one has


def _schedules(folder: Path) -> None:
    assert (folder / "corpus" / stage.NEW_DUMP / "manifest.json").is_file()


def _evaluation(folder: Path) -> None:
    assert "| en |" in (folder / "tables" / "table-xnli.md").read_text("utf-8")


def _extending(folder: Path) -> None:
    by_filter = json.loads((folder / "filtered" / "ledger.json").read_text("utf-8"))["records"]["dropped"]
    assert by_filter["my_filters.capitals.too_many"]
    assert list((folder / "filtered" / "rejects").rglob("my_filters.capitals.too_many-00000.jsonl.zst"))
    kept = json.loads((folder / "corpus" / "ledger.json").read_text("utf-8"))["languages"]["sw"]["records"]["kept"]
    with (folder / "sw.csv").open(encoding="utf-8", newline="") as file:
        assert len(list(csv.reader(file))) == 1 + kept
    shards = [
        {path: sha256 for path, sha256 in result(folder / name).items() if path.startswith("shards/")}
        for name in ("corpus", "portable")
    ]
    assert shards[0] == shards[1]


CHECKS = {
    "README.md": _readme,
    "docs/extending.md": _extending,
    "docs/hash_index.md": _hash_index,
    "docs/schedules.md": _schedules,
}
SLOW_CHECKS = {"docs/evaluation.md": _evaluation}


def test_the_command_for_flink_changes_no_byte(lid: str, tmp_path: Path) -> None:
    named = os.environ.get("CC_FLINK_JAR")
    jars = [Path(named)] if named else sorted((data_folder().parent / "flink").glob("*job-server*.jar"))
    if shutil.which("java") is None or not (jars and jars[0].is_file()):
        pytest.skip("no Java, or no Flink job server jar: set CC_FLINK_JAR")
    shutil.copytree(sample.crawl_directory(), tmp_path / "downloads")
    commands = itertools.chain.from_iterable(block.commands for block in BLOCKS["docs/flink.md"])
    (command,) = (command for command in commands if "LOOPBACK" in command)
    models = shlex.quote(str(sample.lm_directory()))
    command += (
        f" --flink_job_server_jar {shlex.quote(str(jars[0]))} --parallelism 2 --lm_dir {models} --lid_model {lid}"
    )
    for package in ("java.util", "java.lang"):  # the jar of the test data is older than this Java
        command += f" --job_server_jvm_properties=--add-opens=java.base/{package}=ALL-UNNAMED"
    Stage(tmp_path, tmp_path, "", lid).in_a_shell(command, "docs/flink.md")
    crawl = [f"--input={tmp_path}/downloads/**/*.warc.wet.gz", f"--lm_dir={sample.lm_directory()}"]
    build(tmp_path / "local", lid, *crawl)
    assert result(tmp_path / "corpus-flink") == result(tmp_path / "local")
    run_file = json.loads((tmp_path / "corpus-flink" / "run.json").read_text("utf-8"))
    assert run_file["engine"]["runner"] == "FlinkRunner"
