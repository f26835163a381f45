"""Documents are taken out of a run directory that is complete: which files change, and what the books say then."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from ccnet_pipeline import storage
from ccnet_pipeline.errors import UserError
from ccnet_pipeline.fluency.buckets import BUCKETS
from ccnet_pipeline.formats import JSONL, PARQUET, TEXT
from ccnet_pipeline.shards.asked import Asked
from ccnet_pipeline.shards.finding import Found, Numbers
from ccnet_pipeline.shards.published import SHARDS, FinalFile
from ccnet_pipeline.shards.published_run import MANIFEST_FILE, REMOVED_FOLDER, PublishedRun
from ccnet_pipeline.shards.recount import Counts
from ccnet_pipeline.shards.removal_books import records_of, write_books
from ccnet_pipeline.shards.removal_observations import Rewritten
from ccnet_pipeline.shards.rewriting import Task
from ccnet_pipeline.shards.swapping import Pending, Swap, decide, removed

Changed = tuple[FinalFile, FinalFile | None]  # its row of the manifest before and after; None: nothing is left


@dataclass(frozen=True, slots=True)
class Changes:
    """What becomes of the files of a run directory, but for its books."""

    files: Sequence[Changed]  # of the manifest
    observations: Rewritten
    outdated: Sequence[str]  # made of other files: removed with the documents, and made anew afterwards


@dataclass(frozen=True, slots=True)
class Request:
    """Who asked for it, and why, as the record says."""

    by: str
    why: str
    asked: Asked


@dataclass(frozen=True, slots=True)
class ChangedFile:
    """What happened to one file, as the record says."""

    path: str
    documents: int  # that were removed
    sha256_before: str
    sha256_after: str | None  # None: nothing was left, so there is no such file any more


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """The content of `removed/<number>.json`: what was asked, and what was done."""

    time: str  # UTC
    by: str
    why: str
    kind: str  # of the list: urls, digests, hosts
    name: str  # of its file
    sha256: str  # of its file
    entries: int
    records: int  # of the crawl, that were kept
    documents: int  # of the shards
    paragraphs: int
    characters: int
    rejects: int  # documents of the rejects
    noted: int = 0  # examples, paragraphs and domains of observations.json.zst
    files: list[ChangedFile] = field(default_factory=list)


def files_to_search(run: PublishedRun) -> list[FinalFile]:
    """Return the files in which documents are looked for.

    Raises:
        UserError: its shards do not say from where a text is.
    """
    kind = run.format_of_documents
    if kind is None and run.formats:
        raise UserError(
            f"the shards of {run.output} are text alone, which does not say from where it is; build it again with "
            "--blocklist, or with --formats jsonl.zst,txt.xz"
        )
    return [*(run.shards(kind) if kind else []), *run.rejects()]


def tasks(run: PublishedRun, found: Sequence[Found]) -> Iterator[Task]:
    """Yield the files that change, in every format, with the numbers of the documents that go."""
    by_path = {each.file.path: each for each in found}
    for file in run.manifest.files:
        if file.format == TEXT:
            numbers, amount = _of_text(run, file, found)
        else:
            stem = file.path.removesuffix(file.format)
            of_file = next((by_path[stem + kind] for kind in (JSONL, PARQUET) if stem + kind in by_path), None)
            numbers, amount = (of_file.numbers, of_file.amount) if of_file else (np.empty(0, np.int64), Counts())
        if len(numbers):
            yield Task(file, numbers, amount)


def _of_text(run: PublishedRun, text: FinalFile, found: Sequence[Found]) -> tuple[Numbers, Counts]:
    """Return the same of a text file, in which the shards of a language stand one after the other."""
    numbers, amount, first = [np.empty(0, np.int64)], Counts(), 0
    of_language = [each for each in found if each.file.language == text.language and each.file.path.startswith(SHARDS)]
    for each in sorted(of_language, key=lambda each: (BUCKETS.index(each.file.bucket), each.file.path)):
        numbers.append(each.numbers + first)
        amount.add(each.amount)
        first += each.file.documents
    return np.concatenate(numbers), amount


def stage(
    run: PublishedRun, request: Request, number: str, time: str, found: Sequence[Found], changes: Changes
) -> Record:
    """Write the books, the manifest and the record beside the new files, and decide that all take their places.

    Args:
        run: what it is done to.
        request: what was asked.
        number: of the record; the new files are in the folder of that name.
        time: of now, UTC.
        found: what is meant, of every file that was searched.
        changes: what becomes of the files.
    """
    folder = removed(run.output, number)
    record = _record(request, time, found, changes)
    swaps = [Swap(before.path, after.bytes if after else None) for before, after in changes.files]
    swaps += write_books(run, found, folder)
    swaps += changes.observations.write(folder)
    swaps += [Swap(name, None) for name in changes.outdated]
    new = {before.path: after for before, after in changes.files}
    rows = [row for file in run.manifest.files if (row := new.get(file.path, file))]
    for path, value in (
        (MANIFEST_FILE, replace(run.manifest, files=rows)),
        (f"{REMOVED_FOLDER}/{number}.json", record),
    ):
        aside = removed(run.output, number, *path.split("/"))
        storage.write_json(aside, value)
        swaps.append(Swap(path, storage.size(aside)))
    decide(run.output, Pending(number, swaps))
    return record


def _record(request: Request, time: str, found: Sequence[Found], changes: Changes) -> Record:
    in_shards = [each for each in found if each.file.path.startswith(SHARDS)]
    amount = Counts()
    for each in in_shards:
        amount.add(each.amount)
    return Record(
        time=time,
        by=request.by,
        why=request.why,
        kind=request.asked.kind,
        name=request.asked.name,
        sha256=request.asked.sha256,
        entries=len(request.asked.entries),
        records=sum(records_of(found).values()),
        documents=amount.documents,
        paragraphs=amount.paragraphs,
        characters=amount.characters,
        rejects=sum(each.amount.documents for each in found) - amount.documents,
        noted=changes.observations.removed,
        files=[
            ChangedFile(
                before.path,
                before.documents - (after.documents if after else 0),
                before.sha256,
                after.sha256 if after else None,
            )
            for before, after in changes.files
        ],
    )
