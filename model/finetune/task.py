"""What a task is: how its files are read, what the network sees of an example, and what its answers are worth.

    data = task.read(folder)                                   files -> examples by language and split
    network = task.load(source, data.labels)                   a pretrained encoder under the task's head
    features = task.features(examples, tokenizer, encoding)    an example gives one row of tokens, or several (windows)
    batch = task.collate(features[i:j], tokenizer, encoding)   what network(**batch) takes, answers included
    scores = task.score(examples, features, outputs, encoding)

`model.finetune.loop` trains any of them, `model.finetune.tasks` has them by name. A task keeps no state: what it knows
of the data stands in `Data` and `Encoding`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

if TYPE_CHECKING:  # it takes seconds to load, and a command line that is wrong should not
    from transformers import PreTrainedTokenizerBase

TRAIN, DEV, TEST = "train", "dev", "test"

E = TypeVar("E")  # an example of a task
F = TypeVar("F", bound="Features")

# What the network says of one row: its outputs by name ("logits", or "start_logits" and "end_logits"), without the
# batch's dimension. Where that has a position for each token, positions after the row's own tokens are padding.
Output = Mapping[str, npt.NDArray[np.float32]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Data(Generic[E]):
    """The examples of a folder. All of them have their answers: a file without labels is left out and noted."""

    examples: Mapping[str, Mapping[str, Sequence[E]]]  # by language, as the files call it; then TRAIN, DEV, TEST
    labels: tuple[str, ...]  # what the head tells apart, in its order; empty where it does not classify
    files: tuple[Path, ...]  # that were read, in the order of their names
    notes: tuple[str, ...] = ()  # for the user, a line each: what was left out
    partial: tuple[str, ...] = ()  # what is missing of the paper's data, a phrase each; empty when all is there


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoding:
    """How examples become rows of tokens. It is kept with a fine-tuned model, so that all are read alike."""

    length: int  # tokens of a row, at most, special ones included
    stride: int  # tokens from the start of a window to that of the next, where a task cuts windows
    labels: tuple[str, ...]  # those of the model's head


@dataclass(frozen=True, slots=True, kw_only=True)
class Features:
    """One row of tokens. A task adds to it what its `collate` and its `score` want."""

    example: int  # place of its example in the sequence that was given
    input_ids: Sequence[int]  # special tokens included; an array("i") takes a tenth of a list's memory
    token_type_ids: Sequence[int] | None = None  # where the tokenizer gives them (BERT, of a pair)


@dataclass(frozen=True, slots=True)
class Source:
    """A pretrained encoder, where transformers finds it."""

    name: str  # as the user gave it
    location: str  # for from_pretrained: a folder, or a name of the hub
    digest: str  # of the weights: sha256 of a file, or the hub's commit
    longest: int  # tokens of a row that it can take
    tokenizer: PreTrainedTokenizerBase  # a fast one: it knows where in the text a token stands


class Task(Protocol[E, F]):
    """One way to use an encoder, with its files and its metrics."""

    @property
    def name(self) -> str:
        """The name that --task takes."""

    def read(self, data: Path) -> Data[E]:
        """Read the files of a folder, in the forms in which the authors publish them.

        Raises:
            UserError: one line with file and line number, for whatever is not of that form.
        """

    def load(self, source: Source, labels: Sequence[str]) -> nn.Module:
        """Return the network, on the CPU in fp32, with a new head where the source has none for these labels.

        The head's first weights come from torch's generator. The network has `save_pretrained`, and `config.id2label`.
        """

    def features(self, examples: Sequence[E], tokenizer: PreTrainedTokenizerBase, encoding: Encoding) -> Sequence[F]:
        """Return the rows of examples, in their order; UserError for a label that `encoding.labels` does not have."""

    def collate(
        self, features: Sequence[F], tokenizer: PreTrainedTokenizerBase, encoding: Encoding
    ) -> dict[str, Tensor]:
        """Return the arguments of the network for some rows: those of `padded`, and their answers."""

    def score(
        self, examples: Sequence[E], features: Sequence[F], outputs: Sequence[Output], encoding: Encoding
    ) -> Mapping[str, float]:
        """Return metrics by name, as fractions (1 is perfect); by the first of them a checkpoint is chosen.

        Args:
            examples: of one language and split.
            features: theirs.
            outputs: the network's, one for each of the features.
            encoding: what the features were made with.
        """


AnyTask = Task[Any, Any]


def padded(features: Sequence[Features], tokenizer: PreTrainedTokenizerBase) -> dict[str, Tensor]:
    """Return ids and attention mask of some rows, and token types where they have some, padded to the longest."""
    names = ["input_ids"] if features[0].token_type_ids is None else ["input_ids", "token_type_ids"]
    shape = len(features), max(len(row.input_ids) for row in features)
    values = {name: torch.zeros(shape, dtype=torch.long) for name in [*names, "attention_mask"]}
    values["input_ids"].fill_(int(tokenizer.pad_token_id))
    for place, row in enumerate(features):
        length = len(row.input_ids)
        for name in names:
            values[name][place, :length] = torch.as_tensor(getattr(row, name), dtype=torch.long)
        values["attention_mask"][place, :length] = 1
    return values
