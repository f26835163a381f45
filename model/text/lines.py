"""A sample of lines by language, for the vocabulary: one pass over the text, in bounded memory.

Each language keeps the lines that drew its smallest random numbers. How many, nobody knows before the pass is
over, because the share of a language depends on the size of all; so each keeps twice what the sizes of the files
let expect, at most `limit` lines more than asked in all, and the first so many of them are the sample.
"""

import heapq
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from model.mixture import cut
from model.sampling import generator, shares
from model.terminal import Bar
from model.text.shards import Corpus, documents
from model.workers import Workers, default_workers

LINE_BYTES = 4096  # longer lines are split
# SentencePiece skips lines with its sign for the unknown; a tab separates line and weight.
_RESERVED = str.maketrans({"\N{LOWER FIVE EIGHTHS BLOCK}": " ", "\t": " ", "\0": " ", "\n": " "})
_DRAWS = 1 << 13


@dataclass(frozen=True, slots=True)
class Lines:
    """What one language gives. Any number of the first lines is a fair sample."""

    language: str
    lines: int  # in the text, long ones counted after they are split
    characters: int  # code points of the text, line breaks not counted
    kept: Sequence[str]


@dataclass(frozen=True, slots=True)
class Weighted:
    """The sample of one language: each line counts as often as its weight says."""

    text: Lines
    share: float  # asked for: q_l, where it is not cut
    lines: Sequence[str]
    weights: Sequence[int]


def read_lines(corpus: Corpus, limit: int, alpha: float, seed: int, workers: int | None = None) -> list[Lines]:
    """Read all text once and keep at most about 2 x `limit` lines, by language. Deterministic by seed.

    Raises:
        UserError: a file is cut off or is no shard.
    """
    sizes = {name: sum(file.stat().st_size for file in files) for name, files in corpus.files.items()}
    expected = shares(sizes, alpha) if any(sizes.values()) else {}
    # The longest first, so that no worker is left with it at the end.
    order = sorted(corpus.files, key=lambda name: (-sizes[name], name))
    jobs = [_Job(name, corpus.files[name], min(limit, round(2 * limit * expected[name]) + 1)) for name in order]
    found = []
    with Workers(workers or default_workers(), _nothing) as pool, Bar("read", sum(sizes.values())) as bar:
        for lines in pool.map(partial(_read_language, seed=seed), jobs):
            bar.advance(sizes[lines.language])
            found.append(lines)
    return sorted(found, key=lambda lines: lines.language)


@dataclass(frozen=True, slots=True)
class _Job:
    language: str
    files: Sequence[Path]
    limit: int


def _nothing() -> None:
    pass


def _read_language(job: _Job, seed: int) -> Lines:
    numbers = _numbers(seed, job.language)
    heap: list[tuple[float, int, str]] = []  # the largest number, negative, is first
    lines = characters = 0
    for document in documents(job.files):
        for paragraph in document.split("\n"):
            characters += len(paragraph)
            for line in split_line(paragraph):
                entry = (-next(numbers), -lines, line)
                lines += 1
                if len(heap) < job.limit:
                    heapq.heappush(heap, entry)
                elif entry > heap[0]:
                    heapq.heapreplace(heap, entry)
    kept = [line.translate(_RESERVED) for _, _, line in sorted(heap, reverse=True)]
    return Lines(job.language, lines, characters, kept)


def _numbers(seed: int, language: str) -> Iterator[float]:
    stream = generator(seed, "vocab", language)
    while True:
        yield from stream.random(_DRAWS).tolist()


def split_line(line: str, limit: int = LINE_BYTES) -> Iterator[str]:
    """Yield the parts of a line of at most `limit` bytes in UTF-8, cut at spaces where there are some.

    >>> list(split_line("one two three", limit=8))
    ['one two', 'three']
    """
    while len(line) * 4 > limit and len(data := line.encode()) > limit:
        # A character that the limit cuts goes to the next part.
        head = data[:limit].decode(errors="ignore")
        place = head.rfind(" ") if line[len(head)] != " " else len(head)
        place = place if place > 0 else len(head)
        yield line[:place]
        line = line[place:].lstrip(" ")
    if line:
        yield line


def weigh(found: Sequence[Lines], limit: int, alpha: float, most_repeats: float = math.inf) -> list[Weighted]:
    """Choose the lines of each language, so that the sample's lines follow q_l ~ p_l**alpha, p_l by characters.

    Where the text is smaller than `limit`, all of it is used; a language with fewer lines than its share counts
    them several times, at most `most_repeats` times: its q_l is cut there, and the rest is spread over the others.
    """
    asked_of = shares({text.language: text.characters for text in found}, alpha)
    used = [text for text in found if text.kept and asked_of[text.language]]
    total = min(limit, max(text.lines / asked_of[text.language] for text in used))
    quota_of = cut(
        {text.language: asked_of[text.language] for text in used},
        {text.language: most_repeats * text.lines / total for text in used},
    )
    weighted = []
    for text in used:
        share = quota_of[text.language]
        quota = max(1, round(total * share))
        lines = text.kept[:quota]
        times, more = divmod(quota, len(lines))
        weighted.append(Weighted(text, share, lines, [times + (place < more) for place in range(len(lines))]))
    return weighted
