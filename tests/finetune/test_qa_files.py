"""Files in SQuAD's form: SQuAD, MLQA, XQuAD, TyDiQA-GoldP; and what is refused with file, line and question."""

import json
from pathlib import Path
from typing import Any

import pytest

from model.errors import UserError
from model.finetune.qa_files import read_folder
from model.finetune.squad import Answer, read_questions
from model.finetune.task import DEV, TEST, TRAIN

CONTEXT = "Die 😀 Mauer fiel 1989."


def question(number: int, answer: str = "Mauer", start: int | None = None, **more: Any) -> dict[str, Any]:
    where = CONTEXT.index(answer) if start is None else start
    return {"id": f"q{number}", "question": "Was?", "answers": [{"text": answer, "answer_start": where}]} | more


def write(path: Path, *questions: dict[str, Any], context: str = CONTEXT) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    data = {"data": [{"title": "t", "paragraphs": [{"context": context, "qas": list(questions)}]}], "version": 1.0}
    path.write_text(json.dumps(data, indent=1))
    return path


def test_offsets_are_code_points(tmp_path: Path) -> None:
    (found,) = read_questions(write(tmp_path / "a.json", question(1, start=6)), "de")
    assert found.answers == (Answer("Mauer", 6),)
    assert found.context[6:11] == "Mauer"


def test_names_of_all_sets(tmp_path: Path) -> None:
    write(tmp_path / "squad" / "train-v1.1.json", question(1))
    write(tmp_path / "squad" / "dev-v1.1.json", question(2))
    write(tmp_path / "mlqa" / "dev-context-en-question-en.json", question(3))
    write(tmp_path / "mlqa" / "test-context-de-question-de.json", question(4))
    write(tmp_path / "mlqa" / "test-context-de-question-en.json", question(5))
    write(tmp_path / "mlqa-translate-train" / "de_squad-translate-train-train-v1.1.json", question(6))
    write(tmp_path / "mlqa-translate-train" / "de_squad-translate-train-dev-v1.1.json", question(7))
    write(tmp_path / "xquad.el.json", question(8))
    write(tmp_path / "tydiqa-goldp-v1.1-train.json", question(9, id="swahili-1-0"), question(9, id="arabic-1-0"))
    write(tmp_path / "tydiqa-goldp-v1.1-dev" / "tydiqa-goldp-dev-finnish.json", question(10))
    write(tmp_path / "tydiqa.ko.dev.json", question(11))
    data = read_folder(tmp_path)
    found = {
        (language, split): part[0].id for language, splits in data.examples.items() for split, part in splits.items()
    }
    assert found == {
        ("en", TRAIN): "q1",
        ("en", DEV): "q3",
        ("de", TEST): "q4",
        ("de", TRAIN): "q6",
        ("el", TEST): "q8",
        ("sw", TRAIN): "swahili-1-0",
        ("ar", TRAIN): "arabic-1-0",
        ("fi", TEST): "q10",
        ("ko", TEST): "q11",
    }
    assert data.examples["de"][TEST][0].language == "de"
    assert data.notes == (
        f"{tmp_path / 'squad' / 'dev-v1.1.json'} is left out: MLQA's dev set of English is there",
        "1 files of MLQA have a question of another language than the context: left out",
    )
    assert data.partial[0] == "train of en has 1 questions of 87599"


def test_squads_dev_set_serves_where_mlqas_is_not(tmp_path: Path) -> None:
    write(tmp_path / "dev-v1.1.json", question(1))
    data = read_folder(tmp_path)
    assert list(data.examples["en"]) == [DEV]
    assert data.partial == ("the paper's test sets are MLQA's",)


def test_tydiqas_dev_set_is_one_file_or_one_a_language(tmp_path: Path) -> None:
    whole = write(tmp_path / "tydiqa-goldp-v1.1-dev.json", question(1, id="arabic-1"), question(2, id="korean-1"))
    assert {language: list(splits) for language, splits in read_folder(tmp_path).examples.items()} == {
        "ar": [TEST],
        "ko": [TEST],
    }
    write(tmp_path / "tydiqa-goldp-dev-arabic.json", question(1))
    data = read_folder(tmp_path)
    assert list(data.examples) == ["ar"]
    assert data.notes == (f"{whole} is left out: files of its languages are there",)


