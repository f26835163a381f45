"""Which hosts and beginnings of URLs are not wanted, as bytes that many processes can share.

The bytes: 64 that say what they are, in text; then, little-endian:

    how many hosts              uint64
    hosts, sorted               uint64 each, `number_of`
    hosts with beginnings of paths, and these: JSON

Lists of categories have millions of hosts and few paths; so a host takes 8 bytes, wherever it is looked up from. Among
n hosts, another one is taken for one of theirs with probability n / 2^64 (10 million: 10^-12).
"""

from __future__ import annotations

import hashlib
from bisect import bisect_left
from collections.abc import Collection, Container, Mapping, Sequence
from dataclasses import dataclass

import msgspec
import numpy as np

from ccnet_pipeline.blocklist.entries import Blocklist

_TITLE = b"hosts and URLs that are not wanted 1\n"
_TITLE_BYTES = 64


def number_of(host: str) -> int:
    """Return 64 bits that stand for a host."""
    return int.from_bytes(hashlib.blake2b(host.encode("utf-8", "replace"), digest_size=8).digest(), "little")


def pack(hosts: Collection[str], paths: Mapping[str, Sequence[str]]) -> bytes:
    """Return a table; the same entries in any order give the same bytes."""
    numbers = np.fromiter(map(number_of, hosts), np.uint64, len(hosts))
    numbers.sort()
    sizes = len(numbers).to_bytes(8, "little")
    title = _TITLE.ljust(_TITLE_BYTES, b"\0")
    return b"".join([title, sizes, numbers.astype("<u8").tobytes(), msgspec.json.encode(paths, order="sorted")])


def unpacked(packed: memoryview) -> Blocklist:
    """Return the list that `pack` was given; its hosts are not copied."""
    begin = _TITLE_BYTES + 8
    end = begin + 8 * int.from_bytes(packed[_TITLE_BYTES:begin], "little")
    return Blocklist(
        HostTable(packed[begin:end].cast("Q")), msgspec.json.decode(packed[end:], type=dict[str, list[str]])
    )


@dataclass(frozen=True, slots=True)
class HostTable(Container[str]):
    """Hosts that stay where they are."""

    numbers: memoryview  # sorted

    def __contains__(self, host: object) -> bool:
        number = number_of(str(host))
        at = bisect_left(self.numbers, number)
        return at < len(self.numbers) and self.numbers[at] == number
