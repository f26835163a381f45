"""Precision, recall and F1 of languages, and the command that prints them."""

import json
from pathlib import Path

import pytest

from ccnet_pipeline.language.__main__ import main
from ccnet_pipeline.language.evaluation import evaluate, merged
from tests.lid_models import write_model

IS = ["sw", "sw", "sw", "en", "nn"]
ANSWERED = ["sw", "sw", "en", "en", "da"]


def test_precision_recall_and_f1_of_each_language() -> None:
    quality = evaluate(IS, ANSWERED).languages
    assert (quality["sw"].precision, quality["sw"].recall, quality["sw"].f1) == (1, 2 / 3, 0.8)
    assert (quality["en"].precision, quality["en"].recall, quality["en"].f1) == (0.5, 1, 2 / 3)
    assert (quality["nn"].f1, quality["da"].f1) == (0, 0)


def test_the_three_averages_differ_by_the_languages_that_they_count() -> None:
    evaluation = evaluate(IS, ANSWERED)
    assert evaluation.macro_f1("cc100") == pytest.approx((0.8 + 2 / 3) / 2)
    assert evaluation.macro_f1("gold") == pytest.approx((0.8 + 2 / 3) / 3)
    assert evaluation.macro_f1("everything") == pytest.approx((0.8 + 2 / 3) / 4)


def test_what_was_not_determined_is_missed_and_no_confusion() -> None:
    evaluation = evaluate(["sw", "sw"], ["und", "sw"])
    assert evaluation.languages["sw"].recall == 0.5
    assert (set(evaluation.languages), evaluation.confusions) == ({"sw"}, {})


def test_the_worst_confusions_are_those_of_the_largest_share_of_a_language() -> None:
    assert evaluate(IS, ANSWERED).worst_confusions(2) == [("nn", "da", 1), ("sw", "en", 1)]


def test_languages_that_cannot_be_told_apart_are_counted_as_one() -> None:
    assert merged(["bs", "hr", "en"], [("bs", "hr")]) == ["bs+hr", "bs+hr", "en"]


@pytest.fixture
def texts(tmp_path: Path) -> Path:
    folder = tmp_path / "texts"
    (folder / "other").mkdir(parents=True)
    (folder / "sw.txt").write_text("Watu wengi wanapenda kusoma vitabu vya zamani.\n\nHabari\n")
    (folder / "other" / "nno.txt").write_text("Alle menneske er fødde til fridom og med same rettar.\n")
    return folder


def test_evaluate_prints_each_language_the_averages_and_the_strays(
    tmp_path: Path, texts: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = write_model(tmp_path / "swahili.ftz", ["sw"])
    assert main(["evaluate", "--lid_model", str(model), "--text", str(texts)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[2].split() == ["sw", "1", "0.500", "1.000", "0.667", "2", "0.667", "1.000", "0.800"]
    assert "paragraphs: 2 decided by swahili.ftz" in lines
    assert "  100.00% of the texts in other languages were taken for one of CC-100" in lines


def test_what_evaluate_prints_fits_a_narrow_terminal(
    tmp_path: Path, texts: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for code in ("af", "da", "de", "en", "es", "fi", "ha", "it", "no", "zh-Hans"):
        (texts / f"{code}.txt").write_text("Watu wengi wanapenda kusoma vitabu vya zamani.\n")
    model = write_model(tmp_path / "swahili.ftz", ["sw"])
    assert main(["evaluate", "--lid_model", str(model), "--text", str(texts)]) == 0
    assert max(map(len, capsys.readouterr().out.splitlines())) <= 80


def test_a_least_score_that_no_text_can_reach_is_a_mistake(
    tmp_path: Path, texts: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = write_model(tmp_path / "swahili.ftz", ["sw"])
    assert main(["evaluate", "--lid_model", str(model), "--text", str(texts), "--min_language_score", "50"]) == 2
    assert capsys.readouterr().err == "language: --min_language_score must be in [0, 1], not 50.0\n"


def test_evaluate_gives_programs_all_that_it_knows(
    tmp_path: Path, texts: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = write_model(tmp_path / "swahili.ftz", ["sw"])
    assert main(["evaluate", "--lid_model", str(model), "--text", str(texts), "--json"]) == 0
    documents = json.loads(capsys.readouterr().out)["documents"]
    assert documents["languages"]["sw"] == {"texts": 2, "precision": 0.6667, "recall": 1.0, "f1": 0.8}
    assert (documents["confusions"], documents["strays"]) == ([["nn", "sw", 1]], 1.0)
