"""Settings that change with the step: one form to write and read, and from where on two of them differ."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.errors import UserError
from model.stages import MOST, Stages

PARTS = st.dictionaries(st.integers(1, 50), st.floats(0, 1), max_size=MOST - 1)


def stages(first: float, parts: dict[int, float]) -> Stages:
    return Stages.parse(",".join([f"{first}", *(f"{step}:{parts[step]}" for step in sorted(parts))]))


@given(st.floats(0, 1), PARTS)
def test_a_value_counts_from_its_step_on(first: float, parts: dict[int, float]) -> None:
    found = stages(first, parts)
    expected = first
    for step in range(60):
        expected = parts.get(step, expected)
        assert found.at(step) == expected
    assert Stages.parse(str(found)) == found
    assert len({value for _, value in found.items}) >= min(2, len(found.items))


@given(st.floats(0, 1), PARTS, PARTS)
def test_two_are_the_same_until_they_differ(first: float, parts: dict[int, float], others: dict[int, float]) -> None:
    one, other = stages(first, parts), stages(first, others)
    border = one.same_until(other)
    steps = range(60 if border is None else border)
    assert all(one.at(step) == other.at(step) for step in steps)
    assert border is None or one.at(border) != other.at(border)
    assert (border is None) == (one == other)


@pytest.mark.parametrize("text", ["", "x", "0.3,", "0.3,5", "5:0.3", "0.3,5:0.2,5:0.1", "0.3,5:0.3,4:0.2", "0.3:5",
                                  "-0.3", "nan", "0.3,1e3:0.1", "0.3;5:0.1", "١", f"0.3,{'9' * 5000}:0.1"])  # fmt: skip
def test_other_forms_are_refused(text: str) -> None:
    with pytest.raises(UserError, match="is no value by step: give a number, or several as"):
        Stages.parse(text)


def test_more_stages_than_graphs_are_refused() -> None:
    text = ",".join(f"{step}:{0.9 - step / 100}" for step in range(MOST + 1))
    with pytest.raises(UserError, match="has 8 stages; give at most 7"):
        Stages.parse(text)
