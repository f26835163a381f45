"""What is noted of a run while it reads, beside the balance: examples to look at, what came often, what it cost.

examples.py    which documents are shown
repeated.py    the paragraphs of an archive that stood in most of its records
domains.py     what the domains of an archive gave and lost
archive.py     all of these of one archive, while stage 3 judges it

merging.py     the same of many archives, in their order
publishing.py  what is published of them
published.py   its form
reading.py     who reads it later

Nothing here grows with the corpus: of each archive, of each group of them and of the run only what came most often is
kept. So what is counted of paragraphs and domains is exact in one archive, and of many it is the least that it can be.
"""
