"""Shares, streams and permutations: the laws that training rests on."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.sampling import Permutation, generator, shares


def test_shares_are_those_of_the_paper() -> None:
    # The CC-100 table (tokens in millions): alpha 0.3 lifts Swahili from 0.09 % of these three to 10 %.
    q = shares({"en": 55608, "ru": 23408, "sw": 275}, 0.3)
    assert q["en"] / q["sw"] == pytest.approx((55608 / 275) ** 0.3)
    assert list(q) == ["en", "ru", "sw"]
    assert sum(q.values()) == pytest.approx(1)


@given(st.dictionaries(st.text(), st.integers(0, 10**13), min_size=1), st.floats(0, 1))
def test_shares_sum_to_one_and_nothing_comes_of_nothing(sizes: dict[str, int], alpha: float) -> None:
    if not any(sizes.values()):
        with pytest.raises(ValueError, match="not all of them 0"):
            shares(sizes, alpha)
        return
    q = shares(sizes, alpha)
    assert sum(q.values()) == pytest.approx(1)
    assert all((q[name] > 0) == (size > 0) for name, size in sizes.items())


def test_alpha_one_is_by_size_and_alpha_zero_is_even() -> None:
    sizes = {"a": 3, "b": 1, "c": 0}
    assert shares(sizes, 1) == {"a": 0.75, "b": 0.25, "c": 0}
    assert shares(sizes, 0) == {"a": 0.5, "b": 0.5, "c": 0}


@pytest.mark.parametrize(("sizes", "alpha"), [({"a": -1, "b": 2}, 0.3), ({"a": 1}, -0.1), ({}, 0.3)])
def test_sizes_that_cannot_be_are_refused(sizes: dict[str, int], alpha: float) -> None:
    with pytest.raises(ValueError, match="want alpha"):
        shares(sizes, alpha)


# If one of these numbers changes, runs that were begun before go on with other samples, masks or dropout: then a run
# must say by a version that it is another.
def test_streams_are_those_of_every_version() -> None:
    raw = generator(7, "mask", 3).bit_generator.random_raw(3)
    assert raw.tolist() == [9622756983465681901, 3888533742298746170, 16574830550204229155]
    assert generator(7, "phase", "sw").integers(1 << 28, size=3).tolist() == [98960092, 80126105, 120376811]


def test_permutations_are_those_of_every_version() -> None:
    assert Permutation(10, 3, "sw", 0).take(range(10)).tolist() == [6, 9, 2, 3, 8, 7, 1, 4, 5, 0]
    large = Permutation(10**9 + 7, 3, "epoch", "en", 2)
    assert large.take([0, 1, 2, 999_999_999]).tolist() == [18429574, 272847286, 771695990, 539059920]
    largest = Permutation(1 << 62, 5)
    expected = [235717562911397731, 1114278170118324624, 1203513292409703875]
    assert [largest[place] for place in (0, 1, (1 << 62) - 1)] == expected


def test_streams_of_different_keys_differ() -> None:
    keys: list[tuple[int | str, ...]] = [(0,), (1,), ("1",), (1, 1), (11,), (1, "1"), ("11",), ("1", 1), ()]
    first = {int(generator(seed, *key).integers(1 << 62)) for seed in (0, 1) for key in keys}
    assert len(first) == 2 * len(keys)


def test_numpy_integers_are_integers_as_keys() -> None:
    assert generator(1, np.int64(5)).random() == generator(1, 5).random()  # type: ignore[arg-type]


@settings(deadline=None)
@given(st.integers(1, 3000), st.integers(0, 2**63), st.integers(0, 9))
def test_permutation_is_one(size: int, seed: int, epoch: int) -> None:
    order = Permutation(size, seed, "sw", epoch)
    taken = order.take(np.arange(size))
    assert sorted(taken.tolist()) == list(range(size))
    places = range(0, size, max(1, size // 5))
    assert [order[place] for place in places] == taken[list(places)].tolist()


@given(st.integers(1, 2**62), st.data())
def test_permutation_of_a_large_range(size: int, data: st.DataObject) -> None:
    order = Permutation(size, 1)
    places = data.draw(st.lists(st.integers(0, size - 1), min_size=1, max_size=5, unique=True))
    values = order.take(places).tolist()
    assert values == [order[place] for place in places]
    assert len(set(values)) == len(values)
    assert all(0 <= value < size for value in values)


def test_permutations_look_random() -> None:
    # Of a range of 5, over 2000 epochs: each value in each place about 400 times (standard deviation 18).
    counts = Counter((place, Permutation(5, 3, epoch)[place]) for epoch in range(2000) for place in range(5))
    assert len(counts) == 25
    assert all(300 < count < 500 for count in counts.values())
    # Neighbours do not stay neighbours.
    steps = np.diff(Permutation(100_000, 3).take(np.arange(100_000)))
    assert np.mean(np.abs(steps) < 100) < 0.01


def test_places_outside_are_refused() -> None:
    order = Permutation(10, 0)
    for place in (-1, 10):
        with pytest.raises(IndexError):
            order[place]
        with pytest.raises(IndexError):
            order.take(np.array([place]))
    with pytest.raises(ValueError, match="size"):
        Permutation(0, 0)
