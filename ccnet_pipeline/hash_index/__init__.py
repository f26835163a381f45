"""Which paragraphs earlier dumps had, so that a new one is compared with them all (docs/hash_index.md).

cells.py       the hashes in files
index.py       index.json: what there is, and how it came to be
directory.py   the folder of an index
union.py       an index and what is added to it

``python -m ccnet_pipeline.hash_index``:

info_command.py, merge_command.py, verify_command.py
"""
