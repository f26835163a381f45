"""What earlier work of a run is still there, so that it is not done again; and what a stage no longer needs.

Files go as soon as what was made of them is whole (`Plan.frees`). So a stage that is asked again is done not only
where its files are there, but also where those of a later stage have taken their place. Files may have been lost, too:
what is told here is told of files that were seen.

A disk is asked for every file, whose size must be the one that its note tells. An object store would answer some
requests a segment. There a folder is listed once; an object is whole or not there, so a note that is listed beside its
files speaks the truth, and is not read. What is not listed may have come since, and is asked for.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from beam_jobs.blocks import Blocks
from beam_jobs.elements import CompactNote, ExtractNote, GatherNote, MineNote
from beam_jobs.layout import Layout
from beam_jobs.listings import Listings
from ccnet_pipeline import storage
from ccnet_pipeline.dedup.tables import hashes_in, packed_size, table_size


@dataclass(frozen=True, slots=True)
class Remains:
    """The work folder of a run."""

    layout: Layout
    blocks: Blocks
    frees: bool  # remove what is no longer needed
    counts_copies: bool = False
    listings: Listings = field(default_factory=Listings, compare=False)
    # By scope; asked only of what an earlier attempt left, before this one can change it.
    _settled: dict[int, bool] = field(default_factory=dict, compare=False)
    # Notes of blocks and groups that were found good: they stand for those of many segments.
    _compacted: dict[int, CompactNote] = field(default_factory=dict, compare=False)
    _gathered: dict[int, GatherNote] = field(default_factory=dict, compare=False)

    def extracted_hashes(self, segment_number: int) -> int | None:
        """Return the distinct hashes of a segment, if what stage 1 left of it is there as far as it is needed."""
        note_file = self.layout.extracted(segment_number, "done.json")
        if self.listings.vouch_for(note_file):
            return self._listed_hashes(segment_number)
        note = storage.read_note(note_file, ExtractNote)
        if note is None:
            return None
        has_hashes = self.listings.size(self.layout.extracted(segment_number, "hashes")) == table_size(
            note.hashes
        ) and self._has_counts(self.layout.extracted(segment_number, "counts"), note.counts)
        if not has_hashes and self.compact_note(self.blocks.block_of(segment_number)) is None:
            return None
        has_pages = (
            self.listings.size(self.layout.extracted(segment_number, "pages.zst")) is not None
            and self.listings.size(self.layout.extracted(segment_number, "paragraphs")) == note.paragraphs * 4
        )
        return note.hashes if has_pages or self.is_mined(segment_number) else None

    def _listed_hashes(self, segment_number: int) -> int | None:
        """Return the same of a segment whose note was listed."""
        kinds = ("hashes", "pages.zst", "paragraphs")
        size, *pages = (self.listings.listed(self.layout.extracted(segment_number, kind)) for kind in kinds)
        has_counts = not self.counts_copies or self.listings.listed(self.layout.extracted(segment_number, "counts"))
        hashes = None if size is None or has_counts is None else hashes_in(size)
        if hashes is None and (compacted := self._compacted_before(self.blocks.block_of(segment_number))):
            hashes = dict(compacted.segments)[segment_number]
        return None if None in pages and not self.is_mined(segment_number) else hashes

    def _compacted_before(self, block: int) -> CompactNote | None:
        is_listed = block in self._compacted or self.listings.vouch_for(self.layout.compacted(block, "done.json"))
        if is_listed and block not in self._compacted and (note := self.compact_note(block)):
            self._compacted[block] = note
        return self._compacted.get(block)

    def compact_note(self, block: int) -> CompactNote | None:
        """Return the note of a block, if its table is there as far as it is needed, and its owners or answers."""
        note = storage.read_note(self.layout.compacted(block, "done.json"), CompactNote)
        if note is None:
            return None
        has_table = self.listings.size(self.layout.compacted(block, "table")) == table_size(
            note.hashes
        ) and self._has_counts(self.layout.compacted(block, "counts"), note.counts)
        if self.has_answers(note):
            # Blocks without answers have to be compared with it.
            return note if has_table or self._is_settled(self.blocks.scope_of(block)) else None
        has_owners = has_table and self.listings.size(self.layout.compacted(block, "owners")) == note.entries
        return note if has_owners else None

    def _is_settled(self, scope: int) -> bool:
        """Tell whether no hash of a scope is asked for any more: every block has answers, and no index is made."""
        if self.blocks.has_index:
            return False
        if scope not in self._settled:
            self._settled[scope] = all(
                self.listings.size(self.layout.scattered(block)) is not None
                and self.has_copies(self.layout.scattered(block, "copies"))
                for block in self.blocks.of_scope(scope)
            )
        return self._settled[scope]

    def has_answers(self, note: CompactNote) -> bool:
        """Tell whether each segment of a block has its answers."""
        size = sum(packed_size(hashes) for _, hashes in note.segments)  # each begins with a byte of its own
        return self.listings.size(self.layout.scattered(note.block)) == size and self.has_copies(
            self.layout.scattered(note.block, "copies")
        )

    def hash_kinds(self, kind: str) -> tuple[str, ...]:
        """Return the kinds of files that hashes stand in: their own, and that of the counts, where there are any."""
        return (kind, "counts") if self.counts_copies else (kind,)

    def has_copies(self, path: str) -> bool:
        """Tell whether a file of copies is there, or is not wanted."""
        return not self.counts_copies or self.listings.size(path) is not None

    def _has_counts(self, path: str, size: int | None) -> bool:
        return size is None or self.listings.size(path) == size

    def is_mined(self, segment_number: int) -> bool:
        """Tell whether stage 3 is done with a segment, and its documents are there, or were gathered."""
        if not self.listings.vouch_for(self.layout.mined(segment_number, "done.json")):
            return self.mine_note(segment_number) is not None
        has_documents = self.listings.listed(self.layout.mined(segment_number, "blocks.zst")) is not None
        return has_documents or self._is_copied(self.blocks.group_of(segment_number))

    def mine_note(self, segment_number: int) -> MineNote | None:
        """Return the note of stage 3, if the documents are there, or were gathered."""
        note = storage.read_note(self.layout.mined(segment_number, "done.json"), MineNote)
        if note is None:
            return None
        size = self.listings.size(self.layout.mined(segment_number, "blocks.zst"))
        if size == note.size:
            return note
        return note if self._is_copied(self.blocks.group_of(segment_number)) else None

    def _is_copied(self, group: int) -> bool:
        """Tell whether the documents of a group's segments lie in a file of the group."""
        if group not in self._gathered and (note := self.gather_note(group)):
            self._gathered[group] = note
        return group in self._gathered and self._gathered[group].bytes > 0

    def gather_note(self, group: int) -> GatherNote | None:
        """Return the note of a group of segments, if its files are there."""
        note = storage.read_note(self.layout.gathered(group, "done.json"), GatherNote)
        if note is None or self.listings.size(self.layout.gathered(group, "rows")) != note.row_bytes:
            return None
        if self.listings.size(self.layout.gathered(group, "observed")) != note.observed_bytes:
            return None
        has_frames = not note.bytes or self.listings.size(self.layout.gathered(group, "frames.zst")) == note.bytes
        return note if has_frames else None

    def free(self, paths: Iterable[str]) -> None:
        """Remove what is no longer needed, unless everything is to stay."""
        if self.frees:
            storage.remove_files(self.listings.present(paths))
