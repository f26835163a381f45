r"""A file robots.txt -> the rules of the group that counts (RFC 9309, section 2.2), in one canonical form.

The form: a line a rule, `-` for disallow or `+` for allow, then the path as it is, octets outside printable ASCII
percent-encoded (section 2.2.2). Lines are sorted, for their order means nothing: the longest match decides. So equal
rules of different sites are equal bytes. What a path matches is Protego's business (table.py). Lines are read as
Protego reads them, but for the product token: it ends where a character follows that no token has, so that `CCBot/2.0`
is CCBot, and `CC` is not.

Looser than the standard, as Protego is: a blank may stand for the colon, some misspellings count, and a line such as
`Crawl-delay` between user agents parts groups; `Sitemap` and `Host` belong to none. Several agents may stand on a line,
and UTF-16 is read.
"""

from __future__ import annotations

import codecs
import re

from ccnet_pipeline.text_files import encoding_of

AGENT = b"ccbot"
MAX_BYTES = 500 << 10  # at least so much has to be read (RFC 9309, section 2.5); what follows is not

_AGENT_FIELD = rb"user[ -]?agent"
_DISALLOW = rb"disallow|dissallow|dissalow|disalow|diasllow|disallaw"
_OF_NO_GROUP = rb"site-?maps?|host"
_LINE = re.compile(
    rb"^[ \t]*(?:(?:(" + _AGENT_FIELD + rb")|(allow)|(" + _DISALLOW + rb")|(?:" + _OF_NO_GROUP + rb"))[ \t]*(?:[ \t]|:)"
    rb"|([^:#\s][^:#\n]*):)([^#\n]*)",
    re.I | re.M,
)
_TOKEN = re.compile(rb"[a-z_-]+|\*", re.I)
_NOT_PRINTABLE = re.compile(rb"[^\x21-\x7e]")


def rules_of(body: bytes) -> bytes | None:
    r"""Return the rules for AGENT; b"" if nothing is disallowed, None if this is no robots.txt but HTML.

    >>> rules_of(b"User-agent: *\nDisallow: /\n\nUser-agent: CCBot\nDisallow: /a # all\nAllow: /a/press")
    b'+/a/press\n-/a'
    """
    text = _text(body)
    if text.lstrip()[:1] == b"<":
        return None
    ours, anyones = _groups(text)
    rules = anyones if ours is None else ours
    return b"\n".join(sorted(rules)) if any(rule.startswith(b"-") for rule in rules) else b""


def _text(body: bytes) -> bytes:
    """Return UTF-8, or what was taken for it, with lines that end with LF."""
    if len(body) > MAX_BYTES:
        body = body[: max(body.rfind(b"\n", 0, MAX_BYTES), body.rfind(b"\r", 0, MAX_BYTES)) + 1]
    encoding = encoding_of(body)
    if encoding != "utf-8":
        body = body.decode(encoding, "replace").encode()
    return body.removeprefix(codecs.BOM_UTF8).replace(b"\r", b"\n")


def _groups(text: bytes) -> tuple[set[bytes] | None, set[bytes]]:
    """Return the rules for AGENT, None if no group names it, and those for all."""
    ours: set[bytes] | None = None
    anyones: set[bytes] = set()
    addressed: list[set[bytes]] = []
    begun = False  # the rules of a group: a further user agent begins the next one
    for agents, allow, disallow, other, value in _LINE.findall(text):
        if agents:
            if begun:
                addressed, begun = [], False
            for token in map(_TOKEN.match, map(bytes.strip, value.split(b","))):
                if token and token[0].lower() == AGENT:
                    ours = set() if ours is None else ours
                    addressed.append(ours)
                elif token and token[0] == b"*":
                    addressed.append(anyones)
            continue
        path = value.strip()
        if allow or disallow or other:
            begun = True
        if path and (allow or disallow):
            rule = (b"+" if allow else b"-") + _NOT_PRINTABLE.sub(lambda octet: b"%%%02X" % octet[0][0], path)
            for rules in addressed:
                rules.add(rule)
    return ours, anyones
