"""The normal form of running text; the other two are compared with the plain oracle in test_exactness.py."""

from __future__ import annotations

import pytest

from ccnet_pipeline.fluency.normalize import for_lm_mended, for_lm_running


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
