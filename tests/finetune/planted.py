"""Small data sets in the forms of their authors, with a signal that a tiny model learns; and a run of the command."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from model.finetune.__main__ import main

WORDS = "a one two red blue green house river boat tree cat dog bird runs sleeps sings".split()
SIGNAL = {"yes": "entailment", "maybe": "neutral", "no": "contradiction"}
# What the tiny model learns it with, in some seconds.
QUICK = (
    "--learning_rate=3e-3 --batch_size=16 --epochs=3 --epoch_steps=0 --patience=0 --length=32 --device=cpu "
    "--log_every=5"
).split()


def pairs(number: int, seed: int) -> list[tuple[str, str, str]]:
    """Pairs of sentences; one word of the second decides the label."""
    chance = random.Random(seed)
    found = []
    for _ in range(number):
        word = chance.choice(list(SIGNAL))
        second = chance.choices(WORDS, k=2)
        second.insert(chance.randrange(3), word)
        found.append((" ".join(chance.choices(WORDS, k=chance.randint(2, 5))), " ".join(second), SIGNAL[word]))
    return found


def write_xnli(folder: Path, languages: Sequence[str] = ("en", "fr"), train: Sequence[str] = ("en",)) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for place, language in enumerate(train):
        lines = "".join(f"{a}\t{b}\t{c.replace('diction', 'dictory')}\n" for a, b, c in pairs(240, place))
        (folder / f"multinli.train.{language}.tsv").write_text("premise\thypo\tlabel\n" + lines, "utf-8")
    for seed, split in enumerate(("dev", "test"), 100):
        lines = "".join(f"{x}\t{c}\t{a}\t{b}\n" for x in languages for a, b, c in pairs(24, seed))
        (folder / f"xnli.{split}.tsv").write_text("language\tgold_label\tsentence1\tsentence2\n" + lines, "utf-8")
    return folder


def tune(task: str, model: Path, data: Path, output: Path, *flags: str) -> None:
    arguments = [f"--task={task}", f"--model={model}", f"--data={data}", f"--output={output}", *QUICK, *flags]
    assert main(arguments) == 0


def mistake(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """The one line that a command says of a user's mistake."""
    capsys.readouterr()
    assert main(["--length=32", *arguments]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("python -m model.finetune: ")
    return line


def scores(run: Path) -> Mapping[str, Mapping[str, float]]:
    found: dict[str, Any] = json.loads((run / "scores.json").read_text("utf-8"))
    languages: Mapping[str, Mapping[str, float]] = found["languages"]
    return languages
