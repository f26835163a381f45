"""Ranges that are read together are those that were asked for."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ccnet_pipeline.storage.joined import joined, read_joined
from ccnet_pipeline.storage.stores import Range

FILE = bytes(range(250))
RANGES = st.lists(st.tuples(st.integers(0, 300), st.integers(0, 60)), max_size=12)


@given(RANGES)
def test_each_range_has_its_bytes_whatever_is_read_together(ranges: list[Range]) -> None:
    def read(spans: list[Range]) -> list[bytes]:
        return [FILE[start : start + size] for start, size in spans]

    assert read_joined(ranges, read) == [FILE[start : start + size] for start, size in ranges]


@given(RANGES, st.integers(0, 20))
def test_what_is_joined_is_in_order_covers_all_and_lies_apart(ranges: list[Range], gap: int) -> None:
    spans = joined(ranges, gap)
    ends = [start + size for start, size in spans]
    assert all(later[0] > end + gap for end, later in zip(ends, spans[1:], strict=False))
    assert all(
        any(start <= first and first + size <= start + length for start, length in spans) for first, size in ranges
    )
