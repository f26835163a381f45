"""Files of named entities: the forms of CoNLL, WikiANN and MasakhaNER, and what is refused with file and line."""

import gzip
from pathlib import Path

import pytest
import zstandard

from model.errors import UserError
from model.finetune.columns import read_columns
from model.finetune.ner_files import read_sentences
from model.finetune.task import DEV, TRAIN

# As in eng.train of CoNLL-2003 (IOB1): two places in a row, the second with B-.
ENGLISH = """-DOCSTART- -X- O O

Peter NNP I-NP I-PER
Blackburn NNP I-NP I-PER

-DOCSTART- -X- O O

BRUSSELS NNP I-NP I-LOC
1996-08-22 CD I-NP O
Berlin NNP I-NP I-LOC
Bonn NNP I-NP B-LOC
"""
SPANISH = "Bogotá B-LOC\n( O\nEFE B-ORG\n) O\n\nMuñoz B-PER\n"
DUTCH = "-DOCSTART- -DOCSTART- O\nDe Art O\nBelgische Adj B-MISC\n"


def write(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode(encoding))
    return path


def test_iob1_of_conll_2003_becomes_iob2_and_document_lines_are_no_sentences(tmp_path: Path) -> None:
    file = read_columns(write(tmp_path / "eng.train", ENGLISH), "en")
    assert [sentence.words for sentence in file.sentences] == [
        ("Peter", "Blackburn"),
        ("BRUSSELS", "1996-08-22", "Berlin", "Bonn"),
    ]
    assert [sentence.tags for sentence in file.sentences] == [("B-PER", "I-PER"), ("B-LOC", "O", "B-LOC", "B-LOC")]
    assert [sentence.line for sentence in file.sentences] == [3, 8]
    assert file.notes == []


def test_a_document_line_right_before_a_sentence_is_not_a_word_of_it(tmp_path: Path) -> None:
    (sentence,) = read_columns(write(tmp_path / "ned.train", DUTCH), "nl").sentences
    assert sentence.words == ("De", "Belgische")


def test_latin_1_is_told_from_utf_8_and_said(tmp_path: Path) -> None:
    write(tmp_path / "esp.train", SPANISH, "iso-8859-1")
    write(tmp_path / "esp.testa", SPANISH)
    data = read_sentences(tmp_path)
    assert data.examples["es"][TRAIN][0].words == data.examples["es"][DEV][0].words == ("Bogotá", "(", "EFE", ")")
    assert [note for note in data.notes if "ISO 8859-1" in note] == [
        f"{tmp_path / 'esp.train'} is read as ISO 8859-1: it is no UTF-8"
    ]


def test_damaged_utf_8_is_not_taken_for_latin_1(tmp_path: Path) -> None:
    path = tmp_path / "esp.train"
    path.write_bytes(SPANISH.encode() * 2 + b"Espa\xf1a B-LOC\n")
    with pytest.raises(UserError, match=r"esp\.train, line 13: not UTF-8"):
        read_columns(path, "es", latin_1=True)


def test_other_sets_are_utf_8_only(tmp_path: Path) -> None:
    write(tmp_path / "train-es.tsv", SPANISH.replace(" ", "\t"), "iso-8859-1")
    with pytest.raises(UserError, match=r"train-es\.tsv, line 1: not UTF-8"):
        read_sentences(tmp_path)


def test_wikiann_with_the_language_before_each_word(tmp_path: Path) -> None:
    write(tmp_path / "sw" / "train", "sw:Dar\tB-LOC\nsw:es\tI-LOC\nsw::\tO\n\nsw:http://a\tO\n")
    first, second = read_sentences(tmp_path).examples["sw"][TRAIN]
    assert (first.words, second.words) == (("Dar", "es", ":"), ("http://a",))


def test_masakhaner_has_dates(tmp_path: Path) -> None:
    write(tmp_path / "hau" / "train.txt", "Ranar O\n8 B-DATE\nMayu I-DATE\n\nKano B-LOC\n")
    data = read_sentences(tmp_path)
    assert data.labels == ("O", "B-LOC", "I-LOC", "B-DATE", "I-DATE")
    assert list(data.examples) == ["hau"]


def test_words_keep_no_break_spaces_and_line_separators(tmp_path: Path) -> None:
    path = write(tmp_path / "train-fr.tsv", "10\N{NO-BREAK SPACE}000\tO\r\na\u2028b\tO\r\n\x85\tB-ORG\r\n")
    (sentence,) = read_columns(path, "fr").sentences
    assert sentence.words == ("10\N{NO-BREAK SPACE}000", "a\u2028b", "\x85")


@pytest.mark.parametrize("ending", [".gz", ".zst"])
def test_compressed_files_are_read_as_they_lie(tmp_path: Path, ending: str) -> None:
    pack = {".gz": gzip.compress, ".zst": zstandard.ZstdCompressor().compress}[ending]
    (tmp_path / f"dev-sw.tsv{ending}").write_bytes(pack(b"Juma\tB-PER\n"))
    assert read_sentences(tmp_path).examples["sw"][DEV][0].words == ("Juma",)


