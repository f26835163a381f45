"""Stage 1: an archive becomes pages, the hashes of their paragraphs, and the count of what was read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import compress
from typing import TYPE_CHECKING

import numpy as np

from ccnet_pipeline.archive import Record, read_archive
from ccnet_pipeline.archive.digests import verify
from ccnet_pipeline.blocklist import Blocklist
from ccnet_pipeline.characters.invisible import strip_invisible
from ccnet_pipeline.dedup.duplicates import SegmentHashes, collect
from ccnet_pipeline.dedup.hashing import Hashes, paragraph_hashes
from ccnet_pipeline.fetch import Readable
from ccnet_pipeline.ledger import Account
from ccnet_pipeline.pages.page import Page
from ccnet_pipeline.pages.stored import Batch
from ccnet_pipeline.pages.wet import read_page
from ccnet_pipeline.recipe import Recipe

if TYPE_CHECKING:
    from ccnet_pipeline.robots import RobotsTable
    from ccnet_pipeline.web import WebReader

_TEXT_TYPES = ("conversion", "response")


@dataclass(slots=True)
class Extraction:
    """Reads one segment; `batches` must be exhausted before the other results are asked for."""

    segment: str  # its name
    recipe: Recipe
    blocklist: Blocklist | None = None
    robots: RobotsTable | None = None
    account: Account = field(default_factory=Account)  # what was read, and records that never became pages
    dump: str = ""  # as the warcinfo record says
    num_pages: int = 0
    cut_short: bool = False  # the archive ends in the middle of something
    _strip: Callable[[str], str] = field(init=False)
    _web_reader: WebReader | None = field(init=False, default=None)
    _hashes: list[Hashes] = field(default_factory=list)
    _paragraphs_per_record: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._strip = str.strip if self.recipe.normalization == "ccnet" else strip_invisible

    def batches(self, stream: Readable) -> Iterator[Batch]:
        """Yield the page of every text record, those that go no further included, in the order of the archive."""
        batch = Batch(self.recipe.title_is_paragraph)
        for page in self._pages(stream):
            batch.add(page)
            if batch.is_full:
                yield self._taken(batch)
                batch = Batch(self.recipe.title_is_paragraph)
        if batch.pages:
            yield self._taken(batch)

    def pages(self, stream: Readable) -> Iterator[Page]:
        """Yield what `batches` does, page by page."""
        for batch in self.batches(stream):
            yield from batch.pages

    def _pages(self, stream: Readable) -> Iterator[Page]:
        for item in read_archive(stream, max_record_bytes=self.recipe.max_record_bytes):
            if not isinstance(item, Record):
                self.account.damage.count(item.reason, item.size, item.members)
                self.cut_short = item.reason.startswith("truncated_")
                continue
            self.cut_short = False
            self.account.tally.read(1, 0, 0)
            page = self.page_of(item)
            if isinstance(page, Page):
                yield page
            else:
                self.account.tally.drop(page, 1, 0, 0)

    def page_of(self, record: Record) -> Page | str:
        """Return the page of a record, or the reason why it has none; what is wrong with it is counted as damage."""
        if record.type not in _TEXT_TYPES:
            if record.type == "warcinfo":
                self.dump = self.dump or _dump_of(record)
            return "record_type"
        if record.oversized:
            return "too_large"
        if reason := self._unwanted(record.headers.get("warc-target-uri", "").strip("<>")):
            return reason
        if self.recipe.verify_digests != "off" and verify(record) is False:
            self.account.damage.count("wrong_digest", 0, 0)
            if self.recipe.verify_digests == "strict":
                return "wrong_digest"
        if record.type == "conversion":
            return read_page(record, self.segment, min_chars=self.recipe.min_chars, strip=self._strip)
        result = self._web().read(record, self.segment)
        for defect in result.defects:
            self.account.damage.count(defect, 0, 0)
        if result.found_by:
            self.account.main_text.count(result.found_by)
        return result.page or result.reason or "no_text"

    def _web(self) -> WebReader:
        if self._web_reader is None:
            # Crawls of WET files need none of it.
            from ccnet_pipeline.web import WebReader

            self._web_reader = WebReader(
                extractor=self.recipe.extractor,
                ignore_opt_out=self.recipe.ignore_opt_out,
                min_chars=self.recipe.min_chars,
                max_record_bytes=self.recipe.max_record_bytes,
                strip=self._strip,
            )
        return self._web_reader

    def _unwanted(self, url: str) -> str | None:
        """Return why no page of this URL is wanted."""
        if self.blocklist and self.blocklist.covers(url):
            return "blocked"
        return "opt_out_robots_txt" if self.robots and self.robots.disallows(url) else None

    def hashes(self) -> SegmentHashes:
        """Return the table of all paragraphs that are compared."""
        hashes = np.concatenate(self._hashes) if self._hashes else np.empty(0, np.uint64)
        return collect(hashes, self._paragraphs_per_record)

    def _taken(self, batch: Batch) -> Batch:
        """Count the pages of a batch, and hash those of their paragraphs that are compared."""
        lines, numbers = batch.lines, np.array(batch.numbers, np.int64)
        characters = np.array(list(map(len, lines)), np.int64)[numbers].sum()
        self.num_pages += len(batch.pages)
        self.account.tally.read(0, len(numbers), int(characters))
        goes_on = np.array([page.reason is None for page in batch.pages])
        self._hashes.append(paragraph_hashes(lines)[numbers[np.repeat(goes_on, batch.num_paragraphs)]])
        self._paragraphs_per_record += compress(batch.num_paragraphs, goes_on)
        return batch


def _dump_of(warcinfo: Record) -> str:
    """Return the value of `isPartOf`, the crawl's name."""
    for line in warcinfo.body.decode("utf-8", "replace").splitlines():
        name, _, value = line.partition(":")
        if name.strip().lower() == "ispartof":
            return value.strip()
    return ""
