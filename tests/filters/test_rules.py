from __future__ import annotations

import warnings
from collections import Counter
from dataclasses import fields, replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccnet_pipeline.filters import FilterJudge, c4, find_filters, fineweb2, gopher_repetition, words
from ccnet_pipeline.filters.c4 import C4
from ccnet_pipeline.filters.gopher_repetition import (
    GopherRepetition,
    characters_of_duplicate_runs,
    characters_of_top_run,
)
from ccnet_pipeline.filters.threshold_file import Thresholds
from ccnet_pipeline.filters.words import Words, split
from tests.corpora import document
from tests.filters.datatrove_oracle import FILTERS, OurWords, fineweb2_of_datatrove, their_reason
from tests.filters.made_documents import ADVERSARIAL, texts_of

# Limits that texts of few words come close to.
FINE = GopherRepetition(top_n_grams=((2, 0.5), (3, 0.6)), dup_n_grams=((2, 0.4), (3, 0.3), (5, 0.2)),
                        dup_line_frac=None, dup_line_char_frac=None)  # fmt: skip
LANGUAGES = ("en", "de", "ru", "ar", "hi", "sw", "ko", "am", "th", "zh-Hans", "ja", "my")


@pytest.mark.parametrize("name", FILTERS)
def test_the_same_words_get_the_same_verdict_as_datatrove_gives(test_data: Path, name: str) -> None:
    ours, kind = FILTERS[name]
    found = Counter[str | None]()
    for language in LANGUAGES:
        oracle = kind(language=OurWords(language))
        for text in texts_of(test_data / "text" / "web", language, 20 if language != "en" else 60):
            reason = ours.reason(text, language)
            assert reason == their_reason(oracle, text), text
            found[reason] += 1
    assert len(found) > 3
    assert found[None] > 20


@pytest.mark.parametrize("name", FILTERS)
@pytest.mark.parametrize("text", ADVERSARIAL, ids=[f"{number}" for number in range(len(ADVERSARIAL))])
def test_texts_that_nobody_would_write_get_the_same_verdict(name: str, text: str) -> None:
    ours, kind = FILTERS[name]
    for language in ("en", "zh-Hans", "xh"):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the mean of no words
            theirs = their_reason(kind(language=OurWords(language)), text)
        assert ours.reason(text, language) == theirs


@given(
    st.lists(st.sampled_from(("a", "b", "ab", "ba", "aab", "c.")), max_size=60),
    st.sampled_from((gopher_repetition.PUBLISHED, FINE)),
)
def test_texts_are_settled_by_numbers_only_where_counting_says_the_same(
    written: list[str], rules: GopherRepetition
) -> None:
    text = " ".join(written)
    some = Words(split(text, "sw"))
    counted = [
        *(most < characters_of_top_run(some, length) / (len(text) or 1) for length, most in rules.top_n_grams),
        *(most < characters_of_duplicate_runs(some, length) / (len(text) or 1) for length, most in rules.dup_n_grams),
    ]
    names = [f"top_{length}_gram" for length, _ in rules.top_n_grams]
    names += [f"duplicated_{length}_n_grams" for length, _ in rules.dup_n_grams]
    expected = next((name for name, is_broken in zip(names, counted, strict=True) if is_broken), None)
    assert gopher_repetition.reason(text, "sw", rules) == (expected if text else "empty")


def test_runs_are_compared_by_their_characters_and_not_by_their_words() -> None:
    assert characters_of_duplicate_runs(Words(["ab", "c", "x", "a", "bc"]), 2) == 3
    rules = replace(gopher_repetition.PUBLISHED, top_n_grams=(), dup_n_grams=((2, 0.2),))
    assert gopher_repetition.reason("ab c x a bc", "sw", rules) == "duplicated_2_n_grams"


@pytest.mark.parametrize("at_once", [1, 40])
def test_many_words_are_compared_a_few_lengths_at_a_time(monkeypatch: pytest.MonkeyPatch, at_once: int) -> None:
    text = "the rain in the north of the land and the rain in the north of the hill"
    monkeypatch.setattr(gopher_repetition, "_RUNS_AT_ONCE", at_once)
    assert gopher_repetition.reason(text, "sw") == "top_2_gram"
    rules = replace(gopher_repetition.PUBLISHED, top_n_grams=())
    assert gopher_repetition.reason(text, "sw", rules) == "duplicated_5_n_grams"


