"""What a classifier is trained on: labelled lines, cut from pools of text, as the pipeline will show it text.

Every language gets about as many lines, those with more text somewhat more; small pools are cut anew and differently
each time. Some lines are in capitals, in title case or have odd blanks. `zxx` is made of the pools (`noise`).
The same pools and seed give the same lines; those of a language do not depend on the other pools.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from statistics import median

from ccnet_pipeline.language.codes import NOT_LANGUAGE
from ccnet_pipeline.language.noise import noise
from ccnet_pipeline.language.pools import Pool, Windows
from ccnet_pipeline.language.readable import LABEL, for_identification

Sample = tuple[str, str]  # label, text in its readable form
_MOST_OF_A_PARAGRAPH = 500  # characters
_SHORTEST_PARAGRAPH = 15
_NOISE_TEXTS = 4  # paragraphs that keywords are taken from
_ODD_BLANKS = (" ", "  ", "\u00a0", "\u3000", " \t")


@dataclass(frozen=True, slots=True)
class Amounts:
    """How many lines are made, and how long they are."""

    of_a_language: int = 2000  # with a pool of median size
    exponent: float = 0.35  # of the size, with which the number grows
    fewest: int = 1200
    most: int = 6000
    of_noise: int = 20_000
    shortest: int = 40  # characters
    longest: int = 400

    def of(self, size: int, median_size: float) -> int:
        return int(min(self.most, max(self.fewest, self.of_a_language * (size / median_size) ** self.exponent)))


def samples(pools: Mapping[str, Pool], amounts: Amounts, seed: int) -> list[Sample]:
    """Return labelled lines in random order. zh-Hans and zh-Hant are one label: characters tell them apart better."""
    middle = median(pool.characters for pool in pools.values())
    lines: list[Sample] = []
    for code, pool in pools.items():
        texts = _texts(pool, amounts.of(pool.characters, middle), amounts, Random(f"{seed} {code}"))
        lines += [(trained_as(code), text) for text in _readable(texts)]
    lines += [(NOT_LANGUAGE, text) for text in _readable(noise_texts(pools, amounts.of_noise, seed))]
    Random(f"{seed} order").shuffle(lines)
    return lines


def trained_as(code: str) -> str:
    """Return the label of a language: its code, or what it shares with another one.

    >>> trained_as("zh-Hant"), trained_as("sw")
    ('zh', 'sw')
    """
    return "zh" if code in ("zh-Hans", "zh-Hant") else code


def write_samples(lines: Sequence[Sample]) -> str:
    """Return the lines as fastText wants them."""
    return "".join(f"{LABEL}{label} {text}\n" for label, text in lines)


def noise_texts(pools: Mapping[str, Pool], count: int, seed: int) -> Iterator[str]:
    """Yield pieces of noise made from the text of all languages alike."""
    chance = Random(f"{seed} {NOT_LANGUAGE}")
    paragraphs = [tuple(pool.paragraphs()) for pool in pools.values()]
    for _ in range(count):
        of_language = chance.choice(paragraphs)
        start = chance.randrange(len(of_language))
        yield noise([" ".join(of_language[start : start + _NOISE_TEXTS])[: 3 * _MOST_OF_A_PARAGRAPH]], chance)


def _texts(pool: Pool, count: int, amounts: Amounts, chance: Random) -> Iterator[str]:
    windows = Windows(pool.documents, amounts.shortest, amounts.longest)
    paragraphs = [text for text in pool.paragraphs() if len(text) >= _SHORTEST_PARAGRAPH]
    for _ in range(count):
        whole = paragraphs and chance.random() < 0.35
        text = chance.choice(paragraphs)[:_MOST_OF_A_PARAGRAPH] if whole else windows.draw(chance)
        yield _as_people_write(text, chance)


def _as_people_write(text: str, chance: Random) -> str:
    """Return a text as it is, or one in ten otherwise: in capitals, in title case, in lower case, with odd blanks."""
    fate = chance.random()
    if fate < 0.03:
        return text.upper()
    if fate < 0.05:
        return text.title()
    if fate < 0.07:
        return text.lower()
    return re.sub(" ", lambda _: chance.choice(_ODD_BLANKS), text) if fate < 0.09 else text


def _readable(texts: Iterator[str]) -> Iterator[str]:
    for text in for_identification(list(texts)):
        yield " ".join(text.splitlines())
