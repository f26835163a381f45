"""Hosts and URLs that are not wanted, and left out before anything else is looked at.

entries.py      lists of one's own, an entry a line; what an entry covers
ut1.py          lists in the form of UT1's, by categories: a folder, or an archive as it is published
compiling.py    all lists that were given -> one table: done once
table.py        the table, which many processes share
"""

from ccnet_pipeline.blocklist.compiling import Compiled, compile_lists
from ccnet_pipeline.blocklist.entries import Blocklist, entries, parse_lines, place_of
from ccnet_pipeline.blocklist.table import unpacked

__all__ = ["Blocklist", "Compiled", "compile_lists", "entries", "parse_lines", "place_of", "unpacked"]
