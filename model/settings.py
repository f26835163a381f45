"""How a setting is described: once, for its comment, its flag's help and its range.

steps: int = setting("updates of the whole run", least=1)
"""

import math
from collections.abc import Iterable
from dataclasses import MISSING, Field, dataclass, field, fields
from typing import Any

from model.errors import UserError
from model.stages import Stages

_KEY = "setting"
ALWAYS = object()  # there was this setting from the first version on


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """What is known of a setting besides its name, type and default."""

    help: str
    least: float | None = None  # the value itself is allowed, as is that of `most`
    above: float | None = None  # and these two are not
    most: float | None = None
    below: float | None = None
    free: bool = False  # it changes when and where the work is done, not which work: it may change when a run goes on
    ahead: bool = False  # it decides each step by itself: it may change for the steps that are not done yet
    before: Any = ALWAYS  # what a run means that was begun before there was this setting

    def allows(self, value: Any) -> bool:
        """Tell whether a number is in the range."""
        low = (self.least is None or value >= self.least) and (self.above is None or value > self.above)
        return low and (self.most is None or value <= self.most) and (self.below is None or value < self.below)

    @property
    def range(self) -> str:
        """The range in words.

        >>> description = Description(help="", above=0, most=1)
        >>> description.range
        'above 0 and at most 1'
        """
        if self.least is not None and self.most is not None:
            return f"{self.least:g} to {self.most:g}"
        parts = (("at least", self.least), ("above", self.above), ("at most", self.most), ("below", self.below))
        return " and ".join(f"{words} {limit:g}" for words, limit in parts if limit is not None)


def setting(help: str, default: Any = MISSING, **rules: Any) -> Any:  # help is argparse's word
    """Return a dataclass field with its description; `check` holds its values to the range.

    Args:
        help: what the flag says.
        default: the value where none is given.
        rules: what else a Description says.
    """
    return field(default=default, metadata={_KEY: Description(help=help, **rules)})


def description_of(one: "Field[Any]") -> Description | None:
    """Return the description of a field that `setting` made, None for another."""
    return one.metadata.get(_KEY)


def check(config: Any) -> None:
    """Raise UserError for the first value of a dataclass that is not finite or out of its range."""
    for one in fields(config):
        value, description = getattr(config, one.name), description_of(one)
        for number in _numbers(value):
            require(not isinstance(number, float) or math.isfinite(number), one.name, value, "a finite number")
            if description is not None and isinstance(number, (int, float)):
                require(description.allows(number), one.name, value, description.range)
        choices = getattr(one.type, "__args__", ())
        if choices and all(isinstance(choice, str) for choice in choices):
            require(value in choices, one.name, value, " or ".join(choices))


def _numbers(value: Any) -> Iterable[Any]:
    if isinstance(value, Stages):
        return [number for _, number in value.items]
    return value if isinstance(value, tuple) else (value,)


def require(holds: bool, name: str, value: object, wanted: str) -> None:
    """Raise UserError unless a condition on a setting holds."""
    if not holds:
        raise UserError(f"{name} is {value!r}; it must be {wanted}")
