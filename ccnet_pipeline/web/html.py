"""Text of a page -> its tree, title and <meta> elements, at a cost that is bounded.

Theory. Parsing HTML as the standard says is not linear, and the extractor of main text is not either (measured with
resiliparse 2.0.1):

- the names of attributes of an element are compared pairwise (100 000 of them: over 15 s); those of every further
  <html> and <body> are added to the first;
- an end tag may look through all open elements, so that tags cost up to their number squared (20 000 + 20 000: 1 s);
- formatting elements (<b>, <font>, ...) that are left open are built anew in every paragraph that follows: 29 kB of
  such HTML takes 1.5 GB;
- the extractor looks through the subtree of every <div> (100 000 nested: minutes).

Hence limits, far above what pages have; a page beyond them is `too_complex`:

    MAX_TAGS        `<` in the text
    MAX_DEPTH       of the tree; what Chrome allows
    MAX_NAMES       different names of attributes (the parser's table of names is a slow one)
    MAX_ROOTS       tags <html> and <body>

Two things are taken for what they are not, which mends the page:

    MAX_ATTRIBUTES  a tag with so many is none, its `<` a blank: in pages that mean no harm it is the `<` of a script,
                    which only a parser could tell
    MAX_REBUILT     where formatting elements could make more elements than that, they are called <span>, which is not
                    built anew and has the same text

Smaller texts cannot cost much (seconds at most, 500 MB), and are not looked through.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from resiliparse.parse.html import HTMLTree

MAX_TAGS = 1 << 16
MAX_DEPTH = 512
MAX_ATTRIBUTES = 512
MAX_NAMES = 20_000
MAX_ROOTS = 64
MAX_REBUILT = 2_000_000

# In texts that have no more, these are not looked for: attributes of a tag, names of attributes (chars); depth and
# roots (`<`). To look costs as much as a fourth of what the page costs otherwise.
_FEW_CHARS = 256 << 10
_FEW_CHARS_OF_NAMES = 512 << 10
_FEW_TAGS = 4000
# resiliparse 2.0.1 looks for the elements of a list anew at every step.
_MAX_METAS = 8

# The elements of WHATWG HTML, section 13.2.4.3, without <a>, of which only one can be open at a time.
_FORMATTING = re.compile(
    r"<(?=[/bcefinstu])(/?)(?:b|big|code|em|font|i|nobr|s|small|strike|strong|tt|u)(?=[\s/>])", re.I | re.A
)
_ROOTS = re.compile(r"<[hb][to][md][ly][\s/]", re.I | re.A)
# The grammar of WHATWG HTML, sections 13.2.5.32 to 13.2.5.40. No attribute can be read in two ways: a search that fails
# must not try them all.
_ATTRIBUTE = (
    r"[\s/]*([^\s/>][^\s/>=]*)(?=[\s/>=])"
    r"""(?:(?!\s*=)|\s*=\s*(?:"[^"]*"|'[^']*'|[^\s>"'][^\s>]*(?=[\s>])))"""
)
_NAME = re.compile(_ATTRIBUTE)
_TAG = re.compile(rf"<[a-zA-Z][^\s/>]*(?=[\s/])((?:{_ATTRIBUTE})+)")
_BEGIN_OF_LONGEST = re.compile(rf"<(?=[a-zA-Z][^\s/>]*(?=[\s/])(?:{_ATTRIBUTE}){{{MAX_ATTRIBUTES}}})")
# A tag of so many attributes is long, or has `<` or `>` within a quoted value. Both are quickly found.
_LONG_TAG = re.compile(rf"<[a-zA-Z][^<>]{{{2 * MAX_ATTRIBUTES}}}")
_QUOTED_BRACKET = re.compile(r"""=\s*(?:"[^"<>]*|'[^'<>]*)[<>]""")
_TOO_DEEP = ">".join("*" * MAX_DEPTH)
_METAS = ",".join(f'meta[name="{name}" i]' for name in ("robots", "ccbot", "tdm-reservation"))


@dataclass(frozen=True, slots=True)
class Html:
    """A parsed page."""

    text: str  # as parsed
    tree: HTMLTree

    def title(self) -> str:
        """Return the title on one line; "" where there is none."""
        return " ".join((self.tree.title or "").split())

    def directives(self) -> Iterator[tuple[str, str]]:
        """Give (name, content) of the <meta> elements that opt_out.py reads, wherever they stand; the first of many."""
        document = self.tree.document
        if document is None:
            return
        metas = document.query_selector_all(_METAS)
        for index in range(min(len(metas), _MAX_METAS)):
            meta = metas[index]
            yield meta.getattr("name") or "", meta.getattr("content") or ""


def parse(text: str) -> Html | None:
    """Return the tree of a page; None if it is too complex."""
    tags = text.count("<")
    if tags > MAX_TAGS:
        return None
    if len(text) > _FEW_CHARS and (_LONG_TAG.search(text) or _QUOTED_BRACKET.search(text)):
        text = _BEGIN_OF_LONGEST.sub(" ", text)
    if len(text) > _FEW_CHARS_OF_NAMES and _has_too_many_names(text):
        return None
    if tags > _FEW_TAGS and len(_ROOTS.findall(text)) > MAX_ROOTS:
        return None
    if tags * tags > MAX_REBUILT and len(_FORMATTING.findall(text)) * tags > MAX_REBUILT:
        text = _FORMATTING.sub(r"<\1span", text)
    tree = HTMLTree.parse(text)
    if tags > _FEW_TAGS and tree.document is not None and tree.document.query_selector(_TOO_DEEP) is not None:
        return None
    return Html(text, tree)


def _has_too_many_names(text: str) -> bool:
    """Return whether tags have more than MAX_NAMES different names of attributes.

    Where a tag begins only a parser can tell; so each `<` with a letter is taken for one, within another tag, too. A
    text where these overlap so often that it would be read more than a few times is refused as well.
    """
    names: set[str] = set()
    at, left = 0, 4 * len(text)
    while tag := _TAG.search(text, at):
        names.update(_NAME.findall(text, tag.start(1), tag.end() + 1))
        left -= len(tag[1])
        if len(names) > MAX_NAMES or left < 0:
            return True
        at = tag.start() + 1
    return False
