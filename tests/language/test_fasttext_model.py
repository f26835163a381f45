"""One fastText model from a file: what its labels mean, and files that are no model or not all of one."""

import math
from pathlib import Path

import fasttext
import pytest

from ccnet_pipeline.errors import UserError
from ccnet_pipeline.language import CC100_CODES, FastTextModel
from tests.lid_models import write_model


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where to write a model: in an empty folder, which we are in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path / "tiny.bin"


def test_labels_are_taken_for_the_codes_that_they_mean(path: Path) -> None:
    model = FastTextModel(write_model(path, ["hau_Latn", "sw", "nno_Latn"]))
    assert model.name == "tiny.bin"
    assert model.labels() == {"hau_Latn", "sw", "nno_Latn"}
    assert model.codes() == {"ha", "sw", "nno_Latn"}
    [[(label, score), *others], _] = model.top(["word", "another word"], 2)
    assert (label, round(score, 2), [each for each, _ in others]) == ("ha", 1.0, ["nno_Latn"])


def test_probabilities_of_labels_that_mean_the_same_are_added(path: Path) -> None:
    """Egyptian and Standard Arabic are `ar`, and together likelier than Hausa, which is the likeliest label."""
    probabilities = {"hau_Latn": 0.4, "arb_Arab": 0.3, "arz_Arab": 0.299, "swh_Latn": 0.001}
    model = FastTextModel(write_model(path, list(probabilities), weights=[*map(math.log, probabilities.values())]))
    [scored] = model.top(["word"], 2)
    assert [(label, round(score, 3)) for label, score in scored] == [("ar", 0.599), ("ha", 0.4)]


def test_lid_176_is_asked_as_ever(lid_model: Path) -> None:
    """Its labels stay as they are, and the best one has the same bits as fastText's own answer."""
    model = FastTextModel(lid_model)
    assert len(model.codes()) == 176
    assert model.codes() == model.labels()
    assert len(CC100_CODES - model.codes()) == 20
    predict = fasttext.load_model(str(lid_model)).f.predict
    texts = ["Ein kurzer Satz auf Deutsch.", "Hii ni sentensi ya Kiswahili.", "漢字かな交じり文", "", "1 2 3"]
    for k in (1, 5):
        for text, scored in zip(texts, model.top(texts, k), strict=True):
            own = predict(text + "\n", k, 0.0, "strict")
            assert scored == [(label.removeprefix("__label__"), score) for score, label in own]


def cuts(data: bytes) -> list[int]:
    return [*range(4, len(data), 7), len(data) - 1]


def test_a_model_that_was_cut_off_is_told_wherever_the_cut_is(path: Path) -> None:
    data = write_model(path, ["sw", "ha"]).read_bytes()
    for size in cuts(data):
        path.write_bytes(data[:size])
        with pytest.raises(UserError, match=rf"^--lid_model {path} is not a whole fastText model: .*; fetch it anew"):
            FastTextModel(path)


def test_a_quantised_model_that_was_cut_off_or_goes_on(lid_model: Path, path: Path) -> None:
    data = lid_model.read_bytes()
    for broken in (data[:300_000], data[: len(data) // 2], data[:-1], data + b"\0"):
        path.write_bytes(broken)
        with pytest.raises(UserError, match="is not a whole fastText model"):
            FastTextModel(path, option="--second_lid_model")


@pytest.mark.parametrize("data", [b"", b"\xba", b"<html>", b"\0" * 100])
def test_what_is_no_model(path: Path, data: bytes) -> None:
    path.write_bytes(data)
    with pytest.raises(UserError, match=rf"^--lid_model {path} is not a fastText model: it begins otherwise$"):
        FastTextModel(path)


def test_a_folder_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=rf"^--second_lid_model {tmp_path}: Is a directory$"):
        FastTextModel(tmp_path, option="--second_lid_model")


def test_a_model_that_fasttext_refuses(path: Path) -> None:
    write_model(path, ["sw"], version=99)
    with pytest.raises(UserError, match=rf"^--lid_model {path} is not a fastText model: .*wrong file format"):
        FastTextModel(path)


def test_a_model_of_word_vectors(path: Path) -> None:
    with pytest.raises(UserError, match=rf"^--lid_model {path} has no labels"):
        FastTextModel(write_model(path, []))


def test_a_model_whose_weights_are_no_numbers(path: Path) -> None:
    model = FastTextModel(write_model(path, ["sw", "ha"], weights=[math.nan, 1.0]))
    with pytest.raises(UserError, match=rf"^--lid_model {path} is damaged: Encountered NaN.; fetch it anew$"):
        model.top(["word"], 1)
