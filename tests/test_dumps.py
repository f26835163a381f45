"""Dumps one by one (`--hash_index`): each gives what one run over all of them gives, whatever happens on the way."""

from __future__ import annotations

import functools
import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from beam_jobs import job, verify
from beam_jobs.earlier_dumps import find_index
from beam_jobs.graph import Plan
from beam_jobs.run_directory import run_of
from beam_jobs.runners.cluster_jobs import FLINK, JobNote, write_notes
from ccnet_pipeline import sample
from ccnet_pipeline.command import IN_USE
from ccnet_pipeline.dedup.duplicates import Keep
from ccnet_pipeline.hash_index import __main__ as hash_index
from ccnet_pipeline.hash_index.directory import IndexReader, read_index
from ccnet_pipeline.hash_index.index import Index, empty
from ccnet_pipeline.storage.local import LocalStore
from ccnet_pipeline.storage.locks import locked
from tests.test_build import documents, result

SEGMENTS = sorted(map(str, (sample.crawl_directory() / "crawl-data").rglob("*.wet.gz")))
A, B, C = SEGMENTS[:1], SEGMENTS[1:3], SEGMENTS[3:]  # in the order of their names
Lines = list[dict[str, Any]]


def build(output: Path, lid: str, inputs: list[str], *flags: object, status: int = 0) -> None:
    arguments = ["--input", *inputs, f"--output={output}", f"--lid_model={lid}", "--workers=1", *map(str, flags)]
    assert job.main(arguments) == status


def lines(output: Path, inputs: list[str]) -> Lines:
    """All documents of some segments, in order."""
    names = {path[path.index("crawl-data/") :] for path in inputs}
    found = [line for shard in sorted((output / "shards").rglob("*.zst")) for line in documents(shard)]
    return [line for line in found if line["segment"] in names]


