"""The last step as a transform: check the balance of every segment and of all, write the ledger, then manifest.json.

The accounts of segments stay in the notes of stage 3. Each part of the ledger is written from the notes of its
segments, and only the parts' sums go on.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import apache_beam as beam
import msgspec
from msgspec import UNSET

from beam_jobs import storage
from beam_jobs.elements import (
    SHARDS,
    FinalFile,
    LanguageBooks,
    Ledger,
    Manifest,
    MineNote,
    SegmentBooks,
    enumerated,
)
from beam_jobs.layout import LEDGER_PART_SEGMENTS, Layout
from ccnet_pipeline.documents import SHARD_FORMAT
from ccnet_pipeline.errors import BalanceError, UserError
from ccnet_pipeline.fetch import shown
from ccnet_pipeline.formats import JSONL, PARQUET, TEXT
from ccnet_pipeline.frames import write_lines
from ccnet_pipeline.ledger import Account
from ccnet_pipeline.recipe import Configuration

_LEVEL = 3  # of zstd
_MOST_NAMED = 100  # archives without a record in ledger.json


@dataclass(slots=True)
class Sums:
    """The accounts of some segments together."""

    segments: int = 0
    account: Account = field(default_factory=Account)
    num_without_record: int = 0
    without_record: list[str] = field(default_factory=list)  # the first by name, each with the damage in it

    def count(self, name: str, account: Account) -> None:
        """Add a segment; raises BalanceError if its balance does not close."""
        account.check(name)
        self.segments += 1
        self.account.add(account)
        if not account.tally.records.read:
            self.num_without_record += 1
            self.without_record.append(f"{shown(name)} ({', '.join(sorted(account.damage.reasons)) or 'empty'})")

    def add(self, other: "Sums") -> None:
        self.segments += other.segments
        self.account.add(other.account)
        self.num_without_record += other.num_without_record
        # Sums arrive in any order, which must not show.
        self.without_record = sorted(self.without_record + other.without_record)[:_MOST_NAMED]


class SumFn(beam.CombineFn):
    """Adds up the sums of parts, and checks that the whole closes."""

    def create_accumulator(self) -> Sums:
        return Sums()

    def add_input(self, accumulator: Sums, part: Sums) -> Sums:
        accumulator.add(part)
        return accumulator

    def merge_accumulators(self, accumulators: Iterable[Sums]) -> Sums:
        merged = Sums()
        for accumulator in accumulators:
            merged.add(accumulator)
        return merged

    def extract_output(self, accumulator: Sums) -> Sums:
        accumulator.account.check("the run")
        return accumulator


def close_books(sums: Sums, files: Sequence[FinalFile], num_segments: int) -> Ledger:
    """Return the ledger of a run.

    Raises:
        BalanceError: a segment is missing, or the files do not hold what was kept.
        UserError: there is not one record in all archives.
    """
    if sums.segments != num_segments:
        raise BalanceError(f"{sums.segments} of {num_segments} segments came to the end")
    tally = sums.account.tally
    for kind in (JSONL, PARQUET, TEXT):
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
        **_books(sums.account),
        num_segments=sums.segments,
        num_without_record=sums.num_without_record,
        without_record=sums.without_record,
    )


def _books(account: Account) -> dict[str, Any]:
    return {
        "records": account.tally.records,
        "paragraphs": account.tally.paragraphs,
        "characters": account.tally.characters,
        "languages": {code: _language_books(account, code) for code in sorted(account.languages)},
        "damage": account.damage,
        "main_text": account.main_text if account.main_text.found_by else UNSET,
    }


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


class _WritePartFn(beam.DoFn):
    """Writes the balance of each segment of a part."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout

    def process(self, element: tuple[int, Iterable[int]]) -> Iterator[tuple[None, Sums]]:
        part, numbers = element
        sums = Sums()
        with storage.writing(self._layout.ledger_part(part)) as file:
            write_lines(self._lines(sorted(numbers), sums), file, _LEVEL)
        yield None, sums

    def _lines(self, numbers: Iterable[int], sums: Sums) -> Iterator[bytes]:
        for number in numbers:
            note = storage.read_json(self._layout.mined(number, "done.json"), MineNote)
            if note is None:
                raise FileNotFoundError(self._layout.mined(number, "done.json"))
            sums.count(note.segment, note.account)
            yield msgspec.json.encode(SegmentBooks(segment=note.segment, **_books(note.account)))


class _PublishFn(beam.DoFn):
    def __init__(self, layout: Layout, configuration: Configuration) -> None:
        self._layout = layout
        self._configuration = configuration

    def process(self, element: tuple[None, tuple[Iterable[FinalFile], Iterable[Sums]]]) -> Iterator[None]:
        files, [sums] = element[1]
        ordered = sorted(files, key=lambda file: file.path)
        storage.write_json(self._layout.ledger_file, close_books(sums, ordered, self._configuration.num_segments))
        # Last: a run is complete when it has its manifest.
        storage.write_json(self._layout.manifest_file, Manifest(SHARD_FORMAT, self._configuration.fingerprint, ordered))
        yield None


@dataclass
class Publish(beam.PTransform[Any, Any]):
    """(PCollection[FinalFile], PCollection[segment number]) -> PCollection[None], one element."""

    layout: Layout
    configuration: Configuration

    def expand(self, input_or_inputs: Any) -> Any:  # Beam cannot check a pair of collections
        files, mined = input_or_inputs
        sums = (
            mined
            | "KeyByPart" >> beam.Map(lambda number: (number // LEDGER_PART_SEGMENTS, number))
            | "GroupByPart" >> beam.GroupByKey()
            | "WritePart" >> beam.ParDo(_WritePartFn(self.layout))
            | "SumParts" >> beam.CombinePerKey(SumFn())
        )
        return (
            (files | "KeyFiles" >> beam.Map(lambda file: (None, file)), sums)
            | "GatherAll" >> beam.CoGroupByKey()
            | "Publish" >> beam.ParDo(_PublishFn(self.layout, self.configuration))
        )
