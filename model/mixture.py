"""The mixture of a run: which languages it trains on, and which share of the samples each has. Pure functions.

1. `--languages` or `--weights` name the languages; without them all of the text are meant.
2. A language with less training text than `--min_tokens` is left out.
3. q_l ~ p_l**alpha, p_l by tokens; or the numbers of `--weights`.
4. No q_l is above what repeats the language `--max_epochs` times in the whole run. What is cut there is spread over the
   others, in proportion to their q. Where all are cut, all are repeated alike. The run is as long as was planned when
   it began: `--steps` raised later repeat the text more often, and leave what was trained on as it was.

Source: Conneau et al. 2020 (XLM-R), section 3, for q. A limit of epochs: Chung et al. 2023 (UniMax), whose shares are
otherwise uniform, as alpha 0 gives them.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from model.config import TrainConfig
from model.errors import UserError
from model.languages import expand, select
from model.sampling import shares

_FEWEST_BLOCKS = 20  # of a language, where --min_tokens is not given


@dataclass(frozen=True, slots=True)
class Chosen:
    """Training text by language, in tokens, sorted: of those that a run trains on, and of those that it leaves out."""

    tokens: Mapping[str, int]
    too_small: Mapping[str, int]  # below --min_tokens
    missing: tuple[str, ...]  # of a set: the text has none


@dataclass(frozen=True, slots=True)
class Row:
    """What a run makes of a language."""

    tokens: int  # of training text
    documents: int  # likewise
    share: float  # of the samples of the whole run
    epochs: float  # how often the run goes through the text


@dataclass(frozen=True, slots=True)
class Mixture:
    """All that a run trains on, and what it leaves out."""

    rows: Mapping[str, Row]
    too_small: Mapping[str, int]  # tokens of those that have too few
    missing: tuple[str, ...]  # of a set: the text has none


def wanted_languages(train: TrainConfig) -> frozenset[str] | None:
    """Return the languages that a run may train on; None: all of its text."""
    if train.languages:
        return expand(train.languages)
    return frozenset(dict(train.weights)) or None


def choose(tokens: Mapping[str, int], train: TrainConfig, *, where: str) -> Chosen:
    """Choose the languages of a run.

    Args:
        tokens: of training text, by language.
        train: the settings.
        where: the text is, for messages.

    Raises:
        UserError: a language that is asked for is not there or has no weight, or none has enough text.
    """
    weights = dict(train.weights)
    flag = "--languages" if train.languages else "--weights"
    selection = select(tokens, train.languages or tuple(weights), where=where, flag=flag)
    unweighted = [name for name in selection.languages if weights and name not in weights]
    if unweighted:
        raise UserError(f"--weights has no line for {', '.join(unweighted)}; add it, or leave it out of --languages")
    fewest = fewest_tokens(train)
    chosen = {name: tokens[name] for name in selection.languages}
    enough = {name: count for name, count in chosen.items() if count >= max(1, fewest)}
    if not enough:
        largest = max(chosen, key=lambda name: chosen[name])
        raise UserError(
            f"no language of {where} has the {fewest:,} tokens of training text that --min_tokens asks for "
            f"(the most: {largest}, {chosen[largest]:,}); give a lower --min_tokens, or more text"
        )
    too_small = {name: count for name, count in chosen.items() if name not in enough}
    return Chosen(enough, too_small, selection.missing)


def fewest_tokens(train: TrainConfig) -> int:
    """Return how many tokens of training text a language must have."""
    return _FEWEST_BLOCKS * (train.seq_length - 1) if train.min_tokens is None else train.min_tokens


def shares_of(tokens: Mapping[str, int], train: TrainConfig, alpha: float) -> dict[str, float]:
    """Return the share q_l of each language in the samples; they sum to 1.

    Args:
        tokens: of training text, by language, each above 0.
        train: the settings, but for alpha, which may change in a run.
        alpha: of these samples; --weights stand in its place.
    """
    # Fractions: the sum of large numbers has no end as theirs.
    weights = {name: Fraction(weight) for name, weight in train.weights if name in tokens}
    total = sum(weights.values())
    given = {name: float(weights[name] / total) for name in tokens} if weights else shares(tokens, alpha)
    if not train.max_epochs:
        return given
    drawn = (train.planned_steps or train.steps) * train.batch_size * (train.seq_length - 1)
    return cut(given, {name: train.max_epochs * count / drawn for name, count in tokens.items()})


def cut(given: Mapping[str, float], most: Mapping[str, float]) -> dict[str, float]:
    """Return shares that are nowhere above `most`; what is cut goes to the others, in proportion to their shares.

    Where all are cut there are no others: then the shares are in proportion to `most`.

    >>> cut({"en": 0.5, "sw": 0.25, "om": 0.25}, {"en": 2.0, "sw": 0.25, "om": 0.125})
    {'en': 0.625, 'sw': 0.25, 'om': 0.125}
    """
    if all(share <= most[name] for name, share in given.items()):
        return dict(given)
    if (room := math.fsum(most.values())) <= 1:
        return {name: most[name] / room for name in given}
    free = dict(given)
    while True:
        left = 1 - math.fsum(most[name] for name in given if name not in free)
        whole = math.fsum(free.values())
        over = [name for name, share in free.items() if share * left > most[name] * whole]
        if not over:
            return {name: free[name] * left / whole if name in free else most[name] for name in given}
        for name in over:
            del free[name]


def mixture_of(
    chosen: Chosen, documents: Mapping[str, int], train: TrainConfig, stages: Mapping[int, Mapping[str, float]]
) -> Mixture:
    """Return what a run makes of its languages.

    Args:
        chosen: the languages.
        documents: of training text, by language.
        train: the settings.
        stages: the first sample of each stage, counted from 0, and the shares from there on.
    """
    samples = train.steps * train.batch_size
    firsts = sorted(first for first in stages if first < samples)
    parts = {first: (end - first) / samples for first, end in zip(firsts, [*firsts[1:], samples], strict=True)}
    rows = {}
    for name, count in chosen.tokens.items():
        share = math.fsum(stages[first][name] * part for first, part in parts.items())
        rows[name] = Row(count, documents[name], share, share * samples * (train.seq_length - 1) / count)
    return Mixture(rows, chosen.too_small, chosen.missing)
