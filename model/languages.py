"""What `--languages` means: codes of the text, and names for the sets of the paper.

Source of the sets: Conneau et al. 2020 (XLM-R). Section 3 lists the seven languages of the ablations, XNLI has the
fifteen (Conneau et al. 2018), and table 6 all hundred. The 30 and the 60 are not listed anywhere; here they are the
fifteen and the largest others by table 6's GiB. (Its tokens are words between blanks, which would leave Japanese out.)
Chinese, one language in Wikipedia and XNLI, is zh-Hans in the sets of 7 and 15; table 6 has zh-Hant, too, and Burmese
twice: `my`, and `my_zaw` in Zawgyi's encoding.
"""

import difflib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from model.errors import UserError

_7 = "de en fr ru sw ur zh-Hans"
_15 = f"{_7} ar bg el es hi th tr vi"
_30 = f"{_15} da fa fi he hu id it ja ko no pl pt ro sv uk"
_60 = f"{_30} az be bn ca cs et gl hr hy is ka kk kn lt lv mk ml mn ms ne nl si sk sl sq sr ta te tl zh-Hant"
_100 = (
    f"{_60} af am as bn_rom br bs cy eo eu fy ga gd gu ha hi_rom jv km ku ky la lo mg mr my my_zaw om or pa ps sa "
    "sd so su ta_rom te_rom ug ur_rom uz xh yi"
)
# A run keeps the name of its set, so no set ever changes.
SETS: Mapping[str, frozenset[str]] = MappingProxyType(
    {f"xlm-{len(codes.split())}": frozenset(codes.split()) for codes in (_7, _15, _30, _60, _100)}
)


@dataclass(frozen=True, slots=True)
class Selection:
    """Languages of a text, sorted, and those of a set that the text has not."""

    languages: tuple[str, ...]
    missing: tuple[str, ...]


def parse_languages(text: str) -> tuple[str, ...]:
    """Return the codes and names of sets that a value of `--languages` holds, sorted.

    Raises:
        UserError: there are none.

    >>> parse_languages("xlm-7, ja")
    ('ja', 'xlm-7')
    """
    names = tuple(sorted({name.strip() for name in text.split(",")} - {""}))
    if not names:
        raise UserError(f"--languages {text!r} names no language; give codes with commas, or {_names()}")
    return names


def expand(names: Sequence[str]) -> frozenset[str]:
    """Return the codes that names stand for."""
    return frozenset[str]().union(*(SETS.get(name, (name,)) for name in names))


def select(available: Collection[str], names: Sequence[str], *, where: str, flag: str = "--languages") -> Selection:
    """Choose among the languages of a text.

    Args:
        available: codes of the text.
        names: codes, each of which the text must have, and names of sets; none: all of the text.
        where: the text is, for the message.
        flag: that gave the names, likewise.

    Raises:
        UserError: the text lacks a code, or all of a set.
    """
    if not names:
        return Selection(tuple(sorted(available)), ())
    for name in names:
        if name not in SETS and name not in available:
            raise UserError(f"{flag}: no {name!r} in {where}{near(name, [*available, *SETS])}")
    wanted = expand(names)
    chosen = wanted & set(available)
    if not chosen:
        raise UserError(f"{flag} {','.join(names)}: {where} has none of them, but {', '.join(sorted(available))}")
    return Selection(tuple(sorted(chosen)), tuple(sorted(wanted - chosen)))


def near(name: str, known: Collection[str]) -> str:
    """Return `; did you mean 'sw'?` with the known name that is nearest, or what there is."""
    if found := difflib.get_close_matches(name, known, 1, 0.5):
        return f"; did you mean {found[0]!r}?"
    return f"; there are {', '.join(sorted(known))}"


def _names() -> str:
    return f"{', '.join(SETS)} for the paper's sets"
