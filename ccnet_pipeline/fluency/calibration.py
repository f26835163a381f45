"""Cut-offs from a sample of crawl text: the perplexities below which a given share of it lies.

Source: Wenzek et al. 2020 (CCNet), section 5.2: percentiles 30 and 60 of a crawl, by documents. By tokens long
documents weigh more, and the share is one of the text that a model sees.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from ccnet_pipeline.errors import UserError
from ccnet_pipeline.fluency.buckets import BUCKETS, Bucket, Cutoffs, bucket_of
from ccnet_pipeline.fluency.cards import CalibrationRecord, Card, SourceFile
from ccnet_pipeline.fluency.sketch import share_in

By = Literal["documents", "tokens"]
BY: tuple[By, ...] = get_args(By)
FEWEST_DOCUMENTS = 5
_FEW_DOCUMENTS = 1000  # with fewer, a share of 30 % of the sample is one of less than 27 or more than 33 % of a crawl
_TOO_LOW = "the cut-offs are too low, take other text"
_MOST_KNOWN = 0.05  # share of the sample's paragraphs that the model may know


@dataclass(frozen=True, slots=True)
class Sample:
    """The scores of documents of a crawl."""

    perplexities: npt.NDArray[np.float64]
    tokens: npt.NDArray[np.int64]

    def weights(self, by: By) -> npt.NDArray[np.int64]:
        """Return how much each document counts."""
        return self.tokens if by == "tokens" else np.ones_like(self.tokens)


def cutoffs_of(sample: Sample, by: By, head: float, middle: float) -> Cutoffs:
    """Return the cut-offs of a sample, to one decimal.

    Args:
        sample: of a crawl.
        by: what the shares are of.
        head: per cent of it that shall be head.
        middle: per cent that shall be head or middle.

    Raises:
        UserError: shares that cannot be, or too few documents.
    """
    if not 0 < head <= middle < 100:
        raise UserError(f"--head {head:g} --middle {middle:g}: want two percentages, 0 < head <= middle < 100")
    if len(sample.perplexities) < FEWEST_DOCUMENTS:
        raise UserError(
            f"the sample has {len(sample.perplexities)} documents that can be scored, and cut-offs need "
            f"{FEWEST_DOCUMENTS}; put a blank line behind each document"
        )
    if by == "documents":
        values = np.percentile(sample.perplexities, (head, middle))
    else:
        order = np.argsort(sample.perplexities, kind="stable")
        below = np.cumsum(sample.tokens[order])
        at = np.searchsorted(below, np.array([head, middle]) / 100 * below[-1], side="right")
        values = sample.perplexities[order][at]
    return Cutoffs(round(float(values[0]), 1), round(float(values[1]), 1))


def shares(sample: Sample, by: By, cutoffs: Cutoffs) -> dict[Bucket, float]:
    """Return which share of a sample falls into each bucket."""
    weights = sample.weights(by)
    found = np.array([bucket_of(float(value), cutoffs) for value in sample.perplexities])
    return {
        bucket: float(weights[found == bucket].sum() / max(weights.sum(), 1)) for bucket in BUCKETS if bucket != "all"
    }


def doubts(
    card: Card | None, sample: Sample, documents: Sequence[Sequence[str]], sources: Sequence[SourceFile]
) -> Iterator[str]:
    """Yield what makes cut-offs of a sample doubtful."""
    count = len(sample.perplexities)
    if count < _FEW_DOCUMENTS:
        spread = 200 * (0.3 * 0.7 / count) ** 0.5
        yield f"the sample is small: with {count} documents a share may be off by {spread:.0f} points, with 1000 by 3"
    training = card.training if card else None
    if training is None:
        return
    if {each.sha256 for each in training.ingredients.sources} & {each.sha256 for each in sources}:
        yield f"{_TOO_LOW}: the model was trained on this very file"
    elif (known := share_in(training.sketch, documents) or 0.0) > _MOST_KNOWN:
        yield f"{_TOO_LOW}: {known:.0%} of the sample's paragraphs stand in the text that the model was trained on"


def record_of(sample: Sample, sources: Sequence[SourceFile], by: By, head: float, middle: float) -> CalibrationRecord:
    """Return what the card says of a calibration."""
    return CalibrationRecord(
        sources=tuple(sources),
        by=by,
        head_percent=head,
        middle_percent=middle,
        documents=len(sample.perplexities),
        tokens=int(sample.tokens.sum()),
    )
