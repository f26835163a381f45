"""Which consecutive segments are worked on together, so that what meets between stages is few."""

from dataclasses import dataclass

from ccnet_pipeline.dedup.blocks import MOST_SEGMENTS

GROUP_SEGMENTS = 128
# While the hashes of a block become a table, both are on the disk: of four blocks, a quarter more than the hashes.
_LEAST_BLOCKS = 4


def block_size(scope_segments: int) -> int:
    """Return how many segments make a block: all of a small scope, else so many that blocks are equally large."""
    if scope_segments <= MOST_SEGMENTS:
        return max(1, scope_segments)
    return -(-scope_segments // max(_LEAST_BLOCKS, -(-scope_segments // MOST_SEGMENTS)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Blocks:
    """Blocks of segments whose hashes become one table, and groups whose documents are gathered by language and bucket.

    Both are named by the number of their first segment.
    """

    num_segments: int
    scope_segments: int | None  # how many consecutive segments are compared with each other; None: all
    block_segments: int
    group_segments: int = GROUP_SEGMENTS
    has_index: bool = False  # they are compared with the hashes of earlier dumps, too

    def scope_of(self, number: int) -> int:
        """Return the number of the scope that a segment, or a block, is in."""
        return number // self.scope_segments if self.scope_segments else 0

    def block_of(self, segment_number: int) -> int:
        """Return the block that a segment is in."""
        start, _ = self._scope(segment_number)
        return segment_number - (segment_number - start) % self.block_segments

    def of_scope(self, scope: int) -> range:
        """Return the blocks of a scope."""
        return range(*self._scope(scope * (self.scope_segments or self.num_segments)), self.block_segments)

    def of_block(self, block: int) -> range:
        """Return the segments of a block."""
        _, stop = self._scope(block)
        return range(block, min(block + self.block_segments, stop))

    def is_alone(self, block: int) -> bool:
        """Tell whether a block is its whole scope: then there is nothing to compare it with."""
        start, stop = self._scope(block)
        return stop - start <= self.block_segments and not self.has_index

    def group_of(self, segment_number: int) -> int:
        """Return the group that a segment is in."""
        return segment_number - segment_number % self.group_segments

    @property
    def groups(self) -> range:
        """Return all groups."""
        return range(0, self.num_segments, self.group_segments)

    @property
    def is_one_group(self) -> bool:
        """Tell whether all segments are in one group."""
        return self.num_segments <= self.group_segments

    def _scope(self, number: int) -> tuple[int, int]:
        size = self.scope_segments or self.num_segments
        start = number - number % size
        return start, min(start + size, self.num_segments)
