r"""Text that the extractor of main text would drop for its length, and how to keep it.

resiliparse 2.0.1 passes over a text node that is one character of private use, which is an icon. It tells these by
their UTF-8 bytes, read as a little-endian number, so that the last byte decides. Hence it passes over most other text
of three bytes, too, blanks around it not counted (all of it, and no more, over all of Unicode):

- a character of three bytes, `<b>春</b>`, `</a>—<a>`, `20<b>€</b>`;
- one of ASCII and one of two bytes, in this order: `<b>né</b>`, `<i>là</i>`, `m²`, `5&nbsp;`.

So a guard, of one byte, is put behind such text before the page is parsed, and taken out of what is read from the tree.
It is a control character that the page has not, neither as it is nor by reference. Where the text is found, in
attributes, comments and scripts as well, a guard changes nothing but text. One too many does no harm: so it is enough
to look for what can be such a node, and not needed to parse.

Characters of private use are not guarded: they are left to the extractor, and so is `¶`, the mark of a link to a
heading, which it passes over where it stands alone.
"""

from __future__ import annotations

import html
import re
from itertools import pairwise

_GUARDS = "\x01\x02\x03\x04\x05\x06\x07\x0e\x0f\x10\x11\x12\x13\x14\x15\x16\x17\x18\x19\x1a\x7f"

_REFERENCE = r"&[#\w]{2,40}(?:;|(?!\w))"
# Blanks by reference are few: each more is a further way to fail.
_BLANKS = (
    r"[\s\0]*(?:&(?:#0{0,6}(?:9|1[0-3]|32)(?!\d)|#[xX]0{0,6}(?:[9a-dA-D]|20)(?![\da-fA-F])|Tab(?=;)|NewLine(?=;));?"
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


def guarded(text: str) -> tuple[str, str]:
    r"""Return the text with guards behind what would be dropped, and the guard; "" where there is none to take out.

    >>> guarded("<b>春</b>の畑")
    ('<b>春\x01</b>の畑', '\x01')
    """
    whole = ">" + text  # text at the beginning stands as behind a tag
    ends = sorted(
        {
            node.end(group)
            for node in _NODE.finditer(whole)
            for group in (1, 2)
            if node[group] and _is_dropped(node[group])
        }
    )
    guard = _absent_from(text) if ends else ""
    if not guard:
        return text, ""
    return guard.join(whole[begin:end] for begin, end in pairwise([1, *ends, len(whole)])), guard


def _absent_from(text: str) -> str:
    """Return a guard that the page does not have; "" for what has them all, which is no text."""
    candidates = [guard for guard in _GUARDS if guard not in text]
    referred = {int(hexadecimal, 16) if hexadecimal else int(decimal) for hexadecimal, decimal in _NUMBER.findall(text)}
    return next((guard for guard in candidates if ord(guard) not in referred), "")


def _is_dropped(node: str) -> bool:
    """Return whether what may be such a node is one once its references are read."""
    shown = html.unescape(_TAGS.sub("", node.replace("\0", "")))
    is_of_three_bytes = len(shown.encode("utf-8", "replace")) == 3 and shown[-1] > " "
    return is_of_three_bytes and not "\ue000" <= shown <= "\uf8ff"
