"""The order of samples: pure in the seed and the number, true to the shares, each block once an epoch."""

from collections import Counter
from itertools import chain, pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.config import MOST_SAMPLES
from model.data.order import ROUND, Order, Samples, Stage
from model.sampling import shares

BLOCKS = {"en": 5000, "ru": 700, "sw": 40, "om": 1}
SHARES = shares(BLOCKS, alpha=0.3)


def pairs(samples: Samples) -> list[tuple[int, int]]:
    return list(zip(samples.language_b.tolist(), samples.block_b.tolist(), strict=True))


@settings(max_examples=25, deadline=None)
@given(first=st.integers(0, 5 * ROUND), count=st.integers(0, 3 * ROUND), cut=st.floats(0, 1))
def test_any_cut_gives_the_same_samples(first: int, count: int, cut: float) -> None:
    order = Order(BLOCKS, {0: SHARES}, seed=7)
    middle = int(count * cut)
    parts = pairs(order.samples(first, middle)) + pairs(order.samples(first + middle, count - middle))
    assert parts == pairs(Order(BLOCKS, {0: SHARES}, seed=7).samples(first, count))
    assert len(parts) == count


def test_the_order_is_that_of_every_version() -> None:
    # What is said in test_sampling of numbers that change.
    order = Order(BLOCKS, {0: SHARES}, seed=7)
    assert pairs(order.samples(0, 5)) == [(1, 0), (3, 34), (0, 4981), (0, 830), (2, 571)]
    assert pairs(order.samples(1022, 4)) == [(2, 365), (0, 1137), (2, 190), (0, 2443)]
    assert pairs(order.samples(12 * 10**9, 4)) == [(0, 1238), (2, 95), (0, 676), (2, 70)]


@pytest.mark.parametrize("rounds", [1, 2, 3, 50, 10**4, 12 * 10**6])  # the paper's run has 12 million
def test_each_language_is_within_one_sample_of_its_share_after_every_round(rounds: int) -> None:
    many = {f"l{number}": 10 + number**3 for number in range(100)}
    share = shares(many, alpha=0.3)
    order = Order(many, {0: share}, seed=1)
    (stage,) = order._stages
    # Shares are kept in 28 bits.
    expected = [ROUND * rounds * round(share[name] * 2**28) / 2**28 for name in order.languages]
    assert np.abs(stage.given(rounds) - expected).max() < 1
    # And so many are the samples of the last round.
    before, after = stage.given(rounds - 1), stage.given(rounds)
    found = order.samples(int(before.sum()), int((after - before).sum())).language_b
    assert np.bincount(found, minlength=100).tolist() == (after - before).tolist()


@pytest.mark.parametrize("language", ["sw", "ru"])
def test_each_block_comes_once_an_epoch_and_epochs_differ(language: str) -> None:
    order = Order(BLOCKS, {0: SHARES}, seed=5)
    size, place = BLOCKS[language], order.languages.index(language)
    # By turn, not by time: inside a round the samples are permuted, and an epoch may end there.
    turns = order._blocks_of(np.full(3 * size, place), np.arange(3 * size)).reshape(3, size)
    assert all(sorted(epoch) == list(range(size)) for epoch in turns.tolist())
    assert len({tuple(epoch) for epoch in turns.tolist()}) == 3


def test_no_block_is_far_ahead_of_another() -> None:
    order = Order({"sw": 40}, {0: {"sw": 1.0}}, seed=5)
    counts = Counter(order.samples(0, 5 * ROUND).block_b.tolist())
    assert set(counts) == set(range(40))
    assert max(counts.values()) - min(counts.values()) <= 1


def test_a_language_with_one_block_gives_it_again_and_again() -> None:
    order = Order({"om": 1}, {0: {"om": 1.0}}, seed=0)
    assert pairs(order.samples(2000, 50)) == [(0, 0)] * 50


def test_seeds_differ_and_a_round_mixes_languages() -> None:
    one, other = (pairs(Order(BLOCKS, {0: SHARES}, seed=seed).samples(0, 512)) for seed in (1, 2))
    assert one != other
    assert len({language for language, _ in one[:32]}) >= 3


# --- shares that change

LATER = shares(BLOCKS, alpha=1.0)


def staged(*firsts: int) -> Order:
    return Order(
        BLOCKS, {0: SHARES} | {first: (LATER, SHARES)[place % 2] for place, first in enumerate(firsts)}, seed=7
    )


@pytest.mark.parametrize("first", [1, 500, ROUND, 3 * ROUND + 17])
def test_samples_before_a_change_of_shares_are_what_they_are_without_it(first: int) -> None:
    alone = Order(BLOCKS, {0: SHARES}, seed=7)
    assert pairs(staged(first).samples(0, first)) == pairs(alone.samples(0, first))
    assert pairs(staged(first).samples(first, ROUND)) != pairs(alone.samples(first, ROUND))
    assert pairs(staged(first, first + 900).samples(0, first + 900)) == pairs(staged(first).samples(0, first + 900))


@settings(max_examples=25, deadline=None)
@given(firsts=st.sets(st.integers(1, 3 * ROUND), min_size=1, max_size=4), cuts=st.lists(st.integers(0, 5000)))
def test_any_cut_of_stages_gives_the_same_samples(firsts: set[int], cuts: list[int]) -> None:
    order = staged(*sorted(firsts))
    edges = sorted({0, 5000, *cuts})
    parts = [pairs(order.samples(start, stop - start)) for start, stop in pairwise(edges)]
    assert list(chain.from_iterable(parts)) == pairs(order.samples(0, 5000))


@settings(max_examples=25, deadline=None)
@given(firsts=st.sets(st.integers(1, 3 * ROUND), min_size=1, max_size=4), count=st.integers(1, 5000))
def test_a_change_of_shares_skips_no_block_and_repeats_none(firsts: set[int], count: int) -> None:
    order = staged(*sorted(firsts))
    given = [stage.take(first, stop) for stage, first, stop in spans(order, count)]
    for language in range(len(BLOCKS)):
        turns = sorted(np.concatenate([turn_b[language_b == language] for language_b, turn_b in given]).tolist())
        assert len(set(turns)) == len(turns)
        # Only the round that is under way has turns that wait for their sample.
        assert not turns or turns[-1] - len(turns) < ROUND


def spans(order: Order, count: int) -> list[tuple[Stage, int, int]]:
    """The stages up to a sample, each with its first sample and the one after its last."""
    stages = [stage for stage in order._stages if stage.first < count]
    ends = [*(stage.first for stage in stages[1:]), count]
    return [(stage, stage.first, end) for stage, end in zip(stages, ends, strict=True)]


def test_turns_that_a_change_left_come_first() -> None:
    order = staged(500, 20 * ROUND)
    size, place = BLOCKS["sw"], order.languages.index("sw")
    samples = order.samples(0, 20 * ROUND)
    blocks = samples.block_b[samples.language_b == place]
    counts = np.bincount(blocks, minlength=size)
    # Epochs are whole but for the one under way: with a turn lost at each change they would drift apart.
    assert counts.max() - counts.min() <= 1 + ROUND * LATER["sw"] / size
    assert samples.language_b[500:].tolist().count(place) == pytest.approx(LATER["sw"] * (20 * ROUND - 500), abs=3)


def test_the_last_sample_of_the_longest_run_is_counted() -> None:
    order = Order({"en": 10}, {0: {"en": 1.0}, MOST_SAMPLES - 5: {"en": 1.0}}, seed=1)
    assert len(order.samples(MOST_SAMPLES - 8, 8)) == 8
