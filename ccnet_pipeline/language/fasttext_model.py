"""A language identification model of fastText's, from a file.

Source: Joulin et al. 2016 (arXiv 1607.01759); CCNet section 3.3.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from ccnet_pipeline.errors import UserError
from ccnet_pipeline.language.fasttext_file import MAGIC, VERSION, NotWholeError, check_whole, has_hierarchical_softmax
from ccnet_pipeline.language.fasttext_kernels import kernel_of
from ccnet_pipeline.language.labels import add_up, code_of
from ccnet_pipeline.language.readable import LABEL

Scored = tuple[str, float]
_LEAST_ADDED = 0.005  # labels less probable are not added up: a model may have thousands


class Model(Protocol):
    """What an identifier needs of a model."""

    @property
    def name(self) -> str: ...

    def top(self, texts: Sequence[str], k: int, least: float = 0.0) -> list[list[Scored]]:
        """Return for each text, which is one line, the best `k` codes and their probabilities, best first."""


class FastTextModel:
    """A fastText classifier; its labels are taken for the codes that they mean (labels.py)."""

    def __init__(self, path: Path, *, name: str = "", option: str = "--lid_model") -> None:
        """Load a model; `name` tells it from others, by default that of its file.

        Raises:
            UserError: the file, which `option` named, is no such model, or not whole.
        """
        self.name = name or path.name
        self._what = f"{option} {path}"
        try:
            _check(path)
            self._kernel = kernel_of(path, hierarchical=has_hierarchical_softmax(path))
        except OSError as error:
            raise UserError(f"{self._what}: {error.strerror}") from error
        except NotWholeError as error:
            raise UserError(f"{self._what} is not a whole fastText model: {error}; fetch it anew") from error
        except (ValueError, MemoryError) as error:
            raise UserError(f"{self._what} is not a fastText model: {error}") from error
        labels = self._kernel.labels()
        if not labels:
            raise UserError(f"{self._what} has no labels: it was trained for word vectors, not to tell languages")
        self._meanings = {label: code_of(label.removeprefix(LABEL)) for label in labels}
        self._has_synonyms = len(self.codes()) < len(labels)

    def labels(self) -> frozenset[str]:
        """Return every label that the model knows, without its prefix."""
        return frozenset(label.removeprefix(LABEL) for label in self._meanings)

    def codes(self) -> frozenset[str]:
        """Return what the labels mean: codes of CC-100, and other labels as they stand."""
        return frozenset(self._meanings.values())

    def top(self, texts: Sequence[str], k: int, least: float = 0.0) -> list[list[Scored]]:
        """Return for each text the best `k` codes that are as probable as `least`.

        A text is one line; where the model knows no word of it there is no answer. Probabilities are as fastText gives
        them, which may be a little more than 1; those of labels that mean the same are added. To leave out what is
        hardly probable costs lid.176 less: its labels are the leaves of a tree.

        Raises:
            UserError: the model holds what are no numbers.
        """
        asked = (-1, min(least, _LEAST_ADDED)) if self._has_synonyms else (k, least)
        try:
            labels, scores = self._kernel.predict(texts, *asked)
        except RuntimeError as error:
            raise UserError(f"{self._what} is damaged: {error}; fetch it anew") from error
        meaning, score = self._meanings.__getitem__, iter(scores)
        answers = [list(zip(map(meaning, of_text), score, strict=False)) for of_text in labels]  # one iterator for all
        return [add_up(scored)[:k] for scored in answers] if self._has_synonyms else answers


def _check(path: Path) -> None:
    """Look at what fastText does not check.

    Raises:
        ValueError: the file is not a model, or not whole.
    """
    with path.open("rb") as file:
        magic, version = file.read(len(MAGIC)), int.from_bytes(file.read(4), "little")
    if magic != MAGIC:  # of an empty file fastText compares what it never read
        raise ValueError("it begins otherwise")
    if version <= VERSION:  # of a newer one fastText itself says what is wrong
        check_whole(path)
