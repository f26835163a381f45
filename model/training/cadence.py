"""When a run writes a checkpoint, or looks at held-out text: by steps, and by minutes."""

import time
from collections.abc import Callable, Collection


class Cadence:
    """Steps and minutes after which something is to be done again.

    By its steps all processes decide alike. Clocks differ, so that of the first process decides for all.
    """

    def __init__(
        self, every: int, minutes: float, at: Collection[int], clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Begin now.

        Args:
            every: steps; 0: only those of `at`.
            minutes: since it was last done; 0: any number.
            at: steps after which it is done in any case.
            clock: seconds.
        """
        self._every, self._seconds, self._at, self._clock = every, 60 * minutes, at, clock
        self.begin()

    def begin(self) -> None:
        """Count the minutes from now on."""
        self._since = self._clock()

    def by_steps(self, done: int) -> bool:
        """Tell whether it is time after so many steps."""
        return done in self._at or bool(self._every and done % self._every == 0)

    def by_minutes(self) -> bool:
        """Tell whether it is time by this process's clock."""
        return bool(self._seconds) and self._clock() - self._since >= self._seconds
