"""The identity of a paragraph: 64 bits of the SHA-1 of its normal form.

With n distinct paragraphs, P(some two share a hash by accident) = 1 - exp(-n^2 / 2^65): 2.7 % at 10^9, so at that size
one false drop in a billion paragraphs is likely at most.
"""

import hashlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ccnet_pipeline.dedup.normal_form import fold

Hashes = npt.NDArray[np.uint64]

_LINES_AT_ONCE = 256  # whose code points stay in the processor's cache while they are folded


def paragraph_hashes(paragraphs: Sequence[str]) -> Hashes:
    """Return one hash a paragraph, in order. A line break inside a paragraph counts as any control character: deleted.

    Give some thousand at once: what stands among them several times, as menus do, is hashed once.

    Source: cc_net `dedup.compute_hashes`: the first 8 bytes of the digest, little-endian.

    >>> paragraph_hashes(["a", "b", "A"]).tolist()
    [18205702512766678918, 7867166119639898089, 18205702512766678918]
    """
    distinct = dict.fromkeys(paragraphs)
    # ASCII apart, because it is folded several times as fast, and a few other characters are in most pages.
    ascii_only = [paragraph for paragraph in distinct if paragraph.isascii()]
    others = [paragraph for paragraph in distinct if not paragraph.isascii()]
    digests: dict[str, bytes] = {}
    for some in (ascii_only, others):
        for at in range(0, len(some), _LINES_AT_ONCE):
            batch = some[at : at + _LINES_AT_ONCE]
            lines = fold("\n".join(map(str.strip, batch))).split(b"\n")
            if len(lines) != len(batch):  # never so for paragraphs of a page, which are lines
                return paragraph_hashes([paragraph.replace("\n", "") for paragraph in paragraphs])
            digests.update(zip(batch, [hashlib.sha1(line).digest()[:8] for line in lines], strict=True))
    return np.frombuffer(b"".join(map(digests.__getitem__, paragraphs)), dtype="<u8").astype(np.uint64)
