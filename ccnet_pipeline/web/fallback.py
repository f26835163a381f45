"""What to do where an extractor finds next to nothing on a page full of text.

resiliparse leaves out elements by what their attributes say: `newsletter-post` is a notice to it, `is-collapsed` and
`hidden` are not shown, and where an element says that it is the main one, as an empty `[role=main]` does, nothing else
counts. That is right mostly, but not where all the page lies within. So there is a second pass, without the attributes
of the elements that hold most of the text, and of those that say to be the main one. Where this finds little, too, it
is the page's long lines, or else all of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from resiliparse.parse.html import ElementNode, HTMLTree

FEW_CHARS = 300
# Shares of all text. Half of the pages with a main text between the two are right as they are: only the second pass is
# tried there, and believed.
FEW_SHARE = 0.15
FEWEST_SHARE = 0.1
LONG_LINE = 80  # chars
MAX_LEVELS = 32  # of elements within each other that are looked into; real pages have about half
_MOST = 0.5  # of all text

# What resiliparse 2.0.1 judges elements by, and what it takes for the main element.
_ATTRIBUTES = (
    "class",
    "id",
    "role",
    "hidden",
    "style",
    "rel",
    "aria-hidden",
    "aria-expanded",
    "data-ad",
    "data-advertisement",
    "data-text-ad",
)
_MAIN = (
    ".article-body, .articleBody, .contentBody, .article-text, .main-content, .postcontent, .post-content, "
    ".single-post, [role=main]"
)
_MAX_MAIN = 8
_WITHOUT_TEXT = ("script", "style", "noscript")


def is_few(lines: Sequence[str], all_chars: int, share: float) -> bool:
    """Return whether main text is suspiciously little: less than a share, or too little where there is enough."""
    chars = sum(map(len, lines))
    return chars < share * all_chars or (chars < FEW_CHARS <= all_chars)


def disarm(tree: HTMLTree) -> None:
    """Take off the attributes by which most of the text may have been left out."""
    body = tree.body
    if body is None:
        return
    for _ in range(_MAX_MAIN):  # a list of elements costs resiliparse the square of its length
        main = body.query_selector(_MAIN)
        if main is None:
            break
        _clear(main)
    node: ElementNode | None = body
    most = _MOST * sum(map(_size, _children(body)))
    for _ in range(MAX_LEVELS):  # each reads all of the text
        if node is None:
            break
        _clear(node)
        node = next((each for each in _children(node) if _size(each) > most), None)


def _children(node: ElementNode) -> Iterator[ElementNode]:
    child = node.first_child
    while child is not None:
        if isinstance(child, ElementNode) and child.tag not in _WITHOUT_TEXT:
            yield child
        child = child.next


def _size(node: ElementNode) -> int:
    return len(node.text or "")


def _clear(node: ElementNode) -> None:
    for name in _ATTRIBUTES:
        if node.hasattr(name):
            node.delattr(name)


def long_lines(lines: Sequence[str]) -> list[str]:
    """Return the lines that are rarely of a menu."""
    return [line for line in lines if len(line) >= LONG_LINE]
