"""The vocabulary: what is sampled, what SentencePiece is told, and what users are told."""

from __future__ import annotations

import json
import logging
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.errors import UserError
from model.sampling import shares
from model.text import vocabulary as trainer
from model.text.lines import Lines, read_lines, split_line, weigh
from model.text.shards import Corpus, find_corpus
from model.text.tokenizer import MODEL_FILE, Tokenizer
from model.text.vocabulary import VocabConfig, build_vocabulary
from model.vocab import main
from tests.model.conftest import PIECES, write_shard


@pytest.fixture(scope="module")
def numbered(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """40 000 lines of `a`, 4000 of `b`, 400 of `c`; each line is its language and number."""
    folder = tmp_path_factory.mktemp("numbered")
    for name, count in (("a", 20_000), ("b", 2_000), ("c", 200)):
        texts = [f"{name}{number:07d}\n{name}{number + count:07d}" for number in range(count)]
        write_shard(folder / name / "all-00000.jsonl.zst", texts)
    return find_corpus(folder)


def test_sample_follows_the_shares_and_is_even_over_the_text(numbered: Corpus) -> None:
    found = read_lines(numbered, 1500, alpha=0.3, seed=1, workers=1)
    assert [(text.language, text.lines, text.characters) for text in found] == [
        ("a", 40_000, 320_000),
        ("b", 4_000, 32_000),
        ("c", 400, 3_200),
    ]
    samples = weigh(found, 1500, alpha=0.3)
    asked = shares({"a": 320_000, "b": 32_000, "c": 3_200}, 0.3)
    for sample in samples:
        assert sample.share == pytest.approx(asked[sample.text.language])
        assert len(sample.lines) == round(1500 * sample.share)
        assert set(sample.weights) == {1}
        numbers = [int(line[1:]) for line in sample.lines]
        assert len(set(numbers)) == len(numbers)
        # Uniform over 0 .. n: the mean is n / 2, within 5 of its standard deviations.
        count = sample.text.lines
        assert abs(sum(numbers) / len(numbers) - count / 2) < 5 * count / (12 * len(numbers)) ** 0.5


def test_memory_is_bounded_by_the_lines_asked_for(numbered: Corpus) -> None:
    found = read_lines(numbered, 1000, alpha=0.3, seed=1, workers=1)
    assert sum(len(text.kept) for text in found) <= 2 * 1000 + len(found)


def test_sample_hangs_on_the_seed_and_not_on_the_workers(numbered: Corpus) -> None:
    one, again, other = (read_lines(numbered, 900, 0.3, seed, workers) for seed, workers in ((1, 1), (1, 2), (2, 1)))
    assert one == again
    assert [text.kept for text in one] != [text.kept for text in other]


def test_small_text_is_used_whole_and_weighted(numbered: Corpus) -> None:
    found = read_lines(numbered, 10**9, alpha=0.3, seed=1, workers=1)
    samples = {sample.text.language: sample for sample in weigh(found, 10**9, alpha=0.3)}
    assert {name: len(sample.lines) for name, sample in samples.items()} == {"a": 40_000, "b": 4_000, "c": 400}
    assert set(samples["a"].weights) == {1}
    total = sum(sum(sample.weights) for sample in samples.values())
    for sample in samples.values():
        assert sum(sample.weights) / total == pytest.approx(sample.share, rel=1e-3)
        assert max(sample.weights) - min(sample.weights) <= 1


def test_a_small_language_does_not_fill_the_sample(numbered: Corpus) -> None:
    found = read_lines(numbered, 10**9, alpha=0.3, seed=1, workers=1)
    tiny = Lines("d", 1, 8, ["d0000000"])
    without = {sample.text.language: sample for sample in weigh(found, 10**9, alpha=0.3)}
    samples = {sample.text.language: sample for sample in weigh([*found, tiny], 10**9, 0.3, most_repeats=40)}
    assert samples["d"].weights == [40]
    # What it does not get is spread over the others, in proportion.
    for one in ("a", "b", "c"):
        assert sum(samples[one].weights) / sum(samples["a"].weights) == pytest.approx(
            without[one].share / without["a"].share, rel=1e-3
        )
    assert sum(weigh([*found, tiny], 10**9, alpha=0.3)[-1].weights) > 1000


def test_alpha_one_takes_the_text_as_it_is(numbered: Corpus) -> None:
    samples = weigh(read_lines(numbered, 10**9, alpha=1, seed=1, workers=1), 10**9, alpha=1)
    assert all(set(sample.weights) == {1} for sample in samples)


def test_languages_without_text_are_left_out() -> None:
    [sample] = weigh([Lines("a", 2, 6, ["one", "two"]), Lines("b", 0, 0, [])], 100, 0.3)
    assert sample.text.language == "a"
    assert sample.share == 1


@given(st.text(), st.integers(4, 40))
def test_split_lines_lose_only_spaces(line: str, limit: int) -> None:
    parts = list(split_line(line, limit))
    assert all(0 < len(part.encode()) <= limit for part in parts)
    assert "".join(parts).replace(" ", "") == line.replace(" ", "")
    if len(line.encode()) <= limit:
        assert parts == ([line] if line else [])


def test_long_lines_are_split_not_skipped(tmp_path: Path) -> None:
    # All the text is in lines that SentencePiece would skip, one of them without a space.
    words = " ".join(f"word{number % 40}" for number in range(4000))
    write_shard(tmp_path / "s" / "en" / "all-00000.jsonl.zst", [words, "漢字" * 5000])
    corpus = find_corpus(tmp_path / "s")
    report = build_vocabulary(corpus, tmp_path / "v", VocabConfig(vocab_size=100), at_most=True, workers=1)
    assert report.languages[0].characters == len(words) + 10_000
    assert report.languages[0].unknown == 0
    assert Tokenizer.load(tmp_path / "v").encode(["漢字"]) != [[4, 3]]


def test_reserved_signs_do_not_cost_a_line(tmp_path: Path) -> None:
    write_shard(tmp_path / "s" / "en" / "all-00000.jsonl.zst", ["the ▅ river\tis\0wide and zigzags"] * 30)
    corpus = find_corpus(tmp_path / "s")
    build_vocabulary(corpus, tmp_path / "v", VocabConfig(vocab_size=40), at_most=True, workers=1)
    [ids] = Tokenizer.load(tmp_path / "v").encode(["the zigzags"])
    assert Tokenizer.unk_id not in ids


NAMES = {MODEL_FILE, "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "vocabulary.json"}


def test_files_and_report(many_shards: Corpus, vocabulary: Path) -> None:
    assert {path.name for path in vocabulary.iterdir()} == NAMES
    report = json.loads((vocabulary / "vocabulary.json").read_text())
    assert (report["pieces"], report["config"]["vocab_size"]) == (PIECES, PIECES)
    rows = {row["language"]: row for row in report["languages"]}
    assert list(rows) == list(many_shards.files)
    assert sum(row["share"] for row in rows.values()) == pytest.approx(1)
    for row in rows.values():
        assert row["share"] == pytest.approx(row["asked"], rel=0.05)
        assert 0.1 < row["tokens_per_character"] < 1.5
        assert 0 <= row["unknown"] < 0.05
    assert rows["zh-Hans"]["tokens_per_character"] > rows["en"]["tokens_per_character"]


def test_the_same_text_gives_the_same_bytes(many_shards: Corpus, tmp_path: Path) -> None:
    corpus = Corpus({language: many_shards.files[language] for language in ("de", "ja", "sw")})
    for workers in (1, 2):
        build_vocabulary(corpus, tmp_path / f"{workers}", VocabConfig(vocab_size=900, coverage=0.99), workers=workers)
    for name in NAMES:
        assert (tmp_path / "1" / name).read_bytes() == (tmp_path / "2" / name).read_bytes()


def test_too_little_text_names_the_largest_size_that_works(numbered: Corpus, tmp_path: Path) -> None:
    small = Corpus({"c": numbered.files["c"]})
    with pytest.raises(UserError, match="too little text for --vocab_size 250000: the largest that works is") as error:
        build_vocabulary(small, tmp_path, VocabConfig(), workers=1)
    assert not list(tmp_path.iterdir())
    size = int(str(error.value).partition("works is --vocab_size ")[2].partition(";")[0])
    with pytest.raises(UserError, match=f"works is --vocab_size {size};"):
        build_vocabulary(small, tmp_path, VocabConfig(vocab_size=size + 1), workers=1)
    assert build_vocabulary(small, tmp_path / "fits", VocabConfig(vocab_size=size), workers=1).pieces == size
    less = build_vocabulary(small, tmp_path / "less", VocabConfig(), at_most=True, workers=1)
    assert less.pieces == size


def test_a_size_below_the_alphabet_names_the_smallest(many_shards: Corpus, tmp_path: Path) -> None:
    small = Corpus({"zh-Hans": many_shards.files["zh-Hans"]})
    with pytest.raises(UserError, match=r"--vocab_size 100 is too small: .* the smallest is --vocab_size \d+") as error:
        build_vocabulary(small, tmp_path, VocabConfig(vocab_size=100), workers=1)
    size = int(str(error.value).partition("smallest is --vocab_size ")[2].partition(";")[0])
    assert build_vocabulary(small, tmp_path, VocabConfig(vocab_size=size), workers=1).pieces == size


def test_sentencepieces_figure_is_tried_before_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[int] = []

    def train(_: object, __: object, size: int, *, hard: bool) -> bytes:
        tried.append(size)
        assert hard
        if size > 90:
            raise RuntimeError(f"Vocabulary size too high ({size}). Please set it to a value <= {size - 4}.")
        return b""

    monkeypatch.setattr(trainer, "_sentencepiece", train)
    with pytest.raises(UserError, match="works is --vocab_size 88;"):
        trainer._train([], VocabConfig(vocab_size=100), at_most=False)
    assert tried == [100, 96, 92, 88]


def test_a_vocabulary_is_not_overwritten(
    many_shards: Corpus, vocabulary: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = (vocabulary / MODEL_FILE).read_bytes()
    folder = many_shards.files["en"][0].parent.parent
    assert main(["--data", str(folder), "--output", str(vocabulary), "--vocab_size", "500"]) == 2
    assert "holds a vocabulary already: choose another --output" in capsys.readouterr().err
    assert (vocabulary / MODEL_FILE).read_bytes() == before


def test_command_line(
    numbered: Corpus, tmp_path: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    folder = str(numbered.files["a"][0].parent.parent)
    flags = ["--vocab_size=60", "--sample_lines=600", "--seed=3", "--workers=1", "--alpha=0.5", "--coverage=1"]
    with caplog.at_level(logging.INFO):
        assert main(["--data", folder, "--output", str(tmp_path), *flags]) == 0
    assert "training on 600 lines of 3 languages" in caplog.text
    table = capsys.readouterr().err
    for heading in ("language", "characters", "share of", "tokens per", "<unk>"):
        assert heading in table
    assert Counter(line.split()[1] for line in table.splitlines() if line.startswith("│")) == dict.fromkeys("abc", 1)


def test_only_the_languages_asked_for_are_sampled(
    numbered: Corpus, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = numbered.files["a"][0].parent.parent
    flags = ["--data", str(folder), "--vocab_size=30", "--at_most", "--workers=1"]
    assert main([*flags, "--output", str(tmp_path / "v"), "--languages=c, b"]) == 0
    assert [row.language for row in trainer.read_report(tmp_path / "v").languages] == ["b", "c"]
    assert main([*flags, "--output", str(tmp_path / "w"), "--languages=xlm-7"]) == 2
    assert f"--languages xlm-7: {folder} has none of them, but a, b, c" in capsys.readouterr().err
    assert not (tmp_path / "w").exists()


@pytest.mark.parametrize(
    ("flag", "message"),
    [("--alpha=2", "--alpha 2.0"), ("--vocab_size=3", "--vocab_size 3"), ("--coverage=0.5", "--coverage 0.5"),
     ("--sample_lines=0", "--sample_lines 0"), ("--max_repeats=0.5", "--max_repeats 0.5"),
     ("--workers=0", "--workers 0")],
)  # fmt: skip
def test_values_that_cannot_be(
    numbered: Corpus, tmp_path: Path, capsys: pytest.CaptureFixture[str], flag: str, message: str
) -> None:
    folder = str(numbered.files["a"][0].parent.parent)
    assert main(["--data", folder, "--output", str(tmp_path / "v"), flag]) == 2
    assert capsys.readouterr().err.startswith(f"python -m model.vocab: {message}")
    assert not (tmp_path / "v").exists()


def test_no_text_at_all(tmp_path: Path) -> None:
    write_shard(tmp_path / "en" / "all-00000.jsonl.zst", [""])
    with pytest.raises(UserError, match="hold no text"):
        build_vocabulary(find_corpus(tmp_path), tmp_path / "v", VocabConfig(), workers=1)


def test_a_damaged_shard_is_named_from_a_worker_too(tmp_path: Path) -> None:
    good = write_shard(tmp_path / "en" / "all-00000.jsonl.zst", ["some text"] * 9)
    bad = write_shard(tmp_path / "sw" / "all-00000.jsonl.zst", ["some text"] * 9)
    bad.write_bytes(good.read_bytes()[:-9])
    for workers in (1, 2):
        with pytest.raises(UserError, match=r"sw/all-00000\.jsonl\.zst is cut off"):
            build_vocabulary(find_corpus(tmp_path), tmp_path / "v", VocabConfig(), workers=workers)
