"""Whole runs on the bundled sample: the same bytes however it is run, and after any interruption."""

import contextlib
import dataclasses
import errno
import functools
import gzip
import hashlib
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, BinaryIO

import pytest
import zstandard

from beam_jobs import job, verify
from beam_jobs.elements import FilePlan, Gathered, Row
from beam_jobs.final_files import plan_shards
from beam_jobs.graph import Plan
from beam_jobs.layout import Layout
from beam_jobs.runners import execution
from beam_jobs.transforms import regroup
from ccnet_pipeline import sample, storage
from ccnet_pipeline.command import IN_USE
from ccnet_pipeline.dataset import write_card
from ccnet_pipeline.documents import Document
from ccnet_pipeline.fluency import __main__ as fluency
from ccnet_pipeline.language import kernel_name
from ccnet_pipeline.storage.local import LocalStore
from tests.conftest import CHECKOUT
from tests.moments import PATIENCE_S, Stop, wait_for

Bytes = dict[str, str]  # path below the run directory -> sha256

LANGUAGES = {"en", "fr", "de", "es", "sw", "tr", "vi", "ru", "el", "ar", "hi", "th", "ko", "ja", "zh-Hans"}


def build(output: Path, lid: str, *flags: str) -> None:
    """One run on the sample crawl, in this process."""
    assert job.main([f"--output={output}", f"--lid_model={lid}", "--workers=1", *flags]) == 0


def result(output: Path) -> Bytes:
    """Everything that must be the same in every run."""
    files = [path for folder in ("shards", "rejects", "ledger") for path in (output / folder).rglob("*")]
    files += [output / name for name in ("manifest.json", "ledger.json", "observations.json.zst")]
    return {
        str(path.relative_to(output)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files if path.is_file()
    }


def documents(path: Path) -> list[dict[str, Any]]:
    """The lines of a shard, read with zstandard and json alone."""
    with path.open("rb") as file, zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True) as stream:
        return [json.loads(line) for line in stream.read().decode("utf-8").splitlines()]


