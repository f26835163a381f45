"""What a run of some size sends through the GroupByKeys of its graph: counted, not tried.

Bytes are those of an element as Beam encodes it, measured on elements as a dump has them. A runner adds some more.
"""

from dataclasses import dataclass

from beam_jobs.blocks import Blocks
from beam_jobs.layout import LEDGER_PART_SEGMENTS
from ccnet_pipeline.dedup.ranges import cut_cells

_SEGMENT, _EXTRACTED, _BLOCK, _SLICE, _ANSWER, _BITS, _NUMBER, _GATHERED, _FILE = (
    340, 15, 2666, 20, 27, 17, 7, 171, 200
)  # fmt: skip
_SUMS = 20_000  # of the accounts of a part of the ledger, with a hundred languages


@dataclass(frozen=True, slots=True)
class Shuffled:
    """What goes through all GroupByKeys."""

    elements: int
    bytes: int


def shuffled(blocks: Blocks, num_hashes: float, buckets: int, files: int) -> Shuffled:
    """Return what a run shuffles.

    Args:
        blocks: of its segments.
        num_hashes: distinct in each segment.
        buckets: languages and buckets (or reasons) that there are documents of.
        files: that come out.
    """
    segments = blocks.num_segments
    of_scope = min(blocks.scope_segments or segments, segments)
    scopes = -(-segments // of_scope)
    num_blocks = scopes * -(-of_scope // blocks.block_segments)
    # Where a block is alone its segments are settled, and nothing is compared by ranges.
    ranges = 0 if blocks.is_alone(0) else scopes * len(cut_cells(round(num_hashes / scopes)))
    answers = ranges * num_blocks // scopes
    gathered = -(-segments // blocks.group_segments) * buckets
    parts = -(-segments // LEDGER_PART_SEGMENTS)
    counts = (
        (segments, _SEGMENT),  # SpreadSegments
        (segments, _EXTRACTED),  # GroupByBlock
        (num_blocks, _BLOCK),  # GatherBlocks
        (ranges, _SLICE * num_blocks // scopes),  # SpreadRanges
        (answers, _ANSWER),  # GroupAnswers
        (segments, _BITS),  # SpreadMining
        (2 * segments, _NUMBER),  # GroupByGroup, GroupByPart
        (gathered, _GATHERED),  # GroupByPlace
        (2 * files, _FILE),  # SpreadFiles, GatherAll
        (parts, _SUMS),  # SumParts
    )
    return Shuffled(sum(count for count, _ in counts), sum(count * size for count, size in counts))
