"""fill_mask: the pieces and probabilities that transformers gives for the exported model; mistakes in one line."""

import shutil
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForMaskedLM, AutoTokenizer

from model import export, fill_mask
from model.errors import UserError
from model.fill_mask import Filler
from tests.model.runs import write_run

torch.set_num_threads(1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fill")
    write_run(folder / "run")
    export.export(folder / "run", folder / "hf")
    return folder


TEXTS = [
    "the <mask> is wide and the boat is slow .",
    "mto ni <mask>.",
    "<mask>",
    "der Fluss ist <mask> und das Boot ist <mask> .",
    "la rivière est large<mask>et le <mask>  <mask> lent",
]


@torch.no_grad()
@pytest.mark.parametrize("text", TEXTS)
def test_the_same_as_transformers(folder: Path, text: str) -> None:
    tokenizer, theirs = (kind.from_pretrained(folder / "hf") for kind in (AutoTokenizer, AutoModelForMaskedLM))
    encoded = tokenizer(text, return_tensors="pt")
    expected = theirs(**encoded).logits[encoded["input_ids"] == tokenizer.mask_token_id].softmax(-1).topk(5)
    (found,) = Filler.of_run(folder / "run").fill([text])
    assert [[guess.token_id for guess in guesses] for guesses in found] == expected.indices.tolist()
    probabilities = torch.tensor([[guess.probability for guess in guesses] for guesses in found])
    torch.testing.assert_close(probabilities, expected.values, atol=1e-5, rtol=1e-4)


def test_texts_together_are_as_each_alone(folder: Path) -> None:
    filler = Filler.of_hf(folder / "hf")
    together = filler.fill(TEXTS)
    assert [len(masks) for masks in together] == [text.count("<mask>") for text in TEXTS]
    for text, masks in zip(TEXTS, together, strict=True):
        (alone,) = filler.fill([text])
        for guesses, expected in zip(masks, alone, strict=True):
            assert [guess.token_id for guess in guesses] == [guess.token_id for guess in expected]
            shares = [guess.probability for guess in expected]
            assert [guess.probability for guess in guesses] == pytest.approx(shares, rel=1e-4)


def test_the_sentence_has_the_piece_in_its_place(folder: Path) -> None:
    filler = Filler.of_run(folder / "run")
    ((first, second),) = filler.fill(["the <mask> is <mask> ."], top=62)
    number = filler.tokenizer.encode(["the"])[0][0]
    word = filler.tokenizer.decode([number])
    assert next(guess.text for guess in first if guess.token_id == number) == f"the {word} is <mask> ."
    assert next(guess.text for guess in second if guess.token_id == number) == f"the <mask> is {word} ."
    assert {guess.piece for guess in first} >= {"<s>", "<pad>", "</s>", "<unk>", "<mask>"}
    assert all(guess.piece for guess in first)
    assert sum(guess.probability for guess in first) == pytest.approx(1)


@pytest.mark.parametrize("source", ["--run", "--model"])
def test_command_line(folder: Path, source: str, capsys: pytest.CaptureFixture[str]) -> None:
    where = folder / ("run" if source == "--run" else "hf")
    assert fill_mask.main([source, str(where), *TEXTS]) == 0
    lines = capsys.readouterr().out.splitlines()
    masks = sum(text.count("<mask>") for text in TEXTS)
    headed = sum(text.count("<mask>") for text in TEXTS[3:])
    assert len(lines) == len(TEXTS) + headed + 5 * masks
    assert lines[0] == TEXTS[0]
    shares = [float(line.split()[0]) for line in lines[1:6]]
    assert shares == sorted(shares, reverse=True)


def test_mistakes(folder: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    def said(*arguments: str) -> str:
        assert fill_mask.main(arguments) == 2
        (line,) = capsys.readouterr().err.splitlines()
        return line

    run = ("--run", str(folder / "run"))
    assert said(*run, "no mask here") == (
        "python -m model.fill_mask: no <mask> in 'no mask here'; put it where a word is to be guessed"
    )
    assert "has 50 tokens, the model takes 40" in said(*run, "<mask> " * 48)
    write_run(tmp_path / "short", seq_length=24)
    assert "has 26 tokens, the model takes 24" in said("--run", str(tmp_path / "short"), "<mask> " * 24)
    assert "no checkpoint in" in said("--run", str(tmp_path), "<mask>")
    assert "config.json" in said("--model", str(tmp_path), "<mask>")
    with pytest.raises(SystemExit):
        fill_mask.main(["<mask>"])


def test_a_vocabulary_that_is_lost_is_not_made_anew(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(folder / "run" / "checkpoints", tmp_path / "checkpoints")
    assert fill_mask.main(["--run", str(tmp_path), "a <mask>"]) == 2
    assert "copy the vocab/ that the run was trained with" in capsys.readouterr().err


def test_a_vocabulary_of_another_model(folder: Path, tmp_path: Path) -> None:
    from tests.model.runs import write_vocabulary

    for name in ("config.json", "model.safetensors"):
        (tmp_path / name).write_bytes((folder / "hf" / name).read_bytes())
    write_vocabulary(tmp_path, pieces=50)
    with pytest.raises(UserError, match="has 52 ids, the model 62"):
        Filler.of_hf(tmp_path)
