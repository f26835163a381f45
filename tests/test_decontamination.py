"""Test files, the runs of words in them, and documents that share one."""

from __future__ import annotations

import gzip
import json
import lzma
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import zstandard
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ccnet_pipeline.decontamination.compiling import Compiled, compile_test_files
from ccnet_pipeline.decontamination.findings import ContaminationTally, Finding
from ccnet_pipeline.decontamination.forms import texts_of
from ccnet_pipeline.decontamination.table import RunTable
from ccnet_pipeline.decontamination.test_files import find_test_files
from ccnet_pipeline.decontamination.words import batches, runs_of, words_of
from ccnet_pipeline.documents import Reject
from ccnet_pipeline.errors import UserError
from ccnet_pipeline.fluency import FluencyModels
from ccnet_pipeline.mine import Miner
from tests import oracle
from tests.chunks import chunks_of
from tests.lid_models import identifier_of
from tests.test_mine import BY_WORD, EVERY, page

PANGRAM = "the quick brown fox jumps over the lazy dog while seven wizards fly past"
HAN = "委员会议将于星期一上午在这个小镇讨论新的供水问题并且听取居民的意见"
TRICKY = (
    "aZ09_'-.,!\t \u00a0\u2028İIıẞßΣσςé\u0301\u0301\u0323ệ\u1ec7\u212b\u2126\u00ad\u200d\u200c\u200b\ufe0f"
    "가각ᄀ\u1161\u11a8"
    "ய\u0bc6\u0bbeि\u093cक़ड़\u064e\u0651\u0e01\u0e34\u0e48ำ๓ລາວမြန်မာខ្មែរ你好漢，。々〆カﾞがか\u3099ー𠀀½²Ⅳ٣=\u0338<\u0338\u0c46\u0c56"
)
TEXT = st.lists(
    st.one_of(
        st.sampled_from(TRICKY), st.sampled_from(["the ", "Fox ", "\n", "a\n", "你好", "дом "]), st.text(max_size=3)
    ),
    max_size=60,
).map("".join)


def compiled(tmp_path: Path, *texts: str, num_words: int = 13, excepted: Sequence[str] = ()) -> Compiled:
    (tmp_path / "test.txt").write_text("\n".join(texts), "utf-8")
    (tmp_path / "except.txt").write_text("\n".join(excepted), "utf-8")
    files = find_test_files([str(tmp_path / "test.txt")], "--decontaminate")
    never = find_test_files([str(tmp_path / "except.txt")], "--decontaminate_except") if excepted else None
    return compile_test_files(files, never, num_words, (), "--decontaminate")


def found(by: Compiled, *documents: str) -> list[str | None]:
    """What each document shares with the test file."""
    return [finding.words if finding else None for finding in RunTable(memoryview(by.packed)).find(documents)]


@settings(max_examples=100, deadline=None)
@given(st.lists(TEXT, min_size=1, max_size=4), st.integers(1, 4))
@example(["ΑΣ ΑΣΑ", "e\u00ad\u0301 \u0301a", "ெ\u0bbe", "\n\nx"], 1)
@example(["=\u0338b", "ก\u0e48\u0e34", "x\u0323\u0307 x\u0307\u0323", "\u1100\u1161\u11a8"], 1)
def test_words_and_runs_of_any_text(texts: list[str], num_words: int) -> None:
    told: dict[int, list[tuple[str, int]]] = {}
    for batch in batches(texts):
        words = words_of([texts[place] for place in batch])
        runs = runs_of(words, num_words)
        for start, stop, number in zip(runs.starts, runs.stops, runs.numbers.tolist(), strict=True):
            place = batch[int(sum(words.of_texts[1:] <= start))]
            told.setdefault(place, []).append((words.written(start, stop), number))
    numbers: dict[tuple[oracle.Word, ...], int] = {}
    for place, text in enumerate(texts):
        words_there = oracle.words_of(text)
        expected = [run for at in range(len(words_there)) if (run := oracle.run_at(words_there, at, num_words))]
        assert [words for words, _ in told.get(place, [])] == [oracle.written(run) for run in expected]
        for run, (_, number) in zip(expected, told.get(place, []), strict=True):
            assert numbers.setdefault(run, number) == number
    assert len(set(numbers.values())) == len(numbers)


MIXED = st.lists(st.sampled_from(["ab ", "c ", "Dé ", "дом, ", "你", "好", "漢", "ไ", "ทย", "\n"]), max_size=70).map(
    "".join
)


