"""Files of several sections, each found by its number: first where each ends, 8 bytes each, and then all of them."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ccnet_pipeline.dedup.tables import Read

_END_BYTES = 8


def packed_sections(sections: Sequence[npt.NDArray[np.uint32]]) -> bytes:
    """Return the bytes of a file of these sections; their numbers are little-endian."""
    ends = np.cumsum([section.nbytes for section in sections], dtype="<u8")
    return b"".join([ends.tobytes(), *(section.astype("<u4", copy=False).tobytes() for section in sections)])


def read_sections(read: Read, first: int, stop: int, num_sections: int) -> npt.NDArray[np.uint32]:
    """Return consecutive sections of a file, joined, in two reads.

    Args:
        read: of the file.
        first: number of the first.
        stop: behind the last.
        num_sections: of the file.

    >>> data = packed_sections([np.array(each, np.uint32) for each in ([], [7, 8], [9])])
    >>> read_sections(lambda offset, size: data[offset : offset + size], 1, 3, 3).tolist()
    [7, 8, 9]
    """
    before = max(0, first - 1)
    ends = np.frombuffer(read(before * _END_BYTES, (stop - before) * _END_BYTES), "<u8").tolist()
    begin = ends[0] if first else 0
    size = ends[-1] - begin
    data = read(num_sections * _END_BYTES + begin, size) if size else b""
    return np.frombuffer(data, "<u4").astype(np.uint32, copy=False)
