"""F1 and exact match of answers, by hand: MLQA's rule for each of its languages, and SQuAD's."""

import pytest

from model.finetune.answers import best, exact, f1, mlqa_words, squad_words


@pytest.mark.parametrize(
    ("language", "text", "words"),
    [
        ("en", "The U.S. (an ally)", ["us", "ally"]),
        ("en", "Thebes – a city’s «name»", ["thebes", "citys", "name"]),
        ("en", "$5 + 6½", ["5", "6½"]),  # ASCII's symbols go with the punctuation; others stay
        ("de", "Die Mauer, eines der Häuser", ["mauer", "häuser"]),
        ("de", "„Deren“ Dienst", ["deren", "dienst"]),  # neither is an article
        ("es", "¿La casa de los Ríos?", ["casa", "de", "ríos"]),
        ("vi", "Những chiếc xe của là", ["xe"]),
        ("vi", "cáin cái", ["cáin"]),
        ("hi", "भारत। की, सेना", ["भारत", "की", "सेना"]),
        ("ar", "الكتاب، في البيت", ["كتاب", "في", "بيت"]),
        ("ar", "خالد", ["خ", "د"]),  # MLQA's program takes it out of the middle of words too
        ("zh", "《2008年》北京 Olympic games，", ["2008", "年", "北", "京", "olympic", "games"]),
        ("zh", "NFL球队", ["nfl", "球", "队"]),
        ("zh", "\u9fa5\u9fa6\u9fa7", ["\u9fa5", "\u9fa6\u9fa7"]),  # only to U+9FA5 a character is a word
        ("ru", "Это — город.", ["это", "город"]),  # not a language of MLQA: punctuation only
    ],
)
def test_words_of_mlqa(language: str, text: str, words: list[str]) -> None:
    assert mlqa_words(text, language) == words


def test_words_of_squad_are_english_whatever_the_language() -> None:
    assert squad_words("The “U.S.”, a state") == ["“us”", "state"]
    assert squad_words("北京 2008年。") == ["北京", "2008年。"]


def test_f1_and_exact_match_by_hand() -> None:
    answer = mlqa_words("在北京大学", "zh")  # 5 words; 2 of the 2 of the truth
    truth = mlqa_words("北京。", "zh")
    assert f1(answer, truth) == pytest.approx(2 * (2 / 5) * (2 / 2) / (2 / 5 + 2 / 2))
    assert exact(mlqa_words("das Haus!", "de"), mlqa_words("ein Haus", "de")) == 1
    assert exact(mlqa_words("das Haus", "es"), mlqa_words("Haus", "es")) == 0
    assert f1(["a", "a", "b"], ["a", "b", "b"]) == pytest.approx(2 / 3)  # words count as often as they stand
    assert f1([], []) == 0
    assert exact([], []) == 1


def test_the_best_of_several_true_answers_counts() -> None:
    assert best(f1, "new york city", ["Paris", "York city"], squad_words) == pytest.approx(0.8)
    assert best(exact, "the answer", ["Paris", "Answer."], squad_words) == 1
