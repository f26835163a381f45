"""What earlier work of a run is still there, so that it is not done again; and what a stage no longer needs.

Files go as soon as what was made of them is whole (`Plan.frees`). So a stage that is asked again is done not only
where its files are there, but also where those of a later stage have taken their place. Files may have been lost, too:
what is told here is told of files that were seen, with their sizes.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from beam_jobs.blocks import Blocks
from beam_jobs.elements import CompactNote, ExtractNote, GatherNote, MineNote
from beam_jobs.layout import Layout
from ccnet_pipeline import storage
from ccnet_pipeline.dedup.tables import packed_size, table_size


@dataclass(frozen=True, slots=True)
class Remains:
    """The work folder of a run."""

    layout: Layout
    blocks: Blocks
    frees: bool  # remove what is no longer needed
    # By scope; asked only of what an earlier attempt left, before this one can change it.
    _settled: dict[int, bool] = field(default_factory=dict, compare=False)

    def extract_note(self, segment_number: int) -> ExtractNote | None:
        """Return the note of stage 1, if what it speaks of is there as far as it is needed."""
        note = storage.read_note(self.layout.extracted(segment_number, "done.json"), ExtractNote)
        if note is None:
            return None
        hashes = storage.size(self.layout.extracted(segment_number, "hashes"))
        if hashes != table_size(note.hashes) and self.compact_note(self.blocks.block_of(segment_number)) is None:
            return None
        has_pages = (
            storage.exists(self.layout.extracted(segment_number, "pages.zst"))
            and storage.size(self.layout.extracted(segment_number, "paragraphs")) == note.paragraphs * 4
        )
        return note if has_pages or self.mine_note(segment_number) else None

    def compact_note(self, block: int) -> CompactNote | None:
        """Return the note of a block, if its table is there as far as it is needed, and its owners or answers."""
        note = storage.read_note(self.layout.compacted(block, "done.json"), CompactNote)
        if note is None:
            return None
        has_table = storage.size(self.layout.compacted(block, "table")) == table_size(note.hashes)
        if self.has_answers(note):
            # Blocks without answers have to be compared with it.
            return note if has_table or self._is_settled(self.blocks.scope_of(block)) else None
        return note if has_table and storage.size(self.layout.compacted(block, "owners")) == note.entries else None

    def _is_settled(self, scope: int) -> bool:
        """Tell whether no hash of a scope is asked for any more: every block has answers, and no index is made."""
        if self.blocks.has_index:
            return False
        if scope not in self._settled:
            blocks = self.blocks.of_scope(scope)
            self._settled[scope] = all(storage.exists(self.layout.scattered(block)) for block in blocks)
        return self._settled[scope]

    def has_answers(self, note: CompactNote) -> bool:
        """Tell whether each segment of a block has its answers."""
        size = sum(packed_size(hashes) for _, hashes in note.segments)  # each begins with a byte of its own
        return storage.size(self.layout.scattered(note.block)) == size

    def mine_note(self, segment_number: int) -> MineNote | None:
        """Return the note of stage 3, if the documents are there, or were gathered."""
        note = storage.read_note(self.layout.mined(segment_number, "done.json"), MineNote)
        if note is None:
            return None
        size = storage.size(self.layout.mined(segment_number, "blocks.zst"))
        if size == sum(block.size for block in note.blocks):
            return note
        gathered = self.gather_note(self.blocks.group_of(segment_number))
        return note if gathered and gathered.bytes else None

    def gather_note(self, group: int) -> GatherNote | None:
        """Return the note of a group of segments, if its files are there."""
        note = storage.read_note(self.layout.gathered(group, "done.json"), GatherNote)
        if note is None or storage.size(self.layout.gathered(group, "rows")) != note.row_bytes:
            return None
        return note if not note.bytes or storage.size(self.layout.gathered(group, "frames.zst")) == note.bytes else None

    def free(self, paths: Iterable[str]) -> None:
        """Remove what is no longer needed, unless everything is to stay."""
        if self.frees:
            for path in paths:
                storage.remove_file(path)
