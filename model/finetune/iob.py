"""Tags of named entities, and the spans that they mean.

A tag is O, outside of all entities, or B-TYPE or I-TYPE. In IOB2 each entity begins with B-; in IOB1 it begins with I-,
and with B- only where another of its type ends right before it. Here all is IOB2: tags of IOB1 are rewritten where they
are read.
Source: Tjong Kim Sang and Veenstra 1999 (IOB1, IOB2); conlleval for what a tag that fits neither means.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

OUTSIDE = "O"


class Span(NamedTuple):
    """An entity: words [start, end) of a sentence."""

    type: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Figures:
    """How well spans were found: fractions. All are 0 where nothing was right."""

    precision: float
    recall: float
    f1: float


def to_iob2(tags: Sequence[str]) -> tuple[str, ...]:
    """Return IOB2 tags from IOB1 or IOB2 ones.

    >>> to_iob2(["I-PER", "I-PER", "B-PER", "O", "I-LOC"])
    ('B-PER', 'I-PER', 'B-PER', 'O', 'B-LOC')
    """
    return tuple(
        f"B-{tag[2:]}" if tag != OUTSIDE and before[2:] != tag[2:] else tag
        for before, tag in zip([OUTSIDE, *tags], tags, strict=False)
    )


def spans(tags: Sequence[str]) -> Iterator[Span]:
    """Yield the entities of IOB2 tags, strictly: what does not begin with B- is none, as seqeval's strict mode has it.

    >>> list(spans(["B-PER", "I-PER", "O", "I-LOC", "B-ORG", "I-LOC"]))
    [Span(type='PER', start=0, end=2), Span(type='ORG', start=4, end=5)]
    """
    start = None
    for place, tag in enumerate([*tags, OUTSIDE]):
        if start is not None and tag != f"I-{tags[start][2:]}":
            yield Span(tags[start][2:], start, place)
            start = None
        if tag.startswith("B-"):
            start = place


def compare(pairs: Iterable[tuple[Sequence[str], Sequence[str]]]) -> Figures:
    """Return precision, recall and F1 of spans over (true tags, tags found) of sentences, both IOB2: micro-averaged."""
    wanted = found = right = 0
    for true, guessed in pairs:
        true_spans, guessed_spans = set(spans(true)), set(spans(guessed))
        wanted += len(true_spans)
        found += len(guessed_spans)
        right += len(true_spans & guessed_spans)
    return Figures(
        precision=right / found if found else 0.0,
        recall=right / wanted if wanted else 0.0,
        f1=2 * right / (wanted + found) if wanted + found else 0.0,
    )
