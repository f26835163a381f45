"""A language identification model of fastText's, from a file.

Source: Joulin et al. 2016 (arXiv 1607.01759); CCNet section 3.3.
"""

from pathlib import Path
from typing import Protocol

from ccnet_pipeline.errors import UserError
from ccnet_pipeline.language.readable import LABEL

_MAGIC = (793712314).to_bytes(4, "little")  # the first bytes of a file of fastText's


class LanguageScorer(Protocol):
    """What the stages need of a language identifier."""

    def best(self, text: str) -> tuple[str, float]:
        """Return (label, probability) of the likeliest language of one line; ("", 0.0) where there is none."""


class FastTextScorer:
    """A fastText language model from a file."""

    def __init__(self, path: Path) -> None:
        import fasttext

        with path.open("rb") as file:
            if file.read(len(_MAGIC)) != _MAGIC:  # of an empty file fastText compares what it never read
                raise UserError(f"--lid_model {path} is not a fastText model")
        fasttext.FastText.eprint = lambda *_: None  # load_model prints an empty warning
        try:
            # The binding below the wrapper: `predict(str)` of the wrapper breaks with NumPy 2.
            self._model = fasttext.load_model(str(path)).f
        except ValueError as error:
            raise UserError(f"--lid_model {path} is not a fastText model: {error}") from error
        except MemoryError as error:  # of a file that was cut off it takes what is not there for sizes
            raise UserError(f"--lid_model {path} is not a whole fastText model; fetch it anew") from error
        if not self.labels():
            raise UserError(f"--lid_model {path} has no labels: it was trained for word vectors, not to tell languages")
        self._predict = self._model.predict

    def best(self, text: str) -> tuple[str, float]:
        scored = self._predict(text + "\n", 1, 0.0, "strict")
        if not scored:
            return "", 0.0
        probability, label = scored[0]
        return label.removeprefix(LABEL), probability

    def labels(self) -> frozenset[str]:
        """Return every label that the model knows, without its prefix."""
        return frozenset(label.removeprefix(LABEL) for label in self._model.getLabels("strict")[0])
