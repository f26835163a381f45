"""Text that is in no language, made from text."""

import re
from random import Random

import pytest

from ccnet_pipeline.language.noise import code, keywords, mojibake, noise, numbers

RUSSIAN = "Все люди рождаются свободными и равными в своём достоинстве и правах."
GERMAN = "Alle Menschen sind frei und gleich an Würde und Rechten geboren. Sie sind mit Vernunft begabt."
ENGLISH = "All human beings are born free and equal in dignity and rights. They are endowed with reason."


def test_the_same_chance_gives_the_same_noise() -> None:
    made = [noise([RUSSIAN], Random(seed)) for seed in range(50)]
    assert made == [noise([RUSSIAN], Random(seed)) for seed in range(50)]
    assert len(set(made)) > 40


@pytest.mark.parametrize("seed", range(20))
def test_numbers_have_no_words(seed: int) -> None:
    assert not re.search("[^\\W\\da-f_]{2}", numbers(Random(seed)))


@pytest.mark.parametrize("seed", range(20))
def test_code_is_filled_in_and_has_words_of_the_text_at_most(seed: int) -> None:
    made = code(ENGLISH, Random(seed))
    assert len(made) > 60
    assert not re.search("%[ienh]", made)


@pytest.mark.parametrize("seed", range(20))
def test_of_mojibake_a_good_part_of_the_characters_is_wrong(seed: int) -> None:
    made = mojibake(RUSSIAN, Random(seed))
    assert made is not None
    shown = [character for character in made if not character.isspace()]
    assert sum(character not in RUSSIAN for character in shown) > 0.3 * len(shown)


@pytest.mark.parametrize("text", [ENGLISH, GERMAN])
def test_what_can_still_be_read_in_the_wrong_encoding_is_no_mojibake(text: str) -> None:
    assert [mojibake(text, Random(seed)) for seed in range(20)].count(None) == 20


def test_keywords_are_words_of_the_text_between_the_same_separators() -> None:
    made = keywords(ENGLISH, Random(1))
    assert made is not None
    [separator] = set(re.findall(r"\W+", made))
    assert set(made.split(separator)) <= set(re.findall(r"\w+", ENGLISH))


def test_of_a_text_with_few_words_no_keywords_are_made() -> None:
    assert keywords("汉语没有空格", Random(1)) is None
    assert noise(["汉语"], Random(3))  # another kind
