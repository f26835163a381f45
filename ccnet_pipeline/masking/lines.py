"""The lines of a text that are worth a closer look: most texts have none, so what tells them must be cheap."""

import re
from collections.abc import Iterator


def lines_with(sign: re.Pattern[str], text: str) -> Iterator[tuple[int, int]]:
    r"""Yield where each line begins and ends in which a sign is found.

    >>> list(lines_with(re.compile("1"), "a\n1 1\nb1"))
    [(2, 5), (6, 8)]
    """
    end = -1
    while found := sign.search(text, end + 1):
        begin, end = text.rfind("\n", 0, found.start()) + 1, text.find("\n", found.start())
        if end < 0:
            yield begin, len(text)
            return
        yield begin, end
