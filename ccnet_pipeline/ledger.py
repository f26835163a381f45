"""The balance: everything read is kept, or dropped for a reason that is counted.

Three things are balanced: records (of the archive, of any type), paragraphs, and characters (code points of paragraphs;
line breaks are not counted). What is read is counted where the archive is read, what is kept or dropped where the
decision falls: two stages that do not see each other's figures, so that the comparison means something.

The reasons are those of ccnet_pipeline/reasons.py.

Of web pages it is also counted how their main text was found, `first_pass` and so on (ccnet_pipeline.web.fallback).
"""

import statistics
from collections.abc import Iterable
from dataclasses import dataclass, field

from ccnet_pipeline.decontamination.findings import ContaminationTally
from ccnet_pipeline.errors import BalanceError
from ccnet_pipeline.quality import Quality, add_counts

LEAST_PAGES = 20  # for a median to say something
_TENTHS = 10


@dataclass(slots=True)
class Balance:
    """How much was read, kept, and dropped for which reason."""

    read: int = 0
    kept: int = 0
    dropped: dict[str, int] = field(default_factory=dict)

    def drop(self, reason: str, count: int) -> None:
        if count:
            self.dropped[reason] = self.dropped.get(reason, 0) + count

    def add(self, other: "Balance") -> None:
        self.read += other.read
        self.kept += other.kept
        add_counts(self.dropped, other.dropped)

    @property
    def missing(self) -> int:
        """What was read and is neither kept nor dropped; 0 when the balance closes."""
        return self.read - self.kept - sum(self.dropped.values())


@dataclass(slots=True)
class Tally:
    """The balance of records, paragraphs and characters together."""

    records: Balance = field(default_factory=Balance)
    paragraphs: Balance = field(default_factory=Balance)
    characters: Balance = field(default_factory=Balance)

    def add(self, other: "Tally") -> None:
        self.records.add(other.records)
        self.paragraphs.add(other.paragraphs)
        self.characters.add(other.characters)

    def read(self, records: int, paragraphs: int, characters: int) -> None:
        self.records.read += records
        self.paragraphs.read += paragraphs
        self.characters.read += characters

    def keep(self, records: int, paragraphs: int, characters: int) -> None:
        self.records.kept += records
        self.paragraphs.kept += paragraphs
        self.characters.kept += characters

    def drop(self, reason: str, records: int, paragraphs: int, characters: int) -> None:
        self.records.drop(reason, records)
        self.paragraphs.drop(reason, paragraphs)
        self.characters.drop(reason, characters)


@dataclass(slots=True)
class DamageTally:
    """What of an archive could not be read."""

    bytes: int = 0  # of the archive as stored
    members: int = 0  # lost, whole or in part: members of gzip, frames of zstd, blocks of bzip2, streams of xz
    reasons: dict[str, int] = field(default_factory=dict)  # damaged places by reason

    def count(self, reason: str, size: int, members: int) -> None:
        self.bytes += size
        self.members += members
        self.reasons[reason] = self.reasons.get(reason, 0) + 1

    def add(self, other: "DamageTally") -> None:
        self.bytes += other.bytes
        self.members += other.members
        add_counts(self.reasons, other.reasons)


@dataclass(slots=True)
class MainTextTally:
    """How the main text of web pages was found, and how much of all text it is."""

    found_by: dict[str, int] = field(default_factory=dict)  # pages
    shares: dict[str, list[int]] = field(default_factory=dict)  # language -> pages by tenths of all text

    def count(self, found_by: str) -> None:
        self.found_by[found_by] = self.found_by.get(found_by, 0) + 1

    def count_share(self, language: str, share: float) -> None:
        self.shares.setdefault(language, [0] * _TENTHS)[min(int(share * _TENTHS), _TENTHS - 1)] += 1

    def add(self, other: "MainTextTally") -> None:
        add_counts(self.found_by, other.found_by)
        for language, counts in other.shares.items():
            ours = self.shares.get(language, [0] * _TENTHS)
            self.shares[language] = [mine + theirs for mine, theirs in zip(ours, counts, strict=True)]
        self.shares = dict(sorted(self.shares.items()))

    def poor_languages(self) -> dict[str, tuple[float, float]]:
        """Return the languages whose median share is below half of the median of the others', with both medians.

        Only languages with LEAST_PAGES or more count.
        """
        medians = {code: _median(counts) for code, counts in self.shares.items() if sum(counts) >= LEAST_PAGES}
        poor = {}
        for code, share in sorted(medians.items()):
            others = [other for name, other in medians.items() if name != code]
            if others and share < statistics.median(others) / 2:
                poor[code] = share, statistics.median(others)
        return poor


def _median(counts: list[int]) -> float:
    """Return the middle of the tenth in which the median lies."""
    below, half = 0, sum(counts) / 2
    for tenth, pages in enumerate(counts):
        below += pages
        if below >= half:
            return (tenth + 0.5) / _TENTHS
    return 0.0


@dataclass(slots=True)
class Account:
    """The books of one segment, or of a whole run."""

    tally: Tally = field(default_factory=Tally)
    languages: dict[str, Tally] = field(default_factory=dict)
    damage: DamageTally = field(default_factory=DamageTally)
    main_text: MainTextTally = field(default_factory=MainTextTally)
    quality: dict[str, Quality] = field(default_factory=dict)  # by language
    contamination: ContaminationTally = field(default_factory=ContaminationTally)

    def language(self, code: str) -> Tally:
        return self.languages.setdefault(code, Tally())

    def quality_of(self, code: str) -> Quality:
        return self.quality.setdefault(code, Quality())

    def add(self, other: "Account") -> None:
        self.tally.add(other.tally)
        self.damage.add(other.damage)
        self.main_text.add(other.main_text)
        self.contamination.add(other.contamination)
        for code, tally in other.languages.items():
            self.language(code).add(tally)
        for code, quality in other.quality.items():
            self.quality_of(code).add(quality)

    def check(self, name: str) -> None:
        """Raise BalanceError unless every balance closes; `name` says whose books these are."""
        for owner, tally in [(name, self.tally), *((f"{name}, {code}", t) for code, t in self.languages.items())]:
            for unit, balance in (
                ("records", tally.records),
                ("paragraphs", tally.paragraphs),
                ("characters", tally.characters),
            ):
                if balance.missing:
                    raise BalanceError(
                        f"the balance of {owner} does not close: {balance.read} {unit} read, {balance.kept} kept, "
                        f"{sum(balance.dropped.values())} dropped, {balance.missing} unaccounted for"
                    )


def total(accounts: Iterable[Account]) -> Account:
    """Return the sum of the accounts."""
    result = Account()
    for account in accounts:
        result.add(account)
    return result
