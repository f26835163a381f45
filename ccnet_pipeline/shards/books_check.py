"""The books of a run against what its files hold: every balance closes, and what was kept is what is there."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import msgspec
import numpy as np
import numpy.typing as npt
import zstandard

from ccnet_pipeline import storage
from ccnet_pipeline.formats import TEXT
from ccnet_pipeline.frames import read_lines
from ccnet_pipeline.ledger import Balance
from ccnet_pipeline.shards.published import Books, Ledger, SegmentBooks
from ccnet_pipeline.shards.published_run import LEDGER_FILE, LEDGER_FOLDER, REMOVED_FOLDER, PublishedRun
from ccnet_pipeline.shards.recount import Counts, Difference, FileReport
from ccnet_pipeline.shards.removal import Record
from ccnet_pipeline.shards.removal_books import REASON
from ccnet_pipeline.shards.swapping import RECORD_NAME

Kept = dict[str, npt.NDArray[np.int64]]  # by language: documents, paragraphs and characters of each segment
_UNITS = ("records", "paragraphs", "characters")


@dataclass(frozen=True, slots=True)
class Held:
    """What the files of a run hold."""

    leading: str  # the format whose documents are told
    reports: Mapping[str, FileReport]  # by path
    kept: Kept  # empty if the format does not say from where a text is
    records: int | None  # of the crawl, that the documents are from; None: likewise


def check_ledger(run: PublishedRun, held: Held) -> Iterator[Difference]:
    """Yield what is wrong with ledger.json and its parts."""
    try:
        ledger = storage.read_json(run.path(LEDGER_FILE), Ledger)
    except msgspec.DecodeError as error:
        yield Difference(LEDGER_FILE, None, "", f"it is damaged: {error}")
        return
    except OSError as error:
        yield Difference(LEDGER_FILE, None, "", f"it cannot be read: {error.strerror or error}")
        return
    if ledger is None:
        yield Difference(LEDGER_FILE, None, "", "it is missing")
        return
    yield from (Difference(LEDGER_FILE, None, "", what) for what in _faults(ledger))
    if held.records is not None:
        yield from _differ(LEDGER_FILE, "", [ledger.records.kept], [held.records])
    yield from _against_files(run, held, ledger)
    yield from _removed(run, ledger)
    yield from _parts(run, ledger, None if held.leading == TEXT else held.kept)


def _against_files(run: PublishedRun, held: Held, ledger: Ledger) -> Iterator[Difference]:
    by_language: dict[str, Counts] = {}
    for file in run.shards(held.leading):
        by_language.setdefault(file.language, Counts()).add(held.reports[file.path].counts)
    for language in sorted(by_language.keys() | ledger.languages.keys()):
        books, found = ledger.languages.get(language), by_language.get(language, Counts())
        kept = [getattr(books, unit).kept if books else 0 for unit in _UNITS]
        yield from _differ(LEDGER_FILE, f"{language}: ", kept, [found.documents, found.paragraphs, found.characters])
    paragraphs = sum(found.paragraphs for found in by_language.values())
    characters = sum(found.characters for found in by_language.values())
    kept = [ledger.paragraphs.kept, ledger.characters.kept]
    yield from _differ(LEDGER_FILE, "", kept, [paragraphs, characters], _UNITS[1:])


def _removed(run: PublishedRun, ledger: Ledger) -> Iterator[Difference]:
    """Yield what the records of removals do not say as the ledger does."""
    removed = dict.fromkeys(_UNITS, 0)
    for name in sorted(storage.sizes(run.path(REMOVED_FOLDER))):
        if not RECORD_NAME.fullmatch(name):
            continue
        try:
            record = storage.read_json(run.path(f"{REMOVED_FOLDER}/{name}"), Record)
        except msgspec.DecodeError as error:
            yield Difference(f"{REMOVED_FOLDER}/{name}", None, "", f"it is damaged: {error}")
            return
        for unit in _UNITS:
            removed[unit] += getattr(record, unit)
    for unit, count in removed.items():
        if count != (stated := getattr(ledger, unit).dropped.get(REASON, 0)):
            what = f"{stated:,} {unit} {REASON}, and {count:,} in the records in {REMOVED_FOLDER}/"
            yield Difference(LEDGER_FILE, None, "", what)


def _differ(
    file: str, whose: str, kept: list[int], found: list[int], units: Sequence[str] = _UNITS
) -> Iterator[Difference]:
    for unit, stated, there in zip(units, kept, found, strict=False):
        if stated != there:
            yield Difference(file, None, "", f"{whose}{stated:,} {unit} kept, and the shards hold {there:,}")


def _faults(books: Books) -> Iterator[str]:
    """Yield the balances that do not close."""
    for whose, of_whom in (("", books), *((f"{code}: ", each) for code, each in books.languages.items())):
        for unit in _UNITS:
            balance: Balance = getattr(of_whom, unit)
            if balance.missing:
                yield (
                    f"{whose}{balance.read:,} {unit} read are not {balance.kept:,} kept and "
                    f"{sum(balance.dropped.values()):,} dropped"
                )


def _parts(run: PublishedRun, ledger: Ledger, kept: Kept | None) -> Iterator[Difference]:
    """Yield what is wrong with the books of the segments: their order, their sums, and what they say was kept."""
    number, sums = 0, {unit: Balance() for unit in _UNITS}
    for name in sorted(storage.sizes(run.path(LEDGER_FOLDER))):
        file = f"{LEDGER_FOLDER}/{name}"
        try:
            with storage.open_for_reading(run.path(file)) as stream:
                for line in read_lines(stream):
                    books = msgspec.json.decode(line, type=SegmentBooks)
                    yield from _of_segment(run, file, number, books, kept)
                    number += 1
                    for unit in _UNITS:
                        sums[unit].add(getattr(books, unit))
        except (ValueError, zstandard.ZstdError, OSError) as error:  # msgspec's errors are ValueErrors, too
            yield Difference(file, None, "", f"it is damaged: {error}")
            return
    if number != len(run.run.inputs) or number != ledger.num_segments:
        what = f"{number:,} segments, and {len(run.run.inputs):,} in run.json, {ledger.num_segments:,} in ledger.json"
        yield Difference(LEDGER_FOLDER, None, "", what)
    for unit, balance in sums.items():
        if balance != getattr(ledger, unit):
            what = f"the {unit} of its segments together are not those of {LEDGER_FILE}"
            yield Difference(LEDGER_FOLDER, None, "", what)


def _of_segment(
    run: PublishedRun, file: str, number: int, books: SegmentBooks, kept: Kept | None
) -> Iterator[Difference]:
    for what in _faults(books):
        yield Difference(file, None, "", f"{books.segment}: {what}")
    inputs = run.run.inputs
    if number >= len(inputs) or inputs[number].name != books.segment:
        yield Difference(file, None, "", f"{books.segment} is not segment {number:,} of run.json")
    elif kept is not None:
        for language in sorted(kept.keys() | books.languages.keys()):
            of_language = books.languages.get(language)
            stated = [getattr(of_language, unit).kept if of_language else 0 for unit in _UNITS]
            found = kept[language][number].tolist() if language in kept else [0, 0, 0]
            yield from _differ(file, f"{books.segment}, {language}: ", stated, found)
