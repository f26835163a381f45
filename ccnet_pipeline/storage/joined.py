"""Ranges of a file that are read together, because a request costs more than the bytes between them."""

from collections.abc import Callable, Sequence

from ccnet_pipeline.storage.stores import Range

_GAP_BYTES = 256 << 10


def read_joined(ranges: Sequence[Range], read: Callable[[list[Range]], list[bytes]]) -> list[bytes]:
    """Return the bytes of ranges, in their order, fewer where the file ends before.

    Args:
        ranges: each (first byte, size); they may overlap.
        read: gives the bytes of a few ranges, of which none begins in another or near its end.
    """
    spans = joined([each for each in ranges if each[1]], _GAP_BYTES)
    found = [(start, memoryview(data)) for (start, _), data in zip(spans, read(spans) if spans else [], strict=True)]
    return [_cut(found, start, size) for start, size in ranges]


def joined(ranges: Sequence[Range], gap: int) -> list[Range]:
    """Return the ranges in order, those that overlap or have at most so many bytes between them made one.

    >>> joined([(50, 10), (0, 10), (12, 3)], gap=2)
    [(0, 15), (50, 10)]
    """
    spans: list[Range] = []
    for start, size in sorted(ranges):
        first, length = spans[-1] if spans else (start, 0)
        if spans and start <= first + length + gap:
            spans[-1] = (first, max(length, start + size - first))
        else:
            spans.append((start, size))
    return spans


def _cut(found: list[tuple[int, memoryview]], start: int, size: int) -> bytes:
    if not size:
        return b""
    first, data = next(each for each in reversed(found) if each[0] <= start)
    return bytes(data[start - first : start - first + size])
