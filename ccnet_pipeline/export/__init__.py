"""Other formats of a run that is complete, made later from its shards: the bytes that the run would have written.

plan.py       which files, each made of which
conversion.py one file
state.py      what of an interrupted export is done, and where an export lies
exporting.py  all of it: check, convert, publish
"""

from ccnet_pipeline.export.state import discard

__all__ = ["discard"]
