"""Masking: fixed counts, 80/10/10, never a special token, the same masks for the same key."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.data.masking import Masked, mask, masks_per_sample
from model.ids import IGNORED

VOCAB = 1000
MASK = VOCAB - 1


def sample(rng: np.random.Generator, rows: int, length: int) -> np.ndarray:
    ids = rng.integers(3, VOCAB - 1, (rows, length))
    ids[:, 0] = 0
    ids[rng.random((rows, length)) < 0.05] = 2
    return ids


def masked(ids: np.ndarray, first: int = 0, seed: int = 1) -> Masked:
    return mask(ids, [(first + row,) for row in range(len(ids))], seed=seed, share=0.15, vocab_size=VOCAB)


def test_counts_and_rates() -> None:
    ids = sample(np.random.default_rng(0), 400, 512)
    result = masked(ids)
    assert result.positions_bk.shape == (400, 77)
    assert result.count == 400 * 77
    assert all(len(set(row)) == 77 for row in result.positions_bk.tolist())
    shown = np.take_along_axis(result.inputs_bs, result.positions_bk, axis=1)
    true = np.take_along_axis(ids, result.positions_bk, axis=1)
    assert (true == result.targets_bk).all()
    assert (true > 2).all()
    total = shown.size
    assert abs((shown == MASK).mean() - 0.8) < 5 * np.sqrt(0.16 / total)
    assert abs((shown == true).mean() - 0.1) < 5 * np.sqrt(0.09 / total)
    random = shown[(shown != MASK) & (shown != true)]
    assert random.min() == 4
    assert random.max() == VOCAB - 2
    assert np.abs(np.bincount(random, minlength=VOCAB)[4:-1] - len(random) / 995).max() < 20  # uniform


def test_what_is_not_masked_stays() -> None:
    ids = sample(np.random.default_rng(1), 20, 128)
    before = ids.copy()
    result = masked(ids)
    changed = result.inputs_bs != ids
    rows = np.arange(20)[:, None]
    chosen = np.zeros_like(changed)
    chosen[rows, result.positions_bk] = True
    assert not (changed & ~chosen).any()
    assert (ids == before).all()


def test_positions_are_spread_evenly() -> None:
    ids = np.full((3000, 64), 5)
    ids[:, 0] = 0
    counts = np.bincount(masked(ids).positions_bk.ravel(), minlength=64)
    assert counts[0] == 0
    expected = 3000 * masks_per_sample(64, 0.15) / 63
    assert np.abs(counts[1:] - expected).max() < 5 * np.sqrt(expected)


def test_the_key_decides_and_nothing_else() -> None:
    ids = sample(np.random.default_rng(2), 16, 128)
    whole, part = masked(ids), masked(ids[5:9], first=5)
    assert (whole.inputs_bs[5:9] == part.inputs_bs).all()
    assert (whole.positions_bk[5:9] == part.positions_bk).all()
    assert (masked(ids, first=100).positions_bk != whole.positions_bk).any()
    assert (masked(ids, seed=2).positions_bk != whole.positions_bk).any()


def test_masks_are_those_of_every_version() -> None:
    # What is said in test_sampling of numbers that change.
    keys: list[tuple[int | str, ...]] = [(0,), ("validation", "sw", 3)]
    found = mask(np.arange(4, 36).reshape(2, 16), keys, seed=9, share=0.25, vocab_size=90)
    assert found.positions_bk.tolist() == [[0, 1, 11, 15], [5, 11, 13, 15]]
    assert found.targets_bk.tolist() == [[4, 5, 15, 19], [25, 31, 33, 35]]
    shown = np.take_along_axis(found.inputs_bs, found.positions_bk, axis=1)
    assert shown.tolist() == [[89, 89, 89, 89], [71, 89, 89, 69]]


@pytest.mark.parametrize("free", [0, 1, 5, 8, 9])
def test_a_sample_with_few_tokens_to_mask(free: int) -> None:
    ids = np.full((1, 64), 2)  # </s>
    ids[0, 0] = 0
    ids[0, 20 : 20 + free] = 7
    result = masked(ids)  # 10 wanted
    counted = result.targets_bk[0] != IGNORED
    assert result.count == free
    assert sorted(result.positions_bk[0][counted].tolist()) == list(range(20, 20 + free))
    assert set(result.positions_bk[0][~counted].tolist()) == {20 if free else 0}
    assert ((result.inputs_bs != ids)[0].nonzero()[0] < 20 + free).all()
    assert (result.inputs_bs[0, :20] == ids[0, :20]).all()


@settings(max_examples=100, deadline=None)
@given(
    ids=st.lists(st.integers(0, VOCAB - 2), min_size=2, max_size=40),
    share=st.sampled_from([0.01, 0.15, 0.5, 1.0]),
    seed=st.integers(0, 2**40),
)
def test_never_a_special_token(ids: list[int], share: float, seed: int) -> None:
    given_ids = np.array([ids])
    result = mask(given_ids, [(0,)], seed=seed, share=share, vocab_size=VOCAB)
    assert result.positions_bk.shape == (1, masks_per_sample(len(ids), share))
    special = given_ids <= 2
    assert (result.inputs_bs[special] == given_ids[special]).all()
    counted = result.targets_bk != IGNORED
    assert counted.sum() == min((~special).sum(), result.positions_bk.shape[1])
    true = np.take_along_axis(given_ids, result.positions_bk, axis=1)
    assert (result.targets_bk[counted] == true[counted]).all()
