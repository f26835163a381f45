"""Questions answered by a span of a text: the network says how likely each piece begins the answer, and ends it.

A row is the question and a window of the context. A context that is longer than a window is read in several; each begins
`stride` pieces after the one before. In a window without the answer the first special token is trained to be both ends.
The answer is the best span over all windows: it begins and ends in the context and has at most 30 pieces; the sum of its
two logits decides, over all such spans and not only those of the 20 best beginnings and ends.
Sources: Devlin et al. 2019 (BERT), section 4.2, and its run_squad.py (64 pieces of a question, 30 of an answer).
"""

from __future__ import annotations

import unicodedata
from array import array
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from model.errors import UserError
from model.finetune.answers import best, exact, f1, mlqa_words, squad_words
from model.finetune.qa_files import read_folder
from model.finetune.squad import Answer, Question
from model.finetune.task import Data, Encoding, Features, Output, Source, padded

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

QUESTION_PIECES = 64  # the rest of a question is cut off
ANSWER_PIECES = 30
_CHUNK = 1_000  # texts that are given to the tokenizer at once

Logits = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Pieces:
    """A text as pieces: ids, and the characters [start, end) that each stands for."""

    ids: Sequence[int]
    offsets: Sequence[tuple[int, int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Window(Features):
    """A question and pieces [begin, end) of its context, the first of them at `place` of the row."""

    context: Pieces
    begin: int
    end: int
    place: int
    answer: tuple[int, int]  # places of its first and last piece in the row; (0, 0) where it is not in the window


@dataclass(frozen=True, slots=True)
class Span:
    """Pieces [first, last] of a context, and the sum of their logits."""

    score: float
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class _Frame:
    """What stands around and between the two texts of a row, and the token types, where a tokenizer has them."""

    before: Sequence[int]
    between: Sequence[int]
    after: Sequence[int]
    types: tuple[int, int] | None  # of the question with what stands around it, of the context and what follows

    @property
    def size(self) -> int:
        return len(self.before) + len(self.between) + len(self.after)
