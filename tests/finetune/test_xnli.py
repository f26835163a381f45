"""XNLI's files, as its authors publish them, and what is refused."""

import json
from pathlib import Path

import pytest
import zstandard

from model.errors import UserError
from model.finetune.classification import Example
from model.finetune.xnli import read

HEADER = "language\tgold_label\tsentence1_binary_parse\tsentence1\tsentence2\tpromptID\n"
MANY = "sentence1\tsentence2\tgold_label\n"


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode())
    return path.parent


def refused(folder: Path) -> str:
    with pytest.raises(UserError) as caught:
        read(folder)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_one_file_has_all_languages_and_a_file_of_its_own_one(tmp_path: Path) -> None:
    write(
        tmp_path / "XNLI-1.0" / "xnli.dev.tsv",
        HEADER + "en\tneutral\tx\tOne.\tTwo.\t1\nsw\tentailment\tx\tMoja.\tMbili.\t1\n",
    )
    write(
        tmp_path / "XNLI-MT-1.0" / "multinli" / "multinli.train.sw.tsv", "premise\thypo\tlabel\nA.\tB.\tcontradictory\n"
    )
    data = read(tmp_path)
    assert data.examples["en"] == {"dev": [Example(text="One.", pair="Two.", answer="neutral")]}
    assert data.examples["sw"] == {
        "dev": [Example(text="Moja.", pair="Mbili.", answer="entailment")],
        "train": [Example(text="A.", pair="B.", answer="contradiction")],
    }


def test_json_lines_are_the_same_as_columns(tmp_path: Path) -> None:
    value = {"language": "de", "gold_label": "neutral", "sentence1": "Eins.", "sentence2": "Zwei.", "genre": "x"}
    write(tmp_path / "json" / "xnli.test.jsonl", json.dumps(value) + "\n")
    write(tmp_path / "tsv" / "xnli.test.tsv", HEADER + "de\tneutral\tx\tEins.\tZwei.\t1\n")
    assert read(tmp_path / "json").examples == read(tmp_path / "tsv").examples


def test_multinli_is_english_and_pairs_on_which_nobody_agreed_are_left_out(tmp_path: Path) -> None:
    lines = [{"gold_label": label, "sentence1": "A.", "sentence2": "B."} for label in ("-", "entailment")]
    write(tmp_path / "multinli_1.0_train.jsonl", "".join(json.dumps(line) + "\n" for line in lines))
    data = read(tmp_path)
    assert [example.answer for example in data.examples["en"]["train"]] == ["entailment"]
    assert data.notes == (f"{tmp_path / 'multinli_1.0_train.jsonl'}: 1 pairs without a label are left out",)


def test_a_quotation_mark_and_a_line_separator_are_text(tmp_path: Path) -> None:
    write(tmp_path / "xnli.dev.ko.tsv", MANY + '"So\u2028it is.\tSaid "he\u0085.\tneutral\r\nTwo.\t"\tentailment\r\n')
    examples = read(tmp_path).examples["ko"]["dev"]
    assert [(one.text, one.pair) for one in examples] == [('"So\u2028it is.', 'Said "he\u0085.'), ("Two.", '"')]


def test_of_two_files_with_the_same_the_first_in_the_list_is_read(tmp_path: Path) -> None:
    write(tmp_path / "xnli.dev.tsv", HEADER + "en\tneutral\tx\tOne.\tTwo.\t1\n")
    value = {"language": "en", "gold_label": "entailment", "sentence1": "X.", "sentence2": "Y."}
    write(tmp_path / "xnli.dev.jsonl", json.dumps(value) + "\n")
    data = read(tmp_path)
    assert [one.answer for one in data.examples["en"]["dev"]] == ["neutral"]
    assert data.files == (tmp_path / "xnli.dev.tsv",)
    assert data.notes == (f"{tmp_path / 'xnli.dev.jsonl'}: not read, another file has its languages",)


def test_korean_xnli_has_as_many_pairs_as_its_authors_say(test_data: Path) -> None:
    data = read(test_data / "eval" / "kornli")
    assert {split: len(found) for split, found in data.examples["ko"].items()} == {"dev": 2490, "test": 5010}
    assert any("ko: not of XNLI" in text for text in data.partial)


