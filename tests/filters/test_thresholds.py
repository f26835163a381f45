from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np
import pytest

from ccnet_pipeline.documents import Document
from ccnet_pipeline.errors import UserError
from ccnet_pipeline.filters import fineweb2, gopher_repetition
from ccnet_pipeline.filters.__main__ import main
from ccnet_pipeline.filters.threshold_file import ThresholdFile, Thresholds, read_thresholds, written
from ccnet_pipeline.filters.thresholds import MEASURES, Measured, measure, sample, stop_words, thresholds_of
from ccnet_pipeline.formats import JSONL, PARQUET, TEXT
from tests.corpora import document, write_corpus

ENGLISH_LIMITS = gopher_repetition.PUBLISHED


def _documents(number: int, language: str = "en") -> list[Document]:
    """Documents of which a few repeat themselves, and a few have hardly a mark or a letter."""
    made = []
    for place in range(number):
        words = [f"w{place % 7}o{step}" for step in range(20)]
        lines = [" ".join(words[start : start + 5]) + ("." if place % 10 else "") for start in range(0, 20, 5)]
        if place % 20 == 0:
            lines = [*lines, *lines[:1] * 3]
        if place % 25 == 0:
            lines = [*lines, "1 2 3 4 5 6 7 8 9"]
        made.append(document(place + (0 if language == "en" else number), language, paragraphs=["the of", *lines]))
    return made


def test_a_sample_is_the_same_documents_in_whatever_order_they_come() -> None:
    documents = _documents(50)
    found = sample(documents, 10)
    assert len({each.id for each in found}) == 10
    assert sample(reversed(documents), 10) == found
    assert sample(documents, 100) == sample(documents[25:] + documents[:25], 100)


def test_at_most_the_share_lies_beyond_a_threshold() -> None:
    documents = _documents(200)
    measured = measure(documents)
    found = thresholds_of(measured, "quantile", 0.05)
    for number, each in enumerate(MEASURES):
        values = measured.values[:, number]
        limit = dict(found.top_n_grams).get(int(each.name[4:])) if each.name.startswith("top_") else None
        if each.name.startswith("dup_") and each.name[4:].isdecimal():
            limit = dict(found.dup_n_grams)[int(each.name[4:])]
        limit = getattr(found, each.name) if limit is None else limit
        beyond = values < limit if each.is_least else values > limit
        assert beyond.mean() <= 0.05, each.name
    assert found.documents == 200
    assert found.line_punct_thr < 0.8
    assert found.max_non_alpha_words_ratio < 0.9
    assert found.stopwords[:2] == ("of", "the")


def test_no_limit_of_repetition_is_stricter_than_the_english_one() -> None:
    documents = [each for each in _documents(200) if "1 2 3" not in each.text and len(each.paragraph_ids) == 5]
    found = thresholds_of(measure(documents), "quantile", 0.05)
    assert found.dup_line_frac == ENGLISH_LIMITS.dup_line_frac
    assert found.dup_n_grams == ENGLISH_LIMITS.dup_n_grams


def test_by_deviation_english_itself_gets_the_thresholds_that_were_published() -> None:
    english = measure(_documents(200))
    found = thresholds_of(english, "deviation", 0.05, english)
    assert found.line_punct_thr == 0.12
    assert found.new_line_ratio == 0.3
    assert (found.min_avg_word_length, found.max_avg_word_length, found.max_non_alpha_words_ratio) == (3, 10, 0.8)
    assert (found.top_n_grams, found.dup_n_grams) == (ENGLISH_LIMITS.top_n_grams, ENGLISH_LIMITS.dup_n_grams)


def test_by_deviation_a_language_is_as_many_deviations_from_its_mean_as_english_is() -> None:
    english = Measured(np.tile(np.array([[0.4], [0.6]]), len(MEASURES)), Counter("ab"))
    other = Measured(np.tile(np.array([[0.2], [0.6]]), len(MEASURES)), Counter("ab"))
    found = thresholds_of(other, "deviation", 0.05, english)
    # 0.12 is 3.8 deviations of 0.1 below 0.5; that many of 0.2 below 0.4 are below 0.
    assert found.line_punct_thr == 0
    assert found.max_non_alpha_words_ratio == round(0.4 + 3 * 0.2, 3)
    assert found.new_line_ratio == 0.0
    assert found.dup_line_frac == ENGLISH_LIMITS.dup_line_frac


