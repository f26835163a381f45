"""The shapes of charts: where bars and marks lie. They are drawn by the page itself, as text, paths and rectangles.

A plotting library was measured: matplotlib takes 38 ms and 9.6 kB for a histogram, which is 9 s and 2.2 MB for the two
of each of 116 languages. A path of a hundred bytes says the same, and its labels stay text of the page.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ccnet_pipeline.fluency import BUCKETS
from ccnet_pipeline.report import numbers

WIDTH, HEIGHT = 320, 84  # of a histogram, without its labels
_ROOM = 0.75  # from there on the label of a cut-off goes to the left
_LEAST, _MOST = 0.1, 1e12  # perplexity
_BINS_A_DECADE = 10  # two digits tell no more


@dataclass(frozen=True, slots=True)
class Tick:
    """A place on an axis."""

    place: str
    label: str
    anchor: str = "middle"  # of its label, as SVG has it


@dataclass(frozen=True, slots=True)
class Histogram:
    """An outline with an axis below it."""

    path: str
    ticks: list[Tick]
    marks: list[Tick]  # cut-offs
    documents: int
    most: int  # documents of the highest bar


def score_histogram(documents: Sequence[int]) -> Histogram:
    """Return the histogram of scores in bins of equal width over [0, 1]."""
    ticks = [Tick(_number(WIDTH * tenth / 10), f"{tenth / 10:g}") for tenth in (0, 2, 4, 6, 8, 10)]
    return Histogram(_outline(documents), ticks, [], sum(documents), max(documents, default=0))


def perplexity_histogram(documents: Mapping[str, int], cutoffs: tuple[float, float] | None) -> Histogram | None:
    """Return the histogram of perplexities on a logarithmic scale; None without any.

    Args:
        documents: by perplexity.
        cutoffs: what is shown as a line.
    """
    counts = {log: number for key, number in documents.items() if (log := _log(key)) is not None and number > 0}
    if not counts:
        return None
    shown = [log for cutoff in cutoffs or () if (log := _log(cutoff)) is not None]
    first = _bin(min([*counts, *shown])) - 1
    bins = [0] * (_bin(max([*counts, *shown])) + 2 - first)
    for log, number in counts.items():
        bins[_bin(log) - first] += number
    axis = _Axis(first, len(bins))
    marks = [
        Tick(axis.place(log), f"{name} < {10**log:,.3g}", "start" if axis.share(log) < _ROOM else "end")
        for log, name in zip(shown, BUCKETS, strict=False)
    ]
    return Histogram(_outline(bins), axis.ticks(), marks, sum(bins), max(bins))


def _log(value: str | float) -> float | None:
    """Return the logarithm of a perplexity; None for what is none."""
    try:
        number = float(value)
    except ValueError:
        return None
    return math.log10(min(max(number, _LEAST), _MOST)) if number > 0 else None


def _bin(log: float) -> int:
    return math.floor(log * _BINS_A_DECADE + 1e-9)


@dataclass(frozen=True, slots=True)
class _Axis:
    """The logarithmic axis of a histogram, in bins."""

    first: int
    bins: int

    def share(self, log: float) -> float:
        """Return how far along the axis a place is, in [0, 1]."""
        return (log * _BINS_A_DECADE - self.first) / self.bins

    def place(self, log: float) -> str:
        return _number(WIDTH * self.share(log))

    def ticks(self) -> list[Tick]:
        """Return round numbers: as many as have room for their labels."""
        decades = range(self.first // _BINS_A_DECADE, (self.first + self.bins) // _BINS_A_DECADE + 1)
        steps = (1,) if self.bins > 25 else (1, 2, 5)
        every = 1 if self.bins < 60 else 3
        values = [10.0**decade * step for decade in decades for step in steps if decade % every == 0]
        places = [(math.log10(value), value) for value in values]
        return [Tick(self.place(log), _label(value)) for log, value in places if 0 <= self.share(log) <= 1]


def _label(value: float) -> str:
    return f"{value:,g}" if value < 10_000 else numbers.short(value)


def _outline(bins: Sequence[int]) -> str:
    """Return the path around bars that stand side by side."""
    most = max(bins, default=0) or 1
    path, height = [f"M0 {HEIGHT}"], 0.0
    for number, documents in enumerate(bins):
        if (new := HEIGHT * documents / most) != height:
            path.append(f"H{_number(WIDTH * number / len(bins))}V{_number(HEIGHT - new)}")
            height = new
    return "".join([*path, f"H{WIDTH}V{HEIGHT}Z"])


def _number(value: float) -> str:
    """Return a length as short as it can be.

    >>> _number(12.5), _number(3.0)
    ('12.5', '3')
    """
    return f"{value:.1f}".removesuffix(".0")


@dataclass(frozen=True, slots=True)
class LogScale:
    """A logarithmic axis over whole powers of ten."""

    first: int  # power of ten
    last: int

    @classmethod
    def of(cls, values: Sequence[float]) -> "LogScale":
        """Return the axis for some positive values; the least of them still has some length."""
        logs = [math.log10(value) for value in values if value > 0] or [0.0]
        return cls(math.ceil(min(logs)) - 1, max(math.ceil(max(logs)), math.ceil(min(logs))))

    def place(self, value: float) -> str:
        """Return the place of a value, in percent of the axis."""
        return numbers.width(math.log10(value) - self.first, self.last - self.first) if value > 0 else "0%"

    @property
    def ticks(self) -> list[Tick]:
        """Return every power of ten, or every third where there are many."""
        step = 1 if self.last - self.first <= 4 else 3
        powers = [power for power in range(self.first, self.last + 1) if power % step == 0]
        return [Tick(self.place(10.0**power), numbers.short(10**power) if power >= 0 else "") for power in powers]
