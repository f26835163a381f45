"""One interface to one model or two: who decides, what is no language, what is kept of the answers."""

import dataclasses
from collections.abc import Sequence

import numpy as np
import pytest

from ccnet_pipeline.documents import Document, LanguageLabel, Reject
from ccnet_pipeline.fluency import FluencyModels
from ccnet_pipeline.groups import Grouper, Paragraphs
from ccnet_pipeline.language import Identification, Judgement, ModelIdentifier, weighted_score
from ccnet_pipeline.language.chinese import cc100_code
from ccnet_pipeline.language.fasttext_model import Scored
from ccnet_pipeline.language.identifier import MIN_CHARACTERS, Second
from ccnet_pipeline.ledger import Account
from ccnet_pipeline.mine import Miner
from ccnet_pipeline.pages.page import Page
from ccnet_pipeline.recipe import CC100, CCNET, Recipe
from tests.chunks import chunks_of
from tests.lid_models import StandIn, identifier_of


class AskBelow:
    """A rule for tests: ask below a score, or where the answer is `id`; the likelier answer counts."""

    max_characters, num_labels, not_named = 10, 3, 0.05

    def must_ask(self, language: str, score: float) -> bool:
        return score < 0.9 or language == "id"

    def decide(self, general: Sequence[Scored], added: Sequence[Scored]) -> tuple[str, float, bool]:
        if not added or (general and general[0][1] >= added[0][1]):
            return (*general[0], False) if general else ("und", 0.0, False)
        return (*added[0], True)

    def least_score(self, language: str) -> float:
        return {"so": 0.2}.get(language, 0.5)


REST = " ".ljust(MIN_CHARACTERS)
GENERAL = {
    "sure": [("en", 0.95)], "unsure": [("en", 0.4)], "close": [("id", 0.99)], "low": [("so", 0.3)], "": [],
    "noise": [("en", 0.6)], "more": [("en", 1.00003), ("de", 0.1), ("fr", 0.01)],
}  # fmt: skip
ADDED = {"unsure": [("ha", 0.8)], "close": [("ms", 1.0)], "noise": [("zxx", 0.97)], "low": [("so", 0.25)]}


def two_models(judgement: Judgement) -> tuple[ModelIdentifier, StandIn, StandIn]:
    """Two models that go by the first word."""
    general = StandIn(lambda text: GENERAL[text.partition(" ")[0]], "general")
    added = StandIn(lambda text: ADDED.get(text.partition(" ")[0], []), "added")
    return ModelIdentifier(general, Second(added, AskBelow()), judgement), general, added


def found(identifier: ModelIdentifier, texts: Sequence[str]) -> list[tuple[str, float, str]]:
    return [(each.language, each.score, each.decided_by) for each in identifier.identify(texts)]


def test_the_second_model_is_asked_where_the_rule_says_so_and_shown_no_more_than_it_says() -> None:
    identifier, general, added = two_models(Judgement())
    texts = [word + REST for word in ("sure", "unsure", "close", "low", "", "noise")]
    assert found(identifier, texts) == [
        ("en", 0.95, "general"),
        ("ha", 0.8, "added"),
        ("ms", 1.0, "added"),
        ("so", 0.3, "general"),  # below 0.5, but enough for Somali
        ("und", 0.0, "general"),
        ("zxx", 0.97, "added"),
    ]
    assert general.shown == texts
    assert added.shown == [text[:10] for text in texts[1:]]


@pytest.mark.parametrize(("recipe", "most"), [(CC100, 600), (dataclasses.replace(CC100, unit="document"), 2000)])
def test_beside_a_second_model_the_general_one_is_shown_the_beginning_of_a_paragraph(recipe: Recipe, most: int) -> None:
    identifier, general, _ = two_models(recipe.judgement)
    identifier.identify(["sure ".ljust(2000)])
    assert [len(text) for text in general.shown] == [most]
    alone = StandIn(lambda _: [("en", 0.9)])
    identifier_of(alone, recipe).identify(["sure ".ljust(2000)])
    assert [len(text) for text in alone.shown] == [2000]


@pytest.mark.parametrize("keeps_labels", [False, True])
def test_on_a_short_text_the_second_model_has_no_say(keeps_labels: bool) -> None:
    identifier, _, added = two_models(Judgement(keeps_labels=keeps_labels))
    texts = ["close".ljust(MIN_CHARACTERS - 1), "close".ljust(MIN_CHARACTERS)]
    assert [each.language for each in identifier.identify(texts)] == ["id", "ms"]
    assert len(added.shown) == (2 if keeps_labels else 1)


@pytest.mark.parametrize(("least", "languages"), [(0.0, ["en", "so"]), (0.35, ["en", "und"]), (1.0, ["und", "und"])])
def test_one_least_score_for_all_overrules_that_of_the_language(least: float, languages: list[str]) -> None:
    identifier, _, _ = two_models(Judgement(least))
    assert [each.language for each in identifier.identify(["sure", "low"])] == languages


def test_without_a_second_model_every_language_needs_one_half() -> None:
    model = StandIn(lambda text: [(text, 0.49999)] if text == "so" else [(text, 0.5)])
    assert [each.language for each in ModelIdentifier(model, None, Judgement()).identify(["so", "en"])] == ["und", "en"]


def test_a_score_is_at_most_1_and_rounded_only_for_cc_net() -> None:
    identifier, _, _ = two_models(Judgement(0.95))
    assert found(identifier, ["more"]) == [("en", 1.0, "general")]
    model = StandIn(lambda _: [("en", 0.495)])
    [rounded] = ModelIdentifier(model, None, Judgement(0.5, rounds=True)).identify(["text"])
    assert (rounded.language, rounded.score) == ("en", 0.5)


