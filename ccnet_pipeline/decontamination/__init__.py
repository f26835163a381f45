"""Documents that share a run of words with a test file are left out, so that a model is not tested on what it has read.

    words.py       texts -> words, and runs of them as numbers: the same in test files and in documents
    forms.py       a test file as its authors publish it -> its texts
    test_files.py  what the command line names -> files, by name
    compiling.py   test files -> the table of their runs: compiled once
    table.py       the table, and the question: which documents have a run that stands in it?
    findings.py    which documents were dropped for what, and when one phrase drops too many

docs/method.md, Decontamination, says what counts as a run and why.
"""
