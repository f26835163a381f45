"""The books of a run from which documents were taken out: what was kept is now dropped, as `removed_later`."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

import msgspec
import numpy as np
import zstandard

from ccnet_pipeline import storage
from ccnet_pipeline.errors import UserError
from ccnet_pipeline.frames import read_lines, write_lines
from ccnet_pipeline.ledger import Balance
from ccnet_pipeline.shards.finding import Found
from ccnet_pipeline.shards.published import SHARDS, Books, Ledger, SegmentBooks
from ccnet_pipeline.shards.published_run import LEDGER_FILE, LEDGER_FOLDER, PublishedRun
from ccnet_pipeline.shards.recount import Counts
from ccnet_pipeline.shards.swapping import Swap

REASON = "removed_later"
_LEVEL = 3  # of zstd, as the ledger has it
_ByLanguage = dict[str, Counts]


def records_of(found: Sequence[Found]) -> dict[str, int]:
    """Return how many records of each segment were kept and are meant; a record can give several documents."""
    pages = defaultdict(list)
    for each in found:
        if each.file.path.startswith(SHARDS):
            for segment, hashes in each.pages.items():
                pages[segment].append(hashes)
    return {segment: len(np.unique(np.concatenate(hashes))) for segment, hashes in pages.items()}


def write_books(run: PublishedRun, found: Sequence[Found], folder: str) -> list[Swap]:
    """Write ledger.json, and the parts of the ledger that change, into a folder.

    Raises:
        UserError: they are damaged, or not those of the shards.
    """
    records, by_segment, total = records_of(found), defaultdict[str, _ByLanguage](dict), _ByLanguage()
    for each in found:
        if each.file.path.startswith(SHARDS):
            for segment, counts in each.by_segment.items():
                by_segment[segment].setdefault(each.file.language, Counts()).add(counts)
                total.setdefault(each.file.language, Counts()).add(counts)
    swaps = [
        swap
        for name in sorted(storage.sizes(run.path(LEDGER_FOLDER)))
        if (swap := _write_part(run, name, by_segment, records, folder))
    ]
    return [*swaps, _write_ledger(run, total, sum(records.values()), folder)] if total else swaps


def _write_part(
    run: PublishedRun, name: str, by_segment: Mapping[str, _ByLanguage], records: Mapping[str, int], folder: str
) -> Swap | None:
    path = run.path(f"{LEDGER_FOLDER}/{name}")
    try:
        with storage.open_for_reading(path) as file:
            lines = [msgspec.json.decode(line, type=SegmentBooks) for line in read_lines(file)]
    except (ValueError, zstandard.ZstdError) as error:
        raise _damaged(path) from error
    if not any(books.segment in by_segment for books in lines):
        return None
    for books in lines:
        if books.segment in by_segment:
            _take_out(books, by_segment[books.segment], records[books.segment], path)
    aside = storage.join(folder, LEDGER_FOLDER, name)
    with storage.writing(aside) as file:
        write_lines(map(msgspec.json.encode, lines), file, _LEVEL)
    return Swap(f"{LEDGER_FOLDER}/{name}", storage.size(aside))


def _write_ledger(run: PublishedRun, total: _ByLanguage, records: int, folder: str) -> Swap:
    path = run.path(LEDGER_FILE)
    try:
        ledger = storage.read_json(path, Ledger)
    except msgspec.DecodeError as error:
        raise _damaged(path) from error
    if ledger is None:
        raise _damaged(path)
    _take_out(ledger, total, records, path)
    aside = storage.join(folder, LEDGER_FILE)
    storage.write_json(aside, ledger)
    return Swap(LEDGER_FILE, storage.size(aside))


def _take_out(books: Books, by_language: _ByLanguage, records: int, path: str) -> None:
    _move(books.records, records)
    for language, counts in sorted(by_language.items()):
        of_language = books.languages.get(language)
        if of_language is None:
            raise _damaged(path)
        _move(of_language.records, counts.documents)
        for balances in (books, of_language):
            _move(balances.paragraphs, counts.paragraphs)
            _move(balances.characters, counts.characters)


def _move(balance: Balance, count: int) -> None:
    balance.kept -= count
    balance.drop(REASON, count)


def _damaged(path: str) -> UserError:
    return UserError(f"{path} is not what the shards ask for; python -m beam_jobs.verify tells what is wrong")
