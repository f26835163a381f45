"""Where e-mail addresses stand in a text: RFC 5321 and 6531, as people write them, without quoted names."""

import re
from collections.abc import Iterator

# Vowel signs and other marks, which `\w` does not have: scripts of South and South-East Asia, and combining accents.
_MARKS = "\u0300-\u036f\u0900-\u0dff\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"
# Between what may end a name and what may begin a host; a long row of @ has none.
_AT = re.compile(rf"(?<=[\w{_MARKS}%+&'-])[@＠](?=[^\W_])")
_ASCII_NAME = re.compile(r"[A-Za-z0-9._%+&'-]{1,64}\Z")
_ANY_NAME = re.compile(rf"[\w{_MARKS}.+-]{{1,64}}\Z")
_LABEL = "[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_ASCII_HOST = re.compile(rf"(?:{_LABEL}\.){{1,8}}(?:xn--[a-z0-9-]{{2,58}}[a-z0-9]|[A-Za-z]{{2,24}})(?!-*[A-Za-z0-9])")
_ANY_LABEL = rf"[^\W_](?:[\w{_MARKS}-]{{0,61}}[^\W_])?[{_MARKS}]{{0,3}}"
_ANY_HOST = re.compile(rf"(?:{_ANY_LABEL}[.．。]){{1,8}}(?:xn--[a-z0-9-]{{2,59}}|[^\W\d_][\w{_MARKS}]{{1,61}})")
_LONGEST_NAME = 64
_MOST_HOST = 255
# What looks like a host and is a file (icon@2x.png) or a version (package@1.0.beta).
_NO_HOST = re.compile(r".*\.(?:png|jpe?g|gif|webp|svg|css|js|html?|php|pdf|exe)\Z|\d+\.\d+\.", re.I | re.S)
_NOT_FIRST = "._%+&'-"  # of a name: punctuation before it
_USER_OF_URL = re.compile(r"//[^\s/@]*\Z")


def emails(text: str) -> list[tuple[int, int]]:
    """Return where e-mail addresses begin and end, in order."""
    if "@" not in text and "＠" not in text:
        return []
    return list(_emails(text))


def _emails(text: str) -> Iterator[tuple[int, int]]:
    last = 0
    for at in _AT.finditer(text):
        begin = _begin(text, last, at.start())
        end = _end(text, at.end())
        if begin is None or end is None or _is_other(text, begin, at.start(), end):
            continue
        yield begin, end
        last = end


def _begin(text: str, least: int, at: int) -> int | None:
    """Return where the name before an @ begins; names of ASCII end where other letters begin."""
    before = text[max(least, at - _LONGEST_NAME) : at]
    name = _ASCII_NAME.search(before) or _ANY_NAME.search(before)
    if name is None:
        return None
    shown = name[0].lstrip(_NOT_FIRST)
    return at - len(shown) if shown and not shown.endswith(".") else None


def _end(text: str, begin: int) -> int | None:
    after = text[begin : begin + _MOST_HOST]
    host = _ASCII_HOST.match(after) or _ANY_HOST.match(after)
    return None if host is None or _NO_HOST.match(host[0]) else begin + host.end()


def _is_other(text: str, begin: int, at: int, end: int) -> bool:
    """Tell whether this is the handle of a network (@ann@example.social), or what logs in by a URL or by git."""
    if text[max(0, begin - 1) : begin] in ("@", "＠") or (text[begin:at] == "git" and text.startswith(":", end)):
        return True
    return _USER_OF_URL.search(text, max(0, begin - _MOST_HOST), begin) is not None
