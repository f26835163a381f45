"""Filters: what a document must be like beside its language and fluency. None is on by default.

A filter is a pure function of a document that returns a reason to drop it, or None. Ours are modules of this package;
one's own is any function that can be imported (docs/extending.md).

    registry    filters by their names, and what they are in the fingerprint
    judge       the question to all of them, and what happens to an answer that is none
"""

from ccnet_pipeline.filters.judge import ON_ERROR, FilterJudge, OnError, check_few_reasons
from ccnet_pipeline.filters.registry import OURS, Choice, Filter, Filtering, find_filters

__all__ = [
    "ON_ERROR",
    "OURS",
    "Choice",
    "Filter",
    "FilterJudge",
    "Filtering",
    "OnError",
    "check_few_reasons",
    "find_filters",
]