def test_a_file_without_answers_is_left_out_and_said(tmp_path: Path) -> None:
    write(tmp_path / "xquad.de.json", question(1))
    path = write(tmp_path / "xquad.el.json", question(1, answers=[]), question(2, answers=[]))
    data = read_folder(tmp_path)
    assert list(data.examples) == ["de"]
    assert data.notes == (f"{path} has no answers: it is left out",)


@pytest.mark.parametrize(
    ("asked", "what"),
    [
        (question(2, start=7), "'Mauer' does not stand at 7 of its context, but at 6"),
        (question(2, start=-18), "'Mauer' does not stand at -18"),
        (question(2, start=9), "but at 6: count characters, not bytes"),
        (question(2, "1989", 18), "but at 17: count characters, not UTF-16 units"),
        (question(2, "Maurer", 6), "'Maurer' does not stand at 6 of its context nor elsewhere"),
        (question(2, " ", 3), "an answer is empty"),
        (question(2, answers=[]), "it has no answer, and others do (SQuAD 2.0 has such)"),
        (question(1), "the id stands twice"),
    ],
)
def test_an_answer_that_does_not_stand_there_is_named_by_its_question(
    tmp_path: Path, asked: dict[str, Any], what: str
) -> None:
    path = write(tmp_path / "train-v1.1.json", question(1), asked)
    line = path.read_text().split("\n").index(f'       "id": "{asked["id"]}",') + 1
    with pytest.raises(UserError) as caught:
        read_folder(tmp_path)
    assert str(caught.value).startswith(f"{path}, line {line}: question {asked['id']}: ")
    assert what in str(caught.value)


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ('{"data": []}', None, "has no question"),
        ("", 1, "truncated"),
        ('{"data":\n[{"paragraphs"\n', 2, "truncated"),
        ('{"data":\n[,]}', 2, "malformed"),
        ('{"id": "1"}\n{"id": "2"}\n', 1, "missing required field `data`"),
        ('[{"question": "?"}]', 1, "Expected `object`, got `array`"),
        ("a\tO\n", 1, "malformed"),
        ('{"data": [{"paragraphs": [{"context": "a", "qas": [{"id": "1", "question": "?", "answers": {"text": ["a"],'
         ' "answer_start": [0]}}]}]}]}', 1, "Expected `array`, got `object`"),
    ],
)  # fmt: skip
def test_neighbouring_forms_are_refused_in_one_line(tmp_path: Path, text: str, line: int | None, what: str) -> None:
    path = tmp_path / "xquad.de.json"
    path.write_text(text)
    with pytest.raises(UserError) as caught:
        read_folder(tmp_path)
    assert str(caught.value).startswith(f"{path}, line {line}" if line else f"{path} ")
    assert what in str(caught.value)
    assert "\n" not in str(caught.value)


def test_two_files_for_one_split_are_refused(tmp_path: Path) -> None:
    write(tmp_path / "xquad.en.json", question(1))
    write(tmp_path / "test-context-en-question-en.json", question(1))
    with pytest.raises(UserError, match="both have test of en"):
        read_folder(tmp_path)


def test_an_id_without_a_language_of_tydiqa_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "tydiqa-goldp-v1.1-train.json", question(1))
    with pytest.raises(UserError, match=r"question q1: the id does not begin with a language"):
        read_folder(tmp_path)


def test_a_folder_without_such_files_is_refused(tmp_path: Path) -> None:
    (tmp_path / "train-en.tsv").write_text("a\tO\n")
    with pytest.raises(UserError, match="no questions in"):
        read_folder(tmp_path)


def test_every_answer_of_xquad_stands_in_its_context(test_data: Path, tmp_path: Path) -> None:
    (tmp_path / "xquad.ar.json.zst").symlink_to(test_data / "eval" / "xquad" / "xquad.ar.json.zst")
    questions = read_folder(tmp_path).examples["ar"][TEST]
    assert len(questions) == 1190
    assert all(one.context.startswith(answer.text, answer.start) for one in questions for answer in one.answers)
