"""Named entities: a tag for each word, from its first piece.

A sentence that is longer than a row is cut between words into several rows; no word is lost, and an entity may go from
one row to the next. A word that is longer than a row keeps its first pieces. A word that the tokenizer makes nothing of
(a zero-width space) is an unknown piece: it has its tag like all others.
Sources: Conneau et al. 2020 (XLM-R), section 4 and Table 2 (no CRF); Devlin et al. 2019 (BERT), section 5.3 (first
pieces).
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from model.errors import UserError
from model.finetune.columns import Sentence
from model.finetune.iob import OUTSIDE
from model.finetune.ner_files import read_sentences
from model.finetune.task import Data, Encoding, Features, Output, Source, padded
from model.ids import IGNORED

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

_CHUNK = 20_000  # words that are given to the tokenizer at once


@dataclass(frozen=True, slots=True, kw_only=True)
class Row(Features):
    """Consecutive words of a sentence."""

    first_word: int
    places: Sequence[int]  # of each word's first piece in the row
    answers: Sequence[int]  # the number of each word's tag


class Ner:
    """Named-entity recognition as a task (model.finetune.task)."""

    name = "ner"

    def read(self, data: Path) -> Data[Sentence]:
        """Read the files of a folder."""
        return read_sentences(data)

    def load(self, source: Source, labels: Sequence[str]) -> nn.Module:
        """Return the encoder under a classifier of tokens."""
        from transformers import AutoModelForTokenClassification

        network: nn.Module = AutoModelForTokenClassification.from_pretrained(
            source.location,
            dtype=torch.float32,
            id2label=dict(enumerate(labels)),
            label2id={label: number for number, label in enumerate(labels)},
        )
        return network

    def features(
        self, examples: Sequence[Sentence], tokenizer: PreTrainedTokenizerBase, encoding: Encoding
    ) -> Sequence[Row]:
        """Return one row a sentence, or several; UserError with file and line for a tag that the model lacks."""
        numbers = {label: number for number, label in enumerate(encoding.labels)}
        pieces = _pieces({word for sentence in examples for word in sentence.words}, tokenizer)
        before, after = _around(tokenizer)
        room = encoding.length - len(before) - len(after)
        rows = []
        for example, sentence in enumerate(examples):
            answers = [_number(sentence, place, numbers) for place in range(len(sentence.words))]
            words = [pieces[word][:room] for word in sentence.words]
            for start, end in _rows([len(word) for word in words], room):
                ids, places = list(before), []
                for word in words[start:end]:
                    places.append(len(ids))
                    ids += word
                rows.append(
                    Row(
                        example=example,
                        input_ids=array("i", [*ids, *after]),
                        first_word=start,
                        places=array("i", places),
                        answers=array("i", answers[start:end]),
                    )
                )
        return rows

    def collate(
        self, features: Sequence[Row], tokenizer: PreTrainedTokenizerBase, encoding: Encoding
    ) -> dict[str, Tensor]:
        """Return ids, attention mask and labels; pieces that are not the first of their word have none."""
        batch = padded(features, tokenizer)
        labels = torch.full_like(batch["input_ids"], IGNORED)
        for number, row in enumerate(features):
            labels[number, torch.tensor(row.places)] = torch.tensor(row.answers, dtype=labels.dtype)
        return {**batch, "labels": labels}

    def score(
        self, examples: Sequence[Sentence], features: Sequence[Row], outputs: Sequence[Output], encoding: Encoding
    ) -> Mapping[str, float]:
        """Return F1, precision and recall of whole entities.

        An entity is right if its words and its type are. `f1` takes what the model says strictly: an entity begins with
        B- (seqeval's strict mode with IOB2). `f1_conlleval` is that of CoNLL's program, for which I- begins one too.
        """
        found = [[OUTSIDE] * len(sentence.words) for sentence in examples]
        for row, output in zip(features, outputs, strict=True):
            best = output["logits"][row.places].argmax(-1)
            found[row.example][row.first_word : row.first_word + len(best)] = [encoding.labels[tag] for tag in best]
        return figures([list(sentence.tags) for sentence in examples], found)


def figures(true: list[list[str]], found: list[list[str]]) -> dict[str, float]:
    """Return the metrics of tags found in sentences whose true tags are IOB2; all are 0 where nothing is right."""
    from seqeval.metrics import f1_score
    from seqeval.metrics.v1 import precision_recall_fscore_support
    from seqeval.scheme import IOB2

    strict = precision_recall_fscore_support(true, found, average="micro", scheme=IOB2, zero_division=0)
    precision, recall, f1 = map(float, strict[:3])
    lenient = float(f1_score(true, found, zero_division=0))  # its default is conlleval's way
    return {"f1": f1, "precision": precision, "recall": recall, "f1_conlleval": lenient}


def _pieces(words: set[str], tokenizer: PreTrainedTokenizerBase) -> dict[str, list[int]]:
    """Return the ids of each word as it stands after a space; of one that gives none, the id of the unknown."""
    ordered = sorted(words)
    found: dict[str, list[int]] = {}
    for start in range(0, len(ordered), _CHUNK):
        chunk = ordered[start : start + _CHUNK]
        # Tokenizers of bytes (RoBERTa) tell a word that follows a space from one that does not; others drop the space.
        encoded = tokenizer([f" {word}" for word in chunk], add_special_tokens=False)["input_ids"]
        for word, ids in zip(chunk, encoded, strict=True):
            found[word] = ids or [tokenizer.unk_token_id]
    return found


def _around(tokenizer: PreTrainedTokenizerBase) -> tuple[list[int], list[int]]:
    """Return the special tokens before and after a text."""
    bare = tokenizer("a", add_special_tokens=False)["input_ids"]
    whole = tokenizer("a")["input_ids"]
    start = next(place for place in range(len(whole)) if whole[place : place + len(bare)] == bare)
    return whole[:start], whole[start + len(bare) :]


def _rows(sizes: Sequence[int], room: int) -> Iterator[tuple[int, int]]:
    """Cut words of some numbers of pieces, each at most `room`, into rows: as many words as fit.

    >>> list(_rows([2, 1, 3, 1], room=3))
    [(0, 2), (2, 3), (3, 4)]
    """
    start = used = 0
    for place, size in enumerate(sizes):
        if used + size > room:
            yield start, place
            start, used = place, 0
        used += size
    yield start, len(sizes)


def _number(sentence: Sentence, place: int, numbers: Mapping[str, int]) -> int:
    tag = sentence.tags[place]
    if tag not in numbers:
        known = ", ".join(numbers)
        where = f"{sentence.file}, line {sentence.line + place}"
        raise UserError(f"{where}: the model knows the tags {known}, not {tag}")
    return numbers[tag]
