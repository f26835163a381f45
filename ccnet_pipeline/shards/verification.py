"""A whole run directory, recounted: what does not agree with manifest.json, ledger.json, or with itself."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise

from ccnet_pipeline import storage
from ccnet_pipeline.dedup.tables import Reader
from ccnet_pipeline.formats import JSONL, TEXT
from ccnet_pipeline.shards.books_check import check_ledger
from ccnet_pipeline.shards.locate import places_of_ids, places_of_paragraphs
from ccnet_pipeline.shards.published import REJECTS, SHARDS, FinalFile
from ccnet_pipeline.shards.published_run import MANIFEST_FILE, REMOVED_FOLDER, PublishedRun
from ccnet_pipeline.shards.recount import MOST, Counts, Difference, FileReport, Recount
from ccnet_pipeline.shards.swapping import PENDING_FILE, is_pending
from ccnet_pipeline.shards.twice import Meeting, StoredTable, meet

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
            tables=self.tables,
        )

    def take(self, report: FileReport) -> None:
        """Note what came of a file."""
        self.reports[report.path] = report

    def verdict(self) -> Verdict:
        """Compare all that was taken; every file of the manifest must have been."""
        for _, report in sorted(self.reports.items()):
            self.differences += report.differences - len(report.first)
            self._tell(report.first)
        self._tell(self._of_manifest())
        self._tell(self._of_formats())
        self._tell(self._of_order())
        self._compare()
        self._tell(check_ledger(self.run, self.reports, self.leading, self._records()))
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

    def _of_manifest(self) -> Iterator[Difference]:
        """Yield files that it does not name, and rows that are not as their path says."""
        if is_pending(self.run.output):
            what = "a removal was interrupted: the same beam_jobs.remove goes on where it stopped"
            yield Difference(f"{REMOVED_FOLDER}/{PENDING_FILE}", None, "", what)
        named = {file.path for file in self.run.manifest.files}
        if self.run.manifest.fingerprint != self.run.run.fingerprint:
            yield Difference(MANIFEST_FILE, None, "", "its fingerprint is not that of run.json")
        for folder in (SHARDS, REJECTS):
            for name in sorted(storage.sizes(self.run.path(folder.rstrip("/")))):
                if folder + name not in named:
                    yield Difference(folder + name, None, "", "it is not in manifest.json")
        for file in self.run.manifest.files:
            if not _is_as_its_path_says(file):
                what = f"its path does not say {file.language}, {file.bucket}, {file.format}, as its row does"
                yield Difference(MANIFEST_FILE, None, "", f"{file.path}: {what}")

    def _of_formats(self) -> Iterator[Difference]:
        """Yield languages that do not hold the same texts in every format."""
        for kind in self.run.formats[1:]:
            for language in sorted({file.language for file in self.run.shards()}):
                if self._sum(kind, language) != self._sum(self.leading, language):
                    folder = f"{SHARDS}{language}"
                    yield Difference(folder, None, "", f"{kind} does not hold the same texts as {self.leading}")

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

    def _records(self) -> int | None:
        """Return how many records of the crawl the documents are from; None: text alone does not say."""
        if self.leading == TEXT:
            return None
        leading = [self.reports[file.path] for file in self.run.shards(self.leading)]
        pages = self._met([table for report in leading for table in report.shared_pages])
        return sum(report.counts.documents - report.shared for report in leading) + pages.distinct

    def _compare(self) -> None:
        """Find ids and paragraphs that stand twice."""
        leading = [self.reports[file.path] for file in self.run.shards(self.leading)]
        ids = self._met([table for report in leading for table in report.ids])
        if ids.twice:
            found = list(places_of_ids(self.run, ids.first))
            self._tell(found, ids.twice - len(ids.first))
        scopes = sorted({scope for report in leading for scope in report.paragraphs})
        if self.leading == TEXT and self.run.run.configuration.recipe.group_size:
            return
        self.distinct = 0
        for scope in scopes:
            tables = [table for report in leading for table in report.paragraphs.get(scope, [])]
            met = meet(tables, MOST, self.index, INDEX)
            self.distinct += sum(table.hashes for table in tables) if not met.twice else met.distinct
            if met.twice:
                self._tell(places_of_paragraphs(self.run, met.first, scope), met.twice - len(met.first))

    @staticmethod
    def _met(tables: list[StoredTable]) -> Meeting:
        return meet(tables, MOST)


def _is_as_its_path_says(file: FinalFile) -> bool:
    folder, _, rest = file.path.partition("/")
    if file.format == TEXT:
        return file.path == f"{SHARDS}{file.language}.{TEXT}"
    language, _, name = rest.partition("/")
    stem = name.removesuffix(f".{file.format}")
    bucket, _, number = stem.rpartition("-")
    is_known = f"{folder}/" in (SHARDS, REJECTS) and stem != name
    return is_known and (language, bucket) == (file.language, file.bucket) and len(number) == 5 and number.isdigit()
