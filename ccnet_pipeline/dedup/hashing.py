"""The identity of a paragraph: 64 bits of the SHA-1 of its normal form.

With n distinct paragraphs, P(some two share a hash by accident) = 1 - exp(-n^2 / 2^65): 2.7 % at 10^9, so at that size
one false drop in a billion paragraphs is likely at most.
"""

import hashlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ccnet_pipeline.dedup.normal_form import for_dedup

Hashes = npt.NDArray[np.uint64]


def paragraph_hashes(paragraphs: Sequence[str]) -> Hashes:
    """Return one hash a paragraph, in order. A line break inside a paragraph counts as any control character: deleted.

    Source: cc_net `dedup.compute_hashes`: the first 8 bytes of the digest, little-endian.

    >>> paragraph_hashes(["a", "b", "A"]).tolist()
    [18205702512766678918, 7867166119639898089, 18205702512766678918]
    """
    if not paragraphs:
        return np.empty(0, np.uint64)
    lines = for_dedup("\n".join(paragraphs)).encode("utf-8", "surrogatepass").split(b"\n")
    if len(lines) != len(paragraphs):  # never so for paragraphs of a page, which are lines
        return paragraph_hashes([paragraph.replace("\n", "") for paragraph in paragraphs])
    return np.frombuffer(b"".join([hashlib.sha1(line).digest()[:8] for line in lines]), dtype="<u8").astype(np.uint64)
