"""Questions answered by a span of a text: the network says how likely each piece begins the answer, and ends it.

A row is the question and a window of the context. A context that is longer than a window is read in several; each
begins `stride` pieces after the one before. In a window without the answer the first special token is trained to be
both ends. The answer is the best span over all windows: it begins and ends in the context and has at most 30 pieces;
the sum of its two logits decides, over all such spans and not only over the 20 best beginnings and ends.
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


class Qa:
    """Extractive question answering as a task (model.finetune.task)."""

    name = "qa"

    def read(self, data: Path) -> Data[Question]:
        """Read the files of a folder."""
        return read_folder(data)

    def load(self, source: Source, labels: Sequence[str]) -> nn.Module:
        """Return the encoder under two outputs a piece."""
        from transformers import AutoModelForQuestionAnswering

        network: nn.Module = AutoModelForQuestionAnswering.from_pretrained(source.location, dtype=torch.float32)
        return network

    def features(
        self, examples: Sequence[Question], tokenizer: PreTrainedTokenizerBase, encoding: Encoding
    ) -> Sequence[Window]:
        """Return the windows of each question; UserError where a row has no room for a context."""
        contexts = _pieces({question.context for question in examples}, tokenizer)
        questions = _pieces({question.text for question in examples}, tokenizer)
        frame = _frame(tokenizer)
        windows: list[Window] = []
        for number, example in enumerate(examples):
            asked, context = questions[example.text].ids[:QUESTION_PIECES], contexts[example.context]
            room = encoding.length - frame.size - len(asked)
            if room < 1:
                raise UserError(f"--length {encoding.length} leaves no room beside question {example.id}; raise it")
            wanted = _answer_pieces(context, example.answers[0])
            for begin, end in cut(len(context.ids), room, encoding.stride):
                windows.append(_window(number, asked, context, (begin, end), wanted, frame))
        return windows

    def collate(
        self, features: Sequence[Window], tokenizer: PreTrainedTokenizerBase, encoding: Encoding
    ) -> dict[str, Tensor]:
        """Return ids, attention mask and the places of the answers."""
        starts, ends = torch.tensor([window.answer for window in features]).unbind(1)
        return {**padded(features, tokenizer), "start_positions": starts, "end_positions": ends}

    def score(
        self, examples: Sequence[Question], features: Sequence[Window], outputs: Sequence[Output], encoding: Encoding
    ) -> Mapping[str, float]:
        """Return F1 and exact match, by MLQA's rule for the language and by SQuAD's."""
        answers = find_answers(examples, features, outputs)
        totals: dict[str, float] = defaultdict(float)
        for question, answer in zip(examples, answers, strict=True):
            truths = [truth.text for truth in question.answers]
            mlqa = partial(mlqa_words, language=question.language)
            totals["f1"] += best(f1, answer, truths, mlqa)
            totals["exact_match"] += best(exact, answer, truths, mlqa)
            totals["squad_f1"] += best(f1, answer, truths, squad_words)
            totals["squad_exact_match"] += best(exact, answer, truths, squad_words)
        return {name: total / len(examples) for name, total in totals.items()}


def find_answers(examples: Sequence[Question], features: Sequence[Window], outputs: Sequence[Output]) -> list[str]:
    """Return the answer to each question: the best span over its windows; empty where the context has no pieces."""
    found: dict[int, Span] = {}
    contexts: dict[int, Pieces] = {}
    for window, output in zip(features, outputs, strict=True):
        contexts[window.example] = window.context
        places = slice(window.place, window.place + window.end - window.begin)
        span = best_span(output["start_logits"][places], output["end_logits"][places])
        if span is None:
            continue
        whole = Span(span.score, window.begin + span.first, window.begin + span.last)
        if window.example not in found or whole.score > found[window.example].score:
            found[window.example] = whole
    return [
        text_of(found[number], contexts[number], question.context) if number in found else ""
        for number, question in enumerate(examples)
    ]


def best_span(starts: Logits, ends: Logits, longest: int = ANSWER_PIECES) -> Span | None:
    """Return the span with the highest sum of its start's and its end's logit, None of no pieces.

    >>> best_span(np.float32([0, 3, 0, 2]), np.float32([1, 0, 2, 0]))
    Span(score=5.0, first=1, last=2)
    """
    found: Span | None = None
    for more in range(min(longest, len(starts))):  # pieces after the first
        sums = starts[: len(starts) - more] + ends[more:]
        first = int(sums.argmax())
        if found is None or sums[first] > found.score:
            found = Span(float(sums[first]), first, first + more)
    return found


def text_of(span: Span, pieces: Pieces, context: str) -> str:
    """Return the characters of a span, without white space at its ends.

    A piece that a letter and its accents were composed to ends, by its offsets, before the accents: marks that no piece
    stands for belong to the piece before them.
    """
    end = pieces.offsets[span.last][1]
    last = span.last + 1
    following = pieces.offsets[last][0] if last < len(pieces.offsets) else len(context)
    while end < following and unicodedata.category(context[end]).startswith("M"):
        end += 1
    return context[pieces.offsets[span.first][0] : end].strip()


def cut(size: int, room: int, stride: int) -> Iterator[tuple[int, int]]:
    """Yield windows [begin, end) of at most `room` pieces that begin `stride` apart, or side by side.

    >>> list(cut(10, room=6, stride=3))
    [(0, 6), (3, 9), (6, 10)]
    >>> list(cut(10, room=6, stride=0))
    [(0, 6), (6, 10)]
    """
    begin = 0
    while begin + room < size:
        yield begin, begin + room
        begin += min(stride or room, room)  # further, and pieces would be in no window
    yield begin, size


def _window(
    number: int,
    asked: Sequence[int],
    context: Pieces,
    part: tuple[int, int],
    wanted: tuple[int, int] | None,
    frame: _Frame,
) -> Window:
    begin, end = part
    head = [*frame.before, *asked, *frame.between]
    tail = [*context.ids[begin:end], *frame.after]
    inside = wanted is not None and begin <= wanted[0] and wanted[1] < end
    shift = len(head) - begin
    types = frame.types and array("i", [frame.types[0]] * len(head) + [frame.types[1]] * len(tail))
    return Window(
        example=number,
        input_ids=array("i", head + tail),
        token_type_ids=types,
        context=context,
        begin=begin,
        end=end,
        place=len(head),
        answer=(wanted[0] + shift, wanted[1] + shift) if wanted and inside else (0, 0),
    )


def _answer_pieces(context: Pieces, answer: Answer) -> tuple[int, int] | None:
    """Return the first and the last piece that stand for characters of an answer."""
    end = answer.start + len(answer.text)
    touched = [place for place, (a, b) in enumerate(context.offsets) if a < end and b > answer.start]
    return (touched[0], touched[-1]) if touched else None


def _pieces(texts: set[str], tokenizer: PreTrainedTokenizerBase) -> dict[str, Pieces]:
    ordered = sorted(texts)
    found: dict[str, Pieces] = {}
    for start in range(0, len(ordered), _CHUNK):
        chunk = ordered[start : start + _CHUNK]
        encoded = tokenizer(chunk, add_special_tokens=False, return_offsets_mapping=True, verbose=False)
        for text, ids, offsets in zip(chunk, encoded["input_ids"], encoded["offset_mapping"], strict=True):
            found[text] = Pieces(ids, offsets)
    return found


def _frame(tokenizer: PreTrainedTokenizerBase) -> _Frame:
    encoded = tokenizer("a", "b")
    ids, sides = encoded["input_ids"], encoded.sequence_ids(0)
    first, second = sides.index(0), sides.index(1)
    last = len(sides) - sides[::-1].index(0)
    types = encoded.get("token_type_ids")
    return _Frame(
        before=ids[:first],
        between=ids[last:second],
        after=ids[len(sides) - sides[::-1].index(1) :],
        types=(types[first], types[second]) if types else None,
    )
