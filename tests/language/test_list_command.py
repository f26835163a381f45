"""`python -m ccnet_pipeline.language list`: for a terminal, a pipe, a program."""

import json
import sys
from pathlib import Path

import pytest

from ccnet_pipeline.language import list_command
from ccnet_pipeline.language.__main__ import main
from ccnet_pipeline.language.codes import LANGUAGES, TABLE


def listed(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(["list", *arguments]) == 0
    return capsys.readouterr().out


def test_a_pipe_gets_every_language_and_every_column(capsys: pytest.CaptureFixture[str]) -> None:
    heading, *lines = listed(capsys).splitlines()
    assert [line.split()[0] for line in lines] == list(LANGUAGES)
    assert [heading.partition(word)[1] for word in ("lid.176", "OpenLID v3", "XLM-R GiB", "own name")].count("") == 0
    assert "arb_Arab +10  " in lines[2]


@pytest.mark.parametrize("width", [60, 80, 120])
def test_a_terminal_gets_the_columns_that_fit(
    width: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setenv("TERM", "xterm")
    *lines, last = listed(capsys).splitlines()
    assert len(lines) == 117
    assert max(map(len, lines)) <= width
    assert "…" not in "".join(lines)
    assert last.startswith("There is no room here for 639-3, ")


def test_a_language_by_any_of_its_names(capsys: pytest.CaptureFixture[str]) -> None:
    records = [record.splitlines() for record in listed(capsys, "qu", "hau", "swh_Latn", "zh", "que").split("\n\n")]
    assert [record[0].split()[1] for record in records] == ["qu", "ha", "sw", "zh-Hans", "zh-Hant"]
    assert "GlotLID v3   qub_Latn quf_Latn qug_Latn" in records[0][6]
    assert records[1][4:6] == ["lid.176      -", "added        ha"]
    assert records[4][4:6] == ["lid.176      zh", "added        zh"]


def test_a_package_without_the_added_model_has_a_table(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(list_command, "ADDED_FILE", tmp_path / "added.ftz")
    monkeypatch.setattr(list_command, "_added_labels", list_command._added_labels.__wrapped__)
    assert "added        -" in listed(capsys, "ha")


def test_an_unknown_language_is_the_users_mistake(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "ha", "ceb"]) == 2
    assert capsys.readouterr() == ("", "language: 'ceb' is no language of CC-100; the command without it lists all\n")


def test_csv_is_the_table_itself(capsys: pytest.CaptureFixture[str]) -> None:
    assert listed(capsys, "--format=csv") == TABLE.read_text("utf-8")
    assert listed(capsys, "--format=csv", "sw").splitlines()[1].startswith("sw,Swahili,Kiswahili,Latn,swa,sw,swh_Latn")


def test_json_has_lists_numbers_and_nulls(capsys: pytest.CaptureFixture[str]) -> None:
    (sr,) = json.loads(listed(capsys, "--format=json", "sr"))
    assert sr["script"] == ["Cyrl", "Latn"]
    assert sr["xlmr_gib"] == 9.1
    assert sr["ccnet_lm"] is None
