"""Burmese in Zawgyi is told from Burmese in Unicode."""

from pathlib import Path

import pytest

from ccnet_pipeline.language import Identifier, Judgement, LidModels, ModelIdentifier, load
from ccnet_pipeline.language.zawgyi import is_mostly_burmese, probability_of_zawgyi
from tests import oracle
from tests.lid_models import StandIn

# The same sentence: "Myanmar is a country in South-East Asia."
UNICODE = "မြန်မာနိုင်ငံသည် အရှေ့တောင်အာရှရှိ နိုင်ငံတစ်နိုင်ငံဖြစ်သည်။"
ZAWGYI = "ျမန္မာႏိုင္ငံသည္ အေရွ႕ေတာင္အာရွရွိ ႏိုင္ငံတစ္ႏိုင္ငံျဖစ္သည္။"
TEXTS = [
    UNICODE, ZAWGYI, f"Facebook: {ZAWGYI}", f"{'Facebook ' * 30}{ZAWGYI}", UNICODE * 3 + ZAWGYI * 9, "မီး", "", "Burma",
    ZAWGYI[:8], ZAWGYI * 9 + "Facebook " * 200, "Facebook " * 70 + ZAWGYI * 9, "ျမန္မာ (Myanmar, formerly Burma)",
    "\u00a0 ျမန္မာ 2018",
]  # fmt: skip


@pytest.fixture(scope="module")
def identifier(lid_model: Path) -> Identifier:
    return load(LidModels(lid_model)).identifier(Judgement())


def test_a_text_in_zawgyi_has_a_code_of_its_own(identifier: Identifier) -> None:
    burmese, zawgyi = identifier.identify([UNICODE, ZAWGYI])
    assert (burmese.language, burmese.decided_by) == ("my", "lid.176.ftz")
    assert (zawgyi.language, zawgyi.decided_by) == ("my_zaw", "zawgyi")
    assert zawgyi.score > 0.99


def test_cc_net_does_not_tell(lid_model: Path) -> None:
    identifier = load(LidModels(lid_model)).identifier(Judgement(0.5, rounds=True, tells_zawgyi=False))
    assert [each.language for each in identifier.identify([UNICODE, ZAWGYI])] == ["my", "my"]


@pytest.mark.parametrize(
    ("answer", "text", "language"),
    [
        (("my", 0.3), ZAWGYI, "my_zaw"),
        (("de", 0.3), ZAWGYI, "my_zaw"),
        (("zxx", 0.9), ZAWGYI, "my_zaw"),
        (("de", 0.3), UNICODE, "und"),
        (("zxx", 0.9), UNICODE, "zxx"),
        (("de", 0.3), f"{'Facebook ' * 30}{ZAWGYI}", "und"),  # not mostly Burmese
        (("de", 0.9), ZAWGYI, "de"),  # the model is sure
    ],
)
def test_it_is_asked_where_the_models_say_burmese_or_are_not_sure(
    answer: tuple[str, float], text: str, language: str
) -> None:
    [found] = ModelIdentifier(StandIn(lambda _: [answer]), None, Judgement()).identify([text])
    assert found.language == language


@pytest.mark.parametrize(("least", "language"), [(0.98, "my_zaw"), (0.99, "und")])
def test_it_needs_the_least_score_that_was_asked_for_as_every_language_does(least: float, language: str) -> None:
    sure = StandIn(lambda _: [("my", 1.0)])
    [found] = ModelIdentifier(sure, None, Judgement(least)).identify([ZAWGYI[0]])  # to the detector 0.982
    assert found.language == language


@pytest.mark.parametrize("text", TEXTS)
def test_it_is_as_the_plain_rule_has_it(text: str) -> None:
    probability = oracle.probability_of_zawgyi(text)
    assert probability_of_zawgyi(text) == (probability if probability >= 0.9 else None)
    assert is_mostly_burmese(text) == oracle.is_mostly_burmese(text)
