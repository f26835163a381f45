"""Masking: which tokens of a sample the model must guess, and what it sees in their place.

Each sample gets the same number of masked positions, round(share * length), so all shapes are static; fairseq rounds
at random per sequence to the same mean. Where the share changes with the step so do the shapes, and torch.compile makes
one more static graph; with padding to the largest share the output layer would work as hard in all stages. What is
masked hangs on the seed, the sample's number and the share alone, so each sample of a run is masked anew (dynamic
masking) and a resumed run masks as the uninterrupted one.

Source: Devlin et al. 2019 (BERT), section 3.1: 15 %, of them 80 % become <mask>, 10 % a random token, 10 % stay.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from model.ids import EOS, FIRST_PIECE, IGNORED
from model.sampling import generator

_LAST_FIXED = EOS  # <s>, <pad> and </s> are never masked; <unk> may be
_MASKED, _RANDOM = 0.8, 0.1

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Masked:
    """A masked batch: b samples of s tokens, k masked positions each."""

    inputs_bs: Ints  # ids that the model sees
    positions_bk: Ints  # places in the sample, ascending
    targets_bk: Ints  # the true ids there; IGNORED where a sample has fewer than k tokens to mask

    @property
    def count(self) -> int:
        """How many targets count in the loss."""
        return int((self.targets_bk != IGNORED).sum())


def masks_per_sample(length: int, share: float) -> int:
    """Return k, the number of masked positions of a sample.

    >>> masks_per_sample(512, 0.15)
    77
    """
    return max(1, round(share * length))


def mask(ids_bs: Ints, keys: Iterable[tuple[int | str, ...]], *, seed: int, share: float, vocab_size: int) -> Masked:
    """Mask a batch; the given ids stay as they are.

    Args:
        ids_bs: ids of whole samples.
        keys: of each sample; the same seed and key give the same masks, whatever else is in the batch.
        seed: of the run.
        share: of the positions of a sample that are masked.
        vocab_size: ids, <mask> as the last one included.
    """
    samples, length = ids_bs.shape
    count = masks_per_sample(length, share)
    raw_br = np.empty((samples, length + 2 * count), np.uint64)
    for row, key in enumerate(keys):
        raw_br[row] = generator(seed, "mask", *key).bit_generator.random_raw(length + 2 * count)
    positions_bk, counts_bk = _choose(ids_bs > _LAST_FIXED, raw_br[:, :length], count)
    true_bk = np.take_along_axis(ids_bs, positions_bk, axis=1)
    shown_bk = _disguise(true_bk, raw_br[:, length:], vocab_size)
    inputs_bs = ids_bs.copy()
    rows, columns = np.nonzero(counts_bk)
    inputs_bs[rows, positions_bk[rows, columns]] = shown_bk[rows, columns]
    return Masked(inputs_bs, positions_bk, np.where(counts_bk, true_bk, IGNORED))


def _choose(free_bs: Bools, raw_bs: npt.NDArray[np.uint64], count: int) -> tuple[Ints, Bools]:
    """Return k positions of each sample, ascending, and whether each counts.

    In a sample with fewer free positions the first of them (if none, place 0) fills the rest, and does not count.
    """
    length = free_bs.shape[1]
    # The k lowest of random numbers are a random choice of k; those that may not be chosen are above all others.
    rank_bs = np.where(free_bs, raw_bs >> np.uint64(1), np.uint64(1 << 63))
    positions_bk = np.argpartition(rank_bs, count - 1, axis=1)[:, :count]
    counts_bk = np.take_along_axis(free_bs, positions_bk, axis=1)
    positions_bk = np.sort(np.where(counts_bk, positions_bk, length), axis=1)
    counts_bk = positions_bk < length
    first_b1 = np.where(counts_bk[:, :1], positions_bk[:, :1], 0)
    return np.where(counts_bk, positions_bk, first_b1), counts_bk


def _disguise(true_bk: Ints, raw_br: npt.NDArray[np.uint64], vocab_size: int) -> Ints:
    """Return what the model sees in place of the true ids: <mask>, any ordinary piece, or the id itself."""
    count = true_bk.shape[1]
    lot_bk = (raw_br[:, :count] >> np.uint64(11)) * 2.0**-53  # uniform in [0, 1)
    # 64 random bits modulo at most 2**32 pieces: no piece is favoured by more than 2**-32.
    pieces = vocab_size - 1 - FIRST_PIECE
    random_bk = (raw_br[:, count:] % np.uint64(max(1, pieces))).astype(np.int64) + FIRST_PIECE
    kept_or_random_bk = np.where(lot_bk < _MASKED + _RANDOM, random_bk, true_bk)
    return np.where(lot_bk < _MASKED, vocab_size - 1, kept_or_random_bk)
