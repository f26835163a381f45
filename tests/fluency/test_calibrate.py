"""Cut-offs of a sample of a crawl: its shares, what makes them doubtful, and where they are written."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import zstandard

from ccnet_pipeline.archive import MAX_RECORD_BYTES
from ccnet_pipeline.errors import UserError
from ccnet_pipeline.fluency import Cutoffs, FluencyModels, find_models, read_cutoffs
from ccnet_pipeline.fluency.__main__ import main
from ccnet_pipeline.fluency.calibration import Sample, cutoffs_of, shares
from ccnet_pipeline.fluency.cards import read_card
from ccnet_pipeline.fluency.histogram import histogram_lines
from ccnet_pipeline.sample import lm_directory
from tests.fluency.conftest import Mistake, sentences

_SAMPLE = Sample(np.array([10.0, 20.0, 30.0, 40.0, 50.0]), np.array([1, 1, 1, 1, 6]))


def test_cutoffs_part_a_sample_by_share_of_documents_or_of_tokens() -> None:
    by_documents = cutoffs_of(_SAMPLE, "documents", 25, 75)
    assert by_documents == Cutoffs(20.0, 40.0)
    assert shares(_SAMPLE, "documents", by_documents) == {"head": 0.2, "middle": 0.4, "tail": 0.4}
    by_tokens = cutoffs_of(_SAMPLE, "tokens", 20, 45)
    assert by_tokens == Cutoffs(30.0, 50.0)  # the last document holds 6 of 10 tokens
    assert shares(_SAMPLE, "tokens", by_tokens) == {"head": 0.2, "middle": 0.2, "tail": 0.6}
    for head, middle in ((0, 60), (60, 30), (30, 100)):
        with pytest.raises(UserError, match="0 < head <= middle < 100"):
            cutoffs_of(_SAMPLE, "documents", head, middle)


def test_a_histogram_shows_each_cutoff_where_it_lies() -> None:
    lines = list(histogram_lines(_SAMPLE, _SAMPLE.weights("tokens"), Cutoffs(20.0, 45.0)))
    marks = [number for number, line in enumerate(lines) if "below" in line]
    assert [line.split()[-2] for line in lines if "below" in line] == ["head", "middle"]
    assert "60%" in lines[-1]
    assert sum("#" in line for line in lines[: marks[0]]) == 2
    assert list(histogram_lines(_SAMPLE, _SAMPLE.weights("tokens"), Cutoffs(20.0, 60.0)))[-1].endswith("middle below")
    same = Sample(np.full(5, 7.0), np.ones(5, np.int64))
    assert "100%" in "".join(histogram_lines(same, same.weights("documents"), Cutoffs(7.0, 7.0)))


@pytest.fixture
def lm(tmp_path: Path) -> Path:
    """The models of the sample crawl, to be written to."""
    return Path(shutil.copytree(lm_directory(), tmp_path / "lm"))


def _text(path: Path, documents: list[str]) -> str:
    path.write_text("\n\n".join(documents), encoding="utf-8")
    return f"--input={path}"


def test_calibration_replaces_the_row_of_the_language_and_writes_its_card(
    lm: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    documents = sentences(30)
    text = _text(tmp_path / "crawl.txt", documents)
    before = read_cutoffs(lm / "cutoffs.csv")
    assert main(["calibrate", f"--lm_dir={lm}", "--language=en", text]) == 0
    after = read_cutoffs(lm / "cutoffs.csv")
    model = FluencyModels(lm, "mended").get("en")
    assert model is not None
    values = sorted(model.perplexity([document]) or 0.0 for document in documents)
    assert values[8] <= after["en"].head <= values[9]
    assert values[17] <= after["en"].middle <= values[18]
    assert after["en"].normalization == before["en"].normalization
    assert {name: row for name, row in after.items() if name != "en"} == {
        name: row for name, row in before.items() if name != "en"
    }
    card = read_card(lm, "en")
    assert card is not None
    assert card.calibration is not None
    assert (card.calibration.documents, card.calibration.by) == (30, "documents")
    assert card.calibration.sources[0].name == "crawl.txt"
    printed = capsys.readouterr()
    assert printed.err == (
        "fluency: the sample is small: with 30 documents a share may be off by 17 points, with 1000 by 3\n"
    )
    assert "now: head < " in printed.out
    assert ": head 30%, middle 30%, tail 40% of the documents\n" in printed.out
    assert find_models(lm)["en"].cutoffs == after["en"]


def test_a_sample_that_the_model_was_trained_on_is_no_sample(
    models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "lm"
    text = _text(tmp_path / "text.txt", sentences(300))
    options = ["train", "--language=en", text, f"--output={output}", "--vocab_size=500", "--order=3"]
    assert main(options) == 0

    def said(documents: list[str]) -> str:
        capsys.readouterr()
        more = _text(tmp_path / "sample.txt", documents)
        assert main(["calibrate", f"--lm_dir={output}", "--language=en", more]) == 0
        return capsys.readouterr().err

    assert "take other text: the model was trained on this very file" in said(sentences(300))
    assert "take other text: 40% of the sample's paragraphs stand in the text" in said(
        [*sentences(40), *sentences(60, seed=2)]
    )
    assert "take other text" not in said(sentences(100, seed=2))
    assert read_card(output, "en").training is not None  # type: ignore[union-attr]


def test_a_filtered_corpus_and_other_languages_are_told(
    lm: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = [{"text": text, "language": "en", "bucket": "head"} for text in sentences(20)]
    lines.append({"text": "Habari", "language": "sw", "bucket": "all"})
    shard = tmp_path / "head-00000.jsonl.zst"
    shard.write_bytes(zstandard.compress("".join(json.dumps(line) + "\n" for line in lines).encode()))
    assert main(["calibrate", f"--lm_dir={lm}", "--language=en", f"--input={shard}"]) == 0
    err = capsys.readouterr().err
    assert "fluency: 1 documents are in other languages and do not count\n" in err
    assert "fluency: the shards have no tail: " in err


def test_what_is_larger_than_a_page_may_be_does_not_count(
    lm: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = _text(tmp_path / "crawl.txt", ["x" * (MAX_RECORD_BYTES + 1), *sentences(9)])
    assert main(["calibrate", f"--lm_dir={lm}", "--language=en", text]) == 0
    printed = capsys.readouterr()
    assert "fluency: a document is larger than build_cc100 takes a page, and does not count\n" in printed.err
    assert "cutoffs.csv: en, of 9 documents\n" in printed.out


def test_mistakes_of_the_user(lm: Path, tmp_path: Path, mistake: Mistake, monkeypatch: pytest.MonkeyPatch) -> None:
    def said(*arguments: str) -> str:
        return mistake("calibrate", f"--lm_dir={lm}", *arguments)

    text = _text(tmp_path / "crawl.txt", sentences(9))
    one_piece = tmp_path / "one.txt"
    one_piece.write_text("\n".join(sentences(60)), encoding="utf-8")
    assert said("--language=yo", text) == (
        f"--language yo: {lm} has no such model; there are ar, en, fr, hi, ru, sw, zh-Hans"
    )
    assert said("--language=en", f"--input={one_piece}") == (
        f"{one_piece} has no blank line; put one behind each document, so that documents can be judged"
    )
    few = _text(tmp_path / "few.txt", sentences(2))
    assert said("--language=en", few).startswith("the sample has 2 documents that can be scored, and cut-offs need 5")
    assert "0 < head" in said("--language=en", text, "--head=70")
    assert "want a file that ends with .png" in said("--language=en", text, "--plot=x.jpg")
    missing = tmp_path / "none" / "x.png"
    said_of_it = f"--plot {missing}: there is no folder {missing.parent}; make it, or choose another place"
    assert said("--language=en", text, f"--plot={missing}") == said_of_it
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert said("--language=en", text, "--plot=x.png") == "--plot wants Matplotlib: pip install matplotlib"
    assert read_card(lm, "en") is None


@pytest.mark.parametrize("content", [b"", b"{}", b'{"language": "\xff"}'])
def test_a_file_that_is_no_card_is_named(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "en.card.json").write_bytes(content)
    with pytest.raises(UserError, match=r"en\.card\.json is no card of a model: .*train the model anew"):
        read_card(tmp_path, "en")


def test_a_plot_of_the_same_sample_is_the_same(lm: Path, tmp_path: Path) -> None:
    text = _text(tmp_path / "crawl.txt", sentences(30))
    for name in ("a.png", "b.png"):
        assert main(["calibrate", f"--lm_dir={lm}", "--language=en", text, f"--plot={tmp_path / name}"]) == 0
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
