"""Test files -> the table of their runs of words. Neither their order nor where they lie changes a byte of it."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice

import numpy as np

from ccnet_pipeline.decontamination.forms import texts_of
from ccnet_pipeline.decontamination.sieve import parts_of
from ccnet_pipeline.decontamination.table import LEAST_WORDS, pack
from ccnet_pipeline.decontamination.test_files import TestFiles
from ccnet_pipeline.decontamination.words import (
    WORD,
    Numbers,
    Runs,
    Words,
    batches,
    num_different,
    runs_of,
    whole_runs,
    words_of,
)
from ccnet_pipeline.errors import UserError

_TEXTS_AT_ONCE = 1000
_MOST_NAMED = 5


@dataclass(slots=True)
class Counts:
    """What there is in test files."""

    files: int = 0
    texts: int = 0  # with a word
    as_a_whole: int = 0  # shorter than a run: looked for as a paragraph
    too_short: int = 0  # even for that
    runs: int = 0  # different ones
    without: list[str] = field(default_factory=list)  # names of files with texts, but nothing to look for


@dataclass(frozen=True, slots=True)
class Compiled:
    """What came of test files."""

    packed: bytes  # of table.py
    num_words: int  # of a run
    counts: Counts
    num_passed_over: int  # files in no known form

    def remarks(self) -> Iterator[str]:
        """Give lines about what is looked for, and what is not."""
        counts, least = self.counts, min(LEAST_WORDS, self.num_words)
        yield (
            f"--decontaminate: {counts.runs:,} runs of {self.num_words} words from {counts.texts:,} texts in "
            f"{counts.files:,} files; {counts.as_a_whole:,} texts are shorter, and looked for as whole paragraphs; "
            f"{counts.too_short:,} have less than {least} words, and are not looked for"
        )
        if counts.without:
            names = ", ".join(counts.without[:_MOST_NAMED]) + ", ..." * (len(counts.without) > _MOST_NAMED)
            yield f"--decontaminate: of {len(counts.without)} files no text is long enough to be looked for: {names}"
        if self.num_passed_over:
            yield f"--decontaminate: {self.num_passed_over} files in folders are in no known form, and passed over"


def compile_test_files(
    files: TestFiles, excepted: TestFiles | None, num_words: int, fields: Collection[str], option: str
) -> Compiled:
    """Read test files, and return the table of their runs.

    Args:
        files: of the test sets.
        excepted: whose runs do not count.
        num_words: of a run.
        fields: of JSON and tables with a header, that alone count; none: all. Of `files` only.
        option: by which they are given, for messages.

    Raises:
        UserError: one cannot be read, or has no text; or there is nothing to look for.
    """
    counts = Counts(files=len(files.paths))
    of_files, parts = list[Numbers](), list[Numbers]()
    for name, path in files.paths.items():
        of_file = _runs_of_file(texts_of(path, f"{option} {name}", fields), num_words, counts, parts)
        if of_file is None:
            raise UserError(f"{option} {name}: there is no text in it")
        if not len(of_file):
            counts.without.append(name)
        of_files.append(of_file)
    numbers = np.concatenate([np.zeros(0, np.uint64), *of_files])
    runs, first = np.unique(numbers, return_index=True)
    numbers_of_files = np.repeat(np.arange(len(of_files)), list(map(len, of_files)))[first]
    if excepted:
        goes = np.isin(runs, _runs_of_excepted(excepted, num_words, option))
        runs, numbers_of_files = runs[~goes], numbers_of_files[~goes]
    if not len(runs):
        raise UserError(
            f"{option}: there is nothing to look for: no text has {min(num_words, LEAST_WORDS)} words, half of them "
            "different"
        )
    counts.runs = len(runs)
    all_parts = np.unique(np.concatenate(parts))
    packed = pack(num_words, runs, numbers_of_files.tolist(), all_parts, list(files.paths))
    return Compiled(packed, num_words, counts, files.num_passed_over)


def _runs_of_file(texts: Iterable[str], num_words: int, counts: Counts, parts: list[Numbers]) -> Numbers | None:
    """Return the runs of texts, and add their parts to `parts`; None if there is no word."""
    found, before = [np.zeros(0, np.uint64)], counts.texts
    for words in _batches_of_words(texts):
        _count(words, num_words, counts)
        for runs, least in _runs(words, num_words):
            telling = _telling(words, runs, least)
            found.append(telling.numbers)
            parts.append(parts_of(words, telling, num_words))
    return np.unique(np.concatenate(found)) if counts.texts > before else None


def _runs_of_excepted(files: TestFiles, num_words: int, option: str) -> Numbers:
    texts = (text for name, path in files.paths.items() for text in texts_of(path, f"{option}_except {name}", ()))
    found = [runs.numbers for words in _batches_of_words(texts) for runs, _ in _runs(words, num_words)]
    return np.concatenate([np.zeros(0, np.uint64), *found])


def _runs(words: Words, num_words: int) -> tuple[tuple[Runs, int], tuple[Runs, int]]:
    """Return the runs of texts, and short texts as a whole; each with how many different words one must have."""
    whole = whole_runs(words, words.of_texts, LEAST_WORDS, num_words)
    return (runs_of(words, num_words), (num_words + 1) // 2), (whole, LEAST_WORDS // 2)


def _telling(words: Words, runs: Runs, least: int) -> Runs:
    """Return those runs that are not the same few words, or numbers alone."""
    return runs.some(num_different(words, runs) >= least)


def _count(words: Words, num_words: int, counts: Counts) -> None:
    weights = np.diff(words.weight_before()[words.of_texts])
    counts.texts += int((weights > 0).sum())
    counts.as_a_whole += int(((weights >= LEAST_WORDS * WORD) & (weights < num_words * WORD)).sum())
    counts.too_short += int(((weights > 0) & (weights < min(LEAST_WORDS, num_words) * WORD)).sum())


def _batches_of_words(texts: Iterable[str]) -> Iterator[Words]:
    remaining = iter(texts)
    while some := list(islice(remaining, _TEXTS_AT_ONCE)):
        for batch in batches(some):
            yield words_of([some[place] for place in batch])
