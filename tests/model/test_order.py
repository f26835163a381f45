"""The order of samples: pure in the seed and the number, true to the shares, each block once an epoch."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.data.order import ROUND, Order, Samples
from model.sampling import shares

BLOCKS = {"en": 5000, "ru": 700, "sw": 40, "om": 1}
SHARES = shares(BLOCKS, alpha=0.3)


def pairs(samples: Samples) -> list[tuple[int, int]]:
    return list(zip(samples.language_b.tolist(), samples.block_b.tolist(), strict=True))


@settings(max_examples=25, deadline=None)
@given(first=st.integers(0, 5 * ROUND), count=st.integers(0, 3 * ROUND), cut=st.floats(0, 1))
def test_any_cut_gives_the_same_samples(first: int, count: int, cut: float) -> None:
    order = Order(BLOCKS, SHARES, seed=7)
    middle = int(count * cut)
    parts = pairs(order.samples(first, middle)) + pairs(order.samples(first + middle, count - middle))
    assert parts == pairs(Order(BLOCKS, SHARES, seed=7).samples(first, count))
    assert len(parts) == count


def test_the_order_is_that_of_every_version() -> None:
    # What is said in test_sampling of numbers that change.
    order = Order(BLOCKS, SHARES, seed=7)
    assert pairs(order.samples(0, 5)) == [(1, 0), (3, 34), (0, 4981), (0, 830), (2, 571)]
    assert pairs(order.samples(1022, 4)) == [(2, 365), (0, 1137), (2, 190), (0, 2443)]
    assert pairs(order.samples(12 * 10**9, 4)) == [(0, 1238), (2, 95), (0, 676), (2, 70)]


@pytest.mark.parametrize("rounds", [1, 2, 3, 50, 10**4, 12 * 10**6])  # the paper's run has 12 million
def test_each_language_is_within_one_sample_of_its_share_after_every_round(rounds: int) -> None:
    many = {f"l{number}": 10 + number**3 for number in range(100)}
    share = shares(many, alpha=0.3)
    order = Order(many, share, seed=1)
    # Shares are kept in 28 bits.
    expected = [ROUND * rounds * round(share[name] * 2**28) / 2**28 for name in order.languages]
    assert np.abs(order._given(rounds) - expected).max() < 1
    # And so many are the samples of the last round.
    before, after = order._given(rounds - 1), order._given(rounds)
    found = order.samples(int(before.sum()), int((after - before).sum())).language_b
    assert np.bincount(found, minlength=100).tolist() == (after - before).tolist()


@pytest.mark.parametrize("language", ["sw", "ru"])
def test_each_block_comes_once_an_epoch_and_epochs_differ(language: str) -> None:
    order = Order(BLOCKS, SHARES, seed=5)
    size, place = BLOCKS[language], order.languages.index(language)
    # By turn, not by time: inside a round the samples are permuted, and an epoch may end there.
    turns = order._blocks_of(np.full(3 * size, place), np.arange(3 * size)).reshape(3, size)
    assert all(sorted(epoch) == list(range(size)) for epoch in turns.tolist())
    assert len({tuple(epoch) for epoch in turns.tolist()}) == 3


def test_no_block_is_far_ahead_of_another() -> None:
    order = Order({"sw": 40}, {"sw": 1.0}, seed=5)
    counts = Counter(order.samples(0, 5 * ROUND).block_b.tolist())
    assert set(counts) == set(range(40))
    assert max(counts.values()) - min(counts.values()) <= 1


def test_a_language_with_one_block_gives_it_again_and_again() -> None:
    order = Order({"om": 1}, {"om": 1.0}, seed=0)
    assert pairs(order.samples(2000, 50)) == [(0, 0)] * 50


def test_seeds_differ_and_a_round_mixes_languages() -> None:
    one, other = (pairs(Order(BLOCKS, SHARES, seed=seed).samples(0, 512)) for seed in (1, 2))
    assert one != other
    assert len({language for language, _ in one[:32]}) >= 3
