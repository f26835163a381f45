"""A run with two models: what is checked before any work, what is written, what the ledger and the summary tell."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from beam_jobs import job
from beam_jobs.options import parse
from beam_jobs.preparation import prepare
from ccnet_pipeline.checksums import sha256_of
from ccnet_pipeline.frames import read_lines
from ccnet_pipeline.language.loading import ADDED_FILE, card_of
from ccnet_pipeline.sample import crawl_directory
from tests.lid_models import write_model

GIVEN = ["--input", str(sorted(crawl_directory().rglob("*.wet.gz"))[0]), "--output", "out"]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def second(here: Path) -> Path:
    """A model that says Hausa to everything, with a card that has it asked where a score is below 0.9."""
    model = write_model(here / "ours.bin", ["ha", "xh"])
    card = json.loads(card_of(ADDED_FILE).read_bytes())
    card |= {"labels": ["ha", "xh"], "sha256": sha256_of(model), "believed": {}, "believed_otherwise": 0.9}
    card_of(model).write_text(json.dumps(card))
    return model


def configuration(*argv: str) -> Any:
    return prepare(parse([*GIVEN, *argv])).configuration


def test_every_model_and_the_card_are_in_the_fingerprint(second: Path, here: Path, lid: str) -> None:
    made = configuration("--lid_model", lid, "--second_lid_model", str(second))
    assert made.lid_models == ("lid.176.ftz", "ours.bin", "zawgyi")
    assert made.models == {path.name: sha256_of(path) for path in (Path(lid), second, card_of(second))}
    assert made.fingerprint != configuration("--lid_model", lid, "--second_lid_model", "none").fingerprint
    card = card_of(second)
    card.write_text(card.read_text() + "\n")
    assert made.fingerprint != configuration("--lid_model", lid, "--second_lid_model", str(second)).fingerprint


@pytest.mark.parametrize(
    ("flags", "names"),
    [
        ([], ("lid.176.ftz", "added", "zawgyi")),
        (["--second_lid_model", "none"], ("lid.176.ftz", "zawgyi")),
        (["--preset", "ccnet"], ("lid.176.ftz",)),
        (["--preset", "ccnet", "--second_lid_model", "added"], ("lid.176.ftz", "added")),
    ],
)
def test_our_own_model_is_the_second_one_in_cc100_and_never_in_ccnet(
    flags: list[str], names: tuple[str, ...], here: Path, lid: str
) -> None:
    assert configuration("--lid_model", lid, *flags).lid_models == names


def test_it_is_not_taken_for_a_general_model_that_it_was_not_measured_with(here: Path) -> None:
    assert configuration("--lid_model", str(write_model(here / "glot.bin", ["swh_Latn"]))).lid_models == ("glot.bin",)


Spoil = Callable[[Path], object]


@pytest.mark.parametrize(
    ("spoil", "line"),
    [
        (lambda path: card_of(path).unlink(), r"ours\.json is missing, .*language train writes both$"),
        (lambda path: card_of(path).write_text("{}"), r"ours\.json is not the card of a model for --second_lid_model"),
        (lambda path: path.write_bytes(path.read_bytes()[:-1]), r"ours\.json is not the card of .*ours\.bin"),
        (lambda path: path.unlink(), r"^--second_lid_model .*ours\.bin: no such file; --second_lid_model none goes"),
    ],
)
def test_a_second_model_that_cannot_be_used_is_told_before_any_work(
    spoil: Spoil, line: str, second: Path, lid: str, capsys: pytest.CaptureFixture[str]
) -> None:
    spoil(second)
    assert job.main([*GIVEN, "--lid_model", lid, "--second_lid_model", str(second)]) == 2
    told = capsys.readouterr().err.removeprefix("build_cc100: ").removesuffix("\n")
    assert re.search(line, told)
    assert "\n" not in told
    assert not Path("out").exists()


def test_two_models_of_one_name_cannot_be_told_apart(second: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert job.main([*GIVEN, "--lid_model", str(second), "--second_lid_model", str(second)]) == 2
    assert capsys.readouterr().err == (
        "build_cc100: --lid_model and --second_lid_model are both called ours.bin; rename one\n"
    )


# The fingerprint has models by the names of their files.
def test_nor_can_a_general_model_of_the_name_of_our_own_file(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    general = write_model(here / ADDED_FILE.name, ["en", "sw"])
    assert job.main([*GIVEN, "--lid_model", str(general), "--second_lid_model", "added"]) == 2
    assert "are both called added.ftz; rename one" in capsys.readouterr().err


def test_a_run_keeps_the_answers_of_both_models_and_tells_the_quality_of_each_language(here: Path, lid: str) -> None:
    flags = ["--lid_model", lid, "--keep_labels", "--formats", "jsonl.zst,parquet", "--min_chars", "0"]
    assert job.main([*GIVEN, *flags]) == 0
    ledger = json.loads(Path("out/ledger.json").read_bytes())
    for folder in Path("out/shards").iterdir():
        shard = next(folder.glob("*.jsonl.zst"))
        with shard.open("rb") as stream:
            lines = [json.loads(line) for line in read_lines(stream)]
        assert pq.read_table(next(folder.glob("*.parquet"))).to_pylist() == lines
        for line in lines:
            assert {label["model"] for label in line["languages"]} == {"lid.176.ftz", "added"}
            assert line["language_model"] in ("lid.176.ftz", "added")
        scores = [line["language_score"] for line in lines]
        books = ledger["languages"][folder.name]
        assert books["mean_score"] == pytest.approx(sum(scores) / len(scores), abs=1e-4)
        assert (books["median_perplexity"], books["head_share"]) == (None, None)
        assert list(books) == ["records", "paragraphs", "characters", "mean_score", "median_perplexity", "head_share"]
