"""Spans and their F1: against seqeval, and by hand."""

from hypothesis import given
from hypothesis import strategies as st
from seqeval.metrics import f1_score, precision_score, recall_score
from seqeval.scheme import IOB2

from model.finetune.iob import compare, to_iob2

TAGS = st.lists(st.sampled_from(["O", "B-PER", "I-PER", "B-LOC", "I-LOC"]), min_size=1, max_size=8)
PAIRS = st.lists(TAGS.flatmap(lambda tags: st.tuples(st.just(tags), st.permutations(tags))), min_size=1, max_size=6)


@given(PAIRS)
def test_strict_figures_are_seqevals(pairs: list[tuple[list[str], list[str]]]) -> None:
    true, found = [pair[0] for pair in pairs], [list(pair[1]) for pair in pairs]
    figures = compare(pairs)
    strict = {"mode": "strict", "scheme": IOB2, "zero_division": 0}
    assert abs(figures.f1 - f1_score(true, found, **strict)) < 1e-12
    assert abs(figures.precision - precision_score(true, found, **strict)) < 1e-12
    assert abs(figures.recall - recall_score(true, found, **strict)) < 1e-12


@given(PAIRS)
def test_figures_of_rewritten_tags_are_conllevals(pairs: list[tuple[list[str], list[str]]]) -> None:
    true, found = [pair[0] for pair in pairs], [list(pair[1]) for pair in pairs]
    lenient = compare((to_iob2(one), to_iob2(other)) for one, other in pairs)
    assert abs(lenient.f1 - f1_score(true, found, zero_division=0)) < 1e-12  # seqeval's default is conlleval's way


def test_figures_by_hand() -> None:
    true = ["B-PER", "I-PER", "O", "B-LOC", "B-LOC"]
    found = ["B-PER", "I-PER", "O", "I-LOC", "B-LOC"]  # the second begins with I-: strictly no entity
    figures = compare([(true, found)])
    assert (figures.precision, figures.recall, figures.f1) == (1.0, 2 / 3, 0.8)
    assert compare([(true, to_iob2(found))]).f1 == 1.0
    assert compare([(["O"], ["O"])]).f1 == 0.0  # as seqeval and conlleval have it
