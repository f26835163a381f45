"""What a sender does not want: its reasons to be left out of a corpus.

`opt_out_robots_header`, `opt_out_robots_meta`: a directive of UNWANTED in the field X-Robots-Tag, or in
<meta name="robots">. Both may be addressed: to everybody (`robots`), or to one crawler. Those to CCBot count too, for
it made the crawl; those to other crawlers (`googlebot`, ...) do not. (Robots meta tag and X-Robots-Tag as documented by
Google; `noai`, `noimageai` as introduced by DeviantArt.)

`opt_out_tdm`: `tdm-reservation: 1` as a field, or as <meta name="tdm-reservation" content="1">: rights of text and data
mining are reserved (TDM Reservation Protocol, W3C Community Group, 2024). Its third form, the file
/.well-known/tdmrep.json of a site, is no part of a record.

Directives are separated by commas; blanks and semicolons are taken for commas, as people write them. One with a value
(`max-image-preview: none`) is another directive than its value.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

AGENTS = frozenset({"robots", "ccbot", "*"})
UNWANTED = frozenset({"noindex", "none", "noai", "noimageai"})
TDM = "tdm-reservation"

_VALUED = frozenset({"unavailable_after", "max-snippet", "max-image-preview", "max-video-preview"})
_ADDRESS = re.compile(r"([\w.*-]+)\s*:\s*(.*)", re.S)
_COLON = re.compile(r"\s*:\s*")
_SEPARATORS = re.compile(r"[\s,;]+")


def refused_by_fields(fields: dict[str, list[str]]) -> str | None:
    """Return the reason that the fields of the response give, or None; names in lower case."""
    if any(_is_refusal(value) for value in fields.get("x-robots-tag", ())):
        return "opt_out_robots_header"
    if any(value.strip() == "1" for value in fields.get(TDM, ())):
        return "opt_out_tdm"
    return None


def refused_by_meta(metas: Iterable[tuple[str, str]]) -> str | None:
    """Return the reason that the <meta> elements give, or None.

    Args:
        metas: (name, content) of each.
    """
    for stated, content in metas:
        name = stated.strip().lower()
        if name in AGENTS and _has_unwanted(content):
            return "opt_out_robots_meta"
        if name == TDM and content.strip() == "1":
            return "opt_out_tdm"
    return None


def _is_refusal(value: str) -> bool:
    """Return whether one line of X-Robots-Tag says no, to all or to CCBot: `[agent:] directive, directive, ...`."""
    counts = True
    for element in value.split(","):
        directives = element.strip()
        address = _ADDRESS.match(directives)
        if address and address[1].lower() not in _VALUED:
            counts, directives = address[1].lower() in AGENTS, address[2]
        if counts and _has_unwanted(directives):
            return True
    return False


def _has_unwanted(directives: str) -> bool:
    return not UNWANTED.isdisjoint(_SEPARATORS.split(_COLON.sub(":", directives.lower())))
