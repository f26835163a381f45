"""Other formats, made later of a run that is complete: the bytes that the run itself would have written."""

import hashlib
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from beam_jobs import remove, run_directory, verify
from ccnet_pipeline import over_files
from ccnet_pipeline.columns import OPTIONAL
from ccnet_pipeline.documents import Document, LanguageLabel
from ccnet_pipeline.export import conversion, state
from ccnet_pipeline.export.__main__ import main
from ccnet_pipeline.formats import FORMATS, JSONL, PARQUET, TEXT
from ccnet_pipeline.shards.swapping import PENDING_FILE
from tests.corpora import SEGMENTS, change_json, document, replace_file, write_corpus

EVERY = ",".join(FORMATS)
Bytes = dict[str, str]  # path -> sha256


def documents(**changes: Any) -> list[Document]:
    """Two shards of a bucket, several buckets of a language, a file of several segments, and a reject."""
    return [
        document(1, "en", "head", 0, **changes),
        document(2, "en", "head", 1, **changes),
        document(3, "en", "head", 2, **changes),
        document(4, "en", "tail", 0, **changes),
        document(5, "en", "middle", 1, **changes),
        document(6, "sw", "all", 0, host="gone.example", **changes),
        document(7, "sw", "all", 2, **changes),
        document(8, "en", reason="bucket_tail"),
    ]


def shard_of(each: Document) -> int:
    return SEGMENTS.index(each.segment) // 2


def corpus(output: Path, formats: Sequence[str], **options: Any) -> Path:
    return write_corpus(output, documents(), formats=formats, shard_of=shard_of, **options)


def export(output: Path, *flags: str) -> int:
    return main([str(output), "--workers=1", *flags])


