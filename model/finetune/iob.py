"""The two ways to tag named entities.

A tag is O, outside of all entities, or B-TYPE or I-TYPE. In IOB2 each entity begins with B-; in IOB1 it begins with I-,
and with B- only where another of its type ends right before it. Here all is IOB2: tags of IOB1 are rewritten where they
are read.
Source: Tjong Kim Sang and Veenstra 1999 (IOB1, IOB2); conlleval for what a tag that fits neither means.
"""

from collections.abc import Sequence

OUTSIDE = "O"


def to_iob2(tags: Sequence[str]) -> tuple[str, ...]:
    """Return IOB2 tags from IOB1 or IOB2 ones.

    >>> to_iob2(["I-PER", "I-PER", "B-PER", "O", "I-LOC"])
    ('B-PER', 'I-PER', 'B-PER', 'O', 'B-LOC')
    """
    return tuple(
        f"B-{tag[2:]}" if tag != OUTSIDE and before[2:] != tag[2:] else tag
        for before, tag in zip([OUTSIDE, *tags], tags, strict=False)
    )
