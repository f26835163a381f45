"""A whole run directory, recounted: what does not agree with manifest.json, ledger.json, or with itself."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np

from ccnet_pipeline import storage
from ccnet_pipeline.dedup.tables import Reader
from ccnet_pipeline.formats import JSONL, TEXT
from ccnet_pipeline.masking.kinds import PLACEHOLDERS
from ccnet_pipeline.processes import Advance
from ccnet_pipeline.shards.books_check import Held, Kept, check_ledger
from ccnet_pipeline.shards.locate import places_of_ids, places_of_paragraphs
from ccnet_pipeline.shards.observations_check import check_observations
from ccnet_pipeline.shards.published import REJECTS, SHARDS, FinalFile
from ccnet_pipeline.shards.published_run import MANIFEST_FILE, REMOVED_FOLDER, PublishedRun
from ccnet_pipeline.shards.recount import MOST, Counts, Difference, FileReport, Recount
from ccnet_pipeline.shards.swapping import PENDING_FILE, is_pending
from ccnet_pipeline.shards.twice import meet

INDEX = "the hash index"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What came of it; the counts are those of the format that tells most of its documents."""

    files: int
    bytes: int  # of all files
    documents: int
    paragraphs: int
    characters: int
    distinct_paragraphs: int | None  # None: they could not be compared
    compared_with_index: bool
    differences: int
    first: list[Difference]


