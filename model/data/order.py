"""Which block is sample number i of the training run: a pure function of the seed and of i.

Nothing is stored and nothing is skipped on resume: step t of batch size B takes the samples t*B to (t+1)*B - 1,
and any number of processes can share them out among themselves without changing the order of the whole.

How: samples come in rounds of about 1024. After r rounds a language has given floor(1024 * r * q_l + u_l) samples,
with its share q_l (model.sampling.shares) and a fixed random phase u_l in [0, 1). So each language is within one
sample of its share at the end of each round, however small the share is. Shares of a fixed total by largest remainder
would be as near, but there a language can lose a sample when the total grows. Inside a round the samples are permuted.
The n-th sample of a language is block P(n mod blocks), where P is the permutation of its epoch, n div blocks: each
block comes once an epoch.

Where the shares change, a new stage begins: its rounds are counted from its own first sample, and each language goes on
in its epoch with the block after its last one. Samples before it are what they are without it.

Source: Conneau et al. 2020 (XLM-R), section 3 and 5.2: batches mix languages, with q_l ~ p_l^alpha.
"""

from collections.abc import Mapping, Sequence
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


@dataclass(frozen=True, slots=True)
class Turns:
    """Which turns of each language are to come: those that an ended stage left out, then all from `next_l` on."""

    left: Sequence[Ints]  # of each language, ascending
    next_l: Ints

    def take(self, language_b: Ints, number_b: Ints) -> Ints:
        """Return the turns of languages, given how many turns each has had since."""
        counts_l = np.array([len(turns) for turns in self.left])
        turn_b: Ints = (self.next_l - counts_l)[language_b] + number_b
        for language in np.flatnonzero(counts_l).tolist():
            chosen = np.flatnonzero((language_b == language) & (number_b < counts_l[language]))
            turn_b[chosen] = self.left[language][number_b[chosen]]
        return turn_b

    def after(self, given_l: Ints, language_b: Ints, number_b: Ints) -> "Turns":
        """Return what is to come after each language's first `given_l` turns, and before it some of them."""
        skipped_b = self.take(language_b, number_b)
        left = [
            np.sort(np.concatenate([skipped_b[language_b == language], turns[given:]]))
            for language, (turns, given) in enumerate(zip(self.left, given_l, strict=True))
        ]
        counts_l = np.array([len(turns) for turns in self.left])
        return Turns(left, self.next_l + np.maximum(0, given_l - counts_l))


class Stage:
    """The samples from number `first` on under the same shares: whose turn it is, and which one."""

    def __init__(self, first: int, shares_l: Sequence[float], phases_l: Ints, turns: Turns, seed: int) -> None:
        """Begin with these turns to come."""
        self.first = first
        self._weights_l = np.array([max(1, round(share * (1 << _BITS))) for share in shares_l], np.int64)
        self._phases_l, self._turns, self._seed = phases_l, turns, seed
        self._key: tuple[int | str, ...] = ("round", first) if first else ("round",)

    def take(self, start: int, stop: int) -> tuple[Ints, Ints]:
        """Return language and turn of the samples number `start` to `stop - 1`."""
        languages, numbers = [], []
        position, end = start - self.first, stop - self.first
        turn = self._round_of(position)
        while position < end:
            language_b, number_b = self._in_round(turn, position, end)
            languages.append(language_b)
            numbers.append(number_b)
            position, turn = position + len(language_b), turn + 1
        language_b, number_b = np.concatenate(languages), np.concatenate(numbers)
        return language_b, self._turns.take(language_b, number_b)

    def turns_after(self, stop: int) -> Turns:
        """Return the turns to come when the stage ends before the sample number `stop`."""
        position = stop - self.first
        turn = self._round_of(position)
        given_l = self.given(turn + 1)
        return self._turns.after(given_l, *self._in_round(turn, position, int(given_l.sum())))

    def given(self, rounds: int) -> Ints:
        """How many samples each language has given after so many rounds."""
        given_l: Ints = (self._weights_l * (rounds * ROUND) + self._phases_l) >> _BITS
        return given_l

    def _in_round(self, turn: int, position: int, end: int) -> tuple[Ints, Ints]:
        """Return the languages of a round's samples from a position of the stage on, and their numbers there."""
        begun_l, done_l = self.given(turn), self.given(turn + 1)
        start, stop = int(begun_l.sum()), int(done_l.sum())
        order = Permutation(stop - start, self._seed, *self._key, turn)
        places = order.take(np.arange(position - start, min(end, stop) - start))
        borders_l = np.cumsum(done_l - begun_l)
        language_b = np.searchsorted(borders_l, places, side="right")
        return language_b, done_l[language_b] - borders_l[language_b] + places

    def _round_of(self, position: int) -> int:
        # Rounds are 1024 samples give or take one a language, so the guess is near.
        turn = position // ROUND
        while self.given(turn).sum() > position:
            turn -= 1
        while self.given(turn + 1).sum() <= position:
            turn += 1
        return turn


class Order:
    """The order of all samples of a run; it has no end."""

    def __init__(self, blocks: Mapping[str, int], stages: Mapping[int, Mapping[str, float]], seed: int) -> None:
        """Fix the order.

        Args:
            blocks: how many blocks each language has, >= 1. A language's own order hangs on no other language.
            stages: first sample of each stage, the first of which is 0, and from there on the part of each language in
                the samples; the parts sum to 1.
            seed: of the run.
        """
        self.languages = tuple(sorted(blocks))
        self._blocks = [blocks[name] for name in self.languages]
        self._seed = seed
        phases = [generator(seed, "phase", name).integers(1 << _BITS) for name in self.languages]
        turns = Turns((np.empty(0, np.int64),) * len(blocks), np.zeros(len(blocks), np.int64))
        self._stages: list[Stage] = []
        for first in sorted(stages):
            if self._stages:
                turns = self._stages[-1].turns_after(first)
            parts = [stages[first][name] for name in self.languages]
            self._stages.append(Stage(first, parts, np.array(phases, np.int64), turns, seed))

    def samples(self, first: int, count: int) -> Samples:
        """Return the samples number `first` to `first + count - 1`."""
        languages, turns = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
        position, end = first, first + count
        ends = [stage.first for stage in self._stages[1:]]
        for stage, stage_end in zip(self._stages, [*ends, end], strict=True):
            if stage.first <= position < (stop := min(end, stage_end)):
                language_b, turn_b = stage.take(position, stop)
                languages.append(language_b)
                turns.append(turn_b)
                position = stop
        language_b, turn_b = np.concatenate(languages), np.concatenate(turns)
        return Samples(first, language_b, self._blocks_of(language_b, turn_b))

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