def ledger(output: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((output / "ledger.json").read_text("utf-8"))
    return content


def hashes(folder: Path) -> dict[int, bool]:
    """The hashes of an index, and whether several records have each."""
    found, several = IndexReader(read_index(str(folder)), str(folder)).take(1 << 64)
    return dict(zip(found.tolist(), several.tolist(), strict=True))


def last_line(capsys: pytest.CaptureFixture[str]) -> str:
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 1, said
    return said[0]


@pytest.fixture(scope="module")
def after_a(lid: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the index after A, and the run; a test that changes it takes a copy."""
    folder = tmp_path_factory.mktemp("after-a")
    build(folder / "a", lid, A, f"--hash_index={folder / 'index'}")
    return folder


@pytest.fixture
def place(after_a: Path, tmp_path: Path) -> Path:
    """A copy of it. Its runs are in another place now, and so is the index that their run.json names."""
    folder = Path(shutil.copytree(after_a, tmp_path / "copy"))
    run_file = folder / "a" / "run.json"
    run_file.write_text(run_file.read_text("utf-8").replace(str(after_a), str(folder)), "utf-8")
    return folder


@pytest.mark.parametrize(("keep", "dumps"), [("none", (A, B, C)), ("first", (A, B))])
def test_dumps_one_by_one_give_what_one_run_gives(
    keep: Keep,
    dumps: Sequence[list[str]],
    lid: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    kept = (f"--dedup_keep={keep}", *(["--count_copies"] if keep == "first" else []))
    flags = (*kept, "--dedup_buckets=3", f"--hash_index={tmp_path / 'index'}")
    monkeypatch.setattr(job, "Plan", functools.partial(Plan, block_segments=1))
    so_far, before = list[str](), dict[int, bool]()
    for number, dump in enumerate(dumps):
        output, together = tmp_path / f"dump-{number}", tmp_path / f"together-{number}"
        build(output, lid, dump, *flags)
        after, so_far = hashes(tmp_path / "index"), [*so_far, *dump]
        come_again = sum(after[each] and not several for each, several in before.items())
        assert ledger(output)["index_duplicates_published"] == (come_again if keep == "none" else 0)
        assert verify.main([str(output)]) == 0
        assert capsys.readouterr().out.endswith("; none of them is of an earlier run\n")
        if number:
            assert come_again > 0
            build(together, lid, so_far, *kept)
            assert lines(output, dump) == lines(together, dump) != []
            assert "index_duplicates_published" not in ledger(together)
        before = after
    build(tmp_path / "at-once", lid, so_far, f"--hash_index={tmp_path / 'index-at-once'}")
    assert read_index(str(tmp_path / "index")).digest == read_index(str(tmp_path / "index-at-once")).digest
    assert hash_index.main(["verify", str(tmp_path / "index")]) == 0
    assert len([path for path in (tmp_path / "index").iterdir() if path.is_dir()]) == 2  # the last two generations


def test_the_same_command_again_finds_its_run_complete(
    place: Path, lid: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = (place / "index" / "index.json").read_bytes()
    build(place / "a", lid, A, f"--hash_index={place / 'index'}")
    assert "is complete already" in capsys.readouterr().out
    build(place / "b", lid, B, f"--hash_index={place / 'index'}")
    capsys.readouterr()
    build(place / "a", lid, A, f"--hash_index={place / 'index'}")  # also when another was added since
    assert "is complete already" in capsys.readouterr().out
    assert (place / "index" / "index.json").read_bytes() != before


@pytest.mark.parametrize(
    ("moment", "is_extended"),
    [("/085-170.index.json", False), ("/index/index.json", False), ("/b/manifest.json", True)],
)
def test_a_run_that_is_stopped_leaves_the_index_whole_and_goes_on(
    moment: str, is_extended: bool, place: Path, lid: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = (place / "index" / "index.json").read_bytes()
    flags = [f"--hash_index={place / 'index'}"]
    writing = LocalStore.writing

    def stop(store: LocalStore, path: str) -> Any:
        if path.endswith(moment):
            [part] = (place / "index").glob("000002-*/00-54.hashes")
            part.with_name(".writing-00-54.hashes-0f").touch()  # as if it had been killed
            raise KeyboardInterrupt
        return writing(store, path)

    with monkeypatch.context() as patch:
        patch.setattr(LocalStore, "writing", stop)
        build(place / "b", lid, B, *flags, "--dedup_buckets=3", status=130)
    assert ((place / "index" / "index.json").read_bytes() != before) == is_extended
    assert hash_index.main(["verify", str(place / "index")]) == 0
    build(place / "b", lid, B, *flags, "--dedup_buckets=2")
    index = read_index(str(place / "index"))
    names = {"00-ff.hashes", "index.json", *own_parts(index)}
    assert {path.name for path in (place / "index").rglob("*") if path.is_file()} == names
    assert [entry.segments for entry in index.history] == [1, 2]
    assert ledger(place / "b")["index_duplicates_published"] == index.history[-1].come_again
    assert len(lines(place / "b", B)) == sum(file["documents"] for file in manifest(place / "b")["files"]) > 0


def own_parts(index: Index) -> set[str]:
    return {part.file.rpartition("/")[2] for part in index.parts}


def manifest(output: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((output / "manifest.json").read_text("utf-8"))
    return content


def test_overwriting_the_last_run_takes_back_what_it_added(place: Path, lid: str) -> None:
    flags = [f"--hash_index={place / 'index'}"]
    build(place / "b", lid, B, *flags, "--min_chars=900")
    assert read_index(str(place / "index")).history[-1].segments == 2
    build(place / "b", lid, B, *flags, "--overwrite")
    build(place / "all", lid, [*A, *B], f"--hash_index={place / 'at-once'}")
    assert read_index(str(place / "index")).digest == read_index(str(place / "at-once")).digest
    assert lines(place / "b", B) == lines(place / "all", B)
    assert len(read_index(str(place / "index")).history) == 2


def test_overwriting_the_first_run_leaves_an_index_of_it_alone(place: Path, lid: str) -> None:
    before, index = result(place / "a"), read_index(str(place / "index"))
    build(place / "a", lid, A, f"--hash_index={place / 'index'}", "--overwrite")
    again = read_index(str(place / "index"))
    assert result(place / "a") == before
    assert (again.digest, again.generation, len(again.history)) == (index.digest, 1, 1)
    assert again.history[0].run != index.history[0].run


def test_a_list_that_overlaps_one_of_an_earlier_run_is_remarked_on(
    place: Path, lid: str, capsys: pytest.CaptureFixture[str]
) -> None:
    build(place / "b", lid, B, f"--hash_index={place / 'index'}")
    assert "were some of its archives read" not in capsys.readouterr().err
    build(place / "again", lid, B[:1], f"--hash_index={place / 'index'}")
    assert "had 100.0% of the paragraphs of this run already: were some of its archives read" in capsys.readouterr().err


def test_a_run_that_others_were_compared_with_is_not_overwritten(
    place: Path, lid: str, capsys: pytest.CaptureFixture[str]
) -> None:
    build(place / "b", lid, B, f"--hash_index={place / 'index'}")
    state, run = (place / "index" / "index.json").read_bytes(), result(place / "a")
    capsys.readouterr()
    build(place / "a", lid, A, f"--hash_index={place / 'index'}", "--overwrite", status=2)
    assert "was added after this one" in last_line(capsys)
    build(place / "a", lid, A, "--overwrite", status=2)
    assert f"give --hash_index {place / 'index'}" in last_line(capsys)
    for flags, what in (
        ([], "was given"),
        ([f"--hash_index={place / 'new'}"], "was another, or other runs were added"),
    ):
        build(place / "b", lid, B, *flags, status=2)
        assert f"of another configuration (--hash_index {what}" in last_line(capsys)
    assert ((place / "index" / "index.json").read_bytes(), result(place / "a")) == (state, run)


def test_the_note_of_a_job_is_no_content_of_an_index(tmp_path: Path) -> None:
    """A job on a cluster notes itself in the folder, and puts the first index there at its end."""
    write_notes([str(tmp_path)], JobNote(runner=FLINK, master="http://cluster:8081", name="cc100-1"))
    assert find_index(str(tmp_path), "").current == empty()


def test_what_would_not_compare_is_refused_before_any_work(
    place: Path, lid: str, capsys: pytest.CaptureFixture[str]
) -> None:
    index, new = place / "index", place / "new"
    (place / "strange").mkdir()
    (place / "strange" / "thesis.tex").touch()
    for flags, words in (
        ([f"--hash_index={index}", "--dedup_scope=group:2"], "leave one of them out"),
        ([f"--hash_index={index}", "--preset=ccnet"], "--normalization ccnet --title field"),
        ([f"--hash_index={place / 'strange'}"], "is no hash index, and not empty"),
        (["--hash_index="], "--hash_index is empty"),
        ([f"--hash_index={new}"], "choose another folder"),
        ([f"--hash_index={new / 'index'}"], "choose another folder"),
    ):
        build(new, lid, B, *flags, status=2)
        assert words in last_line(capsys)
    build(index / "new", lid, B, f"--hash_index={index}", status=2)
    assert f"--output {index / 'new'} is in --hash_index" in last_line(capsys)
    build(new, lid, A, f"--hash_index={index}", status=2)
    assert "has these inputs already" in last_line(capsys)
    with locked(index):
        build(new, lid, B, f"--hash_index={index}", status=IN_USE)
    assert "another run is writing" in last_line(capsys)
    assert not new.exists()


def test_an_index_that_has_lost_its_name_is_not_begun_anew(
    place: Path, lid: str, capsys: pytest.CaptureFixture[str]
) -> None:
    index = place / "index"
    (index / "index.json").unlink()
    [copy] = index.rglob("index.json")
    build(place / "b", lid, B, f"--hash_index={index}", status=2)
    assert f"has lost its index.json; copy {copy} to {index}" in last_line(capsys)
    assert not (place / "b").exists()
    # The run that was killed between its two copies of index.json goes on.
    begun = find_index(str(index), run_of(str(place / "a")))
    assert begun.current == empty()
    begun.take_back()  # or it is overwritten
    assert list(index.iterdir()) == []


def test_a_damaged_index_ends_the_run_before_anything_is_published(
    place: Path, lid: str, capsys: pytest.CaptureFixture[str]
) -> None:
    [part] = (place / "index").rglob("*.hashes")
    data = bytearray(part.read_bytes())
    data[-1] ^= 1
    part.write_bytes(data)
    build(place / "b", lid, B, f"--hash_index={place / 'index'}", status=2)
    said = capsys.readouterr().err
    assert f"{part} is damaged: cell ff" in said
    assert not (place / "b" / "manifest.json").exists()
    part.write_bytes(data[:-1])
    build(place / "b", lid, B, f"--hash_index={place / 'index'}", status=2)
    assert f"{part} is damaged" in last_line(capsys)
