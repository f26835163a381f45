"""What the framer has made of an archive so far, in order, held back as long as it cannot be relied on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ccnet_pipeline.archive.records import Damage, Record


@dataclass(frozen=True, slots=True)
class _Mark:
    """What there was when a member began that has not passed its check."""

    num_parts: int
    accounted: int
    records: bool
    unfinished: int  # where what was not complete begins
    reason: str  # why that would be lost


class Output:
    """Records and damage. Every byte of the archive belongs to records or to one damage, in order."""

    def __init__(self) -> None:
        self.records = False  # there was one
        self._parts: list[Record | Damage] = []
        self._accounted = 0  # archive bytes before it belong to what there is
        self._mark: _Mark | None = None  # nothing is handed on as long as there is one

    def give(self, record: Record, end: int) -> None:
        """Add a record, which ends at an offset of the archive."""
        self._parts.append(record)
        self._accounted = max(self._accounted, end)
        self.records = True

    def damage(self, start: int, end: int, reason: str, members: int = 0) -> None:
        """Add a damage; of its bytes those count that do not belong to what is before it."""
        start = max(start, self._accounted)
        self._parts.append(Damage(start, max(0, end - start), reason, members))
        self._accounted = max(start, end)

    def hold(self, unfinished: int, reason: str) -> None:
        """Hold back what comes.

        Args:
            unfinished: where that begins which is not complete yet.
            reason: the damage that it is if what comes is taken back.
        """
        self._mark = _Mark(len(self._parts), self._accounted, self.records, unfinished, reason)

    def rely(self) -> None:
        """Hold back nothing any more."""
        self._mark = None

    def take_back(self, end: int) -> bool:
        """Undo what was held back, and count what was not complete before it; say whether anything is held back."""
        mark = self._mark
        if mark is None:
            return False
        del self._parts[mark.num_parts :]
        self._accounted, self.records = mark.accounted, mark.records
        if mark.unfinished < end:
            self.damage(mark.unfinished, end, mark.reason)
        return True

    def given(self) -> Sequence[Record | Damage]:
        """Hand on what can be relied on."""
        if self._mark is not None:
            return ()
        parts, self._parts = self._parts, []
        return parts