def test_what_the_paper_had_is_whole(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("model.finetune.xnli._ROWS", {"train": 1, "dev": 2, "test": 1})
    monkeypatch.setattr("model.finetune.xnli.LANGUAGES", ("en", "sw"))
    rows = "".join(f"{language}\tneutral\tx\tA.\tB.\t1\n" for language in ("en", "sw"))
    write(tmp_path / "xnli.dev.tsv", HEADER + rows * 2)
    write(tmp_path / "xnli.test.tsv", HEADER + rows)
    write(tmp_path / "multinli.train.en.tsv", "premise\thypo\tlabel\nA.\tB.\tneutral\n")
    assert read(tmp_path).partial == ()
    for more in (rows * 2, rows.partition("sw")[0]):  # too many, and too few
        write(tmp_path / "xnli.test.tsv", HEADER + more)
        assert [
            text for text in read(tmp_path).partial if "test of " in text and " has not the paper's 1 pairs" in text
        ]


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("xnli.dev.ko.tsv", MANY + "A.\tB.\tneutral\nA.\tB.\tperhaps\n", "line 3: 'perhaps' is no label of XNLI"),
        ("xnli.dev.ko.tsv", MANY + "A.\tB.\n", "line 2: 2 columns, the first line has 3"),
        ("xnli.dev.ko.tsv", MANY + "A.\t \tneutral\n", "line 2: a sentence is empty"),
        ("xnli.dev.ko.tsv", "A.\tB.\tneutral\n", "line 1: no column sentence1 or premise"),
        ("xnli.dev.ko.tsv", MANY, "line 1: no line after the names of the columns"),
        ("xnli.dev.ko.tsv", "", "line 1: no column sentence1 or premise"),
        ("xnli.test.tsv", MANY + "A.\tB.\tneutral\n", "line 1: no column language"),
        ("xnli.test.jsonl", '{"gold_label"', "line 1: no JSON"),
        ("xnli.dev.ko.tsv", MANY + "A.\tB.\t-\nA.\tB.\t-\n", "line 1: none of 2 pairs has a label"),
        ("xnli.dev.tsv", "language\t" + MANY + "\tA.\tB.\tneutral\n", "line 2: '' is no code of a language"),
        ("xnli.test.jsonl", '{"sentence1": "\\ud83d"}', "line 1: no JSON"),  # half a pair
        ("xnli.test.jsonl", "[" * 100_000, "line 1: no JSON"),
        ("xnli.test.jsonl", "", "line 1: the file is empty"),
        ("xnli.test.jsonl", "[]\n", "line 1: a JSON object is wanted"),
        ("xnli.test.jsonl", '{"language": "en", "sentence1": "A.", "sentence2": null}', "line 1: sentence2 is None"),
    ],
)
def test_what_is_not_of_the_form_is_named_by_file_and_line(name: str, text: str, said: str, tmp_path: Path) -> None:
    write(tmp_path / name, text)
    assert refused(tmp_path).startswith(f"{tmp_path / name}, {said}")


def test_bytes_that_are_no_text_are_named_by_their_line(tmp_path: Path) -> None:
    (tmp_path / "xnli.dev.ko.tsv").write_bytes(MANY.encode() + b"A.\tB\xff.\tneutral\n")
    assert refused(tmp_path).startswith(f"{tmp_path / 'xnli.dev.ko.tsv'}, line 2: not UTF-8")


def test_a_compressed_file_that_is_cut_off_is_not_taken_for_a_whole_one(tmp_path: Path) -> None:
    data = zstandard.compress((MANY + "A.\tB.\tneutral\n" * 500).encode())
    (tmp_path / "xnli.dev.ko.tsv.zst").write_bytes(data + data[: len(data) // 2])
    assert refused(tmp_path) == f"{tmp_path / 'xnli.dev.ko.tsv.zst'} is damaged (it is cut off); copy it again"


def test_folders_that_are_linked_to_are_read_once(tmp_path: Path) -> None:
    write(tmp_path / "there" / "xnli.dev.ko.tsv", MANY + "A.\tB.\tneutral\n")
    data = tmp_path / "data"
    data.mkdir()
    (data / "a").symlink_to(tmp_path / "there")
    (data / "b").symlink_to(tmp_path / "there")
    (data / "c").symlink_to(data)
    assert read(data).files == (data / "a" / "xnli.dev.ko.tsv",)


def test_a_folder_of_another_task_and_no_folder_are_told_apart(tmp_path: Path) -> None:
    assert refused(tmp_path).startswith(f"no file of XNLI or MultiNLI below {tmp_path}")
    assert refused(tmp_path / "none").startswith(f"no folder {tmp_path / 'none'}")