def test_all_models_are_asked_where_labels_are_kept_and_the_decision_is_the_same() -> None:
    texts = [word + REST for word in ("sure", "unsure", "close", "more", "")]
    plain, _, _ = two_models(Judgement())
    keeping, _, added = two_models(Judgement(keeps_labels=True))
    assert found(keeping, texts) == found(plain, texts)
    assert added.shown == [text[:10] for text in texts]
    labels = [each.labels for each in keeping.identify(texts)]
    assert labels[1] == (("general", (("en", 0.4),)), ("added", (("ha", 0.8),)))
    assert labels[3] == (("general", (("en", 1.0), ("de", 0.1))), ("added", ()))
    assert [each.labels for each in plain.identify(texts)] == [()] * len(texts)


# --- Chinese


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("汉语", "zh-Hans"), ("漢語", "zh-Hant"), ("", "zh-Hans"), ("abc 123", "zh-Hans"), ("中文", "zh-Hans"),
        ("汉語", "zh-Hans"), ("汉汉語", "zh-Hans"), ("汉語語", "zh-Hant"), ("這" * 300 + "这" * 299, "zh-Hant"),
        ("\U0001f600漢", "zh-Hant"), ("\ud800漢", "zh-Hant"),
    ],
)  # fmt: skip
def test_chinese_goes_by_its_script(text: str, code: str) -> None:
    assert cc100_code("zh", text) == code


@pytest.mark.parametrize("label", ["en", "ceb", "yue", "wuu", "ja"])
def test_every_other_label_stays(label: str) -> None:
    assert cc100_code(label, "漢語") == label


# --- groups and documents


def test_scores_are_weighted_by_code_points() -> None:
    assert weighted_score([0.9, 0.6], [2, 1]) == pytest.approx(0.8)
    assert weighted_score([0.123456], [1]) == 0.123456


class Counting:
    """An identifier that says `en`, and remembers the size of its calls."""

    def __init__(self) -> None:
        self.calls: list[int] = []

    def identify(self, texts: Sequence[str]) -> list[Identification]:
        self.calls.append(len(texts))
        return [Identification("en", 1.0, "counting")] * len(texts)


def page(text: str, number: int = 0) -> Page:
    return Page(id=str(number), url="", date="", digest="", offset=number, title="", lines=text.split("\n"))


def mine(
    identifier: ModelIdentifier | Counting, *pages: Page, recipe: Recipe = CC100, keep_labels: bool = False
) -> tuple[list[Document], Account]:
    """The documents of all pages, and the books; no paragraph is a duplicate."""
    models = FluencyModels(None, recipe.normalization)
    miner = Miner("s", "d", recipe, identifier, models, keep_rejects=True, keep_labels=keep_labels)
    paragraphs = sum(len(each.paragraphs(title_is_paragraph=recipe.title_is_paragraph)) for each in pages)
    return list(miner.mine(chunks_of(recipe, pages), np.zeros(paragraphs, np.uint8))), miner.account


def test_the_paragraphs_of_many_pages_are_identified_in_one_call() -> None:
    counting = Counting()
    documents, _ = mine(counting, *(page(f"one {number}\ntwo", number) for number in range(100)))
    assert counting.calls == [200]
    assert [(each.id, each.paragraph_ids) for each in documents] == [(str(number), [1, 2]) for number in range(100)]


def test_what_is_no_language_has_a_reason_of_its_own() -> None:
    model = StandIn(lambda text: [("zxx" if text.startswith("1") else "en", 0.9)])
    documents, account = mine(identifier_of(model, CC100), page("1 2 3\nSome text"), page("1 2", 1))
    kept, dropped = documents
    assert (kept.language, kept.paragraph_ids) == ("en", [2])
    assert isinstance(dropped, Reject)
    assert (dropped.language, dropped.reason) == ("und", "not_language")
    assert account.tally.paragraphs.dropped == {"blank": 2, "not_language": 2}
    assert list(account.languages) == ["en"]


def test_documents_keep_the_labels_of_all_models_if_asked() -> None:
    identifier, _, _ = two_models(Judgement(keeps_labels=True))
    [document], _ = mine(identifier, page("sure\nmore 456"), keep_labels=True)
    assert document.language_model == "general"
    assert document.languages == [
        LanguageLabel("general", "en", round((0.95 * 4 + 1.0 * 8) / 12, 4)),
        LanguageLabel("general", "de", round(0.1 * 8 / 12, 4)),
    ]


@pytest.mark.parametrize(
    ("texts", "model"), [(["unsure" + REST, "sure"], "added"), (["unsure" + REST, "sure " * MIN_CHARACTERS], "general")]
)
def test_the_model_that_decided_is_that_of_most_of_the_text(texts: list[str], model: str) -> None:
    general = StandIn(lambda text: [("en", 0.95 if text.startswith("sure") else 0.4)], "general")
    added = StandIn(lambda _: [("en", 0.95)], "added")
    identifier = ModelIdentifier(general, Second(added, AskBelow()), Judgement(keeps_labels=True))
    [[group]] = Grouper(CC100, identifier, keep_labels=True).groups_of([Paragraphs([3, 7], texts)])
    assert (group.language, group.positions, group.evidence and group.evidence.decided_by) == ("en", [3, 7], model)


def test_a_page_without_paragraphs_has_no_group() -> None:
    for recipe in (CC100, CCNET):
        counting = Counting()
        assert Grouper(recipe, counting).groups_of([Paragraphs([], []), Paragraphs([1], ["x"])])[0] == []
        assert counting.calls == [1]
