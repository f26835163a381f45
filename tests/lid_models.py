"""Language models for tests: files of a few hundred bytes, as fastText 0.9.3 stores them, and stand-ins without a file.

fastText's own training depends on chance.
"""

import struct
from collections.abc import Callable, Sequence
from pathlib import Path

from ccnet_pipeline.language import ModelIdentifier
from ccnet_pipeline.language.fasttext_model import Scored
from ccnet_pipeline.recipe import Recipe

_MAGIC, _VERSION = 793712314, 12
_SKIPGRAM, _SUPERVISED, _SOFTMAX = 2, 3, 3


def write_model(path: Path, labels: Sequence[str], *, version: int = _VERSION, weights: Sequence[float] = ()) -> Path:
    """A model that gives every text the first of these labels; without any, one of word vectors.

    With `weights` their exponentials are as the probabilities of the labels.
    """
    kind = _SUPERVISED if labels else _SKIPGRAM
    # dim, ws, epoch, minCount, neg, wordNgrams, loss, model, bucket, minn, maxn, lrUpdateRate, t
    settings = struct.pack("<12id", 1, 5, 1, 1, 5, 1, _SOFTMAX, kind, 0, 0, 0, 100, 1e-4)
    words = [("</s>", 0), *((f"__label__{label}", 1) for label in labels)]
    entries = b"".join(word.encode() + struct.pack("<xqb", 1, is_label) for word, is_label in words)
    vocabulary = struct.pack("<3iqq", len(words), 1, len(labels), len(words), -1) + entries
    rows_of_matrices = [[1.0], weights or [9.0, *[0.0] * (len(labels) - 1)]]  # of the one word, of the labels
    matrices = b"".join(struct.pack(f"<?qq{len(rows)}f", False, len(rows), 1, *rows) for rows in rows_of_matrices)
    path.write_bytes(struct.pack("<2i", _MAGIC, version) + settings + vocabulary + matrices)
    return path


class StandIn:
    """A model that answers as a function says, and remembers what it was shown."""

    def __init__(self, answer: Callable[[str], Sequence[Scored]], name: str = "stand-in") -> None:
        self.name = name
        self.shown: list[str] = []
        self._answer = answer

    def top(self, texts: Sequence[str], k: int, least: float = 0.0) -> list[list[Scored]]:
        self.shown += texts
        return [[scored for scored in self._answer(text) if scored[1] >= least][:k] for text in texts]


def identifier_of(model: StandIn, recipe: Recipe) -> ModelIdentifier:
    """What a run with this model alone would ask."""
    return ModelIdentifier(model, None, recipe.judgement)