@pytest.mark.parametrize("name", FILTERS)
def test_a_rule_that_is_none_drops_nothing(name: str) -> None:
    ours, _ = FILTERS[name]
    if name == "c4":
        rules: object = C4(min_sentences=0, min_words_a_line=0, max_word_length=10**6)
    else:
        kind = type(getattr(ours, "PUBLISHED", None) or ours.ENGLISH)
        rules = kind(**{each.name: None for each in fields(kind) if each.default is not None and "|" in str(each.type)})
    if name == "gopher_repetition":
        rules = replace(rules, top_n_grams=(), dup_n_grams=())  # type: ignore[type-var]
    assert ours.reason("# same\n# same\n# same", "en", rules) is None


def test_c4_counts_sentences_only_until_there_are_enough_but_reads_all_lines() -> None:
    good = "It is one. It is two. It is three. It is four. It is five."
    assert c4.reason(good, "en") is None
    assert c4.reason(f"{good}\nThe last has a {{ in it.", "en") == "curly_bracket"
    assert c4.reason(f"{good}\nThe last has a {{ in it", "en") is None  # no end: the line would be left out


def test_fineweb2_asks_repetition_first_and_lets_languages_without_thresholds_be() -> None:
    menu = "\n".join(["the same line of a menu"] * 40)
    english = Thresholds(
        dup_line_frac=0.3, top_n_grams=((2, 0.2),), dup_n_grams=((5, 0.15),), line_punct_thr=0.1, new_line_ratio=0.3,
        min_avg_word_length=3, max_avg_word_length=10, max_non_alpha_words_ratio=0.8, stopwords=("the", "of"),
    )  # fmt: skip
    filtered = fineweb2.with_thresholds({"en": english})
    documents = [document(1, text=menu), document(2, "sw", text=menu), document(3)]
    assert filtered(documents) == ["dup_line_frac", None, "short_doc"]
    lax = replace(english, dup_line_frac=1.0, top_n_grams=(), dup_n_grams=())
    assert fineweb2.with_thresholds({"en": lax})(documents) == ["line_punct_ratio", None, "short_doc"]


def test_fineweb2_with_published_thresholds_gives_the_verdicts_of_the_published_pipeline(test_data: Path) -> None:
    french = Thresholds(  # configs/fra_Latn.yml of github.com/huggingface/fineweb-2
        dup_line_frac=0.264,
        top_n_grams=((2, 0.161), (3, 0.149), (4, 0.134)),
        dup_n_grams=((5, 0.15), (6, 0.141), (7, 0.131), (8, 0.121), (9, 0.111), (10, 0.1)),
        line_punct_thr=0.1,
        new_line_ratio=0.185,
        min_avg_word_length=2,
        max_avg_word_length=11,
        max_non_alpha_words_ratio=0.812,
        stopwords=tuple("de la le et à en l' des du les est d' un une il dans par au".split()),
    )
    texts = list(texts_of(test_data / "text" / "web", "fr", 60))
    chain = fineweb2_of_datatrove(french, OurWords("fr"))
    found = fineweb2.with_thresholds({"fr": french})([document(1, "fr", text=text) for text in texts])
    assert found == [next(filter(None, (their_reason(each, text) for each in chain)), None) for text in texts]
    assert len(set(found)) > 5


def test_several_filters_divide_a_text_into_words_once(monkeypatch: pytest.MonkeyPatch) -> None:
    divided = Counter[str]()

    def counting(text: str, language: str) -> list[str]:
        divided[text] += 1
        return split(text, language)

    words.words_of.cache_clear()
    monkeypatch.setattr(words, "split", counting)
    documents = [document(number, text=f"{'the end of it to have. ' * 30}{number}") for number in range(200)]
    asked = find_filters(["gopher_quality", "gopher_repetition"], None)
    FilterJudge(asked).reasons(documents)
    assert len(divided) == 200
    assert divided.most_common(1)[0][1] == 1
