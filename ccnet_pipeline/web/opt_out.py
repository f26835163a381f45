"""What a sender does not want: its reasons to be left out of a corpus.

`opt_out_robots_header`, `opt_out_robots_meta`: a directive of UNWANTED in the field X-Robots-Tag, or in
<meta name="robots">; <meta http-equiv="X-Robots-Tag"> is read as the field. Each may be addressed: to everybody
(`robots`), or to one crawler. Those to CCBot count too, for it made the crawl; those to other crawlers (`googlebot`,
...) do not. (Robots meta tag and X-Robots-Tag as documented by Google; `noai`, `noimageai` as introduced by DeviantArt;
`noml` by noml.info; `DisallowAITraining` by draft-canel-robots-ai-control.) Other attributes than `name` and
`http-equiv`, such as `property`, mean something else to all who document these.

`opt_out_tdm`: `tdm-reservation: 1` as a field, or as <meta name="tdm-reservation" content="1">: rights of text and data
mining are reserved (TDM Reservation Protocol, W3C Community Group, 2024). Its third form, the file
/.well-known/tdmrep.json of a site, is no part of a record.

`opt_out_content_usage`: the field Content-Usage says `train-ai=n` (draft-ietf-aipref-attach and -vocab), or the field
Content-Signal `ai-train=no` (contentsignals.org, which defines it for robots.txt; servers send it as a field, too).
Both are dictionaries of RFC 9651: one that does not parse says nothing, of a key given twice the last value counts, and
what is neither yes nor no is no answer. Earlier drafts called the same use, or one that takes it in, otherwise: their
names count where `train-ai` is not stated.

Directives are separated by anything that cannot stand in one, as people write them. One with a value
(`max-image-preview: none`) is another directive than its value.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

import http_sf

AGENTS = frozenset({"robots", "ccbot", "*"})
UNWANTED = frozenset({"noindex", "none", "noai", "noimageai", "noml", "disallowaitraining"})
TDM = "tdm-reservation"
HEADER = "x-robots-tag"

_VALUED = frozenset({"unavailable_after", "max-snippet", "max-image-preview", "max-video-preview"})
_ADDRESS = re.compile(r"([\w.*-]+)\s*:\s*(.*)", re.S)
_COLON = re.compile(r"\s*:\s*")
_SEPARATORS = re.compile(r"[^\w:-]+")
# By field: the names of what we do, of which the first that is stated counts, and the answer that is a no.
_USES: Mapping[str, tuple[tuple[str, ...], str]] = {
    "content-usage": (("train-ai", "train-genai", "ai", "bots"), "n"),
    "content-signal": (("ai-train",), "no"),
}


def refused_by_fields(fields: dict[str, list[str]]) -> str | None:
    """Return the reason that the fields of the response give, or None; names in lower case."""
    if any(_is_refusal(value) for value in fields.get(HEADER, ())):
        return "opt_out_robots_header"
    if any(_is_reserved(value) for value in fields.get(TDM, ())):
        return "opt_out_tdm"
    if any(name in fields and _is_unwanted_use(fields[name], *uses) for name, uses in _USES.items()):
        return "opt_out_content_usage"
    return None


def refused_by_meta(metas: Iterable[tuple[str, str]]) -> str | None:
    """Return the reason that the <meta> elements give, or None.

    Args:
        metas: (name, or http-equiv; content) of each.
    """
    for stated, content in metas:
        name = stated.strip().lower()
        if (name in AGENTS and _has_unwanted(content)) or (name == HEADER and _is_refusal(content)):
            return "opt_out_robots_meta"
        if name == TDM and _is_reserved(content):
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


def _is_reserved(value: str) -> bool:
    return "1" in map(str.strip, value.split(","))  # a proxy joins fields of the same name


def _is_unwanted_use(lines: list[str], uses: tuple[str, ...], no: str) -> bool:
    """Return whether the lines of a field, a dictionary, answer the first of `uses` that they name with no."""
    try:
        stated = http_sf.parse(", ".join(filter(None, lines)).encode("latin-1", "replace"), tltype="dictionary")
    except ValueError:
        return False
    assert isinstance(stated, dict)
    answer = next((stated[use] for use in uses if use in stated), None)
    return isinstance(answer, tuple) and isinstance(answer[0], http_sf.Token) and str(answer[0]) == no
