"""Published shards: what reads, recounts, searches and rewrites a run directory, whoever made it.

published.py       manifest.json, ledger.json and its parts
published_run.py   a run directory that is complete
lines.py           a document as it must stand in a file
reading.py         the documents of a file in any format, and what is wrong with its bytes

checks.py          what must hold of each document
recount.py         one file, read from its begin to its end
twice.py           which hashes stand twice in many files
locate.py          where something stands that does so
books_check.py     the ledger against what the files hold
observations_check.py
                   what was noted for the report against both
verification.py    all of these together (beam_jobs.verify)

lookup.py          a document by its id (beam_jobs.get)
source.py          the record that it was made of

asked.py           a list of what is to be taken out (beam_jobs.remove)
finding.py         which documents that is
rewriting.py       files without them
removal_books.py   the ledger without them
removal_observations.py
                   what was noted for the report without them
removal.py         which files change, and the record of it
swapping.py        new files take their places, all of them or none
"""
