"""Combining marks."""

import functools
import re
import unicodedata

from ccnet_pipeline.characters.folding import characters

_TAGS_AND_SELECTORS = "".join(map(chr, range(0xE0000, 0xE1000)))


@functools.cache
def marks() -> list[str]:
    """Return every combining mark: categories Mn, Mc and Me. What has a combining class is among them."""
    # Few are left when letters and what is not assigned are out: to look up all categories takes ten times as long.
    others = filter(str.isprintable, re.sub(r"\w+", "", characters() + _TAGS_AND_SELECTORS))
    return [character for character in others if unicodedata.category(character).startswith("M")]
