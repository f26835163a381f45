r"""Text that the extractor of main text would drop for its length, and how to keep it.

resiliparse 2.0.1 passes over a text node that is one character of private use, which is an icon. It tells these by
their UTF-8 bytes, read as a little-endian number, so that the last byte decides. Hence it passes over most other text
of three bytes, too, blanks around it not counted (all of it, and no more, over all of Unicode):

- a character of three bytes, `<b>春</b>`, `</a>—<a>`, `20<b>€</b>`;
- one of ASCII and one of two bytes, in this order: `<b>né</b>`, `<i>là</i>`, `m²`, `5&nbsp;`.

So before the page is parsed, such text gives its place to other text of three bytes that the extractor lets through: a
stand-in, which is a character of two bytes and a mark. What is read from the tree gets its own text back. As nothing
changes its length, nothing else changes: the extractor judges blocks by the share of links in their bytes.

The mark is a control character that the page has not, neither as it is nor by reference. Such text is also found in
attributes, comments and scripts, where it does no harm: so it is enough to look for what can be such a node, and not
needed to parse.

Characters of private use keep their place: they are left to the extractor, and so is `¶`, the mark of a link to a
heading, which it passes over where it stands alone.
"""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from operator import itemgetter

_MARKS = "\x01\x02\x03\x04\x05\x06\x07\x0e\x0f\x10\x11\x12\x13\x14\x15\x16\x17\x18\x19\x1a\x7f"
_FIRST, _LAST = "\u0100", "\u07ff"
_MOST = ord(_LAST) - ord(_FIRST)

_REFERENCE = r"&[#\w]{2,40}(?:;|(?!\w))"
# Blanks by reference are few: each more is a further way to fail.
_BLANKS = (
    r"[\s\0]*(?:&(?:#0{0,6}(?:9|1[0-3]|32)(?!\d)|#[xX]0{0,6}(?:[9a-dA-D]|20)(?![\da-fA-F])|Tab(?=;)|NewLine(?=;))(?:;|(?!;))"
    r"[\s\0]*){0,8}"
)
_ONE = rf"[\u0800-\udfff\uf900-\uffff]|{_REFERENCE}"
# Tags between the two: where the parser passes over them, as over a stray end tag, the two are one text node. Where it
# does not, a `¶` stands alone.
_TAGS_BETWEEN = r"(?:<[^<>]{1,200}>\0*){1,8}(?!\xb6|&(?:para|#182|#[xX][bB]6))"
_PAIR = (
    rf"(?:[\x01-\x08\x0e-\x1f!-\x7f]|{_REFERENCE})\0*(?:{_TAGS_BETWEEN})?"
    rf"(?:[\x80-\u07ff]|{_REFERENCE})"
)
_END = rf"(?={_BLANKS}(?:<|\Z))"
# What most tags are followed by, and quickly found: another tag, or longer text.
_OTHER = r"[\s\0]*(?:<[a-zA-Z/!?]|[!-%'-;=-~][\x01-%'-;=-~])"
_NODE = re.compile(
    rf">(?!{_OTHER})(?:(?={_BLANKS}({_ONE}){_END})|)(?:(?={_BLANKS}({_PAIR}){_END})|)",
    re.A,
)
_TAGS = re.compile(r"(?<=.)(?:<[^<>]{1,200}>)+", re.S)
_NUMBER = re.compile(r"&#(?:x([0-9a-f]{1,8})|([0-9]{1,8}))", re.I)


@dataclass(frozen=True, slots=True)
class StandIns:
    """What stands in the tree for other text."""

    mark: str = ""  # "" where there is none
    texts: tuple[str, ...] = ()  # of the first character of a stand-in, counted from _FIRST

    def resolved(self, text: str) -> str:
        """Return text that was read from the tree as the page has it."""
        if not self.mark:
            return text
        # Where tags are within such text, it is followed by two marks.
        stand_ins = re.compile(rf"([{_FIRST}-{_LAST}]){self.mark}(?!{self.mark})|{self.mark * 2}")
        return stand_ins.sub(lambda found: self.texts[ord(found[1]) - ord(_FIRST)] if found[1] else "", text)


NO_STAND_INS = StandIns()


def with_stand_ins(text: str) -> tuple[str, StandIns]:
    r"""Return the text of a page with stand-ins for what would be dropped, and what these stand for.

    >>> with_stand_ins("<b>春</b>の畑")
    ('<b>Ā\x01</b>の畑', StandIns(mark='\x01', texts=('春',)))
    """
    whole = ">" + text  # text at the beginning stands as behind a tag
    nodes = [
        node.span(group)
        for node in _NODE.finditer(whole)
        for group in (1, 2)
        if node[group] and _is_dropped(node[group])
    ]
    mark = _absent_from(text) if nodes else ""
    if not mark:
        return text, NO_STAND_INS
    characters: dict[str, str] = {}
    kept: list[str] = []
    at = 1
    for begin, end in sorted(nodes, key=itemgetter(1)):
        kept.append(whole[at:end])
        at = end
        shown = html.unescape(whole[begin:end])
        if len(shown.encode("utf-8", "replace")) == 3 and (shown in characters or len(characters) <= _MOST):
            kept[-1] = kept[-1][: begin - end]
            kept.append(characters.setdefault(shown, chr(ord(_FIRST) + len(characters))) + mark)
        else:
            kept.append(mark * 2)
    return "".join([*kept, whole[at:]]), StandIns(mark, tuple(characters))


def _absent_from(text: str) -> str:
    """Return a mark that the page does not have; "" for what has them all, which is no text."""
    candidates = [mark for mark in _MARKS if mark not in text]
    referred = {int(hexadecimal, 16) if hexadecimal else int(decimal) for hexadecimal, decimal in _NUMBER.findall(text)}
    return next((mark for mark in candidates if ord(mark) not in referred), "")


def _is_dropped(node: str) -> bool:
    """Return whether what may be such a node is one once its references are read."""
    shown = html.unescape(_TAGS.sub("", node.replace("\0", "")))
    if len(shown.encode("utf-8", "replace")) != 3 or shown != shown.strip(" \t\n\v\f\r"):
        return False
    return not "\ue000" <= shown <= "\uf8ff"
