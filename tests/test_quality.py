"""How sure and how fluent the documents of a language are: exact sums in any order, in little memory."""

import random
import statistics
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccnet_pipeline.ledger import Account, total
from ccnet_pipeline.quality import Quality

Counted = tuple[float, float | None, str | None]


def quality_of(documents: list[Counted]) -> Quality:
    quality = Quality()
    for document in documents:
        quality.count(*document)
    return quality


def test_the_three_figures() -> None:
    quality = quality_of([(0.9, 12.3, "head"), (0.7, 1234.5, "tail"), (0.8, 129.4, "middle"), (0.5, None, "all")])
    assert (quality.mean_score, quality.median_perplexity, quality.head_share) == (0.725, 130.0, 0.3333)


def test_nothing_is_said_of_what_is_not_there() -> None:
    assert (Quality().mean_score, Quality().median_perplexity, Quality().head_share) == (None, None, None)
    unwanted = quality_of([(0.9, None, None)])
    assert (unwanted.mean_score, unwanted.median_perplexity, unwanted.head_share) == (0.9, None, None)


@pytest.mark.parametrize(
    ("perplexity", "shown"),
    [(1.0, 1.0), (9.9, 9.9), (10.4, 10.0), (10.5, 11.0), (99.9, 100.0), (1249.9, 1200.0), (sys.float_info.max, 1e11)],
)
def test_a_perplexity_is_counted_by_its_first_two_digits(perplexity: float, shown: float) -> None:
    assert quality_of([(1.0, perplexity, "head")]).median_perplexity == shown


DOCUMENTS = st.lists(
    st.tuples(
        st.floats(0.0, 1.0),
        st.none() | st.floats(1.0, 1e6).map(lambda value: round(value, 1)),
        st.sampled_from(["head", "middle", "tail", "all", None]),
    )
)


@given(DOCUMENTS, st.randoms(use_true_random=False))
def test_the_order_and_the_segments_change_nothing(documents: list[Counted], chance: random.Random) -> None:
    expected = quality_of(documents)
    shuffled = sorted(documents, key=lambda _: chance.random())
    accounts = [Account(), Account(), Account()]
    for document in shuffled:
        chance.choice(accounts).quality_of("sw").count(*document)
    found = total(accounts).quality_of("sw")
    assert found == expected
    values = [value for _, value, _ in documents if value is not None]
    if values:
        assert found.median_perplexity == pytest.approx(statistics.median_low(values), rel=0.051)


def test_what_is_kept_stays_small() -> None:
    chance = random.Random(1)
    documents: list[Counted] = [(0.5, round(10 ** chance.uniform(0, 6), 1), "head") for _ in range(20_000)]
    assert len(quality_of(documents).perplexities) <= 6 * 90 + 1