def shards(output: Path) -> Bytes:
    paths = [path for path in (output / "shards").rglob("*") if path.is_file()]
    return {str(path.relative_to(output)): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def manifest(output: Path) -> Any:
    return json.loads((output / "manifest.json").read_bytes())


@pytest.fixture
def whole(tmp_path: Path) -> Path:
    """What a run with all formats writes."""
    return corpus(tmp_path / "whole", FORMATS)


@pytest.mark.parametrize("formats", [[JSONL], [PARQUET], [JSONL, TEXT]])
def test_what_is_exported_is_what_the_run_would_have_written(tmp_path: Path, whole: Path, formats: list[str]) -> None:
    output = corpus(tmp_path / "out", formats)
    assert export(output, f"--formats={EVERY}") == 0
    assert shards(output) == shards(whole)
    assert manifest(output) == manifest(whole)
    assert verify.main([str(output), "--workers=1"]) == 0
    assert not (output / "work").exists()
    assert "shards/sw/*.parquet" in (output / "README.md").read_text("utf-8")


def test_columns_of_labels_are_exported_too(tmp_path: Path) -> None:
    optional, labels = OPTIONAL["keep_labels"], [LanguageLabel("lid.176.ftz", "sw", 0.61)]
    made = [each for each in documents(languages=labels, language_model="added") if type(each) is Document]
    whole = write_corpus(tmp_path / "whole", made, formats=FORMATS, optional=optional)
    output = write_corpus(tmp_path / "out", made, optional=optional)
    assert export(output, "--formats=parquet,txt.xz") == 0
    assert shards(output) == shards(whole)


@pytest.mark.parametrize("formats", [[JSONL], [PARQUET]])
def test_a_folder_of_its_own_gets_what_is_asked_for(tmp_path: Path, whole: Path, formats: list[str]) -> None:
    output, target = corpus(tmp_path / "out", formats), tmp_path / "target"
    before = shards(output)
    assert export(output, f"--formats={EVERY}", f"--output={target}", "--languages=sw") == 0
    assert shards(target) == {path: sha256 for path, sha256 in shards(whole).items() if path.startswith("shards/sw")}
    wanted = [row for row in manifest(whole)["files"] if row["path"].startswith("shards/sw")]
    assert manifest(target)["files"] == wanted
    assert shards(output) == before
    card = (target / "README.md").read_text("utf-8")
    assert '"sw"' in card
    assert '"en"' not in card


def test_a_second_export_adds_to_the_folder_and_makes_nothing_twice(
    tmp_path: Path, whole: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output, target = corpus(tmp_path / "out", [JSONL]), tmp_path / "target"
    for flags in (["--formats=parquet", "--languages=sw"], ["--formats=txt.xz", "--languages=en"]):
        assert export(output, f"--output={target}", *flags) == 0
    assert set(shards(target)) == {"shards/sw/all-00000.parquet", "shards/sw/all-00001.parquet", "shards/en.txt.xz"}
    assert shards(target).items() <= shards(whole).items()
    assert export(output, "--formats=parquet", "--languages=sw", f"--output={target}") == 0
    assert capsys.readouterr().out.endswith(f"{target} has parquet already: nothing to do\n")


class _StoppedError(Exception):
    pass


@pytest.mark.parametrize("in_folder", [False, True])
def test_an_interrupted_export_goes_on_where_it_stopped(
    tmp_path: Path, whole: Path, monkeypatch: pytest.MonkeyPatch, in_folder: bool
) -> None:
    output = corpus(tmp_path / "out", [JSONL])
    target = tmp_path / "target" if in_folder else output
    flags = ["--formats=parquet,txt.xz", *([f"--output={target}"] if in_folder else [])]
    before = manifest(output)
    made = list[str]()
    note_done = state.note_done

    def stop_after_three(*arguments: Any) -> None:
        note_done(*arguments)
        made.append(arguments[1].path)
        if len(made) == 3:
            raise _StoppedError

    monkeypatch.setattr(conversion, "note_done", stop_after_three)
    with pytest.raises(_StoppedError):
        export(output, *flags)
    assert manifest(output) == before
    assert not (target / "README.md").exists()
    assert export(output, *flags) == 0
    assert len(made) == len(set(made)) == len([path for path in shards(whole) if not path.endswith(JSONL)])
    assert {path: each for path, each in shards(target).items() if not path.endswith(JSONL)} == {
        path: each for path, each in shards(whole).items() if not path.endswith(JSONL)
    }


def take_out(output: Path, tmp_path: Path) -> None:
    hosts = tmp_path / "hosts.txt"
    hosts.write_text("gone.example\n")
    assert remove.main([str(output), f"--hosts={hosts}", "--workers=1"]) == 0


@pytest.fixture
def interrupted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run in which a file of an export stands that no manifest names."""
    output = corpus(tmp_path / "out", [JSONL])

    def stop(*_: Any) -> None:
        raise _StoppedError

    with monkeypatch.context() as patch:
        patch.setattr(conversion, "note_done", stop)
        with pytest.raises(_StoppedError):
            export(output, "--formats=parquet")
    assert any(path.endswith(PARQUET) for path in shards(output))
    return output


def test_a_removal_leaves_nothing_of_an_interrupted_export(interrupted: Path, tmp_path: Path) -> None:
    take_out(interrupted, tmp_path)
    assert all(path.endswith(JSONL) for path in shards(interrupted))
    assert not (interrupted / "work").exists()
    assert verify.main([str(interrupted), "--workers=1"]) == 0


def test_other_formats_than_those_of_an_interrupted_export_leave_nothing_of_it(interrupted: Path) -> None:
    assert export(interrupted, "--formats=txt.xz") == 0
    assert not any(path.endswith(PARQUET) for path in shards(interrupted))


def test_a_run_that_is_overwritten_leaves_nothing_of_an_interrupted_export(interrupted: Path) -> None:
    run_directory._remove_run(str(interrupted), [], None)
    assert not [path for path in interrupted.rglob("*") if path.is_file()]


def test_a_removal_reaches_what_was_exported(tmp_path: Path, whole: Path) -> None:
    output = corpus(tmp_path / "out", [JSONL])
    assert export(output, f"--formats={EVERY}") == 0
    for each in (output, whole):
        take_out(each, tmp_path)
    assert shards(output) == shards(whole)
    assert verify.main([str(output), "--workers=1"]) == 0
    card = (output / "README.md").read_text("utf-8")
    assert "| `sw` | Swahili | 1 | 2 |" in card
    assert "| `removed_later` | 1 | 2 | 39 |" in card


def test_an_export_after_a_removal_has_only_what_is_left_in_its_folder_too(tmp_path: Path, whole: Path) -> None:
    output, target = corpus(tmp_path / "out", [JSONL]), tmp_path / "target"
    assert export(output, f"--formats={EVERY}", f"--output={target}") == 0
    for each in (output, whole):
        take_out(each, tmp_path)
    assert export(output, "--formats=parquet", f"--output={target}") == 0
    assert export(output, f"--formats={EVERY}") == 0
    assert shards(target) == shards(output) == shards(whole)
    assert "shards/sw/all-00000.parquet" not in shards(target)
    assert {row["path"] for row in manifest(target)["files"]} == set(shards(target))


# --- mistakes, and damage


def message(capsys: pytest.CaptureFixture[str]) -> str:
    error = capsys.readouterr().err
    assert error.startswith("export: ")
    assert error.count("\n") == 1
    return error


@pytest.mark.parametrize(
    ("flags", "what"),
    [
        (["--formats=csv"], "--formats 'csv': want some of jsonl.zst, parquet, txt.xz, separated by commas"),
        (["--formats="], "--formats '': want some of"),
        (["--formats=parquet", "--languages=sw"], "--languages needs --output"),
        (["--formats=parquet", "--languages=,", "--output=x"], "--languages is empty"),
        (["--formats=parquet", "--languages=sw,xx", "--output={tmp}/t"], "--languages xx: .* has en, sw"),
        (["--formats=parquet", "--output={tmp}/out"], "--output .*out is a run directory"),
        (["--formats=parquet", "--output={tmp}"], "--output .* exists and holds no export; choose an empty or new"),
        (["--formats=parquet", "--workers=-1"], "--workers must be 0 or more"),
        ([], "the following arguments are required: --formats"),
    ],
)
def test_a_mistake_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str], flags: list[str], what: str) -> None:
    output = corpus(tmp_path / "out", [JSONL])
    before = shards(output)
    assert export(output, *(flag.format(tmp=tmp_path) for flag in flags)) == 2
    assert re.search(what, message(capsys))
    assert shards(output) == before
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize("name", ["run.json", "manifest.json", "ledger.json"])
def test_there_is_no_export_of_half_a_run(tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    output = corpus(tmp_path / "out", [JSONL])
    (output / name).unlink()
    assert export(output, "--formats=parquet") == 2
    assert name in message(capsys)


def test_text_alone_is_no_source(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = corpus(tmp_path / "out", [TEXT])
    assert export(output, "--formats=parquet") == 2
    assert "are text alone" in message(capsys)


def test_a_run_that_kept_nothing_has_nothing_to_export(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = write_corpus(tmp_path / "out", [])
    assert export(output, "--formats=parquet") == 0
    assert capsys.readouterr().out == f"{output} holds no document: there is nothing to export\n"


def test_nothing_is_exported_while_a_removal_is_not_at_its_end(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = corpus(tmp_path / "out", [JSONL])
    (output / "removed").mkdir()
    (output / "removed" / PENDING_FILE).write_text("{}")
    assert export(output, "--formats=parquet") == 2
    assert "a removal from" in message(capsys)


@pytest.mark.parametrize("kind", [JSONL, PARQUET])
@pytest.mark.parametrize("wanted", FORMATS)
def test_a_damaged_shard_is_named_and_nothing_half_is_left(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: str, wanted: str
) -> None:
    output, target = corpus(tmp_path / "out", [kind]), tmp_path / "target"
    path = output / f"shards/sw/all-00000.{kind}"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    assert export(output, f"--formats={wanted}", f"--output={target}", "--languages=sw") == 2
    assert f"all-00000.{kind} cannot be read: " in message(capsys)
    assert not list(target.rglob("all-00000.*"))
    assert not (target / "manifest.json").exists()


def test_counts_that_the_manifest_has_otherwise_are_a_mistake_of_its(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = corpus(tmp_path / "out", [JSONL])
    path = "shards/sw/all-00000.jsonl.zst"
    replace_file(output, path, (output / path).read_bytes(), documents=2)
    assert export(output, "--formats=parquet") == 2
    assert "all-00000.jsonl.zst does not hold what manifest.json says" in message(capsys)


def test_what_does_not_agree_with_the_ledger_is_not_published(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = corpus(tmp_path / "out", [JSONL])
    change_json(output / "ledger.json", lambda ledger: ledger["languages"]["sw"]["characters"].update(kept=1))
    before = manifest(output)
    assert export(output, "--formats=txt.xz") == 1
    assert "txt.xz of sw holds 78 characters, but 1 were kept; this is a defect" in message(capsys)
    assert manifest(output) == before


def test_several_processes_make_the_same_files(tmp_path: Path, whole: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(over_files, "SMALL_BYTES", 0)
    output = corpus(tmp_path / "out", [JSONL])
    assert main([str(output), "--workers=2", "--formats=parquet,txt.xz"]) == 0
    assert shards(output) == shards(whole)
