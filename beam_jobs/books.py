"""The books of a run: the sum of all accounts, the check that it closes, and the form in which it is published."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from msgspec import UNSET

from ccnet_pipeline.command import enumerated
from ccnet_pipeline.errors import BalanceError, UserError
from ccnet_pipeline.fetch import shown
from ccnet_pipeline.filters import check_few_reasons
from ccnet_pipeline.formats import FORMATS
from ccnet_pipeline.ledger import Account
from ccnet_pipeline.observations.published import StageTime, Times
from ccnet_pipeline.observations.publishing import Damaged
from ccnet_pipeline.shards.published import SHARDS, Contamination, FinalFile, LanguageBooks, Ledger, SegmentBooks

_MOST_NAMED = 100  # archives without a record in ledger.json
_DECIMALS = 3  # of seconds


@dataclass(slots=True)
class Sums:
    """The accounts of some segments together."""

    segments: int = 0
    account: Account = field(default_factory=Account)
    num_without_record: int = 0
    without_record: list[str] = field(default_factory=list)  # the first by name, each with the damage in it
    damaged: Damaged = field(default_factory=Damaged)
    pages: int = 0  # that a stage was given
    extract_cpu_s: float = 0.0
    mine_cpu_s: float = 0.0

    def count(self, name: str, account: Account) -> None:
        """Add a segment; raises BalanceError if its balance does not close."""
        account.check(name)
        self.segments += 1
        self.account.add(account)
        if not account.tally.records.read:
            self.num_without_record += 1
            self.without_record.append(f"{shown(name)} ({', '.join(sorted(account.damage.reasons)) or 'empty'})")
        self.damaged.count(name, account.damage)

    def count_time(self, pages: int, extract_cpu_s: float, mine_cpu_s: float) -> None:
        """Add what the stages of a segment took."""
        self.pages += pages
        self.extract_cpu_s += extract_cpu_s
        self.mine_cpu_s += mine_cpu_s

    def add(self, other: "Sums") -> None:
        self.segments += other.segments
        self.account.add(other.account)
        self.num_without_record += other.num_without_record
        # Sums arrive in any order, which must not show.
        self.without_record = sorted(self.without_record + other.without_record)[:_MOST_NAMED]
        self.damaged.add(other.damaged)
        self.count_time(other.pages, other.extract_cpu_s, other.mine_cpu_s)

    def times(self, began: str, ended: str) -> Times:
        """Return what the run took; both times are ISO 8601, UTC."""
        stages = ("extract", self.extract_cpu_s), ("mine", self.mine_cpu_s)
        return Times(
            began=began,
            ended=ended,
            stages=[
                StageTime(stage=stage, cpu_s=round(cpu_s, _DECIMALS), documents=self.pages) for stage, cpu_s in stages
            ],
        )


def close_books(sums: Sums, files: Sequence[FinalFile], num_segments: int) -> Ledger:
    """Return the ledger of a run.

    Raises:
        BalanceError: a segment is missing, or the files do not hold what was kept.
        FilterError: a filter has too many reasons in all segments together.
        UserError: there is not one record in all archives.
    """
    if sums.segments != num_segments:
        raise BalanceError(f"{sums.segments} of {num_segments} segments came to the end")
    tally = sums.account.tally
    check_few_reasons(tally.paragraphs.dropped)
    for kind in FORMATS:
        written = [file for file in files if file.format == kind and file.path.startswith(SHARDS)]
        if not written:
            continue
        for unit, kept, held in (
            ("paragraphs", tally.paragraphs.kept, sum(file.paragraphs for file in written)),
            ("characters", tally.characters.kept, sum(file.characters for file in written)),
        ):
            if kept != held:
                raise BalanceError(f"the {kind} shards hold {held} {unit}, but {kept} were kept")
    if not tally.records.read:
        raise UserError(
            f"there is no record in {enumerated(sums.without_record, sums.num_without_record)}; an input is a WARC or "
            "WET file, or a list of them, one path a line, named *.paths; with the right --input start anew with "
            "--overwrite"
        )
    return Ledger(
        **_books(sums.account) | _contamination(sums.account, with_words=True),
        num_segments=sums.segments,
        num_without_record=sums.num_without_record,
        without_record=sums.without_record,
    )


def segment_books(name: str, account: Account) -> SegmentBooks:
    """Return a segment's line of the ledger."""
    return SegmentBooks(segment=name, **_books(account))


def _books(account: Account) -> dict[str, Any]:
    return {
        "records": account.tally.records,
        "paragraphs": account.tally.paragraphs,
        "characters": account.tally.characters,
        "languages": {code: _language_books(account, code) for code in sorted(account.languages)},
        "damage": account.damage,
        "main_text": account.main_text if account.main_text.found_by else UNSET,
    } | _contamination(account, with_words=False)


def _contamination(account: Account, *, with_words: bool) -> dict[str, Any]:
    """Return what documents were dropped for; of a segment without the runs of words, which may be many."""
    found = account.contamination
    if not found.files:
        return {}
    return {"contamination": Contamination(found.files, found.most_frequent() if with_words else UNSET)}


def _language_books(account: Account, code: str) -> LanguageBooks:
    tally, quality = account.languages[code], account.quality_of(code)
    return LanguageBooks(
        records=tally.records,
        paragraphs=tally.paragraphs,
        characters=tally.characters,
        mean_score=quality.mean_score,
        median_perplexity=quality.median_perplexity,
        head_share=quality.head_share,
    )