@dataclass(slots=True)
class Verification:
    """Takes the reports of files in any order, and says in the end what is wrong with the whole."""

    run: PublishedRun
    tables: str  # folder on this machine for hashes
    index: Reader | None = None  # hashes that no shard should have
    reports: dict[str, FileReport] = field(default_factory=dict)
    differences: int = 0
    first: list[Difference] = field(default_factory=list)
    kept: Kept = field(default_factory=dict)
    distinct: int | None = None

    @property
    def leading(self) -> str:
        """Return the format whose documents are compared with each other."""
        return (self.run.formats or [JSONL])[0]

    def recount(self) -> Recount:
        """Return what recounts a file."""
        return Recount(
            output=self.run.output,
            segments={each.name: number for number, each in enumerate(self.run.run.inputs)},
            group_size=self.run.run.configuration.recipe.group_size,
            leading=self.leading,
            has_several=len(self.run.formats) > 1,
            keeps_labels=self.run.run.configuration.keep_labels,
            counts_copies=self.run.run.configuration.count_copies,
            placeholders=tuple(PLACEHOLDERS[mask] for mask in self.run.run.configuration.recipe.masks),
            tables=self.tables,
        )

    def take(self, report: FileReport) -> None:
        """Note what came of a file."""
        self.reports[report.path] = report
        if report.segments:
            numbers, rows = report.segments
            num_segments = max(1, len(self.run.run.inputs))  # what is of none is booked on the first
            table = self.kept.setdefault(report.path.split("/")[1], np.zeros((num_segments, 3), np.int64))
            table[numbers] += rows
            report.segments = None  # of all files together they would take much memory

    def table_bytes(self) -> int:
        """Return the bytes of all tables of hashes, which are compared in the end."""
        return sum(table.size for report in self.reports.values() for table in report.tables())

    def verdict(self, advance: Advance = lambda _: None) -> Verdict:
        """Compare all that was taken; every file of the manifest must have been. `advance`: see `table_bytes`."""
        self._tell(self._of_folders())
        self._tell(self._of_manifest())
        for _, report in sorted(self.reports.items()):
            self._tell(report.first, report.differences - len(report.first))
        self._tell(self._of_formats())
        self._tell(self._of_order())
        self._compare(advance)
        held = Held(self.leading, self.reports, self.kept, self._records(advance))
        self._tell(check_ledger(self.run, held))
        self._tell(check_observations(self.run))
        counts = self._sum(self.leading)
        return Verdict(
            files=len(self.run.manifest.files),
            bytes=sum(file.bytes for file in self.run.manifest.files),
            documents=counts.documents,
            paragraphs=counts.paragraphs,
            characters=counts.characters,
            distinct_paragraphs=self.distinct,
            compared_with_index=self.index is not None,
            differences=self.differences,
            first=self.first,
        )

    def _tell(self, found: Iterable[Difference], more: int = 0) -> None:
        for difference in found:
            self.differences += 1
            if len(self.first) < MOST:
                self.first.append(difference)
        self.differences += more

    def _sum(self, kind: str, language: str | None = None) -> Counts:
        counts = Counts()
        for file in self.run.shards(kind):
            if language in (None, file.language):
                counts.add(self.reports[file.path].counts)
        return counts

    def _of_folders(self) -> Iterator[Difference]:
        """Yield a removal that is not at its end, and files that the manifest does not name."""
        if is_pending(self.run.output):
            what = "a removal was interrupted: the same beam_jobs.remove goes on where it stopped"
            yield Difference(f"{REMOVED_FOLDER}/{PENDING_FILE}", None, "", what)
        named = {file.path for file in self.run.manifest.files}
        for folder in (SHARDS, REJECTS):
            for name in sorted(storage.sizes(self.run.path(folder.rstrip("/")))):
                if folder + name not in named:
                    yield Difference(folder + name, None, "", f"it is not in {MANIFEST_FILE}")

    def _of_manifest(self) -> Iterator[Difference]:
        """Yield what the manifest says otherwise than run.json, or than the paths of its own files."""
        run, manifest = self.run.run, self.run.manifest
        if manifest.fingerprint != run.fingerprint:
            yield Difference(MANIFEST_FILE, None, "", "its fingerprint is not that of run.json")
        if len({file.path for file in manifest.files}) != len(manifest.files):
            yield Difference(MANIFEST_FILE, None, "", "it names a file twice")
        for kind in sorted(set(run.configuration.formats) - set(self.run.formats)) if self.run.formats else []:
            yield Difference(MANIFEST_FILE, None, "", f"it names no file of the format {kind}, as run.json does")
        for file in manifest.files:
            if not _is_as_its_path_says(file):
                what = f"its path does not say {file.language}, {file.bucket}, {file.format}, as its row does"
                yield Difference(MANIFEST_FILE, None, "", f"{file.path}: {what}")

    def _of_formats(self) -> Iterator[Difference]:
        """Yield languages that do not hold the same documents in every format, as far as it tells of them."""
        for kind in self.run.formats[1:]:
            for language in sorted({file.language for file in self.run.shards()}):
                found, wanted = self._sum(kind, language), self._sum(self.leading, language)
                what = "texts" if kind == TEXT or found.texts != wanted.texts else "fields of documents"
                if found != (replace(wanted, fields=0) if kind == TEXT else wanted):
                    folder = f"{SHARDS}{language}"
                    yield Difference(folder, None, "", f"{kind} does not hold the same {what} as {self.leading}")

    def _of_order(self) -> Iterator[Difference]:
        """Yield shards that do not begin behind the end of the one before: a segment is never in two."""
        if self.leading == TEXT:
            return
        for before, file in pairwise(sorted(self.run.shards(self.leading), key=lambda each: each.path)):
            of_both = self.reports[before.path].places, self.reports[file.path].places
            if (before.language, before.bucket) == (file.language, file.bucket) and of_both[0] and of_both[1]:
                last, begin = of_both[0][1], of_both[1][0]
                if begin[0] <= last[0]:
                    what = f"it begins with {begin[0]}, and {before.path} ends with {last[0]}"
                    yield Difference(file.path, None, "", what)

    def _records(self, advance: Advance) -> int | None:
        """Return how many records of the crawl the documents are from; None: text alone does not say."""
        if self.leading == TEXT:
            return None
        leading = [self.reports[file.path] for file in self.run.shards(self.leading)]
        pages = meet([table for report in leading for table in report.shared_pages], MOST, advance)
        return sum(report.counts.documents - report.shared for report in leading) + pages.distinct

    def _compare(self, advance: Advance) -> None:
        """Find ids and paragraphs that stand twice."""
        leading = [self.reports[file.path] for file in self.run.shards(self.leading)]
        ids = meet([table for report in leading for table in report.ids], MOST, advance)
        if ids.twice:
            found = list(places_of_ids(self.run, ids.first))
            self._tell(found, ids.twice - len(ids.first))
        scopes = sorted({scope for report in leading for scope in report.paragraphs})
        if self.leading == TEXT and self.run.run.configuration.recipe.group_size:
            return
        self.distinct = 0
        for scope in scopes:
            tables = [table for report in leading for table in report.paragraphs.get(scope, [])]
            met = meet(tables, MOST, advance, self.index, INDEX)
            self.distinct += sum(table.hashes for table in tables) if not met.twice else met.distinct
            if met.twice:
                self._tell(places_of_paragraphs(self.run, met.first, scope), met.twice - len(met.first))


def _is_as_its_path_says(file: FinalFile) -> bool:
    folder, _, rest = file.path.partition("/")
    if file.format == TEXT:
        return file.path == f"{SHARDS}{file.language}.{TEXT}"
    language, _, name = rest.partition("/")
    stem = name.removesuffix(f".{file.format}")
    bucket, _, number = stem.rpartition("-")
    is_known = f"{folder}/" in (SHARDS, REJECTS) and stem != name
    return is_known and (language, bucket) == (file.language, file.bucket) and len(number) == 5 and number.isdigit()
