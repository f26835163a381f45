"""How sure and how fluent the documents of a language are: counts that give the same sums in whatever order they come.

So scores are added as integers, and perplexities are counted by their first two digits: at most 90 counts from one
power of ten to the next, and a median that is right to two digits.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeVar

SCORE_BINS = 50  # of equal width, over [0, 1]

_SCORE_UNIT = 10_000  # a score has four decimals
_PERPLEXITY_UNIT = 10  # a perplexity has one
_MOST_TENTHS = 10**12
_DIGITS = 2
_Key = TypeVar("_Key", str, int)


def add_counts(counts: dict[_Key, int], more: Mapping[_Key, int]) -> None:
    """Add to counts. What is new among them is put into the order of the keys, so that a sum shows no order of parts.

    >>> counts = {}
    >>> for part in ({"repeated": 1}, {"blank": 2, "repeated": 3}):
    ...     add_counts(counts, part)
    >>> counts
    {'blank': 2, 'repeated': 4}
    """
    has_new = not more.keys() <= counts.keys()
    for key, count in more.items():
        counts[key] = counts.get(key, 0) + count
    if has_new:
        ordered = sorted(counts.items())
        counts.clear()
        counts.update(ordered)


@dataclass(slots=True)
class Quality:
    """What the documents of one language are like, before any is dropped for its bucket."""

    documents: int = 0
    scores: int = 0  # sum, in ten thousandths
    score_bins: dict[int, int] = field(default_factory=dict)  # of SCORE_BINS -> documents
    perplexities: dict[int, int] = field(default_factory=dict)  # in tenths, to two digits -> documents
    buckets: dict[str, int] = field(default_factory=dict)  # documents

    def count(self, score: float, perplexity: float | None, bucket: str | None) -> None:
        """Count a document; one of an unwanted language has no bucket."""
        self.documents += 1
        scored = round(score * _SCORE_UNIT)
        self.scores += scored
        score_bin = min(scored * SCORE_BINS // _SCORE_UNIT, SCORE_BINS - 1)
        self.score_bins[score_bin] = self.score_bins.get(score_bin, 0) + 1
        if perplexity is not None:
            tenths = _two_digits(perplexity)
            self.perplexities[tenths] = self.perplexities.get(tenths, 0) + 1
        if bucket is not None:
            self.buckets[bucket] = self.buckets.get(bucket, 0) + 1

    def add(self, other: "Quality") -> None:
        self.documents += other.documents
        self.scores += other.scores
        add_counts(self.score_bins, other.score_bins)
        add_counts(self.perplexities, other.perplexities)
        add_counts(self.buckets, other.buckets)

    @property
    def mean_score(self) -> float | None:
        """Return the mean language score, to 4 decimals; None without a document."""
        return round(self.scores / self.documents / _SCORE_UNIT, 4) if self.documents else None

    @property
    def median_perplexity(self) -> float | None:
        """Return the lower median of the documents that have a perplexity, to two digits; None if none has."""
        half, below = sum(self.perplexities.values()) / 2, 0
        for tenths, documents in sorted(self.perplexities.items()):
            below += documents
            if below >= half:
                return tenths / _PERPLEXITY_UNIT
        return None

    @property
    def score_histogram(self) -> list[int]:
        """Return the documents in each of the SCORE_BINS."""
        return [self.score_bins.get(each, 0) for each in range(SCORE_BINS)]

    @property
    def perplexity_histogram(self) -> dict[str, int]:
        """Return the documents by perplexity, to two digits, ascending."""
        return {str(tenths / _PERPLEXITY_UNIT): documents for tenths, documents in sorted(self.perplexities.items())}

    @property
    def head_share(self) -> float | None:
        """Return the share of head in head, middle and tail, to 4 decimals; None without any."""
        documents = sum(count for bucket, count in self.buckets.items() if bucket != "all")
        return round(self.buckets.get("head", 0) / documents, 4) if documents else None


def _two_digits(perplexity: float) -> int:
    """Return a perplexity in tenths, rounded to its first two digits: 1234.5 is 12000."""
    tenths = round(min(perplexity * _PERPLEXITY_UNIT, _MOST_TENTHS))
    unit: int = 10 ** max(len(str(tenths)) - _DIGITS, 0)
    return (tenths + unit // 2) // unit * unit
