"""Tables that lay a page out become blocks, in the trees of lxml.

trafilatura writes a cell as one line, so the article of a page that is laid out by tables becomes one line. A table is
for layout where it holds another, or a block in a cell; one of data keeps its rows.
"""

from __future__ import annotations

from typing import Any

_PARTS = ("table", "thead", "tbody", "tfoot", "tr", "td", "th", "caption")
_BLOCKS = ("table", "p", "div", "br", "ul", "ol", "h1", "h2", "h3")


def without_layout_tables(tree: Any) -> Any:
    """Return the tree (lxml.html.HtmlElement), in which layout tables have become <div>."""
    for table in list(tree.iter("table")):
        if _lays_out(table):
            for part in table.iter(*_PARTS):
                part.tag = "div"
    return tree


def _lays_out(table: Any) -> bool:
    return any(next(cell.iterdescendants(*_BLOCKS), None) is not None for cell in table.iter("td"))
