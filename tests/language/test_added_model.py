"""What the model that is shipped can do, on text that it was not trained on."""

from pathlib import Path

import pytest

from ccnet_pipeline.language import ADDED, Judgement, for_identification, load, with_second
from ccnet_pipeline.language.evaluate_command import Result, evaluate_texts
from ccnet_pipeline.language.identifier import ModelIdentifier
from ccnet_pipeline.language.pools import evaluation_texts, find_pools, read_pool

MOST = 40  # paragraphs of a language
ADDED_CODES = "ff ha ig lg ln ns om ss tn wo xh zu".split()  # which lid.176 lacks
WEAK_CODES = "so yo ms gn ht qu rm gd am eu sw".split()  # which it has and hardly finds (jv, su: documents only)

NO_LANGUAGE = (
    "12.5 13.75 1.000 14,000 15:30 22.03.2015 18 77 1024 3.14159 99.9% 17 4 2",
    "for (int i = 0; i < n; ++i) { sum += values[i]; } return sum / count;",
    "SELECT id, name, price FROM users_table WHERE id = 42 AND price > 18 ORDER BY name DESC;",
    "ÐŸÐ¾ÑÐ»Ðµ ÑÑ‚Ð¾Ð³Ð¾ Ð¾Ð½Ð¸ Ð¿Ð¾ÑˆÐ»Ð¸ Ð´Ð¾Ð¼Ð¾Ð¹ Ð¸ Ð»ÐµÐ³Ð»Ð¸ ÑÐ¿Ð°Ñ‚ÑŒ",
)


@pytest.fixture(scope="module")
def identifier(lid_model: Path) -> ModelIdentifier:
    return load(with_second(lid_model, ADDED, added_by_default=True)).identifier(Judgement())


@pytest.fixture(scope="module")
def paragraphs(test_data: Path, identifier: ModelIdentifier) -> Result:
    pools = {
        code: read_pool(code, path, fewest_characters=1) for code, path in find_pools(test_data / "text/web").items()
    }
    texts = evaluation_texts(pools, "paragraphs")
    by_language = [[text for text in texts if text[0] == code] for code in pools]
    return evaluate_texts([text for some in by_language for text in some[:: max(1, len(some) // MOST)]], identifier)


def test_languages_are_told_apart(paragraphs: Result) -> None:
    assert paragraphs.evaluation.macro_f1("cc100") > 0.94
    assert paragraphs.strays < 0.1  # texts in other languages that go to one of CC-100


@pytest.mark.parametrize("code", [*ADDED_CODES, *WEAK_CODES])
def test_a_language_that_the_general_model_does_not_find_is_found(paragraphs: Result, code: str) -> None:
    assert paragraphs.evaluation.languages[code].f1 > (0.7 if code == "ms" else 0.8)  # id and ms are nearly one


@pytest.mark.parametrize("text", NO_LANGUAGE)
def test_what_is_no_language_is_called_so(identifier: ModelIdentifier, text: str) -> None:
    assert [one.language for one in identifier.identify(for_identification([text]))] == ["zxx"]
