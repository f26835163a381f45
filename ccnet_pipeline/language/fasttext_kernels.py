"""The programs that compute the answers of a fastText model: Facebook's own, and where it is installed a faster one.

fasttext-new (the extra `fast`) takes less than half the time. With hierarchical softmax, which lid.176 has, it gave the
same labels and the same bits of every score as fastText 0.9.3 for 2.1 million lines in 170 languages, whatever was
asked. With other losses one score in ten thousand texts differs in its last bit, so those models stay with fastText.
"""

import importlib.metadata
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np

Answers = tuple[list[list[str]], list[float]]  # the labels of each line, best first; the scores of all of them
_USUAL = "fasttext"
_FAST, _FAST_VERSION = "fasttext-new", "0.1.0"  # whose answers were compared; another one is not taken


class Kernel(Protocol):
    """One model in one of the programs."""

    def labels(self) -> list[str]:
        """Return every label, with its prefix."""

    def predict(self, lines: Sequence[str], k: int, least: float) -> Answers:
        """Return the best `k` labels of each line that are as probable as `least`; k = -1: all.

        Raises:
            RuntimeError: the model holds what are no numbers.
        """


class _Usual:
    """fastText's own binding, below its wrapper: `predict(str)` of the wrapper breaks with NumPy 2."""

    def __init__(self, path: Path) -> None:
        import fasttext

        fasttext.FastText.eprint = lambda *_: None  # load_model prints an empty warning
        self._model = fasttext.load_model(str(path)).f

    def labels(self) -> list[str]:
        labels: list[str] = self._model.getLabels("strict")[0]
        return labels

    def predict(self, lines: Sequence[str], k: int, least: float) -> Answers:
        labels, scores = self._model.multilinePredict([f"{line}\n" for line in lines], k, least, "strict")
        return labels, np.concatenate(scores).tolist() if scores else []


class _Fast:
    """fasttext-new: fastText once more, in Rust."""

    was_asked = False  # any model, in this process

    def __init__(self, path: Path) -> None:
        import fasttext_new

        self._model = fasttext_new.load_model(str(path)).f

    def labels(self) -> list[str]:
        labels: list[str] = self._model.get_labels("strict")[0]
        return labels

    def predict(self, lines: Sequence[str], k: int, least: float) -> Answers:
        _Fast.was_asked = True
        labels, scores, _ = self._model.predict_batch(list(lines), k, least, 1, "strict")  # in one thread
        numbers = np.frombuffer(scores, np.float32)
        if np.isnan(numbers).any():
            raise RuntimeError("Encountered NaN.")  # as fastText says it
        return labels, numbers.tolist()


def kernel_of(path: Path, *, hierarchical: bool) -> Kernel:
    """Load a model.

    Args:
        path: of the file.
        hierarchical: its loss is hierarchical softmax.

    Raises:
        ValueError: it is not one that the program reads.
    """
    return _Fast(path) if hierarchical and _has_fast() else _Usual(path)


def kernel_name() -> str:
    """Return the name and version of the program that models with hierarchical softmax are computed by."""
    return f"{_FAST} {_FAST_VERSION}" if _has_fast() else f"{_USUAL} {_version(_USUAL)}"


def has_threads() -> bool:
    """Tell whether fasttext-new has threads here: in a process that is forked now it would wait for them for ever."""
    return _Fast.was_asked


def _has_fast() -> bool:
    return _version(_FAST) == _FAST_VERSION


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None