@settings(max_examples=100, deadline=None)
@given(
    MIXED, st.lists(st.tuples(MIXED, st.integers(0, 60), st.integers(0, 160), MIXED), max_size=5), st.integers(5, 13)
)
def test_what_is_found_in_documents_of_any_script(
    tmp_path_factory: pytest.TempPathFactory, test: str, pieces: list[tuple[str, int, int, str]], num_words: int
) -> None:
    test = test.replace("\n", " ") + " the quick brown fox jumps over a lazy dog while seven wizards fly"
    by = compiled(tmp_path_factory.mktemp("t"), test, num_words=num_words)
    documents = [before + test[start : start + size] + behind for before, start, size, behind in pieces]
    runs = oracle.test_runs({"test.txt": [test]}, [], num_words)
    shared = [oracle.shared_with_tests(document, runs, num_words) for document in documents]
    assert found(by, *documents) == [each["words"] if each else None for each in shared]


@pytest.mark.parametrize(
    ("document", "is_found"),
    [
        pytest.param(f"Yes: {PANGRAM}.", True, id="13 words"),
        pytest.param(
            "The QUICK, brown fox\njumps over the lazy dog. While seven wizards fly (past)!", True, id="marks"
        ),
        pytest.param(PANGRAM.replace("fly", "flew"), False, id="one word differs"),
        pytest.param(PANGRAM.rpartition(" ")[0].rpartition(" ")[0], False, id="12 words"),
        pytest.param(PANGRAM.replace("while", "while, he says, "), False, id="words between"),
    ],
)
def test_thirteen_words_are_enough_and_twelve_are_not(document: str, is_found: bool, tmp_path: Path) -> None:
    assert len(PANGRAM.split()) == 14
    [finding] = found(compiled(tmp_path, PANGRAM), document)
    assert (finding is not None) == is_found


def test_characters_count_where_no_blanks_part_words(tmp_path: Path) -> None:
    by = compiled(tmp_path, HAN)
    assert found(by, f"他说：{HAN[3:23]}。", HAN[3:22]) == [HAN[3:23], None]
    assert found(by, HAN[3:13] + "，\n" + HAN[13:23]) == [HAN[3:23]]


def test_runs_do_not_go_from_one_document_or_text_to_the_next(tmp_path: Path) -> None:
    first, last = (" ".join(PANGRAM.split()[at : at + 7]) for at in (0, 7))
    assert found(compiled(tmp_path, PANGRAM), first, last) == [None, None]
    with pytest.raises(UserError, match="nothing to look for"):
        compiled(tmp_path, first, last)


def test_a_short_text_counts_as_a_whole_paragraph_only(tmp_path: Path) -> None:
    short = "Where did the seven wizards fly last night?"
    by = compiled(tmp_path, short)
    whole = short.lower().rstrip("?")
    assert found(by, f"a\n{short.upper()}\nb", f"He asks: {short}", short + " Far.") == [whole, None, None]
    assert (by.counts.as_a_whole, by.counts.too_short) == (1, 0)


def test_the_same_few_words_or_numbers_are_not_looked_for(tmp_path: Path) -> None:
    odd = ["the " * 40, "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15", "哈" * 60, "home about " * 9]
    by = compiled(tmp_path, *odd, PANGRAM)
    assert found(by, *odd, PANGRAM) == [None] * len(odd) + [" ".join(PANGRAM.split()[:13])]


def test_what_is_excepted_does_not_count(tmp_path: Path) -> None:
    licence = "Permission is hereby granted free of charge to any person who obtains a copy of this"
    by = compiled(tmp_path, f"{licence} {PANGRAM}", excepted=[licence])
    both = "free of charge to any person who obtains a copy of this the"[len("free ") :]
    assert found(by, licence, f"{licence} {PANGRAM}")[0] is None
    assert both in str(found(by, f"{licence} {PANGRAM}"))
    assert found(by, PANGRAM) == [" ".join(PANGRAM.split()[:13])]


# --- forms

SQUAD = {"data": [{"title": "T", "paragraphs": [{"context": "c d", "qas": [{"id": "5", "question": "q?"}]}]}]}
COLUMNS = "EU NNP I-NP B-ORG\nrejects VBZ I-VP O\n\nPeter NNP I-NP B-PER\n"


