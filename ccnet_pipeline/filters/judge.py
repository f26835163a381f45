"""The question to filters, one after the other, and what happens to an answer that is none.

The first filter that has a reason drops a document; those behind it are not asked. The ledger counts it as
`<filter>.<reason>`. A filter that raises, or answers anything but a reason or None, ends the run; or, with
`drop`, drops the document as `filter_error.<filter>`.
"""

import re
import traceback
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any, Literal, get_args

from ccnet_pipeline.documents import Document
from ccnet_pipeline.errors import FilterError
from ccnet_pipeline.filters.registry import Filter, NoAnswerError, described
from ccnet_pipeline.filters.words import TEXTS_AT_ONCE
from ccnet_pipeline.reasons import FILTER_ERROR, filter_of

OnError = Literal["fail", "drop"]
ON_ERROR: tuple[OnError, ...] = get_args(OnError)
# A reason is a row of every ledger and part of the name of a file; so there are few, and they look like names.
_REASON = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)
_MOST_REASONS = 100
_TOO_MANY = f"has more than {_MOST_REASONS} different reasons; want a few that can be counted"
_ANEW = "mend it and start anew with --overwrite"  # one that is mended is another filter, and its run another run


@dataclass(slots=True)
class FilterJudge:
    """Asks the filters about the documents of one segment."""

    filters: Sequence[Filter]
    on_error: OnError = "fail"
    _known: dict[tuple[str, str], str] = field(default_factory=dict)  # (filter, its reason) -> reason in the ledger

    def reasons(self, documents: Sequence[Document]) -> list[str | None]:
        """Return why each document is dropped; None: it stays.

        Raises:
            FilterError: a filter raised, or gave no answer, and that ends the run.
        """
        starts = range(0, len(documents), TEXTS_AT_ONCE)
        return [each for start in starts for each in self._of_some(documents[start : start + TEXTS_AT_ONCE])]

    def _of_some(self, documents: Sequence[Document]) -> list[str | None]:
        """Ask about so few that one filter finds the words that another had of a text."""
        reasons: list[str | None] = [None] * len(documents)
        left = list(range(len(documents)))
        for each in self.filters:
            if not left:
                break
            for place, reason in zip(left, self._ask(each, [documents[place] for place in left]), strict=True):
                reasons[place] = reason
            left = [place for place in left if reasons[place] is None]
        return reasons

    def _ask(self, asked: Filter, documents: Sequence[Document]) -> list[str | None]:
        try:
            return [self._reason(asked, answer) for answer in asked.verdicts(documents)]
        except (Exception, SystemExit):
            return [self._ask_about(asked, document) for document in documents]  # now it is seen whose fault it is

    def _ask_about(self, asked: Filter, document: Document) -> str | None:
        try:
            [answer] = asked.verdicts([document])
            return self._reason(asked, answer)
        except (Exception, SystemExit) as error:
            if self.on_error == "drop":
                return f"{FILTER_ERROR}.{asked.choice.name}"
            what = str(error) if isinstance(error, NoAnswerError) else f"raised {described(error)}{_where(error)}"
            raise FilterError(
                f"--filters {asked.choice.name} {what}, asked about the document {document.id} of {document.segment}; "
                f"drop such documents with --on_filter_error drop, and the same command goes on; or {_ANEW}"
            ) from error

    def _reason(self, asked: Filter, answer: Any) -> str | None:
        if answer is None:
            return None
        name = asked.choice.name
        if isinstance(answer, str) and (known := self._known.get((name, answer))):
            return known
        if not isinstance(answer, str) or not _REASON.fullmatch(answer):
            raise NoAnswerError(
                f"answered {str(answer)[:64]!r} of type {type(answer).__name__}; want None, or a reason of up to 64 "
                "letters of ASCII, digits, _ and -"
            )
        if sum(owner == name for owner, _ in self._known) >= _MOST_REASONS:
            raise NoAnswerError(_TOO_MANY)
        return self._known.setdefault((name, answer), f"{name}.{answer}")


def check_few_reasons(reasons: Iterable[str]) -> None:
    """Check the different reasons that a ledger has: those of many segments together, each of which has few.

    Raises:
        FilterError: a filter has too many; of several filters, the first by name is told.
    """
    counts = Counter(filter_of(reason) for reason in reasons)
    if crowded := sorted(name for name, count in counts.items() if name and count > _MOST_REASONS):
        raise FilterError(f"--filters {crowded[0]} {_TOO_MANY}; {_ANEW}")


def _where(error: BaseException) -> str:
    """Return the file and line that raised."""
    frames = traceback.extract_tb(error.__traceback__)
    return f" ({PurePath(frames[-1].filename).name}, line {frames[-1].lineno})" if frames else ""
