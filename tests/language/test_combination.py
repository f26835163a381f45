"""Who is believed of the two models of language, and what the card of the added one says."""

import hashlib
from pathlib import Path

import msgspec
import pytest

from ccnet_pipeline.errors import UserError
from ccnet_pipeline.language.combination import Rule, Sources, read_rule
from ccnet_pipeline.language.loading import ADDED_FILE, card_of

SOURCES = Sources(command="train", text="text", licence="", characters={}, settings={}, versions={}, measured={})
RULE = Rule(
    labels=("en", "so", "ha", "zxx"),
    sha256="",
    general_model="lid.176.ftz",
    max_characters=400,
    num_labels=5,
    believed={"en": 0.8, "fa": 1.01},
    believed_otherwise=0.7,
    confused={"fa": frozenset({"prs"})},
    not_in_general=frozenset({"ha", "zxx"}),
    general_weight=0.5,
    unknown_to_it=0.1,
    not_named=0.005,
    least_scores={"so": 0.3},
    least_score_otherwise=0.5,
    sources=SOURCES,
)


@pytest.mark.parametrize(
    ("answer", "is_asked"), [(("en", 0.79), True), (("en", 0.8), False), (("fa", 1.0), True), (("sw", 0.7), False)]
)
def test_the_added_model_is_asked_where_the_general_one_is_not_believed(
    answer: tuple[str, float], is_asked: bool
) -> None:
    assert RULE.must_ask(*answer) == is_asked


def test_the_general_model_decides_where_the_added_one_was_not_asked() -> None:
    assert RULE.decide([("en", 0.9), ("de", 0.1)], []) == ("en", 0.9, False)
    assert RULE.decide([], []) == ("und", 0.0, False)


def test_a_language_that_the_general_model_lacks_is_found_against_its_answer() -> None:
    language, score, by_added = RULE.decide([("en", 0.3), ("so", 0.1)], [("ha", 0.9), ("en", 0.1)])
    assert (language, by_added) == ("ha", True)
    assert score == pytest.approx(0.9 * 0.1**0.5 / (0.9 * 0.1**0.5 + 0.1 * 0.3**0.5))


def test_where_the_added_model_wavers_the_general_one_tips_the_scales() -> None:
    assert RULE.decide([("so", 0.4), ("en", 0.05)], [("en", 0.5), ("so", 0.45)])[0] == "so"


def test_a_language_that_the_general_model_could_have_named_and_did_not_is_doubted() -> None:
    # of "so", which it knows, it says nothing; of "ha" it can say nothing
    assert RULE.decide([("en", 0.2)], [("so", 0.5), ("ha", 0.4)])[0] == "ha"


def test_a_sure_answer_is_only_given_up_for_a_language_that_it_is_confused_with() -> None:
    added = [("en", 0.7), ("prs", 0.2), ("fa", 0.1)]
    assert RULE.decide([("fa", 0.9)], added)[0] == "fa"
    assert RULE.decide([("fa", 0.75), ("prs", 0.2)], added)[0] == "prs"
    assert RULE.decide([("fa", 0.9)], [("en", 0.9), ("so", 0.1)]) == ("fa", 0.9, False)
    assert RULE.decide([("fa", 0.5), ("en", 0.3)], added)[0] == "en"  # not sure: any


def test_a_probability_of_zero_is_no_mistake() -> None:
    assert RULE.decide([("en", 0.0)], [("en", 0.0)]) == ("en", 1.0, True)


def test_each_language_has_its_least_score() -> None:
    assert (RULE.least_score("so"), RULE.least_score("en")) == (0.3, 0.5)


def test_a_model_without_its_card_is_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"^\S+own\.json is missing, which says when .*train writes both$"):
        read_rule(tmp_path / "own.json")


@pytest.mark.parametrize("content", [b"", b"{}", b'{"labels": 3}', b"\xff", b'{"labels": ["\xff"]}'])
def test_a_file_that_is_no_card_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "own.json").write_bytes(content)
    with pytest.raises(UserError, match="is not the card of a model"):
        read_rule(tmp_path / "own.json")


@pytest.mark.parametrize("name", ["num_labels", "max_characters", "unknown_to_it", "not_named"])
def test_a_card_whose_numbers_cannot_be_is_refused(name: str, tmp_path: Path) -> None:
    card = tmp_path / "added.json"
    card.write_bytes(msgspec.json.encode(msgspec.structs.replace(RULE, **{name: 0})))
    with pytest.raises(UserError, match=f"is not the card of a model .*{name}"):
        read_rule(card)


def test_a_card_is_read_as_it_was_written(tmp_path: Path) -> None:
    (tmp_path / "own.json").write_bytes(msgspec.json.encode(RULE))
    assert read_rule(tmp_path / "own.json") == RULE


def test_the_card_that_is_shipped_is_that_of_the_model_beside_it() -> None:
    assert read_rule(card_of(ADDED_FILE)).sha256 == hashlib.sha256(ADDED_FILE.read_bytes()).hexdigest()
    assert ADDED_FILE.stat().st_size <= 3_000_000