@pytest.mark.parametrize(
    ("name", "content", "fields", "texts"),
    [
        ("a.txt", "one text\r\nand two\n", (), ["one text", "and two"]),
        ("a.json", json.dumps(SQUAD, indent=1), (), ["T", "c d", "5", "q?"]),
        ("a.json", json.dumps(SQUAD), ("question", "context"), ["c d", "q?"]),
        ("a.jsonl", '{"a": "x", "n": 1}\n\n{"a": ["y", {"b": "z"}]}\n', (), ["x", "y", "z"]),
        ("a.jsonl", '{"a": "x", "b": "y"}\n{"b": "z"}', ("b",), ["y", "z"]),
        ("a.tsv", "s1\ts2\tlabel\nx y\tz\t1\n", (), ["s1", "s2", "label", "x y", "z", "1"]),
        ("a.tsv", "s1\ts2\tlabel\nx y\tz\t1\n", ("s2", "s1"), ["x y", "z"]),
        ("a.csv", 'q,a\n"x, ""y""\nz",1\n', ("q",), ['x, "y"\nz']),
        ("eng.testb", "-DOCSTART- -X- O O\n\n" + COLUMNS, (), ["-DOCSTART-", "EU rejects", "Peter"]),
        ("a.tsv", "EU\tB-ORG\nrejects\tO\n\nPeter\tB-PER\n", (), ["EU rejects", "Peter"]),
        ("a.tsv", "EU\nrejects\n\nPeter\n", (), ["EU rejects", "Peter"]),
        ("train", "en:EU\tB-ORG\nen:rejects\tO\n\nen:Peter\tB-PER\n", (), ["EU rejects", "Peter"]),
        ("a.tsv", "en:EU\tB-ORG\n:\tO\n", (), ["en:EU :"]),
        ("a.tsv", "New York\tB-LOC\nis\tO\n", (), ["New York is"]),
    ],
)
@pytest.mark.parametrize(
    ("ending", "packed"),
    [("", bytes), (".gz", gzip.compress), (".xz", lzma.compress), (".zst", zstandard.ZstdCompressor().compress)],
    ids=["plain", "gz", "xz", "zst"],
)
def test_the_texts_of_a_file(
    name: str, content: str, fields: tuple[str, ...], texts: list[str], ending: str, packed: object, tmp_path: Path
) -> None:
    path = tmp_path / f"{name}{ending}"
    path.write_bytes(packed(content.encode()))  # type: ignore[operator]
    assert list(texts_of(path, "it", fields)) == texts


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.txt", b"good\nb\xffd\n", r"--decontaminate a.txt, line 2: byte 0xff is not UTF-8; convert"),
        ("a.txt", b"", "--decontaminate a.txt: there is no text in it"),
        ("a.txt", b"\n \n...\n", "--decontaminate a.txt: there is no text in it"),
        ("a.txt", b"too short\n", "--decontaminate: there is nothing to look for: no text has 8 words"),
        ("a.jsonl", b'{"a": "x"}\n{"a": \n', r"--decontaminate a.jsonl, line 2: no JSON: "),
        ("a.json", b'{"a": 1}\n{"a": 2}\n', r"--decontaminate a.json is no JSON: .*, the name ends with .jsonl$"),
        ("a.jsonl", b"[" * 10**5, r"--decontaminate a.jsonl, line 1: no JSON: "),
        ("a.json", b"[" * 10**5, r"--decontaminate a.json is no JSON: "),
        ("a.csv", b'q,a\n"x,1\n', r"--decontaminate a.csv, line 2: "),
        ("a.txt.gz", gzip.compress(b"a b c")[:-9], "--decontaminate a.txt.gz is not whole"),
    ],
)
def test_a_file_that_cannot_be_used_is_one_line(name: str, content: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=f"^{message}"):
        compile_test_files(find_test_files([str(tmp_path / name)], "--decontaminate"), None, 13, (), "--decontaminate")


