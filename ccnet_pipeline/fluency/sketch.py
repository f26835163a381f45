"""A few hashes of a text's paragraphs, from which one can tell how much of another text stands in it.

Kept are the smallest hashes of all. What of the other text has a hash below the largest of these stands in the first
text exactly if its hash is among them; it is a fair sample of the other text, because hashes know nothing of content.
"""

import base64
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice

import numpy as np

from ccnet_pipeline.dedup.hashing import Hashes, paragraph_hashes
from ccnet_pipeline.errors import UserError

_KEPT = 512
_FEWEST_COMPARED = 20  # paragraphs; of fewer no share can be told
_BATCH = 4096  # paragraphs that are hashed at once


@dataclass(slots=True)
class Sketch:
    """The smallest hashes of all paragraphs that were added."""

    _smallest: Hashes = field(default_factory=lambda: np.empty(0, np.uint64))  # distinct, ascending
    _waiting: list[str] = field(default_factory=list)

    def add(self, paragraphs: Sequence[str]) -> None:
        """Take the paragraphs of a document."""
        self._waiting += paragraphs
        if len(self._waiting) >= _BATCH:
            self._settle()

    def _settle(self) -> None:
        self._smallest = np.unique(np.concatenate([self._smallest, paragraph_hashes(self._waiting)]))[:_KEPT]
        self._waiting = []

    def encode(self) -> str:
        """Return it as text: base64 of little-endian 64-bit numbers."""
        self._settle()
        return base64.b64encode(self._smallest.astype("<u8").tobytes()).decode("ascii")


def share_in(sketch: str, documents: Iterable[Sequence[str]]) -> float | None:
    """Return which share of the paragraphs of documents stands in the text of a sketch; None: too few to tell.

    Raises:
        UserError: it is no sketch.
    """
    try:
        known = np.frombuffer(base64.b64decode(sketch, validate=True), dtype="<u8")
    except ValueError as error:
        raise UserError(f"not a sketch of hashes: {error}") from error
    highest = known[-1] if len(known) >= _KEPT else np.iinfo(np.uint64).max
    compared = among = 0
    paragraphs = chain.from_iterable(documents)
    while batch := list(islice(paragraphs, _BATCH)):
        hashes = paragraph_hashes(batch)
        hashes = hashes[hashes <= highest]
        compared += len(hashes)
        among += int(np.isin(hashes, known).sum())
    return among / compared if compared >= _FEWEST_COMPARED else None
