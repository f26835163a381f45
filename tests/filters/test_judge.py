"""What filters are asked, and what becomes of their answers."""

from collections.abc import Sequence

import pytest

from ccnet_pipeline.documents import Document
from ccnet_pipeline.errors import FilterError
from ccnet_pipeline.filters import Choice, Filter, FilterJudge, OnError, find_filters

MINE = "tests.filters.of_tests"


def document(text: str, number: int = 0) -> Document:
    return Document(
        id=f"id{number}", text=text, language="en", language_score=1.0, perplexity=None, bucket="all", url="",
        domain="", title="", date="", dump="", segment="s.wet.gz", offset=0, digest="", paragraph_ids=[0],
        original_paragraphs=1, original_characters=0,
    )  # fmt: skip


def reasons(names: str, *texts: str, on_error: OnError = "fail") -> list[str | None]:
    filters = find_filters([f"{MINE}.{name}" for name in names.split()], None)
    documents = [document(text, number) for number, text in enumerate(texts)]
    return FilterJudge(filters, on_error).reasons(documents)


def test_the_first_filter_that_has_a_reason_counts() -> None:
    texts = ("g", "a", "gg", "aa")
    assert reasons("odd with_g", *texts) == [f"{MINE}.odd.paragraphs_1"] * 2 + [f"{MINE}.with_g.g", None]
    assert reasons("with_g odd", *texts) == [
        f"{MINE}.with_g.g", f"{MINE}.odd.paragraphs_1", f"{MINE}.with_g.g", None,
    ]  # fmt: skip


def test_a_filter_sees_only_what_those_before_it_let_pass_and_all_of_it_at_once() -> None:
    seen: list[list[str]] = []

    def verdicts(documents: Sequence[Document]) -> list[str | None]:
        seen.append([each.text for each in documents])
        return ["x" if each.text.startswith("a") else None for each in documents]

    judge = FilterJudge([Filter(Choice("one", "1"), verdicts), Filter(Choice("two", "1"), verdicts)])
    assert judge.reasons([document("a"), document("b"), document("c")]) == ["one.x", None, None]
    assert judge.reasons([document("a")]) == ["one.x"]  # and nobody is asked about nothing
    assert seen == [["a", "b", "c"], ["b", "c"], ["a"]]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("raises", r"raised ValueError: no z, please \(of_tests.py, line \d+\)"),
        ("leaves", r"raised SystemExit: 3 \(of_tests.py, line \d+\)"),
        ("is_good", "answered 'False' of type bool; want None, or a reason of up to 64 letters"),
        ("as_path", "answered '../../x' of type str; want None, or a reason"),
        ("clears", "changed the document, asked"),
        ("empty", "answered '' of type str; want None, or a reason"),
    ],
)
def test_a_filter_that_gives_no_answer_ends_the_run_or_drops_the_document(name: str, message: str) -> None:
    with pytest.raises(FilterError, match=f"^--filters {MINE}.{name} {message}") as raised:
        reasons(name, "z")
    assert "asked about the document id0 of s.wet.gz; drop such documents with --on_filter_error drop, and the " in str(
        raised.value
    )
    assert str(raised.value).endswith("the same command goes on; or mend it and start anew with --overwrite")
    assert "\n" not in str(raised.value)
    assert reasons(name, "z", on_error="drop") == [f"filter_error.{MINE}.{name}"]


def test_only_the_document_that_a_filter_fails_on_is_dropped() -> None:
    assert reasons("raises odd", "aa", "zz", "a", on_error="drop") == [
        None, f"filter_error.{MINE}.raises", f"{MINE}.odd.paragraphs_1",
    ]  # fmt: skip
    with pytest.raises(FilterError, match="the document id1 of"):
        reasons("raises", "aa", "zz", "zz")


def test_a_filter_has_few_reasons() -> None:
    with pytest.raises(FilterError, match=r"by_id has more than 100 different reasons; .* the document id100 of"):
        reasons("by_id", *["a"] * 101)
    assert reasons("by_id", *["a"] * 101, on_error="drop")[99:] == [
        f"{MINE}.by_id.id_id99",
        f"filter_error.{MINE}.by_id",
    ]
