"""Words of English that are two, such as don't, and words with a full stop, such as Mr."""

import functools
from itertools import accumulate

_SUBJECTS = "i you he she it we they".split()
_ASKING = "who what when where why how there that this".split()
_ENDINGS = {
    "ll": (*_SUBJECTS, *_ASKING, "these", "those"),
    "d": (*_SUBJECTS, *_ASKING, "these", "those"),
    "ve": ("i", "you", "we", "they", *_ASKING[:-2], *"these those could might must should would not".split()),
    "re": ("you", "we", "they", *_ASKING[:-2], "these", "those"),
    "s": ("he", "she", "it", *_ASKING, "let"),
    "m": ("i",),
}
_DENIED_AND_MORE = "ca could do does did had may might must need ought sha should wo would".split()  # couldn't've
_DENIED = (*_DENIED_AND_MORE, *"ai are is was were have has dare".split())
# Without their apostrophe these are other words.
_OTHER_WORDS = frozenset("ill its hell shell shed were well lets whore".split())
_AS_THEY_ARE = (
    "'d 'S 's ‘S ‘s 're 'em 'll 'nuff 'Cause 'cause 'cos 'Cos 'coz 'Coz 'cuz 'Cuz 'bout and/or w/o ma'am Ma'am "
    "o'clock O'clock lovin' Lovin' havin' Havin' doin' Doin' goin' Goin' nothin' Nothin' nuthin' Nuthin' ol' Ol' "
    "somethin' Somethin' a.m. p.m. e.g. E.g. E.G. i.e. I.e. I.E. v.s. vs. co. Adm. Ak. Ala. Apr. Ariz. Ark. Aug. "
    "Bros. Calif. Co. Colo. Conn. Corp. D.C. Dec. Del. Dr. Feb. Fla. Ga. Gen. Gov. Ia. Id. Ill. Inc. Ind. Jan. "
    "Jr. Jul. Jun. Kan. Kans. Ky. La. Ltd. Mar. Mass. Md. Messrs. Mich. Minn. Miss. Mo. Mont. Mr. Mrs. Ms. Mt. "
    "N.C. N.D. N.H. N.J. N.M. N.Y. Neb. Nebr. Nev. Nov. Oct. Okla. Ore. Pa. Ph.D. Prof. Rep. Rev. S.C. Sen. Sep. "
    "Sept. St. Tenn. Va. Wash. Wis."
).split()
_DIVIDED = (
    "can not|Can not|gon na|Gon na|got ta|Got ta|y' all|y all|how 'd 'y|How 'd 'y|c'm on|C'm on|"
    "i 'm a|I 'm a|i m a|I m a"
)


@functools.cache
def _table() -> dict[str, tuple[str, ...]]:
    table = {"".join(parts): parts for parts in map(tuple, map(str.split, _DIVIDED.split("|")))}
    table |= {word: (word,) for word in _AS_THEY_ARE}
    for hour in range(1, 13):
        table |= {f"{hour}{half}": (str(hour), half) for half in ("a.m.", "am", "p.m.", "pm")}
    pairs = [(word, ending) for ending, words in _ENDINGS.items() for word in words]
    pairs += [(word, "n't") for word in _DENIED]
    for word, ending in pairs:
        marked = ending if "'" in ending else f"'{ending}"
        for start in (word, word.title()):
            table[start + marked] = (start, marked)
            plain = marked.replace("'", "")
            table[start + plain] = (start, plain)
            if ending in ("ll", "d") or word in _DENIED_AND_MORE:
                table[f"{start}{marked}'ve"] = (start, marked, "'ve")
                table[f"{start}{plain}ve"] = (start, plain, "ve")
    for word in _OTHER_WORDS:
        table.pop(word, None)
        table.pop(word.title(), None)
    return table


def parts_of(word: str) -> tuple[str, ...] | None:
    """Return the parts of a word that has some, or is not divided; None: it is divided as all others are.

    >>> parts_of("cannot"), parts_of("Mr."), parts_of("table")
    (('can', 'not'), ('Mr.',), None)
    """
    if "’" not in word:
        return _table().get(word)
    parts = _table().get(word.replace("’", "'"))
    if parts is None:
        return None
    ends = list(accumulate(map(len, parts)))
    return tuple(word[end - len(part) : end] for end, part in zip(ends, parts, strict=True))
