"""Text of a page -> its tree, title and <meta> elements, at a cost that is bounded.

Theory. Parsing HTML as the standard says is not linear, and the extractor of main text is not either (measured with
resiliparse 2.0.1):

- the names of attributes of an element are compared pairwise (100 000 of them: over 15 s); those of every further
  <html> and <body> are added to the first;
- a tag may look through all open elements, so that tags cost up to their number squared (20 000 + 20 000: 1 s);
- formatting elements (<b>, <font>, ...) that are left open are built anew in every paragraph that follows: 29 kB of
  such HTML takes 1.5 GB;
- a <select> looks through all its <option> whenever one is added (40 000: 12 s);
- the extractor looks through the subtree of every <div> and <article> (100 000 nested: minutes);
- an element takes up to 500 bytes.

What costs is not the number of tags: 112 000 in a row are parsed and extracted in 0.1 s. Hence limits, far above what
pages have; a page beyond them is `too_complex`:

    MAX_DEPTH       of the tree; what Chrome allows
    MAX_ELEMENTS    of the tree; as many comments
    MAX_STEPS       of the extractor: elements, each times its depth, for all around it may be <div>
    MAX_LOOKS       of the parser: tags, each times the depth of the tree
    MAX_NAMES       different names of attributes (the parser's table of names is a slow one)
    MAX_ROOTS       tags <html> and <body>

A tree can only be measured once it is there. So of a text with many tags ever longer beginnings are parsed first, each
with TAGS_AT_A_TIME more: as many cannot cost much behind a beginning that is within the limits. What only looks like
tags, in scripts, comments and text, costs next to nothing.

Four things are taken for what they are not, which mends the page:

    MAX_TAG_NAME    a tag with so long a name is none, its `<` a blank
    MAX_ATTRIBUTES  a tag with so many is none, either: in pages that mean no harm it is the `<` of a script, which only
                    a parser could tell
    MAX_REBUILT     where formatting elements could make more elements than that, they are called <span>, which is not
                    built anew and has the same text
    MAX_OPTIONS     where there are more <option> and <optgroup>, they are called <wbr>, which holds nothing

Where the tree has to be measured, <template> is called <object>: what is in a template is in no tree, and the extractor
passes over either.

Smaller texts cannot cost much (seconds at most, 500 MB), and are not looked through.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from resiliparse.parse.html import HTMLTree

from ccnet_pipeline.web.lone_characters import NO_STAND_INS, StandIns, with_stand_ins
from ccnet_pipeline.web.opt_out import AGENTS, HEADER, TDM, UNWANTED

MAX_DEPTH = 512
MAX_ELEMENTS = 1 << 19
MAX_STEPS = 1 << 25
MAX_LOOKS = 1 << 31
MAX_TAG_NAME = 100
MAX_ATTRIBUTES = 512
MAX_NAMES = 20_000
MAX_ROOTS = 64
MAX_REBUILT = 2_000_000
MAX_OPTIONS = 10_000

# In texts that have no more, these are not looked for: attributes of a tag, names of attributes (chars); depth and
# roots (`<`). To look costs as much as a fourth of what the page costs otherwise.
_FEW_CHARS = 256 << 10
_FEW_CHARS_OF_NAMES = 512 << 10
_FEW_TAGS = 4000
TAGS_AT_A_TIME = 1 << 16  # that can be parsed whatever they are
# Those that may say no. resiliparse 2.0.1 looks for the elements of a list anew at every step.
_MAX_METAS = 64

# The elements of WHATWG HTML, section 13.2.4.3, without <a>, of which only one can be open at a time.
_FORMATTING = re.compile(
    r"<(?=[/bcefinstu])(/?)(?:b|big|code|em|font|i|nobr|s|small|strike|strong|tt|u)(?=[\s/>])", re.I | re.A
)
_OPTION = re.compile(r"<(/?)opt(?:ion|group)(?=[\s/>])", re.I | re.A)
_TEMPLATE = re.compile(r"<(/?)template(?=[\s/>])", re.I | re.A)
_ROOTS = re.compile(r"<[hb][to][md][ly][\s/]", re.I | re.A)
# The grammar of WHATWG HTML, sections 13.2.5.32 to 13.2.5.40. No attribute can be read in two ways: a search that fails
# must not try them all.
_ATTRIBUTE = (
    r"[\s/]*([^\s/>][^\s/>=]*)(?=[\s/>=])"
    r"""(?:(?!\s*=)|\s*=\s*(?:"[^"]*"|'[^']*'|[^\s>"'][^\s>]*(?=[\s>])|(?=>)))"""
)
_NAME = re.compile(_ATTRIBUTE)
_ATTRIBUTES = re.compile(rf"(?:{_ATTRIBUTE}){{1,{MAX_ATTRIBUTES}}}")  # to match more takes memory
_NEAR = 4096  # chars in which nearly all tags end
_TAG = re.compile(rf"<[a-zA-Z][^\s/>]{{0,{MAX_TAG_NAME}}}(?=[\s/])")
_END_OF_TAG = re.compile(r"[\s/]*(?:>|\Z)")
_MAY_BE_TAG = re.compile(r"<[a-zA-Z/]")
_LONG_NAME = re.compile(rf"<(?=[a-zA-Z][^\s/>]{{{MAX_TAG_NAME}}})")
# A tag of so many attributes is long, or has `<` or `>` within a quoted value. Both are quickly found.
_LONG_TAG = re.compile(rf"<[a-zA-Z][^<>]{{{2 * MAX_ATTRIBUTES}}}")
_QUOTED_BRACKET = re.compile(r"""=\s*(?:"[^"<>]*|'[^'<>]*)[<>]""")
_DEPTHS = (64, 128, 256, MAX_DEPTH)
# Wider than what counts, for a name may have blanks around it.
_MARKED = ",".join(f'[name*="{name}" i]' for name in sorted(AGENTS - {"*"}))
_CONTENTS = ",".join(f'[content*="{word}" i]' for word in sorted(UNWANTED))
_METAS = f'meta:is({_MARKED},[http-equiv*="{HEADER}" i]):is({_CONTENTS}),meta[name*="{TDM}" i][content*="1"]'


