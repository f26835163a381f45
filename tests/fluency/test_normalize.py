"""The normal form of running text; the other two, where neighbours matter, as the plain oracle has them.

Every single character is compared with the oracle in test_exactness.py.
"""

from __future__ import annotations

import itertools
import unicodedata
from unicodedata import category

import pytest

from ccnet_pipeline.characters.marks import marks
from ccnet_pipeline.fluency.normalize import for_lm_ccnet, for_lm_mended, for_lm_running
from tests import oracle


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Hotels, flights; cars | beds", "hotels flights cars beds"),
        ("hotels,", "hotels"),
        ("Home · News • Help", "home news help"),
        ("فنادق، رحلات؛ سيارات", "فنادق رحلات سيارات"),
        ("one,\ntwo", "one two"),
    ],
)
def test_what_parts_the_items_of_a_list_becomes_a_blank(text: str, words: str) -> None:
    assert for_lm_running(text).split() == words.split()


@pytest.mark.parametrize(
    "text", ["1,000 beds", "and/or", "a,b", "こんにちは、世界。", "首页，新闻", "9:30", "ends.", ""]
)
def test_marks_inside_words_and_numbers_stay(text: str) -> None:
    assert for_lm_running(text) == for_lm_mended(text)


def test_every_mark_is_known() -> None:
    """What joins a letter or changes places is looked for among them."""
    joining = [char for char in map(chr, range(0x110000)) if category(char)[0] == "M" or unicodedata.combining(char)]
    assert marks() == joining


def test_marks_behind_letters_and_each_other() -> None:
    joining = [mark for mark in marks() if unicodedata.combining(mark)] + [chr(0x1161), chr(0x11A8), chr(0x9BE)]
    for mark, other in itertools.pairwise([*joining, *joining[::7], *joining[::-3]]):
        text = f"eß{mark}{other}Ω{other}{mark} ᄀ{mark}가{other}—क{mark}…ে{other}H{mark}\U00011099{other}"
        assert for_lm_ccnet(text) == oracle.normalize_for_lm_ccnet(text)
        assert for_lm_mended(text) == oracle.normalize_for_lm_mended(text)


@pytest.mark.parametrize(
    "text",
    [
        "ΟΔΟΣ",
        "ΟΔΟΣ…",
        "ΟΔΟΣ—Α",
        "Σ.",
        "ΑΣ́Β",
        "éΣ",
        "İSTANBUL",
        "I\u0307",
        "각",
        "\u1100\u1161\u11a8",
        "Å",
        "a\0é",
        "é\n—",
    ],
)
def test_what_one_table_cannot_tell(text: str) -> None:
    assert for_lm_ccnet(text) == oracle.normalize_for_lm_ccnet(text)
    assert for_lm_mended(text) == oracle.normalize_for_lm_mended(text)
