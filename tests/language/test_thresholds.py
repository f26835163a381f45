"""From which score on an answer is believed: small tables, counted by hand."""

import msgspec
import pytest

from ccnet_pipeline.language.thresholds import (
    NEVER,
    Answered,
    believed_scores,
    confused_languages,
    least_scores,
    share_asked,
)
from tests.language.test_combination import RULE


def _answered(language: str, answer: str, *scores: float) -> list[Answered]:
    return [Answered(language, [(answer, score)], [(answer, score)]) for score in scores]


def test_an_answer_is_believed_from_the_floor_on_where_it_takes_nothing_of_another_language() -> None:
    texts = _answered("en", "en", *[0.6, 0.9] * 50) + _answered("so", "en", *[0.69] * 100)
    assert believed_scores(texts, floor=0.7, most_lost=0.01) == {}


def test_an_answer_is_believed_above_the_scores_at_which_a_language_loses_too_many_texts_to_it() -> None:
    texts = _answered("rm", "it", 0.8, 0.85, 0.9) + _answered("rm", "rm", *[0.9] * 97)
    believed = believed_scores(texts, floor=0.7, most_lost=0.01)
    assert 0.85 < believed["it"] < 0.8501  # one of the hundred is lost above it
    assert confused_languages(texts, floor=0.7, most_lost=0.01) == {"it": {"rm"}}


def test_an_answer_to_which_a_language_loses_a_tenth_of_its_texts_is_never_believed() -> None:
    texts = _answered("ti", "am", *[0.95] * 3) + _answered("ti", "ti", *[0.9] * 17)
    assert believed_scores(texts, floor=0.7, most_lost=0.01)["am"] == NEVER


def test_one_wrong_text_of_a_small_language_is_no_evidence() -> None:
    texts = _answered("ig", "en", 0.99) + _answered("ig", "ig", *[0.9] * 4)
    assert believed_scores(texts, floor=0.7, most_lost=0.01) == {}
    assert confused_languages(texts, floor=0.7, most_lost=0.01) == {}


@pytest.mark.parametrize(("score", "least"), [(0.19, {"so": 0.2}), (0.345, {"so": 0.34}), (0.6, {})])
def test_a_language_with_low_scores_needs_less(score: float, least: dict[str, float]) -> None:
    rule = msgspec.structs.replace(RULE, general_weight=0.0)
    others = [(f"x{number}", (1 - score) / 5) for number in range(5)]
    texts = [Answered("so", [("so", 0.2)], [("so", score), *others])] * 10
    assert least_scores(texts, rule, otherwise=0.5, floor=0.2, kept=0.98) == least


def test_texts_that_the_general_model_is_believed_on_say_nothing_of_the_least_score() -> None:
    texts = [Answered("en", [("en", 0.9)], [("en", 0.3), ("so", 0.3)])]
    assert least_scores(texts, RULE, otherwise=0.5, floor=0.2, kept=0.98) == {}


def test_the_share_asked_counts_texts_that_the_general_model_could_not_read() -> None:
    texts = [Answered("en", [], []), *_answered("en", "en", 0.9, 0.75, 0.6)]
    assert share_asked(texts, {"en": 0.8}, 0.7) == 0.75
