"""Two runs side by side: what changed in configuration, languages, buckets and reasons; of different dumps, too."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ccnet_pipeline.ledger import Balance
from ccnet_pipeline.reasons import in_order, reason_of
from ccnet_pipeline.recipe import changes
from ccnet_pipeline.report import languages, names, numbers, rendering
from ccnet_pipeline.report.page import dumps_of, plain, stages_of
from ccnet_pipeline.report.reading import LedgerNotes, Run

_UNITS = ("records", "paragraphs", "characters")
_MOST_CHANGES = 500  # rows of one table
_MANY_TIMES = 10  # more than that is no matter of percent
_NO_LEDGER = LedgerNotes()


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
            return "new" if self.after else numbers.NONE
        if not self.after:
            return "gone"
        times = self.after / self.before
        return f"× {times:,.1f}" if times >= _MANY_TIMES else f"{numbers.signed(100 * (times - 1), '.1f')} %"

    @property
    def ratio(self) -> float | None:
        """What the column of relative changes is sorted by."""
        return self.difference / self.before if self.difference is not None and self.before else None


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
    rows = [{row.code: row for row in languages.rows_of(run)} for run in (before, after)]
    codes = sorted({*rows[0], *rows[1]}, key=lambda code: (-max(_characters(each, code) for each in rows), code))
    by_reason = list(_reasons_by_language(before, after, codes))
    return rendering.rendered(
        "comparison.html.j2",
        runs=[before, after],
        dumps=[", ".join(dumps_of(run)) for run in (before, after)],
        configuration=_settings(before.notes.settings, after.notes.settings),
        models=_settings(before.notes.models, after.notes.models),
        engine=_settings(before.notes.engine, after.notes.engine),
        totals=_totals(before, after),
        speeds=_speeds(before, after),
        reasons={unit: _reasons(getattr(_ledger(before), unit), getattr(_ledger(after), unit)) for unit in _UNITS},
        languages=[_language(code, rows[0].get(code), rows[1].get(code)) for code in codes],
        came=[names.name_of(code) for code in codes if not _characters(rows[0], code) and _characters(rows[1], code)],
        went=[names.name_of(code) for code in codes if _characters(rows[0], code) and not _characters(rows[1], code)],
        buckets=list(_buckets(rows[0], rows[1], codes)),
        by_reason=by_reason[:_MOST_CHANGES],
        left_out=len(by_reason[_MOST_CHANGES:]),
        remarks=[(run, remark) for run in (before, after) for remark in run.remarks],
    )


def _ledger(run: Run) -> LedgerNotes:
    return run.ledger or _NO_LEDGER


def _characters(rows: Mapping[str, languages.LanguageRow], code: str) -> int:
    return rows[code].characters if code in rows else 0


def _settings(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    return [(name, plain(was), plain(now)) for name, was, now in changes(before, after)]


def _totals(before: Run, after: Run) -> list[tuple[str, Change]]:
    old, new = languages.rows_of(before), languages.rows_of(after)
    counts = [
        ("archives", Change(len(before.notes.inputs), len(after.notes.inputs))),
        ("languages", Change(*(sum(1 for row in rows if row.documents) for rows in (old, new)))),
        ("documents kept", Change(*(sum(row.documents for row in rows) for rows in (old, new)))),
    ]
    for unit in _UNITS:
        for what in ("read", "kept"):
            both = (getattr(getattr(run.ledger, unit), what) if run.ledger else None for run in (before, after))
            counts.append((f"{unit} {what}", Change(*both)))
    lost = (run.ledger.damage.bytes if run.ledger else None for run in (before, after))
    return [*counts, ("bytes that could not be read", Change(*lost))]


def _speeds(before: Run, after: Run) -> list[tuple[str, Change]]:
    old, new = ({stage.name: stage.speed for stage in stages_of(run)} for run in (before, after))
    return [(name, Change(old.get(name), new.get(name), ",.0f")) for name in {**old, **new}]


def _reasons(before: Balance, after: Balance) -> list[ReasonChange]:
    """Return all reasons, and what was kept."""
    found = []
    for name in in_order({*before.dropped, *after.dropped}):
        counts = before.dropped.get(name, 0), after.dropped.get(name, 0)
        found.append(_reason(name, reason_of(name).meaning, counts, (before.read, after.read)))
    return [*found, _reason("kept", "", (before.kept, after.kept), (before.read, after.read))]


def _reason(name: str, meaning: str, counts: tuple[int, int], read: tuple[int, int]) -> ReasonChange:
    shares = [100 * count / whole if whole else 0.0 for count, whole in zip(counts, read, strict=True)]
    return ReasonChange(
        name,
        meaning,
        Change(*counts),
        (numbers.share(counts[0], read[0]), numbers.share(counts[1], read[1])),
        numbers.signed(shares[1] - shares[0], ".1f") if all(read) else numbers.NONE,
    )


def _language(code: str, before: languages.LanguageRow | None, after: languages.LanguageRow | None) -> LanguageChange:
    both = (before, after)
    books = [row.books if row else None for row in both]
    kept = (100 * row.share_kept if row and row.share_kept is not None else None for row in both)
    return LanguageChange(
        code,
        names.name_of(code),
        documents=Change(*(row.documents if row else 0 for row in both)),
        characters=Change(*(row.characters if row else 0 for row in both)),
        share_kept=Change(*kept, form=".1f"),
        score=Change(*(each.mean_score if each else None for each in books), form=".2f"),
        perplexity=Change(*(each.median_perplexity if each else None for each in books), form=",g"),
    )


def _buckets(
    before: Mapping[str, languages.LanguageRow], after: Mapping[str, languages.LanguageRow], codes: Iterable[str]
) -> Iterator[PartChange]:
    for code in codes:
        rows = [row for row in (before.get(code), after.get(code)) if row]
        for bucket in languages.buckets_of(rows):
            counts = (side[code].buckets[bucket] if code in side else 0 for side in (before, after))
            yield PartChange(code, names.name_of(code), bucket, Change(*counts))


def _reasons_by_language(before: Run, after: Run, codes: Sequence[str]) -> list[PartChange]:
    """Return what changed of why documents of a language were dropped, the greatest changes first."""
    found = []
    for code in codes:
        sides = [_ledger(run).languages.get(code) for run in (before, after)]
        old, new = (side.characters.dropped if side else {} for side in sides)
        for name in in_order({*old, *new}):
            change = Change(old.get(name, 0), new.get(name, 0))
            if change.difference:
                found.append(PartChange(code, names.name_of(code), name, change))
    return sorted(found, key=lambda each: -abs(each.count.difference or 0))
