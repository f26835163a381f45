"""Where what was read went: step by step, in the order in which a record meets the steps."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

from ccnet_pipeline.ledger import Balance
from ccnet_pipeline.reasons import STEP_TITLES, in_order, reason_of
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


def flow_of(balances: dict[str, Balance]) -> Flow:
    """Return the flow of balances of the same things, by unit."""
    books = list(balances.values())
    names = in_order({name for balance in books for name, number in balance.dropped.items() if number})
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
            reasons.append(Loss(name, reason_of(name).meaning, _amounts(gone, books, left)))
        gone = [was - rest for was, rest in zip(before, left, strict=True)]
        yield StepOfFlow(Loss(STEP_TITLES[step], "", _amounts(gone, books, left)), reasons)


def _amounts(gone: list[int], books: list[Balance], left: list[int]) -> list[Amount]:
    return [Amount(count, balance.read, rest) for count, balance, rest in zip(gone, books, left, strict=True)]
