"""The identity of a paragraph: 64 bits of the SHA-1 of its normal form.

With n distinct paragraphs, P(some two share a hash by accident) = 1 - exp(-n^2 / 2^65): 2.7 % at 10^9, so at that size
one false drop in a billion paragraphs is likely at most.
"""

from collections.abc import Sequence
from hashlib import sha1
from itertools import compress

import numpy as np
import numpy.typing as npt

from ccnet_pipeline.dedup.normal_form import fold

Hashes = npt.NDArray[np.uint64]

_LINES_AT_ONCE = 256  # whose code points stay in the processor's cache while they are folded


def paragraph_hashes(paragraphs: Sequence[str]) -> Hashes:
    """Return one hash a paragraph, in order. A line break inside a paragraph counts as any control character: deleted.

    Source: cc_net `dedup.compute_hashes`: the first 8 bytes of the digest, little-endian.

    >>> paragraph_hashes(["a", "b", "A"]).tolist()
    [18205702512766678918, 7867166119639898089, 18205702512766678918]
    """
    hashes = np.empty(len(paragraphs), np.uint64)
    # ASCII apart, because it is folded several times as fast, and a few other characters are in most pages.
    is_ascii = np.array(list(map(str.isascii, paragraphs)), np.bool_)
    for places in (is_ascii, ~is_ascii):
        some = list(compress(paragraphs, places))
        digests = [
            digest for at in range(0, len(some), _LINES_AT_ONCE) for digest in _digests(some[at : at + _LINES_AT_ONCE])
        ]
        hashes[places] = np.frombuffer(b"".join(digests), dtype="<u8")
    return hashes


def _digests(paragraphs: Sequence[str]) -> list[bytes]:
    lines = fold("\n".join(map(str.strip, paragraphs))).split(b"\n")
    if len(lines) != len(paragraphs):  # never so for paragraphs of a page, which are lines
        return _digests([paragraph.replace("\n", "") for paragraph in paragraphs])
    return [sha1(line).digest()[:8] for line in lines]
