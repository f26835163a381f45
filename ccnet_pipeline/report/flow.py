"""Where what was read went: step by step, in the order in which a record meets the steps."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from ccnet_pipeline.ledger import Balance
from ccnet_pipeline.reasons import REASONS, STEP_TITLES, in_order, reason_of
from ccnet_pipeline.report import numbers


@dataclass(frozen=True, slots=True)
class Amount:
    """A part of what was read, and what was there after it had left."""

    count: int
    whole: int
    left: int  # goes on after it

    @property
    def share(self) -> str:
        return numbers.share(self.count, self.whole)

    @property
    def start(self) -> str:
        """Where its bar begins."""
        return numbers.width(self.left, self.whole)

    @property
    def width(self) -> str:
        return numbers.width(self.count, self.whole)


@dataclass(frozen=True, slots=True)
class Loss:
    """What left for one reason, or in one step."""

    name: str
    meaning: str
    amounts: list[Amount]  # of each balance


@dataclass(frozen=True, slots=True)
class StepOfFlow:
    """A step of the pipeline, and its reasons."""

    loss: Loss
    reasons: list[Loss]


@dataclass(frozen=True, slots=True)
class Flow:
    """All that was read, and where it went."""

    units: list[str]
    read: list[int]
    steps: list[StepOfFlow]
    kept: list[Amount]


def meaning_of(name: str) -> str:
    """Return what a reason means; nothing for that of a filter, which its name says.

    >>> meaning_of("empty"), meaning_of("gopher_repetition.top_2_gram")
    ('no text at all', '')
    """
    reason = reason_of(name)
    return reason.meaning if reason in REASONS else ""


def ordered(names: Iterable[str], filters: Sequence[str]) -> list[str]:
    """Return names of reasons in the order in which a record meets them; of filters that are known, too.

    >>> ordered(["c4.b", "gopher.a", "empty"], ["gopher", "c4"])
    ['empty', 'gopher.a', 'c4.b']
    """
    by_step = groupby(in_order(names), key=lambda name: reason_of(name).step)
    return [name for _, group in by_step for name in sorted(group, key=lambda name: _filter_place(name, filters))]


def _filter_place(name: str, filters: Sequence[str]) -> int:
    if reason_of(name) in REASONS:
        return -1
    found = (place for place, each in enumerate(filters) if name == each or name.startswith(f"{each}."))
    return next(found, len(filters))


def flow_of(balances: dict[str, Balance], filters: Sequence[str] = ()) -> Flow:
    """Return the flow of balances of the same things, by unit; `filters` are those of the run, in their order."""
    books = list(balances.values())
    names = ordered({name for balance in books for name, number in balance.dropped.items() if number}, filters)
    left = [balance.read for balance in books]
    return Flow(
        units=list(balances),
        read=[balance.read for balance in books],
        steps=list(_steps(names, books, left)),
        kept=[Amount(balance.kept, balance.read, 0) for balance in books],
    )


def _steps(names: list[str], books: list[Balance], left: list[int]) -> Iterator[StepOfFlow]:
    for step, group in groupby(names, key=lambda name: reason_of(name).step):
        reasons = []
        before = list(left)
        for name in group:
            gone = [balance.dropped.get(name, 0) for balance in books]
            left = [rest - count for rest, count in zip(left, gone, strict=True)]
            reasons.append(Loss(name, meaning_of(name), _amounts(gone, books, left)))
        gone = [was - rest for was, rest in zip(before, left, strict=True)]
        yield StepOfFlow(Loss(STEP_TITLES[step], "", _amounts(gone, books, left)), reasons)


def _amounts(gone: list[int], books: list[Balance], left: list[int]) -> list[Amount]:
    return [Amount(count, balance.read, rest) for count, balance, rest in zip(gone, books, left, strict=True)]
