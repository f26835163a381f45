"""One classifier of languages: fastText, trained on labelled lines and made small.

**Determinism.** One thread, and a seed: the same lines and settings give the same bytes with one build of fastText.
With one thread fastText 0.9.3 begins with random vectors for the first tenth of its table only, and leaves in the
others what was in that memory, which can be anything, NaN included. So it trains in a process of its own (`_zeroed`).

Source: Joulin et al. 2016 (arXiv 1607.01759; the classifier) and 2016 (arXiv 1612.03651; product quantisation).
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from ccnet_pipeline.errors import UserError
from ccnet_pipeline.language.samples import Sample, write_samples
from ccnet_pipeline.terminal import can_move, error_console

_BYTES_BESIDE_THE_VECTOR = 10.5  # of a feature in the file: its norm, its place in the table, some of a word
NUMBERS_IN_A_BYTE = 2  # of the vector
_BYTES_BY_DIMENSION = 4 * (256 + 200)  # of the code book and of the labels
_SMALLEST = 100_000  # bytes of a model
_FRESH_BYTES = 32 << 20  # memory blocks that are larger come from the system, zeroed


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How a classifier is made. The defaults are those of the model that is shipped."""

    seed: int = 1
    dimensions: int = 16
    epochs: int = 8
    epochs_when_small: int = 5  # of training anew with the features that stay
    learning_rate: float = 0.8
    shortest_ngram: int = 3  # characters
    longest_ngram: int = 5
    buckets: int = 1_000_000  # of n-grams, before the model is made small
    fewest_of_a_word: int = 5
    most_bytes: int = 2_929_200

    @property
    def features(self) -> int:
        """Words and n-grams that stay when the model is made small."""
        of_one = _BYTES_BESIDE_THE_VECTOR + self.dimensions / NUMBERS_IN_A_BYTE
        return int((self.most_bytes - _BYTES_BY_DIMENSION * self.dimensions) / of_one)

    def check(self) -> None:
        """Raise UserError for a value that cannot be."""
        if self.most_bytes < _SMALLEST:
            raise UserError(f"--most_bytes {self.most_bytes} is too small for a model; give at least {_SMALLEST}")
        if 4 * self.dimensions * self.buckets <= _FRESH_BYTES:
            raise ValueError(f"{self.buckets} buckets of {self.dimensions} numbers may not be in fresh memory")
        if self.epochs < 1:
            raise UserError(f"--epochs {self.epochs} is no training; give 1 or more")


def train_classifier(lines: Sequence[Sample], settings: Settings, target: Path) -> None:
    """Train on labelled lines and write the quantised model. A terminal shows how far it is, and the time left."""
    settings.check()
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", suffix=".txt", dir=target.parent) as file:
        file.write(write_samples(lines))
        file.flush()
        _train(file.name, settings, target)
    if (size := target.stat().st_size) > settings.most_bytes:
        raise RuntimeError(f"the model takes {size} bytes, more than {settings.most_bytes}")


def _train(text: str, settings: Settings, target: Path) -> None:
    """Train in a new process: this one's memory has been used, and fastText would begin with what lies there."""
    verbose = 2 if can_move(error_console()) else 0
    values = json.dumps({**asdict(settings), "features": settings.features, "verbose": verbose})
    command = [sys.executable, "-m", "ccnet_pipeline.language.fasttext_training", text, str(target), values]
    done = subprocess.run(command, env=_zeroed(os.environ), start_new_session=True, check=False)
    if done.returncode:
        raise RuntimeError(f"fastText failed (exit status {done.returncode})")


def _zeroed(environment: Mapping[str, str]) -> dict[str, str]:
    """Return an environment in which the C library of Linux fills all memory that is asked for.

    By the complement of a number, which is 0 for 255. With another C library large blocks of a new process are zero.
    """
    return {**environment, "MALLOC_PERTURB_": "255", "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
