"""Texts that filters are tried on: of many languages, some whole, some spoilt; and some that none would write."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from pathlib import Path

import zstandard

# With a rule of datatrove's each that some of them break.
ADVERSARIAL = (
    "",
    "\n\n",
    " ",
    "word",
    "." * 5000,
    ")" * 5000 + ".)" * 2000,
    "a.b@" * 3000,
    "x" * 20_000,
    "the be to of and that have with " * 30,
    "\n".join(["the same line of a menu"] * 40),
    "\n\n".join(["one paragraph, here."] * 5 + ["and another one there."] * 5),
    "\n".join(f"- item {number} of the list that we have" for number in range(30)),
    "\n".join(f"• the thing with {number}" for number in range(30)),
    "\n".join(f"Read more of the text with number {number}..." for number in range(20)),
    "# " * 100,
    "#tag " * 100,
    "… " * 100,
    "Lorem ipsum dolor sit amet. " * 9,
    "Here is a line with the words lorem ipsum in it.\nAnd one more that is good.",
    "function() { return the thing; }\nThis line has a { that is in a sentence.",
    "Please enable Javascript to see this page.\nWe have many use cookies here.\nSo it is, with all of that.",
    "A fact.[1] Another fact.[citation needed] And more.[12]\nHeading of it[edit]",
    "你好世界。" * 60,
    "สวัสดีชาวโลก " * 60,
    "👍 😀 🎉 " * 50,
    "👩‍👩‍👧‍👦 the family, and flags 🇫🇷🇩🇪 with words " * 10,
    "1 2 3 4 5 6 7 8 9 10 " * 20,
    "ab c a bc " * 40,
    "a\u2028b\x0bc\x0cd\x1ce\x85f the end. " * 30,
    "\ud800 lone surrogates \udfff with the text that we have " * 12,
    "a\u0300\u0301\u0302 z\u0335a\u0336l\u0337g\u0338o " * 40,
    "\u200b\u200c\u200d\ufeff " * 60,
    "He said: \"It isn't so!\" (They've been told.) Mr. Smith can't go to the U.S., e.g. by 5km/h. " * 6,
)


def texts_of(folder: Path, language: str, number: int) -> Iterator[str]:
    """Yield so many texts of a language, made of the lines of a pool; the same ones every time."""
    chance = random.Random(f"{language} {number}")
    with (folder / f"{language}.txt.zst").open("rb") as file:
        pool = zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True).read().decode()
    lines = [line for line in pool.split("\n") if line]
    for _ in range(number):
        start = chance.randrange(len(lines))
        yield "\n".join(_spoilt(lines[start : start + chance.choice((1, 2, 4, 8, 16, 30))], chance))


def _spoilt(lines: list[str], chance: random.Random) -> list[str]:
    kind = chance.randrange(20)
    return _WAYS[kind](lines, chance) if kind < len(_WAYS) else lines


_Way = Callable[[list[str], random.Random], list[str]]
_WAYS: tuple[_Way, ...] = (
    lambda lines, chance: lines + [chance.choice(lines)] * chance.randrange(1, len(lines) + 2),
    lambda lines, chance: [lines[0], *(each for line in lines for each in (line, chance.choice(lines)))],
    lambda lines, _: [f"- {line}" for line in lines],
    lambda lines, chance: [line[: chance.randrange(10, 40)] + "..." for line in lines],
    lambda lines, chance: [" ".join(chance.choices(line.split() or ["x"], k=40)) for line in lines],
    lambda lines, _: [*lines, "Here is lorem ipsum dolor sit amet."],
    lambda lines, _: [*lines, "A line with { in it."],
    lambda lines, _: [word for line in lines for word in line.split()],
    lambda lines, chance: [*lines, " ".join(["buy now the best"] * chance.randrange(20))],
    lambda lines, _: [line.split(".")[0] for line in lines],
)
