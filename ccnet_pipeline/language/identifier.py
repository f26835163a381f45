"""The language of a group of paragraphs."""

from collections.abc import Sequence


def weighted_score(scores: Sequence[float], paragraphs: Sequence[str]) -> float:
    """Return the mean of the scores of paragraphs, weighted by their code points."""
    lengths = [len(paragraph) for paragraph in paragraphs]
    return sum(score * length for score, length in zip(scores, lengths, strict=True)) / sum(lengths)
