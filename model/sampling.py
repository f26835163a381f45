"""Chance as pure functions of keys: shares of languages, random streams, permutations that take no memory.

Nothing here has a state that must be saved. Whoever knows the seed and a key (a step, a sample's number, a
language) gets the same numbers in any process, on any machine, in any order of asking: a run that resumes has
nothing to skip.
"""

import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

_UINT64 = (1 << 64) - 1
_ROUNDS = 6  # of the Feistel network; four are enough for a pseudo-random permutation (Luby and Rackoff 1988)


def shares(sizes: Mapping[str, int], alpha: float) -> dict[str, float]:
    """Return the probability q_l with which a language is drawn: p_l**alpha / sum of p**alpha.

    Args:
        sizes: of each language, in any unit (characters, tokens, blocks), >= 0; p_l is its part of the sum.
        alpha: 1 draws by size; 0 draws all languages alike. A language of size 0 is never drawn.

    Raises:
        ValueError: a negative size or alpha, or no language with a size above 0.

    Source: Conneau et al. 2020 (XLM-R), section 3; Lample and Conneau 2019 (XLM), section 3.1.

    >>> {name: round(share, 3) for name, share in shares({"en": 900, "sw": 100}, alpha=0.5).items()}
    {'en': 0.75, 'sw': 0.25}
    """
    total = sum(sizes.values())
    if alpha < 0 or total <= 0 or min(sizes.values()) < 0:
        raise ValueError(f"want alpha >= 0 and sizes >= 0, not all of them 0; got {alpha=}, {sizes=}")
    # 0 ** 0 is 1: a language without text must not get a share when alpha is 0.
    powers = {name: (size / total) ** alpha if size else 0.0 for name, size in sizes.items()}
    norm = sum(powers.values())
    return {name: power / norm for name, power in powers.items()}


def generator(seed: int, *key: int | str) -> np.random.Generator:
    """Return the random stream of a seed and a key: the same wherever and whenever it is asked for.

    Philox is counter-based (Salmon et al. 2011): its key is a digest of ours, so streams of different keys are
    independent, however alike the keys are. `1` and `"1"` are different keys.

    >>> bool(generator(7, "mask", 3).random() == generator(7, "mask", 3).random())
    True
    """
    return np.random.Generator(np.random.Philox(key=int.from_bytes(_digest(seed, *key)[:16], "little")))


def _digest(*key: int | str) -> bytes:
    # repr keeps numbers and strings apart, and the parts of a key; numpy's integers would print their type.
    words = [part if isinstance(part, str) else int(part) for part in key]
    return hashlib.blake2b(repr(words).encode(), digest_size=64).digest()


class Permutation:
    """A permutation of range(size) as a function: nothing is stored, any place is found at once.

    A Feistel network permutes the smallest range of 4**k numbers that holds range(size). A result beyond the
    range is permuted again until it falls inside: fewer than 4 turns on average.

    Source: Black and Rogaway 2002, "Ciphers with arbitrary finite domains" (cycle walking, Feistel).

    >>> order = Permutation(5, 7, "sw", 0)
    >>> sorted(order[index] for index in range(5))
    [0, 1, 2, 3, 4]
    """

    def __init__(self, size: int, seed: int, *key: int | str) -> None:
        if not 1 <= size <= 1 << 62:
            raise ValueError(f"size must be 1 to 2**62, got {size}")
        self.size = size
        self._half = max(1, ((size - 1).bit_length() + 1) // 2)  # bits
        digest = _digest(seed, *key, "permutation")
        self._keys = [int.from_bytes(digest[8 * turn : 8 * turn + 8], "little") for turn in range(_ROUNDS)]

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, index: int) -> int:
        if not 0 <= index < self.size:
            raise IndexError(f"{index} is not in range({self.size})")
        value: int = self._once(int(index))
        while value >= self.size:
            value = self._once(value)
        return value

    def take(self, indices: npt.ArrayLike) -> npt.NDArray[np.int64]:
        """Return the values at many places, of the same shape: `[self[index] for index in indices]`."""
        given = np.asarray(indices)
        if given.size and (given.min() < 0 or given.max() >= self.size):
            raise IndexError(f"indices from {given.min()} to {given.max()} are not in range({self.size})")
        values: npt.NDArray[np.uint64] = self._once(given.astype(np.uint64).ravel())
        while (outside := np.flatnonzero(values >= self.size)).size:
            values[outside] = self._once(values[outside])
        return values.astype(np.int64).reshape(given.shape)

    def _once(self, value: Any) -> Any:  # an integer, or an array of uint64
        mask = (1 << self._half) - 1
        left, right = value >> self._half, value & mask
        for key in self._keys:
            left, right = right, left ^ (_mix(right ^ key) & mask)
        return (left << self._half) | right


def _mix(value: Any) -> Any:
    """Mix an integer or an array of uint64: each bit of the result hangs on all bits of the value.

    The finaliser of SplitMix64 (Steele et al. 2014).
    """
    # The mask makes integers overflow as the arrays do of themselves.
    value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & _UINT64
    value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & _UINT64
    return value ^ (value >> 31)