@dataclass(frozen=True, slots=True)
class Html:
    """A parsed page."""

    text: str  # as parsed, but for the stand-ins
    tree: HTMLTree
    stand_ins: StandIns = NO_STAND_INS  # in the text of the tree (lone_characters.py)

    def title(self) -> str:
        """Return the title on one line; "" where there is none."""
        return " ".join(self.plain(self.tree.title or "").split())

    def plain(self, text: str) -> str:
        """Return text that was read from the tree as the page has it: without stand-ins."""
        return self.stand_ins.resolved(text)

    def directives(self) -> Iterator[tuple[str, str]]:
        """Give (name or http-equiv, content) of the <meta> elements that may say no (opt_out.py), wherever they are."""
        document = self.tree.document
        if document is None:
            return
        metas = document.query_selector_all(_METAS)
        for index in range(min(len(metas), _MAX_METAS)):
            meta = metas[index]
            for attribute in ("name", "http-equiv"):
                yield self.plain(meta.getattr(attribute) or ""), self.plain(meta.getattr("content") or "")


class _TooComplexError(Exception):
    """A page costs more than it may."""


def parse(text: str) -> Html | None:
    """Return the tree of a page; None if it is too complex."""
    try:
        text = _mended(text)
        tags = text.count("<")
        if tags > TAGS_AT_A_TIME:
            _measure_beginnings(text)
        parsed, stand_ins = with_stand_ins(text)
        tree = HTMLTree.parse(parsed)
        if tags > _FEW_TAGS:
            _measure(tree)
    except _TooComplexError:
        return None
    return Html(text, tree, stand_ins)