def test_stop_words_are_frequent_words_and_eight_of_them_at_least() -> None:
    rare = {f"word{number:02d}": 1 for number in range(86)}
    counts = Counter({"the": 500, "of": 400, "b": 7, "a": 7, **rare})
    assert stop_words(counts) == ("the", "of", "a", "b", "word00", "word01", "word02", "word03")
    assert len(stop_words(Counter({f"word{number:02d}": 10 for number in range(50)}))) == 50


def _run(output: Path, formats: Sequence[str] = (JSONL,)) -> Path:
    few = [document(900 + number, "de") for number in range(3)]
    documents = [*_documents(60), *_documents(60, "sw"), *few]
    return write_corpus(output, documents, formats=formats, shard_of=lambda each: each.offset % 3)


@pytest.mark.parametrize("kind", [JSONL, PARQUET])
def test_the_command_writes_thresholds_that_the_filter_reads_the_same_for_any_files(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    _run(tmp_path / "corpus", (kind,))
    file = tmp_path / "thresholds.json"
    assert main(["thresholds", str(tmp_path / "corpus"), "--output", str(file), "--min_documents", "50"]) == 0
    printed = capsys.readouterr()
    assert printed.out == f"{file}: thresholds of 2 languages\n"
    assert "fewer than 50 documents, so no thresholds: de" in printed.err
    found = read_thresholds(file)
    assert list(found.languages) == ["en", "sw"]
    expected = thresholds_of(measure(sample(_documents(60), 10_000)), "quantile", 0.05)
    assert found.languages["en"] == expected
    dropped = fineweb2.from_thresholds(file)([*_documents(60), document(1, "de")])
    assert dropped[-1] is None
    assert len(list(filter(None, dropped))) == 60  # each has fewer than 50 words


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--share", "0"], "--share 0: want a share of documents above 0 and below 50 %"),
        (["--sample", "0"], "--sample 0: want a number of documents, at least 1"),
        (["--min_documents", "100"], "corpus has no language with 100 documents; lower --min_documents"),
        (
            ["--method", "deviation", "--min_documents", "61"],
            "corpus has 60; take --method quantile",
        ),
    ],
)
def test_a_mistake_is_one_line_and_nothing_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    _run(tmp_path / "corpus")
    file = tmp_path / "thresholds.json"
    assert main(["thresholds", str(tmp_path / "corpus"), "--output", str(file), *arguments]) == 2
    assert capsys.readouterr().err.splitlines()[-1].endswith(said)
    assert not file.exists()


def test_text_alone_has_no_ids_to_choose_by(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _run(tmp_path / "corpus", (TEXT,))
    assert main(["thresholds", str(tmp_path / "corpus"), "--output", str(tmp_path / "thresholds.json")]) == 2
    assert "has text alone; build it with --formats jsonl.zst" in capsys.readouterr().err


def test_a_damaged_shard_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shard = next((_run(tmp_path / "corpus") / "shards" / "en").iterdir())
    shard.write_bytes(shard.read_bytes()[:-1] + b"x")
    assert main(["thresholds", str(tmp_path / "corpus"), "--output", str(tmp_path / "thresholds.json")]) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert str(shard) in line


def _file(**changes: object) -> bytes:
    some = Thresholds(
        dup_line_frac=0.3, top_n_grams=((2, 0.2),), dup_n_grams=((5, 0.15),), line_punct_thr=0.1, new_line_ratio=0.3,
        min_avg_word_length=3, max_avg_word_length=10, max_non_alpha_words_ratio=0.8, stopwords=("the", "of"),
    )  # fmt: skip
    whole = written(ThresholdFile(format=1, method="quantile", share=0.05, languages={"en": some}))
    return msgspec.json.encode(msgspec.json.decode(whole) | changes)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (None, "No such file or directory"),
        (b"no JSON", "no file of thresholds"),
        (b"{}", "missing required field `format`"),
        (_file(format=2), "is of format 2, and this program knows 1"),
        (_file(languages={"en": {}}), "missing required field"),
        (_file(languages={}, share="much"), "Expected `float`"),
        (_file(languages={"eng_Latn": msgspec.json.decode(_file())["languages"]["en"]}), "eng_Latn: not among"),
    ],
)
def test_a_file_that_is_none_of_thresholds_is_one_line(tmp_path: Path, data: bytes | None, said: str) -> None:
    path = tmp_path / "thresholds.json"
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(UserError, match=said) as raised:
        fineweb2.from_thresholds(path)
    assert "\n" not in str(raised.value)
    assert str(path) in str(raised.value)
