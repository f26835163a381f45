from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccnet_pipeline.filters import words
from ccnet_pipeline.filters.c4 import count_sentences
from ccnet_pipeline.filters.characters import LETTER, NOT_PUNCTUATION, PUNCTUATION_MARKS, flags
from ccnet_pipeline.filters.dividing import ENGLISH, divided
from ccnet_pipeline.filters.words import Words, split

# As spaCy 3.8 divides them (spacy.blank("en")).
AS_SPACY_DOES = {
    "He said: \"It isn't so!\" (They've been told.)": "He|said|:|\"|It|is|n't|so|!|\"|(|They|'ve|been|told|.|)",
    "Mr. Smith can't go to the U.S., e.g. by 5km/h.": "Mr.|Smith|ca|n't|go|to|the|U.S.|,|e.g.|by|5|km/h|.",
    "I'm gonna pay $10.50, 20€ or US$5...": "I|'m|gon|na|pay|$|10.50|,|20|€|or|US$|5|...",
    "state-of-the-art and/or 1990-2000, 3+4=7": "state|-|of|-|the|-|art|and/or|1990|-|2000|,|3|+|4=7",
    "see www.example.com/a?b=c or mail me@example.org.": "see|www.example.com/a?b=c|or|mail|me@example.org|.",
    "Don’t! It’s ‘quoted’ “twice”; the dogs' and John's.": (
        "Do|n’t|!|It|’s|‘|quoted|’|“|twice|”|;|the|dogs|'|and|John|'s|."
    ),
    "a,b one/two x:y end.Start J. R. AT&T. 50% #tag *bold* _it_": (
        "a|,|b|one|/|two|x|:|y|end|.|Start|J.|R.|AT&T.|50|%|#|tag|*|bold|*|_|it|_"
    ),
    "smile :) :-( <3 mass): U.N. 10am 3p.m. cannot": "smile|:)|:-(|<3|mass|):|U.N.|10|am|3|p.m.|can|not",
    "— dash – and… more.. 1,000.00 -5 +7 +x": "—|dash|–|and|…|more|..|1,000.00|-5|+7|+|x",
    "so...dont, Boy:Mrs. 25°C. °C. (b.) id. id": "so|...|dont|,|Boy|:|Mrs.|25|°|C|.|°|C|.|(|b.|)|i|d.|i|d",
    "emoji👍fine ©2020 C++ 'tis '90s wouldn't've": "emoji|👍|fine|©|2020|C++|'|tis|'|90s|would|n't|'ve",
}


@pytest.mark.parametrize("text", AS_SPACY_DOES)
def test_english_is_divided_as_spacy_divides_it(text: str) -> None:
    assert "|".join(split(text, "en")) == AS_SPACY_DOES[text]


def test_contractions_are_two_words_in_english_only() -> None:
    assert split("cannot don't", "en") == ["can", "not", "do", "n't"]
    assert split("cannot don't", "sw") == ["cannot", "don't"]


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        ("zh-Hans", "你好，world 2020年。", "你|好|，|world|2020|年|。"),
        ("ja", "カタカナとひらがな", "カ|タ|カ|ナ|と|ひ|ら|が|な"),
        ("th", "ที่นี่ OK", "ที่|นี่|OK"),
        ("my", "မြန်မာ", "မြ|န်|မာ"),
        ("km", "ខ្មែរ", "ខ្|មែ|រ"),
        ("en", "你好 there", "你好|there"),
    ],
)
def test_a_character_with_its_marks_is_a_word_in_languages_without_blanks(
    language: str, text: str, expected: str
) -> None:
    assert "|".join(split(text, language)) == expected


@given(st.text(st.sampled_from("ab.Ж,)-'’ \n的ท\u0e34\u0301…👍:(/5$\ud800")), st.sampled_from(["en", "xh", "th"]))
def test_nothing_but_blanks_is_left_out(text: str, language: str) -> None:
    assert "".join(split(text, language)) == "".join(text.split())


def test_words_that_were_seen_before_are_divided_the_same_when_all_were_forgotten(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    remembered = words._Remembered(ENGLISH)
    monkeypatch.setattr(words, "_REMEMBERED", 2)
    chunks = ["don't", "(a)", "b.c@d.ee", "don't"]
    assert [remembered[chunk] for chunk in chunks] == [divided(chunk, ENGLISH) for chunk in chunks]
    assert len(remembered) <= 2


def test_what_is_long_is_not_remembered() -> None:
    long = "x-" * 500
    split(long, "en")
    assert long not in words._IN_ENGLISH


def test_what_a_word_is_like_is_told_by_its_characters() -> None:
    some = Words(["a", "...", "1", "?!x", "•", "\ud800"])
    assert some.are_proper.tolist() == [True, False, True, True, True, True]
    assert some.num_with_letter == 2
    assert some.lengths.tolist() == [1, 3, 1, 3, 1, 1]


@given(st.characters())
def test_the_table_of_characters_says_what_python_says(character: str) -> None:
    kinds = int(flags()[ord(character)])
    assert bool(kinds & NOT_PUNCTUATION) == (character not in PUNCTUATION_MARKS)
    assert bool(kinds & LETTER) == character.isalpha()


def test_punctuation_is_what_datatrove_takes_for_it() -> None:
    from datatrove.utils.text import PUNCTUATION_SET, TERMINAL_PUNCTUATION

    from ccnet_pipeline.filters.characters import TERMINAL

    assert TERMINAL == TERMINAL_PUNCTUATION
    assert PUNCTUATION_MARKS == PUNCTUATION_SET


@pytest.mark.parametrize(
    ("line", "sentences"),
    [
        ("No end", 1),
        ("One. Two! Three?", 3),
        ("Mr. Smith went. He did.", 2),
        ('"Well." (So.)', 2),
        ("What?! Yes...", 2),
        ("", 1),
    ],
)
def test_sentences_begin_with_the_first_word_behind_an_end(line: str, sentences: int) -> None:
    assert count_sentences(line, "en") == sentences
