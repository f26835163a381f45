"""Duplicate paragraphs: their normal form, its hash, and which of them may be kept.

normal_form.py   what two paragraphs must share to be duplicates
hashing.py       64 bits that stand for it
duplicates.py    the table of one segment, the comparison of many, the verdict on each paragraph
blocks.py        consecutive segments as one table, and back
tables.py        tables in files, read part by part
sorting.py       the hashes of several tables in one order
"""
