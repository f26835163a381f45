"""A setting that changes with the step: `0.3,100000:0.15,120000:0.05` is 0.3 at first and 0.15 from step 100 000 on.

A step is counted from 0, so the number before the colon is how many steps are done when the value begins to count.
"""

import re
from dataclasses import dataclass
from itertools import compress, pairwise

from model.errors import UserError

MOST = 7  # stages: torch.compile keeps 8 graphs of a function, and the loss has one more than there are stages
_STAGE = re.compile(r"(?:(\d{1,18}):)?((?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?)", re.ASCII | re.IGNORECASE)


@dataclass(frozen=True, slots=True, repr=False)
class Stages:
    """A value as a pure function of the step. Neighbours differ, so equal functions are equal values."""

    items: tuple[tuple[int, float], ...]  # first step and value of each stage, ascending; the first is step 0

    @classmethod
    def constant(cls, value: float) -> "Stages":
        """Return what is the same at all steps."""
        return cls(((0, value),))

    @classmethod
    def parse(cls, text: str, flag: str = "") -> "Stages":
        """Read what `str` writes; the first stage may leave out its step, 0.

        Args:
            text: of that form.
            flag: that it was given by, for messages.

        Raises:
            UserError: another form, too many stages, or steps that do not ascend from 0.

        >>> Stages.parse("0.3,1000:0.15").items
        ((0, 0.3), (1000, 0.15))
        """
        parts = [_STAGE.fullmatch(part.strip()) for part in text.split(",")]
        steps = [int(part[1] or 0) if part else 0 for part in parts]
        if None in parts or steps[0] or any(after <= before for before, after in pairwise(steps)):
            raise UserError(f"{flag}{text!r} is no value by step: give a number, or several as 0.3,1000:0.15,2000:0.05")
        values = [float(part[2]) for part in parts if part]
        changes = [True, *(after != before for before, after in pairwise(values))]
        items = tuple(compress(zip(steps, values, strict=True), changes))
        if len(items) > MOST:
            raise UserError(f"{flag}{text!r} has {len(items)} stages; give at most {MOST}")
        return cls(items)

    @property
    def last(self) -> int:
        """The first step of the last stage."""
        return self.items[-1][0]

    def at(self, step: int) -> float:
        """Return the value at a step.

        >>> Stages.parse("0.3,1000:0.15").at(999), Stages.parse("0.3,1000:0.15").at(1000)
        (0.3, 0.15)
        """
        return next(value for first, value in reversed(self.items) if first <= step)

    def same_until(self, other: "Stages") -> int | None:
        """Return from which step on two functions differ, None if nowhere.

        >>> Stages.parse("0.3,1000:0.15").same_until(Stages.parse("0.3"))
        1000
        """
        borders = sorted({step for step, _ in (*self.items, *other.items)})
        return next((step for step in borders if self.at(step) != other.at(step)), None)

    def __str__(self) -> str:
        """Write the form that `parse` reads.

        >>> str(Stages.parse("0.3,1000:0.15")), str(Stages.constant(0.15))
        ('0:0.3,1000:0.15', '0.15')
        """
        if len(self.items) == 1:
            return str(self.items[0][1])
        return ",".join(f"{step}:{value}" for step, value in self.items)

    __repr__ = __str__  # in a message a setting stands as it is given
