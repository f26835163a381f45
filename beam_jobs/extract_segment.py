"""Stage 1 of one segment: its archive is read; pages, hashes and a note of what there is stay in the work folder."""

import functools
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from beam_jobs.elements import ExtractNote
from beam_jobs.layout import Layout
from beam_jobs.progress import watched
from ccnet_pipeline import storage
from ccnet_pipeline.blocklist import Blocklist, unpacked
from ccnet_pipeline.dedup.tables import packed_table
from ccnet_pipeline.errors import UnreachableError
from ccnet_pipeline.extract import Extraction
from ccnet_pipeline.fetch import FetchPolicy, open_archive, shown
from ccnet_pipeline.local_copies import where_here
from ccnet_pipeline.pages.stored import write_chunks
from ccnet_pipeline.recipe import Recipe
from ccnet_pipeline.segments import Segment

if TYPE_CHECKING:
    from ccnet_pipeline.robots import RobotsTable


@functools.cache
def _blocklist(path: str | None) -> Blocklist | None:
    """Open the table once a process; its name has the fingerprint in it."""
    return unpacked(storage.mapped(path)) if path else None


@functools.cache
def _robots(path: str | None) -> "RobotsTable | None":
    """Open the table once a process; its name has the fingerprint in it."""
    if not path:
        return None
    from ccnet_pipeline.robots import RobotsTable

    return RobotsTable(storage.mapped(path))


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtractSegment:
    """Reads one segment; all that it needs beside the segment."""

    layout: Layout
    recipe: Recipe
    fetch: FetchPolicy
    has_blocklist: bool
    has_robots: bool
    counts_copies: bool = False

    def __call__(self, segment: Segment) -> ExtractNote:
        """Read a segment and leave its files; the note is written last.

        Raises:
            FetchError: it cannot be read.
        """
        began = time.process_time()
        robots = _robots(self.layout.robots_file if self.has_robots else None)
        blocklist = _blocklist(self.layout.blocklist_file if self.has_blocklist else None)
        extraction = Extraction(segment.name, self.recipe, blocklist, robots)
        with (
            open_archive(where_here(segment.path), self.fetch) as archive,
            storage.writing(self.layout.extracted(segment.number, "pages.zst")) as file,
            watched(archive, self.layout.reading(segment.number)) as stream,
        ):
            write_chunks(extraction.batches(stream), file)
        if extraction.cut_short and not getattr(archive, "length_is_known", True):
            # The end was taken for one because nothing more came.
            raise UnreachableError(f"{shown(segment.path)}: ends in mid-record, and its server tells no length")
        table = extraction.hashes()
        hashes = packed_table((table.unique, table.in_several))
        storage.write(self.layout.extracted(segment.number, "hashes"), hashes)
        counts = table.counts.astype("<u4").tobytes() if self.counts_copies else None
        if counts is not None:
            storage.write(self.layout.extracted(segment.number, "counts"), counts)
        storage.write(self.layout.extracted(segment.number, "paragraphs"), table.paragraphs.astype("<u4").tobytes())
        note = ExtractNote(
            segment=segment.name,
            account=extraction.account,
            dump=segment.dump or extraction.dump,
            bytes=stream.bytes,
            pages=extraction.num_pages,
            hashes=len(table.unique),
            paragraphs=len(table.paragraphs),
            cpu_s=time.process_time() - began,
            counts=None if counts is None else len(counts),
        )
        storage.write_note(self.layout.extracted(segment.number, "done.json"), note)
        return note