@pytest.mark.parametrize(
    ("name", "content"), [("a.jsonl", '{"a": "x"}'), ("a.json", '{"a": "x"}'), ("a.tsv", "a\tc\nx\ty")]
)
def test_a_field_that_is_not_there_is_told(name: str, content: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(UserError, match="question"):
        list(texts_of(tmp_path / name, "it", ("question",)))


def test_where_files_lie_and_in_which_order_they_are_given_changes_nothing(tmp_path: Path) -> None:
    for folder in ("x", "y/z"):
        (tmp_path / folder / "deep").mkdir(parents=True)
        (tmp_path / folder / "b.txt").write_text(PANGRAM)
        (tmp_path / folder / "deep" / "a.txt").write_text(PANGRAM[10:])
        (tmp_path / folder / "README.md").write_text("no test")
        (tmp_path / folder / ".hidden.txt").write_text("no test")
    once = find_test_files([str(tmp_path / "x")], "--decontaminate")
    assert (list(once.paths), once.num_passed_over) == (["b.txt", "deep/a.txt"], 1)
    named = [str(tmp_path / "y/z/deep/a.txt"), str(tmp_path / "y/z/b.txt")]
    again = find_test_files(named, "--decontaminate")
    assert again.sha256 == once.sha256
    packed = [compile_test_files(each, None, 13, (), "--decontaminate").packed for each in (once, again)]
    assert packed[0] == packed[1]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["no.txt"], "--decontaminate .*no.txt: there is no such file or folder"),
        (["empty"], r"--decontaminate .*empty is a folder without test files \(\*.json, "),
        (["a.txt", "./a.txt"], "--decontaminate .*a.txt is given twice"),
    ],
)
def test_files_that_are_not_there_or_twice(
    given: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("empty").mkdir()
    Path("a.txt").write_text(PANGRAM)
    with pytest.raises(UserError, match=f"^{message}"):
        find_test_files(given, "--decontaminate")


def test_a_folder_that_is_linked_to_is_looked_into(tmp_path: Path) -> None:
    for folder in ("there", "tests"):
        (tmp_path / folder).mkdir()
    (tmp_path / "there" / "a.txt").write_text(PANGRAM)
    (tmp_path / "tests" / "link").symlink_to(tmp_path / "there")
    (tmp_path / "there" / "back").symlink_to(tmp_path / "tests")
    assert list(find_test_files([str(tmp_path / "tests")], "--decontaminate").paths) == ["a.txt"]


# --- documents


def test_a_contaminated_document_is_dropped_with_what_it_shares(tmp_path: Path) -> None:
    table = RunTable(memoryview(compiled(tmp_path, PANGRAM).packed))
    models = FluencyModels(None, "mended")
    by = Miner("s", "d", EVERY, identifier_of(BY_WORD, EVERY), models, keep_rejects=True, test_runs=table)
    pages = [page(0, f"en {PANGRAM}\nfr {PANGRAM[:20]}"), page(1, f"en {PANGRAM}")]
    documents = list(by.mine(chunks_of(EVERY, pages), np.zeros(3, np.uint8)))
    shared = Finding("test.txt", " ".join(PANGRAM.split()[:13]))
    told = [(each.id, each.reason, each.contamination) if isinstance(each, Reject) else each.id for each in documents]
    assert told == [("0/en", "contaminated", shared), "0/fr", ("1", "contaminated", shared)]
    assert by.account.tally.records.dropped == {"contaminated": 1}
    assert by.account.tally.paragraphs.dropped == {"contaminated": 2}
    assert by.account.languages["en"].records.dropped == {"contaminated": 2}
    assert by.account.contamination.files == {"test.txt": 2}


def test_a_phrase_that_would_drop_much_of_an_archive_ends_the_run() -> None:
    tally = ContaminationTally()
    for number in range(101):
        tally.count(Finding("a.txt", "permission is hereby granted"))
        tally.count(Finding("a.txt", f"words {number}"))
    tally.check("s", documents=101 * 100)
    with pytest.raises(
        UserError, match="'permission is hereby granted' stands in 101 of 10,099 documents of s: a phrase"
    ):
        tally.check("s", documents=101 * 100 - 1)


def test_the_most_frequent_phrases_are_told_first_and_no_more_than_a_hundred() -> None:
    one, two = ContaminationTally(), ContaminationTally()
    for number in range(150):
        one.count(Finding("b", f"{number:03d}"))
    for words in ("140", "120", "140"):
        two.count(Finding("a", words))
    sums = [ContaminationTally(), ContaminationTally()]
    for total, parts in zip(sums, ((one, two), (two, one)), strict=True):
        for part in parts:
            total.add(part)
    assert sums[0].most_frequent() == sums[1].most_frequent()
    assert list(sums[0].most_frequent().items())[:3] == [("140", 3), ("120", 2), ("000", 1)]
    assert len(sums[0].most_frequent()) == 100
    assert sums[0].files == sums[1].files == {"a": 3, "b": 150}


def test_a_short_document_and_no_document_at_all(tmp_path: Path) -> None:
    by = compiled(tmp_path, PANGRAM)
    assert found(by) == []
    assert found(by, "", "\n", "a", "é", "。") == [None] * 5
    assert replace(by.counts, runs=0).files == 1
