"""XHTML -> HTML that a parser of HTML reads as a parser of XML reads XHTML.

The two differ where a page has

- an empty element, `<script src="x"/>`, `<title/>`, `<a id="x"/>`: to HTML it is a start tag, whose element holds all
  that follows. So it is given an end tag, unless it is one of those that have none in HTML;
- a CDATA section, which HTML takes for a comment: it becomes text;
- a script or style sheet with its end tag in a CDATA section: HTML ends it there, so that the rest would be text. What
  is in either is left out;
- a processing instruction or a document type with `>` inside: HTML ends it there. These are left out, too.

Nothing needs to be well formed: what is not is left as it is, for the parser of HTML. One of XML would give no text.
"""

from __future__ import annotations

import html
import re

# WHATWG HTML, section 13.1.2; and what its parser ends at once, too (section 13.2.6.4).
_VOID = frozenset(
    "area base basefont bgsound br col embed frame hr image img input keygen link meta param source track wbr".split()
)
_COMMENT_END, _CDATA, _CDATA_END = "-->", "<![CDATA[", "]]>"
_MARKUP = re.compile(
    r"(?P<comment><!--)|(?P<cdata><!\[CDATA\[)|<(?P<tag>[a-zA-Z][^\s/<>]*)"
    r"|(?P<left_out><\?[^<]*?\?>|<!DOCTYPE[^<>\[]{0,1024}\[[^\]]{0,4096}\]\s*>)",
    re.I,
)
_ATTRIBUTE = (
    r"[\s/]*[^\s/<>=]+"
    r"""(?:\s*=\s*(?:"[^"]*"|'[^']*'|[^\s<>"'][^\s<>]*(?=[\s>])))?(?=[\s/>])"""
)
_REST_OF_TAG = re.compile(rf"((?:{_ATTRIBUTE}){{0,512}})([\s/]*)>")
_IN_RAW = {name: re.compile(rf"<!\[CDATA\[|\]\]>|</{name}(?=[\s/>])", re.I) for name in ("script", "style")}


def as_html(text: str) -> str:
    """Return the HTML that has the text of a page of XHTML.

    >>> as_html('<title/><script src="a"/><p><a id="b"/>1<br/><![CDATA[ < 2]]></p>')
    '<title></title><script src="a"></script><p><a id="b"></a>1<br/> &lt; 2</p>'
    """
    kept: list[str] = []
    last_comment, last_section = text.rfind(_COMMENT_END), text.rfind(_CDATA_END)
    endless: set[str] = set()  # scripts, style sheets, where no more of them has an end tag
    at = 0
    while found := _MARKUP.search(text, at):
        kept.append(text[at : found.start()])
        at = found.end()
        if found["tag"]:
            at, tag, name = _tag(text, found)
            kept.append(tag)
            if name in _IN_RAW and name not in endless:
                end = _end_of_raw(text, name, at)
                if end is None:
                    endless.add(name)
                at = at if end is None else end
        elif found["cdata"] and at <= last_section:
            end = text.index(_CDATA_END, at)
            kept.append(html.escape(text[at:end], quote=False))
            at = end + len(_CDATA_END)
        elif not found["left_out"]:
            if found["comment"] and at <= last_comment:
                at = text.index(_COMMENT_END, at)
            kept.append(text[found.start() : at])
    return "".join([*kept, text[at:]])


def _tag(text: str, found: re.Match[str]) -> tuple[int, str, str]:
    """Return where a tag ends, what stands in its place, and the name of the element that it opens; "" if none."""
    name = found["tag"]
    rest = _REST_OF_TAG.match(text, found.end())
    if rest is None:
        return found.end(), found[0], ""
    if "/" in rest[2] and name.lower() not in _VOID:
        return rest.end(), f"<{name}{rest[1]}></{name}>", ""
    return rest.end(), found[0] + rest[0], name.lower()


def _end_of_raw(text: str, name: str, begin: int) -> int | None:
    """Return where the end tag of a script or style sheet begins; None where it has none."""
    in_section = False
    inside: int | None = None  # where an end tag stands in a section: it counts if that has no end
    for found in _IN_RAW[name].finditer(text, begin):
        if found[0] == _CDATA_END:
            in_section, inside = False, None
        elif found[0][1] == "!":
            if inside is not None:
                break
            in_section = True
        elif not in_section:
            return found.start()
        elif inside is None:
            inside = found.start()
    return inside
