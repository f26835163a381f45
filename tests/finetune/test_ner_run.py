"""Named entities end to end: a tiny encoder learns a planted signal, and is scored as seqeval scores it."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
import torch
from seqeval.metrics import f1_score
from seqeval.scheme import IOB2
from transformers import AutoModelForTokenClassification, AutoTokenizer

from tests.finetune.planted import WORDS, mistake, scores, tune

NAMES = {"PER": ("Anna", "Paul"), "LOC": ("Berlin", "Paris")}  # the second only after the first
Tagged = list[tuple[str, str]]


def sentences(number: int, seed: int) -> list[Tagged]:
    """Sentences with a name of one word or two."""
    chance = random.Random(seed)
    found = []
    for _ in range(number):
        sentence = [(word, "O") for word in chance.choices(WORDS, k=chance.randrange(1, 6))]
        kind, (first, second) = chance.choice(list(NAMES.items()))
        place = chance.randrange(len(sentence) + 1)
        sentence[place:place] = [(first, f"B-{kind}"), (second, f"I-{kind}")][: chance.randrange(1, 3)]
        found.append(sentence)
    return found


def write(path: Path, found: list[Tagged], separator: str = "\t") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join("".join(f"{word}{separator}{tag}\n" for word, tag in one) for one in found), "utf-8")


@pytest.fixture(scope="module")
def names(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ner")
    for seed, (split, number) in enumerate({"train": 240, "dev": 24, "test": 40}.items()):
        write(folder / f"{split}-en.tsv", sentences(number, seed))
    write(folder / "swa" / "test.txt", sentences(24, 9), " ")
    write(folder / "dev-sw.tsv", sentences(24, 8))
    (folder / "test-sw.tsv").write_text("Anna\nruns\n", "utf-8")
    return folder


@pytest.fixture(scope="module")
def tuned(tiny_model: Path, names: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("tuned") / "run"
    tune("ner", tiny_model, names, output, "--length=12", "--epochs=6")
    return output


def test_entities_are_learned_and_found_in_other_languages(tuned: Path) -> None:
    found = scores(tuned)
    assert {language: value["f1"] > 0.9 for language, value in found.items()} == {"en": True, "swa": True, "sw": True}
    assert json.loads((tuned / "scores.json").read_text())["splits"] == {"en": "test", "swa": "test", "sw": "dev"}


def test_the_score_is_seqevals_of_the_folder_that_transformers_loads(tuned: Path) -> None:
    network = AutoModelForTokenClassification.from_pretrained(tuned / "model").eval()
    tokenizer = AutoTokenizer.from_pretrained(tuned / "model")
    true, predicted = [], []
    for sentence in sentences(40, 2):  # the test set
        encoded = tokenizer([word for word, _ in sentence], is_split_into_words=True, return_tensors="pt")
        with torch.inference_mode():
            best = network(**encoded).logits[0].argmax(-1).tolist()
        firsts = [encoded.word_ids().index(word) for word in range(len(sentence))]
        true.append([tag for _, tag in sentence])
        predicted.append([network.config.id2label[best[place]] for place in firsts])
    assert scores(tuned)["en"]["f1"] == pytest.approx(f1_score(true, predicted, mode="strict", scheme=IOB2))


def test_a_language_without_training_data_is_one_line(
    tiny_model: Path, names: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--task=ner", f"--model={tiny_model}", f"--data={names}", f"--output={tmp_path / 'run'}"]
    assert "swa" in mistake(capsys, *arguments, "--train=swa")
    assert not (tmp_path / "run").exists()


def test_a_mistake_in_a_file_is_one_line_before_any_work(
    tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "train-en.tsv"
    path.write_text("Anna\tB-PER\nruns\n", "utf-8")
    said = mistake(capsys, "--task=ner", f"--model={tiny_model}", f"--data={tmp_path}", f"--output={tmp_path / 'run'}")
    assert f"{path}, line 2: " in said
    assert not (tmp_path / "run").exists()
