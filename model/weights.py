"""The file of `--weights`: a line a language, `sw 0.02`."""

import math
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

from model.errors import UserError
from model.languages import near


@dataclass(frozen=True, slots=True)
class Weight:
    """A line of the file of `--weights`."""

    language: str
    weight: float
    place: str  # file and line


def read_weights(path: Path) -> list[Weight]:
    """Return what a file of weights says; UserError for one that cannot be read, and as `parse_weights`."""
    try:
        return parse_weights(path.read_text("utf-8-sig").splitlines(), str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"--weights {path} cannot be read ({error})") from error


def parse_weights(lines: Iterable[str], name: str) -> list[Weight]:
    """Return what the lines of a file of weights say: a code and a number above 0, separated by blanks or a tab.

    Blank lines, and lines that begin with #, say nothing.

    Raises:
        UserError: another line, or a language twice, or none at all; it names file and line.
    """
    found: dict[str, Weight] = {}
    for number, line in enumerate(lines, 1):
        place = f"{name}:{number}"
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        weight = _number(words[1]) if len(words) == 2 else None
        if weight is None:
            raise UserError(f"{place}: {line.strip()!r} is no language and number above 0, such as 'sw 0.02'")
        if words[0] in found:
            raise UserError(f"{place}: {words[0]!r} stands in line {found[words[0]].place.rpartition(':')[2]}, too")
        found[words[0]] = Weight(words[0], weight, place)
    if not found:
        raise UserError(f"{name} has no line such as 'sw 0.02'")
    return list(found.values())


def check_weights(weights: Iterable[Weight], available: Collection[str], *, where: str) -> None:
    """Raise UserError for the first language that a text has not; it names file and line."""
    for one in weights:
        if one.language not in available:
            raise UserError(f"{one.place}: no {one.language!r} in {where}{near(one.language, available)}")


def _number(word: str) -> float | None:
    try:
        value = float(word)
    except ValueError:
        return None
    return value if 0 < value < math.inf else None
