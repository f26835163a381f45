"""Text in Latin letters of the languages that CC-100 has in that form, too: bn_rom, hi_rom, ta_rom, te_rom, ur_rom.

There is hardly any free text as people type it. This makes some: uroman spells text in the native script with Latin
letters, and what it spells too exactly is loosened as a writer would do, one way throughout a document: long vowels
written short (`aa` as `a`, `ii` as `ee` or `i`), retroflex letters as plain ones, nasal vowels with `n` or nothing, `w`
for `v`, `f` for `ph`. Urdu writes no short vowels, and this does not add them: of real Roman Urdu such text shows the
consonants only.

uroman is in the extra `train`, for it is needed for nothing else. "This project uses the universal romanizer software
'uroman' written by Ulf Hermjakob, USC Information Sciences Institute (2015-2020)": Hermjakob, May and Knight 2018.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from random import Random

from ccnet_pipeline.errors import UserError
from ccnet_pipeline.language.pools import Document, Pool

# The code, the language that its text is made from, and uroman's code of that.
_ROMANISED = {
    "bn_rom": ("bn", "ben"),
    "hi_rom": ("hi", "hin"),
    "ta_rom": ("ta", "tam"),
    "te_rom": ("te", "tel"),
    "ur_rom": ("ur", "urd"),
}
MOST_CHARACTERS = 300_000  # that are made of a language
_REAL_TEXT_COUNTS = 8  # times as much as text that was made, of which there is more

# (share of the documents in which it is done, pattern, what is written instead: one of several).
_Habit = tuple[float, str, tuple[str, ...]]
_OF_ALL: tuple[_Habit, ...] = (
    (0.85, "aa", ("a",)),
    (1.0, "ii", ("i", "i", "ee")),
    (1.0, "uu", ("u", "u", "oo")),
    (0.2, "v", ("w",)),
    (0.2, "w", ("v",)),
    (0.4, "ph", ("f",)),
    (0.3, r"(.)\1{2,}", (r"\1\1",)),
)
_NASALS: _Habit = (1.0, r"m(?=[tdkgcjsnlrh])", ("n",))
_SIBILANTS: tuple[_Habit, ...] = ((1.0, "kss", ("ksh",)), (0.9, "ss", ("sh",)))
_RETROFLEXES: tuple[_Habit, ...] = ((0.85, "tt(?!t)", ("t",)), (0.85, "dd", ("d",)), (0.9, "nn", ("n",)))
_HABITS: Mapping[str, tuple[_Habit, ...]] = {
    "hi_rom": (
        (1.0, r"(?<=[aeiou])mm?\b", ("n", "n", "")),
        _NASALS,
        *_SIBILANTS,
        *_RETROFLEXES,
        (1.0, r"([aeiou][^aeiou\W]{1,2})a(?=[^aeiou\W][aeiou])", (r"\1",)),  # the vowel that is written and not said
    ),
    "bn_rom": (*_SIBILANTS, *_RETROFLEXES, (0.8, "yy", ("y",)), (0.3, r"\b([^aeiou\W]+)a", (r"\1o",))),
    "ta_rom": (
        (1.0, "dd", ("t", "tt", "d")),
        (0.8, "oo", ("o",)),
        (0.8, "ee", ("e",)),
        (0.6, "(?<=[aeioun])t(?=[aeiou])", ("th",)),
        (0.5, "(?<=[aeiou])k(?=[aeiou])", ("g",)),
        (1.0, "c(?!h)", ("ch",)),
    ),
    "te_rom": (
        _NASALS,
        *_SIBILANTS,
        *_RETROFLEXES,
        (0.8, "oo", ("o",)),
        (0.8, "ee", ("e",)),
        (0.2, "(?<![sth])t(?=[aeiou])", ("th",)),
        (1.0, "c(?!h)", ("ch",)),
    ),
    "ur_rom": (),
}
_LOWER_CASE = 0.35  # of the documents


def romanise(pools: Mapping[str, Pool]) -> dict[str, Pool]:
    """Return pools of romanised text, made of those of the native scripts that are there.

    Raises:
        UserError: uroman is not installed.
    """
    sources = {code: pools[native] for code, (native, _) in _ROMANISED.items() if native in pools}
    spell = _speller() if sources else None
    return {
        code: Pool(code, source.path, tuple(_made_documents(code, source, spell)))
        for code, source in sources.items()
        if spell
    }


def with_romanised(pools: Mapping[str, Pool], made: Mapping[str, Pool]) -> dict[str, Pool]:
    """Return pools with those that were made. Real text of a romanised language stays, and counts more."""
    joined = dict(pools)
    for code, pool in made.items():
        real = pools[code].documents if code in pools else ()
        joined[code] = replace(pool, documents=(*real * _REAL_TEXT_COUNTS, *pool.documents))
    return dict(sorted(joined.items()))


def _speller() -> Callable[[str, str], str]:
    try:
        import uroman
    except ImportError as error:
        raise UserError(
            "--romanised needs uroman, which spells text with Latin letters: pip install 'cc100-xlmr[train]'"
        ) from error
    romanize = uroman.Uroman().romanize_string
    return lambda text, language: str(romanize(text, lcode=language))


def _made_documents(code: str, source: Pool, spell: Callable[[str, str], str]) -> list[Document]:
    chance = Random(code)
    order = list(source.documents)
    chance.shuffle(order)
    documents: list[Document] = []
    characters = 0
    for document in order:
        if characters >= MOST_CHARACTERS:
            break
        exact = [spell(paragraph, _ROMANISED[code][1]) for paragraph in document]
        documents.append(tuple(loosen(exact, code, chance)))
        characters += sum(map(len, documents[-1]))
    return documents


def loosen(paragraphs: Sequence[str], code: str, chance: Random) -> list[str]:
    """Return an exact transliteration as one writer would have typed it."""
    for share, pattern, instead in (*_HABITS[code], *_OF_ALL):
        if chance.random() < share:
            paragraphs = [re.sub(pattern, chance.choice(instead), text) for text in paragraphs]
    return [text.lower() for text in paragraphs] if chance.random() < _LOWER_CASE else list(paragraphs)
