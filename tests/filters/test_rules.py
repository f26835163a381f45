from __future__ import annotations

import warnings
from collections import Counter
from pathlib import Path

import pytest

from tests.filters.datatrove_oracle import FILTERS, OurWords, their_reason
from tests.filters.made_documents import ADVERSARIAL, texts_of

LANGUAGES = ("en", "de", "ru", "ar", "hi", "sw", "ko", "am", "th", "zh-Hans", "ja", "my")


@pytest.mark.parametrize("name", FILTERS)
def test_the_same_words_get_the_same_verdict_as_datatrove_gives(test_data: Path, name: str) -> None:
    ours, kind = FILTERS[name]
    found = Counter[str | None]()
    for language in LANGUAGES:
        oracle = kind(language=OurWords(language))
        for text in texts_of(test_data / "text" / "web", language, 50 if language != "en" else 200):
            reason = ours.reason(text, language)
            assert reason == their_reason(oracle, text), text
            found[reason] += 1
    assert len(found) > 3
    assert found[None] > 100


@pytest.mark.parametrize("name", FILTERS)
@pytest.mark.parametrize("text", ADVERSARIAL, ids=[f"{number}" for number in range(len(ADVERSARIAL))])
def test_texts_that_nobody_would_write_get_the_same_verdict(name: str, text: str) -> None:
    ours, kind = FILTERS[name]
    for language in ("en", "zh-Hans", "xh"):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the mean of no words
            theirs = their_reason(kind(language=OurWords(language)), text)
        assert ours.reason(text, language) == theirs


def test_words_as_datatrove_has_them_by_default_hardly_change_a_verdict_in_english(test_data: Path) -> None:
    texts = [*texts_of(test_data / "text" / "web", "en", 60)]
    for ours, kind in FILTERS.values():
        oracle = kind(language="eng_Latn")
        assert [ours.reason(text, "en") for text in texts] == [their_reason(oracle, text) for text in texts]