def run_file(output: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((output / "run.json").read_text("utf-8"))
    return content


def cut(monkeypatch: pytest.MonkeyPatch, **sizes: int) -> None:
    """Cut the work otherwise than usual: the sample has four segments only, which are one block and one group."""
    monkeypatch.setattr(job, "Plan", functools.partial(Plan, **sizes))  # type: ignore[arg-type]


@pytest.fixture(scope="session", params=["cc100", "ccnet"])
def reference(request: pytest.FixtureRequest, lid: str, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Bytes]:
    output = tmp_path_factory.mktemp("reference") / "out"
    build(output, lid, f"--preset={request.param}", "--keep_rejects")
    return request.param, result(output)


@pytest.fixture(scope="session")
def built(lid: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("built") / "out"
    build(output, lid, "--formats=jsonl.zst,parquet,txt.xz", "--shard_bytes=4k")
    return output


@pytest.fixture(scope="session")
def finished(lid: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with its intermediate files; a test that changes it takes a copy."""
    output = tmp_path_factory.mktemp("finished") / "out"
    build(output, lid, "--keep_work")
    return output


# --- what comes out


def test_every_language_of_the_sample_comes_out(built: Path) -> None:
    assert {path.name for path in (built / "shards").iterdir() if path.is_dir()} >= LANGUAGES


def test_the_command_score_gives_the_scores_of_the_shards(built: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shards = sorted((built / "shards").rglob("*.jsonl.zst"))
    capsys.readouterr()
    assert fluency.main(["score", "--json", f"--lm_dir={sample.lm_directory()}", *map(str, shards)]) == 0
    scored = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    kept = [document for shard in shards for document in documents(shard)]
    assert [(each["perplexity"], each["bucket"]) for each in scored] == [
        (each["perplexity"], each["bucket"]) for each in kept
    ]
    assert {each["bucket"] for each in scored} == {"head", "middle", "all"}


def test_the_manifest_is_true(built: Path) -> None:
    manifest = json.loads((built / "manifest.json").read_text("utf-8"))
    assert manifest["shard_format"] == 1
    on_disk = {str(path.relative_to(built)) for path in (built / "shards").rglob("*") if path.is_file()}
    assert {file["path"] for file in manifest["files"]} == on_disk
    for file in manifest["files"]:
        data = (built / file["path"]).read_bytes()
        assert (len(data), hashlib.sha256(data).hexdigest()) == (file["bytes"], file["sha256"])
        if file["format"] == "jsonl.zst":
            lines = documents(built / file["path"])
            paragraphs = [paragraph for line in lines for paragraph in line["text"].split("\n")]
            assert (len(lines), len(paragraphs)) == (file["documents"], file["paragraphs"])
            assert sum(map(len, paragraphs)) == file["characters"]
            assert all(paragraph.strip() for paragraph in paragraphs)
            assert {(line["language"], line["bucket"]) for line in lines} == {(file["language"], file["bucket"])}


def test_a_run_has_a_dataset_card(built: Path) -> None:
    written = (built / "README.md").read_bytes()
    assert b'"shards/sw/*.parquet"' in written
    assert Path(write_card(str(built))).read_bytes() == written


def test_a_run_is_what_verify_asks_for(built: Path) -> None:
    assert verify.main([str(built)]) == 0


def test_a_shard_has_the_fields_of_the_format_in_order(built: Path) -> None:
    fields = [each.name for each in dataclasses.fields(Document) if each.default is dataclasses.MISSING]
    for line in documents(built / "shards" / "fr" / "head-00000.jsonl.zst"):
        assert list(line) == fields
        assert line["dump"] == "CC-MAIN-2026-04"
        assert line["segment"].startswith("crawl-data/CC-MAIN-2026-04/")
        assert len(line["text"]) <= line["original_characters"]
        assert len(line["paragraph_ids"]) == line["text"].count("\n") + 1
        assert max(line["paragraph_ids"]) < line["original_paragraphs"]
        assert 0.5 <= line["language_score"] <= 1


def test_shards_are_cut_and_stay_in_order(built: Path) -> None:
    shards = sorted((built / "shards" / "de").glob("all-*.jsonl.zst"))
    assert len(shards) > 1
    places = [(line["segment"], line["offset"]) for shard in shards for line in documents(shard)]
    assert places == sorted(places)


def test_the_balance_closes_in_the_ledger(built: Path) -> None:
    ledger = json.loads((built / "ledger.json").read_text("utf-8"))
    segments = documents(built / "ledger" / "segments-00000.jsonl.zst")
    assert [line["segment"] for line in segments] == [file["name"] for file in run_file(built)["inputs"]]
    books = [ledger, *segments, *ledger["languages"].values()]
    assert ledger["records"]["read"] == sum(line["records"]["read"] for line in segments) > 300
    for book in books:
        for unit in ("records", "paragraphs", "characters"):
            assert book[unit]["read"] == book[unit]["kept"] + sum(book[unit]["dropped"].values())


def test_run_json_names_what_decides(built: Path) -> None:
    run = run_file(built)
    assert (run["shard_format"], run["preset"], run["engine"]["runner"]) == (1, "cc100", "DirectRunner")
    assert run["engine"]["identification"] == kernel_name()
    assert set(run["configuration"]["models"]) >= {"lid.176.ftz", "en.arpa.bin", "en.sp.model", "cutoffs.csv"}


def test_no_intermediate_file_stays(built: Path) -> None:
    names = sorted(path.name for path in built.iterdir())
    assert names == [
        "README.md", "ledger", "ledger.json", "manifest.json", "observations.json.zst", "report.html", "run.json",
        "shards", "times.json",
    ]  # fmt: skip


def test_other_formats_hold_the_same_documents(built: Path) -> None:
    import lzma

    import pyarrow.parquet as pq

    folder = built / "shards" / "en"
    lines = [line for shard in sorted(folder.glob("*.jsonl.zst")) for line in documents(shard)]
    assert [row for shard in sorted(folder.glob("*.parquet")) for row in pq.read_table(shard).to_pylist()] == lines
    text = lzma.decompress((built / "shards" / "en.txt.xz").read_bytes()).decode("utf-8")
    assert text == "".join(f"{line['text']}\n\n" for line in lines)


# --- the same bytes


@pytest.mark.parametrize(
    ("flags", "sizes"),
    [
        pytest.param(("--workers=2",), {"block_segments": 2}, id="two workers"),
        pytest.param(("--dedup_buckets=1",), {"block_segments": 1}, id="blocks of 1, 1 range"),
        pytest.param(("--dedup_buckets=7",), {"block_segments": 1, "group_segments": 1}, id="blocks of 1, 7 ranges"),
        pytest.param(("--dedup_buckets=64",), {"block_segments": 3, "group_segments": 3}, id="blocks of 3, 64 ranges"),
        pytest.param(("--direct_runner_bundle_repeat=1",), {}, id="every bundle twice"),
        pytest.param(
            ("--direct_runner_bundle_repeat=1",),
            {"block_segments": 1, "group_segments": 2},
            id="every bundle twice, small blocks",
        ),
    ],
)
def test_execution_changes_no_byte(
    flags: tuple[str, ...],
    sizes: dict[str, int],
    reference: tuple[str, Bytes],
    lid: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    preset, expected = reference
    monkeypatch.setattr(execution, "_SMALL_INPUT_BYTES", 0)  # the sample would stay in one process
    cut(monkeypatch, **sizes)
    build(tmp_path / "out", lid, f"--preset={preset}", "--keep_rejects", *flags)
    assert result(tmp_path / "out") == expected


def test_neither_place_nor_order_of_the_input_changes_a_byte(
    reference: tuple[str, Bytes], lid: str, tmp_path: Path
) -> None:
    preset, expected = reference
    shutil.copytree(sample.crawl_directory(), tmp_path / "elsewhere" / "crawl")
    wets = sorted((tmp_path / "elsewhere").rglob("*.wet.gz"))
    random.Random(3).shuffle(wets)
    models = f"--lm_dir={sample.lm_directory()}"
    build(tmp_path / "out", lid, f"--preset={preset}", "--keep_rejects", models, "--input", *map(str, wets))
    assert result(tmp_path / "out") == expected


def test_dedup_options_matter(finished: Path, lid: str, tmp_path: Path) -> None:
    def kept(output: Path) -> int:
        return int(json.loads((output / "ledger.json").read_text("utf-8"))["paragraphs"]["kept"])

    for number, flag in enumerate(("--dedup_keep=first", "--dedup_scope=group:1")):
        build(tmp_path / f"{number}", lid, flag)
        assert kept(finished) < kept(tmp_path / f"{number}")


# --- interrupted, and taken up again


def test_a_second_run_does_no_work(
    finished: Path, lid: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(finished, tmp_path / "out")
    before = result(tmp_path / "out")
    monkeypatch.setattr(execution, "execute", lambda *_: pytest.fail("the graph was run again"))
    build(tmp_path / "out", lid)
    assert "complete already" in capsys.readouterr().out
    assert result(tmp_path / "out") == before


def test_only_what_is_missing_is_done_again(finished: Path, lid: str, tmp_path: Path) -> None:
    output = tmp_path / "out"
    shutil.copytree(finished, output)
    expected = result(output)
    [work] = (output / "work").iterdir()
    for lost in (output / "manifest.json", output / "shards" / "en" / "head-00000.jsonl.zst"):
        lost.unlink()
    for note in ("extract/000/000001.done.json", "mine/000/000001.done.json", "mine/000/000002.done.json"):
        (work / note).unlink()
    (work / "regroup" / "shards+e.json").unlink()
    notes = {path: path.stat().st_mtime_ns for path in work.rglob("*.done.json")}
    build(output, lid, "--keep_work")
    assert result(output) == expected
    assert {path: path.stat().st_mtime_ns for path in notes} == notes
    assert {path.name for path in work.rglob("*.done.json") if path not in notes} == {
        "000001.done.json",
        "000002.done.json",
    }


# The entry point, with worker processes even for an input as small as ours.
LAUNCHER = """
import runpy, sys
from beam_jobs.runners import execution
execution._SMALL_INPUT_BYTES = 0
runpy.run_module("beam_jobs.build_cc100", run_name="__main__")
"""


def test_what_was_lost_of_a_finished_run_is_built_again(finished: Path, lid: str, tmp_path: Path) -> None:
    output = tmp_path / "out"
    shutil.copytree(finished, output)
    expected = result(output)
    for lost in ("ledger/segments-00000.jsonl.zst", "ledger.json", "manifest.json", "shards/en/head-00000.jsonl.zst"):
        if lost.startswith("shards/"):
            shutil.rmtree(output / "work")
        (output / lost).unlink()
        build(output, lid, "--keep_work")
        assert result(output) == expected


@pytest.mark.parametrize("kind", ["flipped", "cut off"])
def test_damaged_pages_are_one_line_with_the_remedy(
    kind: str, finished: Path, lid: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "out"
    shutil.copytree(finished, output)
    (output / "manifest.json").unlink()
    [work] = (output / "work").iterdir()
    (work / "mine" / "000" / "000001.done.json").unlink()
    pages = work / "extract" / "000" / "000001.pages.zst"
    data = bytearray(pages.read_bytes())
    data[len(data) // 2] ^= 1
    pages.write_bytes(data if kind == "flipped" else data[: len(data) // 2])
    arguments = [f"--output={output}", f"--lid_model={lid}", "--workers=1", "--keep_work"]
    assert job.main(arguments) == 2
    assert f"{pages} is damaged; remove it and run the same command again" in capsys.readouterr().err
    pages.unlink()
    assert job.main(arguments) == 0
    assert result(output) == result(finished)


def test_work_kept_elsewhere_vouches_for_no_file_that_is_gone(lid: str, tmp_path: Path) -> None:
    output, work = tmp_path / "out", f"--work_dir={tmp_path / 'work'}"
    build(output, lid, work, "--keep_work")
    expected = result(output)
    [kept] = (tmp_path / "work").iterdir()
    (kept / "mine" / "000" / "000001.blocks.zst").unlink()
    (kept / "extract" / "000" / "000002.hashes").unlink()
    (kept / "scatter" / "000" / "000000.bits").unlink()
    shutil.rmtree(output / "shards")
    build(output, lid, work, "--keep_work")
    assert result(output) == expected
    assert [kept] == list((tmp_path / "work").iterdir())


def test_a_run_is_taken_up_from_another_folder(lid: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    build(Path("out"), lid, "--keep_work")
    expected = result(Path("out"))
    shutil.rmtree("out/shards")
    Path("out/manifest.json").unlink()
    Path("out").rename("moved")
    monkeypatch.chdir("/")
    build(tmp_path / "moved", lid)
    assert result(tmp_path / "moved") == expected


def test_two_runs_keep_out_of_each_others_way(lid: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with storage.locked(str(tmp_path / "out")):
        assert job.main([f"--output={tmp_path / 'out'}", f"--lid_model={lid}"]) == IN_USE
    assert "another run is writing" in capsys.readouterr().err


class Crash(BaseException):
    """The power fails."""


# What a run writes, in this order: a pattern of the path, and which of those that match stays half written.
Writes = list[tuple[str, int]]
READ: Writes = [
    (r"run\.json", 1), (r"segments\.json", 1),
    (r"extract/.*\.pages\.zst", 2), (r"extract/.*\.hashes", 1), (r"extract/.*\.paragraphs", 1),
    (r"extract/.*\.done\.json", 2),
]  # fmt: skip
COMPARED_BY_BLOCKS: Writes = [
    (r"compact/.*\.table", 1), (r"compact/.*\.owners", 2), (r"compact/.*\.done\.json", 1),
    (r"resolve/.*\.bits", 2), (r"scatter/.*\.bits", 1), (r"scatter/.*\.bits", 2),
]  # fmt: skip
COMPARED_AT_ONCE: Writes = [(r"scatter/.*\.bits", 1), (r"compact/.*\.done\.json", 1)]
MINED: Writes = [(r"mine/.*\.blocks\.zst", 2), (r"mine/.*\.done\.json", 2)]
COPIED: Writes = [(r"gather/.*\.frames\.zst", 2)]
PUBLISHED: Writes = [
    (r"gather/.*\.observed", 1), (r"gather/.*\.rows", 1), (r"gather/.*\.done\.json", 1),
    (r"rejects/.*\.jsonl\.zst", 1), (r"regroup/.*\.json", 1), (r"shards/.*\.jsonl\.zst", 2),
    (r"ledger/segments-00000\.jsonl\.zst", 1), (r"ledger\.json", 1),
    (r"observations\.json\.zst", 1), (r"times\.json", 1), (r"manifest\.json", 1),
]  # fmt: skip


def crash_at(pattern: str, number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the n-th file that matches and that a run writes stay half written, and the run end there."""
    matching = 0
    original = LocalStore.writing

    def writing(store: LocalStore, path: str) -> Any:
        nonlocal matching
        matching += bool(re.search(rf"/{pattern}$", path))
        if matching == number:
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            Path(path).with_name(f".writing-{Path(path).name}-half").write_bytes(b"half a file")
            raise Crash(path)
        return original(store, path)

    monkeypatch.setattr(LocalStore, "writing", writing)


def test_a_crash_at_every_kind_of_write_is_survived(
    reference: tuple[str, Bytes], lid: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    preset, expected = reference
    flags = [f"--preset={preset}", "--keep_rejects"]
    if preset == "ccnet":  # the intermediate files are elsewhere, and stay
        flags += [f"--work_dir={tmp_path / 'work'}", "--keep_work"]
        writes = [*READ, *COMPARED_AT_ONCE, *MINED, *PUBLISHED]
    else:
        cut(monkeypatch, block_segments=2, group_segments=2)
        writes = [*READ, *COMPARED_BY_BLOCKS, *MINED, *COPIED, *PUBLISHED]
    for attempt, (pattern, number) in enumerate(writes):
        with pytest.MonkeyPatch.context() as patch:
            crash_at(pattern, number, patch)
            with pytest.raises(Crash, match=pattern):
                build(tmp_path / "out", lid, *flags, f"--dedup_buckets={2 + attempt % 5}")
        assert not (tmp_path / "out" / "manifest.json").exists()
    build(tmp_path / "out", lid, *flags)
    assert result(tmp_path / "out") == expected
    assert not list(tmp_path.rglob(".writing-*"))


@pytest.fixture(scope="session")
def almost_done(lid: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run in small blocks that came as far as its manifest; a test takes a copy."""
    output = tmp_path_factory.mktemp("almost_done") / "out"
    with pytest.MonkeyPatch.context() as patch:
        cut(patch, block_segments=2, group_segments=2)
        crash_at(r"manifest\.json", 1, patch)
        with pytest.raises(Crash):
            build(output, lid, "--keep_rejects")
    return output


@pytest.mark.parametrize("reference", ["cc100"], indirect=True)
def test_intermediate_files_go_as_soon_as_nothing_needs_them(
    almost_done: Path, reference: tuple[str, Bytes], lid: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(almost_done, tmp_path / "out")
    [work] = (tmp_path / "out" / "work").iterdir()
    kinds = {f"{path.relative_to(work).parts[0]}/{path.name.partition('.')[2]}" for path in work.rglob("*.*")}
    assert {kind for kind in kinds if not kind.endswith("json")} == {
        "resolve/bits", "scatter/bits", "gather/frames.zst", "gather/observed", "gather/rows"
    }  # fmt: skip
    cut(monkeypatch, block_segments=2, group_segments=2)
    monkeypatch.setattr(job, "ExtractSegment", lambda **_: pytest.fail)
    monkeypatch.setattr(job, "MineSegment", lambda **_: pytest.fail)
    build(tmp_path / "out", lid, "--keep_rejects")
    assert result(tmp_path / "out") == reference[1]


@pytest.mark.parametrize("reference", ["cc100"], indirect=True)
@pytest.mark.parametrize(
    "lost",
    [("gather/*/*.frames.zst",), ("gather/*/*.observed",), ("*/*/000002.*",), ("resolve/*/*", "scatter/*/000002.bits")],
)
def test_what_was_lost_is_made_again_even_where_what_it_was_made_of_is_gone(
    lost: tuple[str, ...],
    almost_done: Path,
    reference: tuple[str, Bytes],
    lid: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shutil.copytree(almost_done, tmp_path / "out")
    [work] = (tmp_path / "out" / "work").iterdir()
    shutil.rmtree(tmp_path / "out" / "shards")
    for path in [path for pattern in lost for path in work.glob(pattern)]:
        path.unlink()
    cut(monkeypatch, block_segments=2, group_segments=2)
    build(tmp_path / "out", lid, "--keep_rejects")
    assert result(tmp_path / "out") == reference[1]


@pytest.mark.parametrize("reference", ["cc100"], indirect=True)
def test_what_a_damaged_note_speaks_of_is_made_again(
    almost_done: Path, reference: tuple[str, Bytes], lid: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(almost_done, tmp_path / "out")
    [work] = (tmp_path / "out" / "work").iterdir()
    notes = [*work.glob("*/*/000002.done.json"), *work.glob("regroup/shards+*.json")]
    assert {note.relative_to(work).parts[0] for note in notes} == {"extract", "compact", "mine", "gather", "regroup"}
    for note in notes:
        note.write_bytes(note.read_bytes()[:-1])
    cut(monkeypatch, block_segments=2, group_segments=2)
    build(tmp_path / "out", lid, "--keep_rejects")
    assert result(tmp_path / "out") == reference[1]


def test_scopes_of_several_blocks(lid: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of four segments three are a scope, in two blocks, and one is alone."""
    flags = ("--dedup_scope=group:3", "--dedup_keep=first")
    build(tmp_path / "whole", lid, *flags)
    cut(monkeypatch, block_segments=2)
    build(tmp_path / "cut", lid, *flags)
    assert result(tmp_path / "cut") == result(tmp_path / "whole")


COUNTED: tuple[str, ...] = ("--dedup_keep=first", "--count_copies", "--keep_rejects")


@pytest.fixture(scope="session")
def counted(lid: str, tmp_path_factory: pytest.TempPathFactory) -> Bytes:
    output = tmp_path_factory.mktemp("counted") / "out"
    build(output, lid, *COUNTED)
    return result(output)


def test_copies_are_counted_across_blocks_whatever_is_half_written_or_lost(
    counted: Bytes, lid: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut(monkeypatch, block_segments=2, group_segments=2)
    work = tmp_path / "out" / "work"
    writes = ["extract/.*.counts", "compact/.*.counts", "resolve/.*.copies", "scatter/.*.copies", r"manifest\.json"]
    for pattern in writes:
        with pytest.MonkeyPatch.context() as patch:
            crash_at(pattern, 1, patch)
            with pytest.raises(Crash, match=pattern):
                build(tmp_path / "out", lid, *COUNTED, "--dedup_buckets=3")
    assert not [*work.rglob("*.counts"), *work.rglob("*.owners")], "they go as soon as nothing needs them"
    shutil.rmtree(tmp_path / "out" / "shards")
    lost = [path for kind in ("scatter/000/000002.copies", "mine/000/000002.*") for path in work.rglob(kind)]
    assert len(lost) == 2
    for path in lost:
        path.unlink()
    build(tmp_path / "out", lid, *COUNTED)
    assert result(tmp_path / "out") == counted


# Of a run, one after the other: the signal, the number of processes, and what is about to be opened or renamed then.
MOMENTS = [
    ("SIGINT", 2, r"/workers\.log$"),  # the workers start
    ("SIGKILL", 2, r"/extract/000/000001\.hashes$"),
    ("SIGTERM", 2, r"/mine/000/000002\.done\.json$"),
    ("SIGKILL", 1, r"/shards/en/.*\.jsonl\.zst$"),
]


def started(command: list[str], stop: Stop, told: Path) -> subprocess.Popen[bytes]:
    """A run; what it tells goes to a file, for a worker that outlives it would hold a pipe open."""
    with told.open("wb") as file:
        return subprocess.Popen(
            command, stdout=file, stderr=file, cwd=CHECKOUT, start_new_session=True, env=stop.environment
        )


@pytest.mark.parametrize("reference", ["cc100"], indirect=True)
def test_killed_at_any_moment_and_resumed(reference: tuple[str, Bytes], lid: str, tmp_path: Path) -> None:
    flags = (f"--preset={reference[0]}", "--keep_rejects")
    command = [sys.executable, "-c", LAUNCHER, f"--output={tmp_path / 'out'}", f"--lid_model={lid}", *flags]
    for number, (name, workers, moment) in enumerate(MOMENTS):
        stop, told = Stop(tmp_path / f"stop-{number}", moment), tmp_path / f"told-{number}"
        process = started([*command, f"--workers={workers}"], stop, told)
        stop.reached(process)
        if name == "SIGKILL":
            process.kill()  # the parent alone: its workers must leave by themselves
        else:
            os.killpg(process.pid, signal.Signals[name])
        status = process.wait(PATIENCE_S)
        if name != "SIGKILL":
            assert status == 130
            assert "interrupted" in told.read_text()
            assert "Traceback" not in told.read_text()
        stop.release()  # one that was only about to start
        wait_for_the_workers_of(process)
        assert not (tmp_path / "out" / "manifest.json").exists()
    build(tmp_path / "out", lid, *flags)
    assert result(tmp_path / "out") == reference[1]


def wait_for_the_workers_of(run: subprocess.Popen[bytes]) -> None:
    """Wait until no process is left of a run that had a session of its own."""
    import psutil

    def all_gone() -> bool:
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.NoSuchProcess, ProcessLookupError):
                if os.getsid(process.pid) == run.pid and process.status() != psutil.STATUS_ZOMBIE:
                    return False
        return True

    wait_for(all_gone, "the worker processes to leave")


def test_a_worker_that_dies_is_reported(lid: str, tmp_path: Path) -> None:
    command = [sys.executable, "-c", LAUNCHER, f"--output={tmp_path}/out", f"--lid_model={lid}", "--workers=2"]
    stop, told = Stop(tmp_path / "stop", r"/workers\.log$"), tmp_path / "told"
    process = started(command, stop, told)
    os.kill(stop.reached(process), signal.SIGKILL)
    assert process.wait(PATIENCE_S) == 2
    assert "a worker process died" in told.read_text()
    assert "Traceback" not in told.read_text()
    stop.release()  # the other one, if it has only started since
    wait_for_the_workers_of(process)


# --- odd input


def wet(path: Path, *bodies: bytes) -> Path:
    """A WET file of `conversion` records with these bodies."""
    members = []
    for number, body in enumerate(bodies):
        head = (
            f"WARC/1.0\r\nWARC-Type: conversion\r\nWARC-Target-URI: http://a.example/{number}\r\n"
            f"WARC-Record-ID: <urn:uuid:{number}>\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        members.append(gzip.compress(head.encode() + body + b"\r\n\r\n", 1))
    path.write_bytes(b"".join(members))
    return path


FILLER = b"The ferry leaves the harbour at seven and returns in the late afternoon. "


@pytest.mark.parametrize(
    ("bodies", "dropped"),
    [
        pytest.param((b"",), {"empty": 1}, id="empty record"),
        pytest.param((b"Only a title",), {"too_short": 1}, id="only a title"),
        pytest.param((b"T\n" + b"x" * (50 << 20),), {"too_large": 1}, id="a paragraph of 50 MB"),
        pytest.param((b"T\n" + FILLER * 8 + b"\0\xff\xed\xa0\x80",), {}, id="NUL, no UTF-8, a lone surrogate"),
        pytest.param((b"T\n" + b"\xff" * 400,), {"not_language": 1}, id="nothing is UTF-8"),
    ],
)
def test_odd_records_are_counted(bodies: tuple[bytes, ...], dropped: dict[str, int], lid: str, tmp_path: Path) -> None:
    archive = wet(tmp_path / "a.warc.wet.gz", *bodies)
    build(tmp_path / "out", lid, "--input", str(archive))
    ledger = json.loads((tmp_path / "out" / "ledger.json").read_text("utf-8"))
    assert ledger["records"]["read"] == len(bodies)
    assert ledger["records"]["dropped"] == dropped
    assert ledger["records"]["kept"] == len(bodies) - sum(dropped.values())


NO_RECORD = b"This record has no headers at all.\n" * 40


def test_an_archive_without_a_record_among_others_is_a_line_of_the_summary(
    lid: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.wet").write_bytes(NO_RECORD)
    (tmp_path / "b.wet").touch()
    (tmp_path / "c.warc.gz").write_bytes(gzip.compress(b""))
    wet(tmp_path / "d.warc.wet.gz", b"T\n" + FILLER * 8)
    archives = map(str, sorted(tmp_path.iterdir()))
    build(tmp_path / "out", lid, "--input", *archives)
    ledger = json.loads((tmp_path / "out" / "ledger.json").read_text("utf-8"))
    assert (ledger["records"]["read"], ledger["damage"]["bytes"]) == (1, len(NO_RECORD))
    line = "3 of 4 archives gave no record: a.wet (no_warc_header), b.wet (empty), c.warc.gz (empty).\n"
    assert line in capsys.readouterr().out


def test_a_run_without_one_record_is_a_mistake_however_often_it_is_tried(
    lid: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.wet").write_bytes(NO_RECORD)
    wet(tmp_path / "b.warc.wet.gz", b"T\n" + FILLER * 8)
    command = [f"--output={tmp_path / 'out'}", f"--lid_model={lid}", "--workers=1"]
    for _ in range(2):
        assert job.main([*command, "--input", str(tmp_path / "a.wet")]) == 2
        out, err = capsys.readouterr()
        assert out == ""
        assert err.splitlines()[-1].startswith(
            "build_cc100: there is no record in a.wet (no_warc_header); an input is "
        )
        assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["run.json", "work"]
    # The remedy that it names.
    assert job.main([*command, "--input", str(tmp_path / "b.warc.wet.gz"), "--overwrite"]) == 0


def test_every_defect_of_the_museum_is_survived(
    test_data: Path,
    lid: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    cut(monkeypatch, block_segments=7, group_segments=5)  # some blocks and groups have nothing at all
    archives = [path for path in sorted((test_data / "warc_defects").iterdir()) if path.name != "SOURCES.md"]
    archives += sorted((test_data / "commoncrawl").rglob("*.wet.gz")) + sorted(
        (test_data / "commoncrawl").rglob("*.wet")
    )
    build(tmp_path / "out", lid, "--min_chars=0", "--input", *map(str, archives))
    ledger = json.loads((tmp_path / "out" / "ledger.json").read_text("utf-8"))
    segments = documents(tmp_path / "out" / "ledger" / "segments-00000.jsonl.zst")
    assert len(segments) == ledger["num_segments"] == len(archives)
    without = [line["segment"] for line in segments if not line["records"]["read"]]
    assert len(ledger["without_record"]) == ledger["num_without_record"] == len(without)
    assert f"{len(without)} of {len(archives)} archives gave no record: " in capsys.readouterr().out
    assert ledger["records"]["kept"] > 20
    assert sum(ledger["damage"]["reasons"].values()) > 5


# --- parts


@pytest.mark.parametrize("group", [1, 3, 9])
@pytest.mark.parametrize("is_copied", [True, False])
def test_the_cut_of_shards_depends_on_neither_arrival_nor_groups(group: int, is_copied: bool) -> None:
    sizes = [50, 51, 0, 99, 250, 3, 100, 57, 58]
    rows = [Row(number, 1, 2, 3, [(f"{number}", 7, size)]) for number, size in enumerate(sizes)]
    groups = []
    for first in range(0, 9, group):
        of_group = rows[first : first + group]
        size = sum(row.size for row in of_group)
        n = len(of_group)
        extent = ("group", first, size) if is_copied else None
        groups.append(Gathered("shards/xx", "all", first, n, 2 * n, 3 * n, extent, size, (first, first + group)))
    random.Random(1).shuffle(groups)
    asked = []

    def rows_of(each: Gathered) -> list[Row]:
        asked.append(each.group)
        return rows[slice(*each.rows)]

    plans = plan_shards(("shards/xx", "all"), groups, 100, ("jsonl.zst",), rows_of)
    assert [plan.path for plan in plans][:2] == ["shards/xx/all-00000.jsonl.zst", "shards/xx/all-00001.jsonl.zst"]
    assert [(plan.documents, sum(size for _, _, size in plan.extents)) for plan in plans] == [
        (2, 101), (3, 349), (2, 103), (2, 115),
    ]  # fmt: skip
    assert [plan.characters for plan in plans] == [3 * plan.documents for plan in plans]
    if group == 1 and is_copied:
        assert len(asked) < 9, "a group that is taken whole is not looked into"


def test_a_final_file_is_taken_as_finished_only_if_it_was_made_of_the_same(tmp_path: Path) -> None:
    layout = Layout(output=str(tmp_path / "out"), work=str(tmp_path / "work"))
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "source").write_bytes(b"onetwo")
    write = regroup._WriteFn(layout, ())
    for offset, text in ((0, "one"), (3, "two"), (3, "two")):
        plan = FilePlan("shards/xx/all-00000.jsonl.zst", "jsonl.zst", ["all"], 1, 1, 1, [("source", offset, 3)])
        [(_, told)] = write.process((plan.path, [plan]))
        assert (tmp_path / "out" / plan.path).read_text() == text
        assert told.sha256 == hashlib.sha256(text.encode()).hexdigest()


def test_a_file_gets_its_name_only_when_it_is_whole(tmp_path: Path) -> None:
    def write_half(file: BinaryIO) -> None:
        file.write(b"half")
        raise RuntimeError("no more")

    with pytest.raises(RuntimeError), storage.writing(str(tmp_path / "f")) as file:
        write_half(file)
    assert not list(tmp_path.iterdir())


def test_an_error_that_is_about_another_file_is_not_blamed_on_this_one(tmp_path: Path) -> None:
    other = OSError(errno.ENOSPC, "No space left on device", "/other")
    with pytest.raises(OSError, match="/other") as caught, storage.writing(str(tmp_path / "f")):
        raise other
    assert caught.value is other