def test_a_test_file_without_tags_is_left_out_and_said(tmp_path: Path) -> None:
    write(tmp_path / "dev-sw.tsv", "Juma\tB-PER\n")
    write(tmp_path / "test-sw.tsv", "Juma\nalikuja\n\nnyumbani\n")
    data = read_sentences(tmp_path)
    assert list(data.examples["sw"]) == [DEV]
    assert data.notes == (f"{tmp_path / 'test-sw.tsv'} has no tags: it is left out",)


def test_entities_that_begin_with_i_in_a_file_of_iob2_are_read_and_said(tmp_path: Path) -> None:
    path = write(tmp_path / "dev-ja.tsv", "A\tB-PER\nB\tO\nC\tI-LOC\nD\tI-LOC\n")
    file = read_columns(path, "ja")
    assert file.sentences[0].tags == ("B-PER", "O", "B-LOC", "I-LOC")
    (note,) = file.notes
    assert "neither IOB1 nor IOB2: 1 entities begin with I-, the first on line 3" in note


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ("a\tO\nb\n", 2, "1 column(s), and line 1 has 2"),
        ("a\tO\nb\tX\tO\n", 2, "3 column(s), and line 1 has 2"),
        ("a\tO\n\n\tB-PER\n", 3, "no word before the tag"),
        ("a\tO\nb\tB-MONEY\n", 2, "'B-MONEY' is no tag"),
        ("a\tO\nb\tS-PER\n", 2, "'S-PER' is no tag"),
        ("a\tB-PER\nb\tPER\n", 2, "'PER' is no tag"),
        ("a\nb\n", 1, "one column"),
        ("\n# text = a\n1\ta\ta\tX\tX\t_\t0\troot\t_\t_\n", 2, "CoNLL-U"),
        ('{"tokens": ["a"], "ner_tags": [0]}\n', 1, "JSON"),
        ('[\n{"tokens": []}\n]\n', 1, "JSON"),
        ("a,O\nb,B-PER\n", 1, "separated by ','"),
        ("0\ta\tO\n1\tb\tB-PER\n", 1, "numbers the words"),
        ("de:a\tO\nde:b\tO\n", 1, "words of 'de:' in a file of 'en'"),
        ("en:a\tO\nb\tO\n", 2, "'b' is no word after 'en:'"),
    ],
)
def test_what_is_not_of_the_form_is_named_by_its_line(tmp_path: Path, text: str, line: int, what: str) -> None:
    path = write(tmp_path / "train-en.tsv", text)
    with pytest.raises(UserError) as caught:
        read_sentences(tmp_path)
    assert str(caught.value).startswith(f"{path}, line {line}: ")
    assert what in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "\n\n", "-DOCSTART- -X- O O\n\n"])
def test_an_empty_file_is_refused(tmp_path: Path, text: str) -> None:
    path = write(tmp_path / "eng.testb", text)
    with pytest.raises(UserError, match=f"^{path} has no sentence"):
        read_sentences(tmp_path)


def test_two_files_for_one_split_are_refused(tmp_path: Path) -> None:
    write(tmp_path / "eng.train", ENGLISH)
    write(tmp_path / "panx" / "train-en.tsv", "a\tO\n")
    with pytest.raises(UserError, match=r"eng\.train and .*train-en\.tsv are both train of en"):
        read_sentences(tmp_path)


def test_a_folder_without_such_files_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "xquad.en.json", "{}")
    with pytest.raises(UserError, match="no file of named entities"):
        read_sentences(tmp_path)


def test_what_is_missing_of_the_papers_files_is_said(tmp_path: Path) -> None:
    write(tmp_path / "eng.train", ENGLISH)
    partial = read_sentences(tmp_path).partial
    assert partial[:2] == ("train of en has 2 sentences of 14041", "no dev of en")
    assert len(partial) == 12
    write(tmp_path / "train-sw.tsv", "Juma\tB-PER\n")
    assert read_sentences(tmp_path).partial == ("the paper's files are CoNLL-2002 and CoNLL-2003",)


def test_pan_x_as_xtreme_has_it(test_data: Path, tmp_path: Path) -> None:
    for path in (test_data / "eval" / "panx").glob("*-my.tsv.zst"):
        (tmp_path / path.name).symlink_to(path)
    data = read_sentences(tmp_path)
    assert {split: len(part) for split, part in data.examples["my"].items()} == {TRAIN: 100, DEV: 100}
    assert data.notes == (f"{tmp_path / 'test-my.tsv.zst'} has no tags: it is left out",)
    assert data.labels == ("O", "B-PER", "I-PER", "B-ORG", "I-ORG", "B-LOC", "I-LOC")
