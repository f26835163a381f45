"""Which block is sample number i of the training run: a pure function of the seed and of i.

Nothing is stored and nothing is skipped on resume: step t of batch size B takes the samples t*B to (t+1)*B - 1,
and any number of processes can share them out among themselves without changing the order of the whole.

How: samples come in rounds of about 1024. After r rounds a language has given floor(1024 * r * q_l + u_l) samples,
with its share q_l (model.sampling.shares) and a fixed random phase u_l in [0, 1). So each language is within one
sample of its share at the end of each round, however small the share is. Shares of a fixed total by largest remainder
would be as near, but there a language can lose a sample when the total grows. Inside a round the samples are permuted.
The n-th sample of a language is block P(n mod blocks), where P is the permutation of its epoch, n div blocks: each
block comes once an epoch.

Source: Conneau et al. 2020 (XLM-R), section 3 and 5.2: batches mix languages, with q_l ~ p_l^alpha.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from model.sampling import Permutation, generator

ROUND = 1024  # samples, on average
_BITS = 28  # of a share: products with 2**35 samples stay in 63 bits

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Samples:
    """Consecutive samples of the run, from number `first` on. The number is also the key of the sample's masks."""

    first: int
    language_b: Ints  # place in Order.languages
    block_b: Ints  # number of the block in the language's stream

    def __len__(self) -> int:
        return len(self.language_b)


class Order:
    """The order of all samples of a run; it has no end."""

    def __init__(self, blocks: Mapping[str, int], shares: Mapping[str, float], seed: int) -> None:
        """Fix the order.

        Args:
            blocks: how many blocks each language has, >= 1. A language's own order hangs on no other language.
            shares: the part of each language in the samples; they sum to 1.
            seed: of the run.
        """
        self.languages = tuple(sorted(blocks))
        self._blocks = [blocks[name] for name in self.languages]
        self._seed = seed
        self._weights_l = np.array([max(1, round(shares[name] * (1 << _BITS))) for name in self.languages], np.int64)
        phases = [generator(seed, "phase", name).integers(1 << _BITS) for name in self.languages]
        self._phases_l = np.array(phases, np.int64)

    def samples(self, first: int, count: int) -> Samples:
        """Return the samples number `first` to `first + count - 1`."""
        languages, turns = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
        turn, position, end = self._round_of(first), first, first + count
        while position < end:
            begun_l, done_l = self._given(turn), self._given(turn + 1)
            start, stop = int(begun_l.sum()), int(done_l.sum())
            places = Permutation(stop - start, self._seed, "round", turn).take(
                np.arange(position - start, min(end, stop) - start)
            )
            borders_l = np.cumsum(done_l - begun_l)
            language_b = np.searchsorted(borders_l, places, side="right")
            languages.append(language_b)
            turns.append(done_l[language_b] - borders_l[language_b] + places)
            position, turn = min(end, stop), turn + 1
        language_b, turn_b = np.concatenate(languages), np.concatenate(turns)
        return Samples(first, language_b, self._blocks_of(language_b, turn_b))

    def _given(self, rounds: int) -> Ints:
        """How many samples each language has given after so many rounds."""
        given_l: Ints = (self._weights_l * (rounds * ROUND) + self._phases_l) >> _BITS
        return given_l

    def _round_of(self, sample: int) -> int:
        # Rounds are 1024 samples give or take one a language, so the guess is near.
        turn = sample // ROUND
        while self._given(turn).sum() > sample:
            turn -= 1
        while self._given(turn + 1).sum() <= sample:
            turn += 1
        return turn

    def _blocks_of(self, language_b: Ints, turn_b: Ints) -> Ints:
        block_b = np.empty_like(turn_b)
        for language in np.unique(language_b):
            chosen = np.flatnonzero(language_b == language)
            name, size = self.languages[language], self._blocks[language]
            epochs = turn_b[chosen] // size
            for epoch in np.unique(epochs):
                of_epoch = chosen[epochs == epoch]
                order = Permutation(size, self._seed, "epoch", name, int(epoch))
                block_b[of_epoch] = order.take(turn_b[of_epoch] % size)
        return block_b
