"""The runs of all test files as bytes that many processes can share, and the documents that have one of them.

The bytes: 64 that say what they are, in text; then numbers, little-endian:

    words of a run, how many runs and parts, bytes of the names   4 x uint64
    the runs, sorted                                    uint64 each (words.py)
    the parts of runs, sorted                           uint64 each (sieve.py)
    of each run the number of its test file             uint32 each
    the names of the test files                         JSON
"""

from collections.abc import Sequence
from itertools import accumulate

import msgspec
import numpy as np

from ccnet_pipeline.decontamination.findings import Finding
from ccnet_pipeline.decontamination.sieve import Sieve
from ccnet_pipeline.decontamination.words import Numbers, Places, Words, batches, runs_of, whole_runs, words_of

LEAST_WORDS = 8  # of a text that is looked for as a whole. Source: GPT-3, appendix C: the smallest N of its analysis
_TITLE = b"runs of words of test files, 1\n"
_TITLE_BYTES = 64
_NUM_COUNTS = 4


def pack(num_words: int, runs: Numbers, files: Sequence[int], parts: Numbers, names: Sequence[str]) -> bytes:
    """Return a table of runs, sorted, each with the number of its file, and of the parts of all, sorted."""
    encoded = msgspec.json.encode(names)
    return b"".join(
        [
            _TITLE.ljust(_TITLE_BYTES, b"\0"),
            np.array([num_words, len(runs), len(parts), len(encoded)], "<u8").tobytes(),
            runs.astype("<u8").tobytes(),
            parts.astype("<u8").tobytes(),
            np.array(files, "<u4").tobytes(),
            encoded,
        ]
    )


class RunTable:
    """Says which documents have a run of words that stands in a test file."""

    def __init__(self, packed: memoryview) -> None:
        """Take what `pack` gave; nothing large is copied."""
        counts = np.frombuffer(packed, "<u8", _NUM_COUNTS, _TITLE_BYTES)
        self._num_words, num_runs, num_parts, name_bytes = map(int, counts)
        sizes = (_TITLE_BYTES + 8 * _NUM_COUNTS, 8 * num_runs, 8 * num_parts, 4 * num_runs, name_bytes)
        begin, parts, of_files, names, end = accumulate(sizes)
        self._runs = np.frombuffer(packed, "<u8", num_runs, begin)
        self._files = np.frombuffer(packed, "<u4", num_runs, of_files)
        self._sieve = Sieve(self._num_words, LEAST_WORDS, np.frombuffer(packed, "<u8", num_parts, parts))
        self._names: list[str] = msgspec.json.decode(packed[names:end], type=list[str])

    def __len__(self) -> int:
        """How many runs are in it."""
        return len(self._runs)

    def find(self, texts: Sequence[str]) -> list[Finding | None]:
        """Return of each document the first of its runs that stands in a test file; None: it has none."""
        findings: list[Finding | None] = [None] * len(texts)
        suspects = [
            batch[number]
            for batch in batches(texts)
            for number in self._sieve.suspects(words_of([texts[place] for place in batch])).tolist()
        ]
        for some in batches([texts[place] for place in suspects]):
            for number, finding in self._found(words_of([texts[suspects[place]] for place in some])):
                findings[suspects[some[number]]] = finding
        return findings

    def _found(self, words: Words) -> list[tuple[int, Finding]]:
        """Return the numbers of texts, each with what it has first."""
        whole = whole_runs(words, words.of_lines, LEAST_WORDS, self._num_words)
        found = [(runs, *self._known(runs.numbers)) for runs in (runs_of(words, self._num_words), whole)]
        starts, stops = (
            np.concatenate([getattr(runs, each)[which] for runs, which, _ in found]) for each in ("starts", "stops")
        )
        at = np.concatenate([at for _, _, at in found])
        order = np.argsort(starts, kind="stable")  # a word has either a run or a paragraph that is shorter
        texts, first = np.unique(np.searchsorted(words.of_texts, starts[order], "right") - 1, return_index=True)
        return [
            (text, Finding(self._names[self._files[at[place]]], words.written(starts[place], stops[place])))
            for text, place in zip(texts.tolist(), order[first].tolist(), strict=True)
        ]

    def _known(self, runs: Numbers) -> tuple[Places, Places]:
        """Return which of some runs are in the table, and where there."""
        order = np.argsort(runs)  # what is sorted is found several times as fast
        at = np.searchsorted(self._runs, runs[order])
        found = self._runs.take(at, mode="clip") == runs[order]
        return order[found], at[found]
