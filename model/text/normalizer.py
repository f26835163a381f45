r"""SentencePiece's normalisation in the terms of Hugging Face's tokenizers.

SentencePiece goes through a text once and takes the longest of its rules that matches (normalizer.cc). The tokenizers'
own form of it, Precompiled, goes by graphemes (spm_precompiled, lib.rs): in one of up to 5 bytes it takes the shortest
rule and drops what follows, in a longer one it takes the rules for single characters. So NFD Korean became <unk> and
Vietnamese lost its tones. Here it is left the rules for single characters, and Unicode's NFC does the rest:

1. a break goes before what extends a grapheme, so that each character that has a rule is a grapheme;
2. Precompiled, with the rules for single characters;
3. the breaks inside what a longer rule joins are taken out;
4. NFC joins it. It joins and reorders nothing else: all else has a break before it;
5. the breaks are taken out.

The break is \x01, which SentencePiece drops, so one that stands in a text does no harm.

It is exact where each rule for several characters is a composition of Unicode's behind the rules for single ones. That
is so in SentencePiece's tables nmt_nfkc, which XLM-R has, and nfkc.
"""

import base64
import functools
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass
from typing import TypeAlias

import sentencepiece

from model.text.proto import charsmap, normalizer_spec

Normalizer: TypeAlias = dict[str, object]

_BREAK = "\x01"
_OLD = unicodedata.ucd_3_2_0  # the same in every Python; what a character does to its neighbours never changes
_THREE_BYTES = range(0x800, 0x10000)  # code points that have so many in UTF-8


@dataclass(frozen=True, slots=True)
class _Rules:
    """A table, parted. Values are what the keys become."""

    single: Mapping[str, str]  # of one character
    joined: Mapping[str, str]  # of several, none of which has a rule of its own; each beginning of one is one, too


def hugging_face_normalizer(model: bytes, known: Set[str]) -> Normalizer | None:
    """Return the normalizer of a tokenizer.json; None for a model without rules.

    Args:
        model: SentencePiece's.
        known: the characters of its pieces. All others are <unk>, joined or not.
    """
    spec = normalizer_spec(model)
    if not charsmap(spec):
        return None
    rules = _decompiled(spec)
    pairs = {pair: whole for pair, whole in _beyond_nfc(rules.joined).items() if known & {*pair, *whole}}
    normalizers = [
        _replace({"Regex": _before_extenders(rules)}, _BREAK),
        {"type": "Precompiled", "precompiled_charsmap": _compiled(spec)},
        _replace({"Regex": _inside_joined(rules.joined)}, ""),
        {"type": "NFC"},
        *(_replace({"String": pair}, whole) for pair, whole in pairs.items()),
        _replace({"String": _BREAK}, ""),
    ]
    return {"type": "Sequence", "normalizers": normalizers}


def _replace(pattern: Mapping[str, str], content: str) -> Normalizer:
    return {"type": "Replace", "pattern": pattern, "content": content}


@functools.lru_cache(1)  # 225 000 rules, the same in all models
def _decompiled(spec: bytes) -> _Rules:
    rules = dict(sentencepiece.SentencePieceNormalizer(normalizer_spec=spec).Decompile())
    single = {key: value for key, value in rules.items() if len(key) == 1}
    joined = {key: value for key, value in rules.items() if len(key) > 1 and not any(part in single for part in key)}
    return _Rules(single, joined)


@functools.lru_cache(1)
def _compiled(spec: bytes) -> str:
    """Return the rules for single characters in the form that Precompiled takes.

    What becomes none or several characters gets two breaks wherever something could be joined: step 3 takes out one.
    """
    single = dict(_decompiled(spec).single)
    single.pop(_BREAK, None)
    guarded = [
        (key, value if len(value) == 1 else _BREAK + (2 * _BREAK).join(value) + _BREAK)
        for key, value in sorted(single.items())
    ]
    sentencepiece.set_min_log_level(1)  # it would tell how many there are
    made = sentencepiece.SentencePieceNormalizer(norm_map=guarded).serialized_normalizer_spec()
    return base64.b64encode(charsmap(made)).decode("ascii")


def _before_extenders(rules: _Rules) -> str:
    """Return the pattern of the places before what extends a grapheme, where that makes a difference.

    Marks of combining class 0 that join with nothing, as most vowel signs of Indic scripts and of Thai, stay where
    they are in NFC, and with 3 bytes they are in a grapheme below 6 bytes only after a character of 1 or 2.
    """
    later = {part for key in rules.joined for part in key[1:]}
    later |= {key for key, value in rules.single.items() if value in later}
    marks = (chr(code) for code in _THREE_BYTES if _OLD.category(chr(code)).startswith("M"))
    idle = {mark for mark in marks if mark not in later and not _OLD.combining(mark)}
    short = {key for key in rules.single if key < chr(_THREE_BYTES.start)}
    # Not at the beginning of the text: the tokenizers count wrongly from an insertion there.
    return f"(?!\\A)(?:(?=[\\p{{M}}{_ranges(later)}])(?![{_ranges(idle)}])|(?<=[{_ranges(short)}]))"


def _inside_joined(joined: Iterable[str]) -> str:
    """Return the pattern of the breaks inside what a rule joins."""
    firsts: dict[tuple[str, str], set[str]] = defaultdict(set)  # by what stands between, and what follows the break
    for key in joined:
        for place in range(1, len(key)):
            firsts[key[1:place], key[place]].add(key[0])
    lasts: dict[tuple[str, str], set[str]] = defaultdict(set)
    for (between, last), parts in firsts.items():
        lasts[between, _ranges(parts)].add(last)
    betweens: dict[tuple[int, str, str], list[str]] = defaultdict(list)
    for (between, first), parts in lasts.items():
        betweens[len(between), first, _ranges(parts)].append(_BREAK.join(["", *between]))
    branches = [
        f"(?=[{last}])(?<=[{first}]{_any(found)}{_BREAK})" for (_, first, last), found in sorted(betweens.items())
    ]
    return f"{_BREAK}(?=[{_ranges({part for key in joined for part in key[1:]})}])(?:{'|'.join(branches)})"


def _any(texts: Iterable[str]) -> str:
    return f"(?:{'|'.join(sorted(map(re.escape, texts)))})"


def _ranges(characters: Iterable[str]) -> str:
    """Return characters as they stand in the brackets of a pattern."""
    found: list[list[str]] = []
    for character in sorted(characters):
        if found and ord(character) == ord(found[-1][1]) + 1:
            found[-1][1] = character
        else:
            found.append([character, character])
    ends = ((re.escape(first), re.escape(last)) for first, last in found)
    return "".join(first if first == last else f"{first}-{last}" for first, last in ends)


def _beyond_nfc(joined: Mapping[str, str]) -> dict[str, str]:
    """Return what the tokenizers' NFC may not join, two characters at a time, in the order in which they build up.

    It is of an older Unicode; since then only scripts beyond the first plane have got compositions.
    """
    pairs = {}
    for key, whole in sorted(joined.items(), key=lambda rule: (len(rule[0]), rule[0])):
        pair = joined.get(key[:-1], key[:-1]) + key[-1]
        if whole > "\uffff" or unicodedata.normalize("NFC", pair) != whole:
            pairs[pair] = whole
    return pairs
