"""A label, or a number, for a text or a pair of texts: what XNLI and the tasks of GLUE have in common."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from model.errors import UserError
from model.finetune.task import Data, Encoding, Features, Output, Source, padded

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

_CHUNK = 10_000  # examples that are given to the tokenizer at once

Numbers = npt.NDArray[Any]  # labels by number, or values


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """A text, or a pair, and what is said of it."""

    text: str
    pair: str | None = None
    answer: str | float  # a label; a number where the task has no labels
    part: str = ""  # of the split, where a score is given for each part


@dataclass(frozen=True, slots=True, kw_only=True)
class Row(Features):
    """One row of tokens and its answer: the label's number, or the value."""

    answer: float


@dataclass(frozen=True, slots=True)
class Classification:
    """A task of this kind: its files and its metrics."""

    name: str
    reader: Callable[[Path], Data[Example]]
    metrics: Callable[[Sequence[Example], Numbers, Numbers], Mapping[str, float]]  # of examples, true, predicted

    def read(self, data: Path) -> Data[Example]:
        """Read the files of a folder."""
        return self.reader(data)

    def load(self, source: Source, labels: Sequence[str]) -> nn.Module:
        """Return the encoder under a classifier; without labels, under one output that is fitted by least squares."""
        from transformers import AutoModelForSequenceClassification

        about: dict[str, Any] = {"num_labels": 1, "problem_type": "regression"}
        if labels:
            about = {"id2label": dict(enumerate(labels)), "label2id": {name: n for n, name in enumerate(labels)}}
            about["problem_type"] = "single_label_classification"
        network: nn.Module = AutoModelForSequenceClassification.from_pretrained(
            source.location, dtype=torch.float32, **about
        )
        return network

    def features(
        self, examples: Sequence[Example], tokenizer: PreTrainedTokenizerBase, encoding: Encoding
    ) -> Sequence[Row]:
        """Return a row an example; of what is too long, the end of the longer text is cut."""
        numbers = {label: float(number) for number, label in enumerate(encoding.labels)}
        rows: list[Row] = []
        for start in range(0, len(examples), _CHUNK):
            chunk = examples[start : start + _CHUNK]
            pairs = [example.pair or "" for example in chunk] if chunk[0].pair is not None else None
            encoded = tokenizer(
                [example.text for example in chunk], pairs, truncation="longest_first", max_length=encoding.length
            )
            all_types = encoded.get("token_type_ids", [None] * len(chunk))
            for place, (example, ids, types) in enumerate(
                zip(chunk, encoded["input_ids"], all_types, strict=True), start
            ):
                answer = _number(example.answer, numbers)
                # Arrays of C integers: translate-train-all has 6 million rows.
                rows.append(Row(example=place, input_ids=array("i", ids), token_type_ids=types, answer=answer))
        return rows

    def collate(
        self, features: Sequence[Row], tokenizer: PreTrainedTokenizerBase, encoding: Encoding
    ) -> dict[str, Tensor]:
        """Return ids, attention mask and answers."""
        kind = torch.long if encoding.labels else torch.float32
        return {**padded(features, tokenizer), "labels": torch.tensor([row.answer for row in features], dtype=kind)}

    def score(
        self, examples: Sequence[Example], features: Sequence[Row], outputs: Sequence[Output], encoding: Encoding
    ) -> Mapping[str, float]:
        """Return the task's metrics."""
        logits = np.stack([output["logits"] for output in outputs])
        gold = np.array([row.answer for row in features])
        return self.metrics(examples, gold, logits.argmax(1) if encoding.labels else logits[:, 0])


def _number(answer: str | float, numbers: Mapping[str, float]) -> float:
    if not isinstance(answer, str):
        return answer
    if answer not in numbers:
        raise UserError(f"the model tells {', '.join(numbers)} apart, and the data have the label {answer!r}")
    return numbers[answer]


def accuracy(_: Sequence[Example], gold: Numbers, predicted: Numbers) -> dict[str, float]:
    """Return the share of examples whose label is right."""
    return {"accuracy": float((gold == predicted).mean())}
