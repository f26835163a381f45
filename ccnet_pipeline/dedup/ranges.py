"""How many ranges the hashes of a scope are compared in, from how many there are.

A range is one or more cells: nothing that is read of a block lies across two. So few ranges mean little to read and to
write beside the hashes, and many mean that many workers compare. The memory of a range is bounded anyway
(`ccnet_pipeline.dedup.tables`), but for one byte a hash, its answer.
"""

import itertools

from ccnet_pipeline.dedup.blocks import CELLS

# 8 MB. From some 1 000 files of a dump on there are as many ranges as cells, so that what is read and shuffled grows
# with the number of blocks and no faster.
RANGE_HASHES = 1 << 20


def cut_cells(num_hashes: int, num_ranges: int = 0) -> list[tuple[int, int]]:
    """Return the ranges, each as its first cell and the one behind its last.

    Args:
        num_hashes: of all blocks of the scope.
        num_ranges: how many are wanted, CELLS at most; 0: so many that one has RANGE_HASHES.
    """
    num_ranges = min(CELLS, num_ranges or max(1, -(-num_hashes // RANGE_HASHES)))
    edges = [CELLS * number // num_ranges for number in range(num_ranges + 1)]
    return list(itertools.pairwise(edges))
