"""robots.txt as archives have it, applied to every page of those hosts: who says no today is left out of an old crawl.

    robots_txt.py  a file -> the rules for us
    archives.py    archives of such files -> which service disallows what: compiled once
    table.py       the result, and the question: is this URL disallowed?

The rules (RFC 9309) that count are those for CCBot, which made the crawl; without such a group, those for `*`. Groups
of crawlers that collect for AI (GPTBot, Google-Extended, ...) do not count: they are addressed to others. Nor do rules
about the use of what may be fetched, such as Content-Usage: by draft-ietf-aipref-attach these do not act back.

A file holds for the scheme, host and port that it was fetched from. Where of http and https only one is known, it
holds for both: an old crawl has a host under `http`, today's archive under `https`.

What a service said last counts (WARC-Date):

    2xx             its rules
    4xx             all is allowed; but 429 says nothing
    redirect        to the robots.txt of another service: the rules of that one, where it is known; at most five hops
    anything else   nothing, so what was said before stays: 5xx, what cannot be read, HTML under this name
"""

from ccnet_pipeline.robots.archives import Compiled, compile_archives
from ccnet_pipeline.robots.table import RobotsTable

__all__ = ["Compiled", "RobotsTable", "compile_archives"]
