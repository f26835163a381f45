"""Duplicate paragraphs: their normal form, its hash, and which of them may be kept.

normal_form.py   what two paragraphs must share to be duplicates
hashing.py       64 bits that stand for it
duplicates.py    the table of one segment, the comparison of many, the verdict on each paragraph
copies.py        in how many records each paragraph stands, where a run tells it
blocks.py        consecutive segments as one table, and back
tables.py        tables in files, read part by part
sections.py      files whose parts are found by their number
sorting.py       the hashes of several tables in one order
"""
