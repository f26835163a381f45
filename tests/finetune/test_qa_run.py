"""Question answering end to end: a tiny encoder learns a planted signal, and is scored as a plain program scores it."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForQuestionAnswering, AutoTokenizer

from tests.finetune.planted import WORDS, scores, tune

CITIES = ("Berlin", "Paris")


def questions(number: int, seed: int) -> list[dict[str, Any]]:
    """Paragraphs that name one city, which is the answer."""
    chance = random.Random(seed)
    found = []
    for count in range(number):
        city = chance.choice(CITIES)
        words = chance.choices(WORDS, k=chance.randrange(1, 25))
        words.insert(chance.randrange(len(words) + 1), city)
        context = " ".join(words)
        answers = [{"text": city, "answer_start": context.index(city)}]
        asked = {"id": f"{seed}-{count}", "question": "where ?", "answers": answers}
        found.append({"context": context, "qas": [asked]})
    return found


def write(path: Path, paragraphs: list[dict[str, Any]]) -> None:
    path.write_text(json.dumps({"version": "1.1", "data": [{"title": "", "paragraphs": paragraphs}]}), "utf-8")


@pytest.fixture(scope="module")
def tuned(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("qa")
    write(folder / "train-v1.1.json", questions(160, 0))
    write(folder / "dev-context-en-question-en.json", questions(24, 1))
    write(folder / "test-context-en-question-en.json", questions(40, 2))
    write(folder / "test-context-de-question-de.json", questions(24, 3))
    output = tmp_path_factory.mktemp("tuned") / "run"
    tune("qa", tiny_model, folder, output, "--length=24", "--stride=8", "--warmup=0", "--epochs=8")
    return output


def test_answers_are_learned_and_found_in_another_language(tuned: Path) -> None:
    assert {language: value["f1"] > 0.8 for language, value in scores(tuned).items()} == {"de": True, "en": True}


def test_the_score_is_that_of_a_plain_program_on_the_folder_that_transformers_loads(tuned: Path) -> None:
    network = AutoModelForQuestionAnswering.from_pretrained(tuned / "model").eval()
    tokenizer = AutoTokenizer.from_pretrained(tuned / "model")
    right = 0
    for paragraph in questions(40, 2):  # the test set
        context, (asked,) = paragraph["context"], paragraph["qas"]
        room = 24 - len(tokenizer(asked["question"])["input_ids"]) - 2
        encoded = tokenizer(
            asked["question"], context, truncation="only_second", max_length=24, stride=room - 8,
            return_overflowing_tokens=True, return_offsets_mapping=True,
        )  # fmt: skip
        best = (-1e9, "")
        for number, ids in enumerate(encoded["input_ids"]):
            with torch.inference_mode():
                answer = network(torch.tensor([ids]))
            inside = [place for place, side in enumerate(encoded.sequence_ids(number)) if side == 1]
            for first in inside:
                for last in inside[inside.index(first) :][:30]:
                    score = float(answer.start_logits[0, first] + answer.end_logits[0, last])
                    begin, end = encoded["offset_mapping"][number][first][0], encoded["offset_mapping"][number][last][1]
                    best = max(best, (score, context[begin:end].strip()))
        right += best[1].lower() == asked["answers"][0]["text"].lower()
    assert scores(tuned)["en"]["exact_match"] == right / 40