def _mended(text: str) -> str:
    """Return the text without what may be taken for something else.

    Raises:
        _TooComplexError: by what the text alone tells.
    """
    tags = text.count("<")
    if len(text) > _FEW_CHARS:
        text = _without_longest_tags(_LONG_NAME.sub(" ", text))
    if len(text) > _FEW_CHARS_OF_NAMES and _has_too_many_names(text):
        raise _TooComplexError
    if tags > _FEW_TAGS and len(_ROOTS.findall(text)) > MAX_ROOTS:
        raise _TooComplexError
    if tags > MAX_ELEMENTS and text.count("<!") + text.count("<?") > MAX_ELEMENTS:
        raise _TooComplexError
    if tags * tags > MAX_REBUILT and len(_FORMATTING.findall(text)) * tags > MAX_REBUILT:
        text = _FORMATTING.sub(r"<\1span", text)
    if tags > MAX_OPTIONS and len(_OPTION.findall(text)) > MAX_OPTIONS:
        text = _OPTION.sub(r"<\1wbr", text)
    if tags > TAGS_AT_A_TIME:
        text = _TEMPLATE.sub(r"<\1object", text)
    return text


def _measure_beginnings(text: str) -> None:
    """Measure ever longer beginnings of a text, each with TAGS_AT_A_TIME more of what may be tags.

    Raises:
        _TooComplexError: one is too complex, or all of them together are.
    """
    looks = 0
    for number, tag in enumerate(islice(_MAY_BE_TAG.finditer(text), TAGS_AT_A_TIME, None, TAGS_AT_A_TIME), 1):
        depth = _measure(HTMLTree.parse(text[: tag.start()]))
        looks += number * TAGS_AT_A_TIME * depth
        if looks > MAX_LOOKS:
            raise _TooComplexError


def _measure(tree: HTMLTree) -> int:
    """Return about how deep a tree is, at least so deep.

    Raises:
        _TooComplexError: it has too many elements, or too many deep ones.
    """
    if tree.document is None:
        return 0
    elements = len(tree.document.query_selector_all("*"))
    depth, steps = _DEPTHS[0], elements * _DEPTHS[0]
    for depth in _DEPTHS:
        deeper = len(tree.document.query_selector_all(">".join("*" * depth)))
        steps += deeper * depth
        if not deeper:
            break
    else:
        raise _TooComplexError
    if elements > MAX_ELEMENTS or steps > MAX_STEPS:
        raise _TooComplexError
    return depth


def _tags_with_attributes(text: str) -> Iterator[tuple[re.Match[str], int]]:
    """Give each tag that has attributes: its beginning, up to them, and the end of the attributes.

    Where a tag begins only a parser can tell; so each `<` with a letter is taken for one, within another tag, too.

    Raises:
        _TooComplexError: these overlap so often that the text would be read more than a few times.
    """
    left = 4 * len(text)
    for tag in _TAG.finditer(text):
        found = _ATTRIBUTES.match(text, tag.end(), tag.end() + _NEAR)
        end = found.end() if found else tag.end()
        left -= end - tag.end()
        while _END_OF_TAG.match(text, end) is None:
            # It goes on, or a long value does, or it is no tag.
            found = _ATTRIBUTES.match(text, end)
            left -= _NEAR + (found.end() - end if found else len(text) - end)
            if found is None or left < 0:
                break
            end = found.end()
        if left < 0:
            raise _TooComplexError
        if end > tag.end():
            yield tag, end


def _without_longest_tags(text: str) -> str:
    """Return the text with blanks for the `<` of tags with MAX_ATTRIBUTES or more."""
    if not (_LONG_TAG.search(text) or _QUOTED_BRACKET.search(text)):
        return text
    kept: list[str] = []
    at = 0
    for tag, end in _tags_with_attributes(text):
        if end - tag.end() < 2 * MAX_ATTRIBUTES:
            continue
        if next(islice(_NAME.finditer(text, tag.end(), end + 1), MAX_ATTRIBUTES - 1, None), None):
            kept += text[at : tag.start()], tag[0].replace("<", " ")
            at = tag.end()
    return "".join([*kept, text[at:]])


def _has_too_many_names(text: str) -> bool:
    """Return whether tags have more than MAX_NAMES different names of attributes."""
    names: set[str] = set()
    for tag, end in _tags_with_attributes(text):
        names.update(_NAME.findall(text, tag.end(), end + 1))
        if len(names) > MAX_NAMES:
            return True
    return False
