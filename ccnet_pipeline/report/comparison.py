"""Two runs side by side: what changed in configuration, languages, buckets and reasons; of different dumps, too."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from ccnet_pipeline.ledger import Balance
from ccnet_pipeline.recipe import changes
from ccnet_pipeline.report import flow, languages, names, numbers, rendering
from ccnet_pipeline.report.page import dumps_of, plain, stages_of
from ccnet_pipeline.report.reading import Run
from ccnet_pipeline.report.settings import option_of, value_of

_UNITS = ("records", "paragraphs", "characters")
_MOST_CHANGES = 500  # rows of one table
_MANY_TIMES = 10  # more than that is no matter of percent
NEW, GONE = "new", "gone"
_Side = TypeVar("_Side")


@dataclass(frozen=True, slots=True)
class Change:
    """A count in both runs; None where it is not known."""

    before: float | None
    after: float | None
    form: str = ","

    def _shown(self, value: float | None) -> str:
        return numbers.NONE if value is None else format(value, self.form)

    @property
    def was(self) -> str:
        return self._shown(self.before)

    @property
    def now(self) -> str:
        return self._shown(self.after)

    @property
    def difference(self) -> float | None:
        """How much more it is in the second run."""
        return None if self.before is None or self.after is None else self.after - self.before

    @property
    def absolute(self) -> str:
        return numbers.NONE if self.difference is None else numbers.signed(self.difference, self.form)

    @property
    def relative(self) -> str:
        """The difference in percent of the first run."""
        if self.difference is None or self.before is None:
            return numbers.NONE
        if not self.before:
            return NEW if self.after else numbers.NONE
        if not self.after:
            return GONE
        times = self.after / self.before
        return f"× {times:,.1f}" if times >= _MANY_TIMES else f"{numbers.signed(100 * (times - 1), '.1f')} %"

    @property
    def ratio(self) -> float | None:
        """What the column of relative changes is sorted by."""
        return self.difference / self.before if self.difference is not None and self.before else None


def _change(sides: Sequence[_Side], of: Callable[[_Side], float | None], form: str = ",") -> Change:
    """Return what some figure was and is."""
    return Change(of(sides[0]), of(sides[1]), form)


@dataclass(frozen=True, slots=True)
class ReasonChange:
    """A reason, and how much of what was read it took."""

    name: str
    meaning: str
    count: Change
    shares: tuple[str, str]
    points: str  # change of the share, in percentage points


@dataclass(frozen=True, slots=True)
class LanguageChange:
    """A language in both runs."""

    code: str
    name: str
    documents: Change
    characters: Change
    share_kept: Change  # in percent
    score: Change
    perplexity: Change


@dataclass(frozen=True, slots=True)
class PartChange:
    """The documents of a bucket of a language, or the records that a language lost for a reason."""

    code: str
    name: str
    part: str
    count: Change


def comparison_of(before: Run, after: Run) -> bytes:
    """Return the page that says what changed from one run to another."""
    runs = before, after
    rows = [{row.code: row for row in languages.rows_of(run)} for run in runs]
    known = {*rows[0], *rows[1]}
    unwanted = {code for code in known if all(code not in side or side[code].is_unwanted for side in rows)}
    codes = sorted(known - unwanted, key=lambda code: (*_order(rows, code), code))
    filters = [*after.notes.filters, *before.notes.filters]
    by_reason = _reasons_by_language(before, after, codes) if before.ledger and after.ledger else []
    changed = [_language(code, runs, [side.get(code) for side in rows]) for code in codes]
    return rendering.rendered(
        "comparison.html.j2",
        runs=runs,
        dumps=[", ".join(dumps_of(run)) for run in runs],
        configuration=_settings(before.notes.settings, after.notes.settings),
        models=_settings(before.notes.models, after.notes.models),
        engine=_settings(before.notes.engine, after.notes.engine),
        totals=_totals(before, after),
        speeds=_speeds(before, after),
        reasons={unit: _reasons(_balance(before, unit), _balance(after, unit), filters) for unit in _UNITS},
        languages=changed,
        came=[each.name for each in changed if each.characters.relative == NEW],
        went=[each.name for each in changed if each.characters.relative == GONE],
        buckets=list(_buckets(rows[0], rows[1], codes)) if before.manifest and after.manifest else [],
        unwanted=sorted(map(names.name_of, unwanted)),
        by_reason=by_reason[:_MOST_CHANGES],
        left_out=len(by_reason[_MOST_CHANGES:]),
        remarks=[(run, remark) for run in runs for remark in run.remarks],
    )


def _balance(run: Run, unit: str) -> Balance | None:
    balance: Balance | None = getattr(run.ledger, unit, None)
    return balance


def _order(sides: Iterable[Mapping[str, languages.LanguageRow]], code: str) -> tuple[int, int]:
    """Return what puts languages with most text first, and those without any by what they lost."""
    rows = [side[code] for side in sides if code in side]
    return -max(row.characters for row in rows), -max(row.lost for row in rows)


def _settings(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    found = [(option_of(name), was, now) for name, was, now in changes(before, after)]
    return [(name, plain(value_of(name, was)), plain(value_of(name, now))) for name, was, now in found]


def _totals(before: Run, after: Run) -> list[tuple[str, Change]]:
    runs = before, after
    rows = [languages.rows_of(run) if run.says_what_was_kept else None for run in runs]
    ledgers = before.ledger, after.ledger
    balances = []
    for unit in _UNITS:
        books = [_balance(run, unit) for run in runs]
        balances += [
            (f"{unit} read", _change(books, lambda each: each.read if each else None)),
            (f"{unit} kept", _change(books, lambda each: each.kept if each else None)),
        ]
    return [
        ("archives", _change(runs, lambda run: len(run.notes.inputs) or None)),
        ("languages", _change(rows, lambda side: None if side is None else sum(row.documents > 0 for row in side))),
        ("documents kept", _change(rows, lambda side: None if side is None else sum(row.documents for row in side))),
        *balances,
        ("bytes that could not be read", _change(ledgers, lambda each: each.damage.bytes if each else None)),
    ]


def _speeds(before: Run, after: Run) -> list[tuple[str, Change]]:
    old, new = ({stage.name: stage.speed for stage in stages_of(run)} for run in (before, after))
    return [(name, Change(old.get(name), new.get(name), ",.0f")) for name in {**old, **new}]


def _reasons(before: Balance | None, after: Balance | None, filters: Sequence[str]) -> list[ReasonChange]:
    """Return all reasons, and what was kept."""
    sides = before, after
    found = []
    for name in flow.ordered({name for side in sides if side for name in side.dropped}, filters):
        counts = [side.dropped.get(name, 0) if side else None for side in sides]
        count = Change(counts[0], counts[1])
        found.append(_reason(name, flow.meaning_of(name), count, sides))
    return [*found, _reason("kept", "", _change(sides, lambda side: side.kept if side else None), sides)]


def _reason(name: str, meaning: str, count: Change, sides: tuple[Balance | None, Balance | None]) -> ReasonChange:
    read = [side.read if side else 0 for side in sides]
    before, after = ((part or 0, whole) for part, whole in zip((count.before, count.after), read, strict=True))
    points = numbers.NONE
    if all(read):
        points = numbers.signed(100 * (after[0] / after[1] - before[0] / before[1]), ".1f")
    return ReasonChange(name, meaning, count, (numbers.share(*before), numbers.share(*after)), points)


def _language(code: str, runs: tuple[Run, Run], rows: Sequence[languages.LanguageRow | None]) -> LanguageChange:
    known = list(zip(rows, (run.says_what_was_kept for run in runs), strict=True))
    books = [row.books if row else None for row in rows]
    return LanguageChange(
        code,
        names.name_of(code),
        documents=_change(known, lambda side: (side[0].documents if side[0] else 0) if side[1] else None),
        characters=_change(known, lambda side: (side[0].characters if side[0] else 0) if side[1] else None),
        share_kept=_change(rows, lambda row: _percent(row.share_kept) if row else None, ".1f"),
        score=_change(books, lambda each: each.mean_score if each else None, ".2f"),
        perplexity=_change(books, lambda each: each.median_perplexity if each else None, ",g"),
    )


def _percent(share: float | None) -> float | None:
    return None if share is None else 100 * share


def _buckets(
    before: Mapping[str, languages.LanguageRow], after: Mapping[str, languages.LanguageRow], codes: Iterable[str]
) -> Iterator[PartChange]:
    for code in codes:
        rows = before.get(code), after.get(code)
        for bucket in languages.buckets_of([row for row in rows if row]):
            counts = [row.buckets[bucket] if row else 0 for row in rows]
            yield PartChange(code, names.name_of(code), bucket, Change(counts[0], counts[1]))


def _reasons_by_language(before: Run, after: Run, codes: Sequence[str]) -> list[PartChange]:
    """Return what changed of why documents of a language were dropped, the greatest changes first."""
    found = []
    for code in codes:
        sides = [run.ledger.languages.get(code) if run.ledger else None for run in (before, after)]
        old, new = (side.characters.dropped if side else {} for side in sides)
        for name in sorted({*old, *new}):
            change = Change(old.get(name, 0), new.get(name, 0))
            if change.difference:
                found.append(PartChange(code, names.name_of(code), name, change))
    return sorted(found, key=lambda each: -abs(each.count.difference or 0))
