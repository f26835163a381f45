"""Figures of entities: against a plain computation from the rules, and by hand."""

from hypothesis import given
from hypothesis import strategies as st

from model.finetune.iob import to_iob2
from model.finetune.ner import figures

TAGS = st.lists(st.sampled_from(["O", "B-PER", "I-PER", "B-LOC", "I-LOC"]), min_size=1, max_size=8)
PAIRS = st.lists(TAGS.flatmap(lambda tags: st.tuples(st.just(tags), st.permutations(tags))), min_size=1, max_size=6)


def entities(sentences: list[list[str]]) -> set[tuple[int, int, int, str]]:
    """Strictly: B-X and the I-X that follow it; an I-X that follows nothing of its type is no entity."""
    found = set()
    for number, tags in enumerate(sentences):
        for start, tag in enumerate(tags):
            if tag.startswith("B-"):
                end = start + 1
                while end < len(tags) and tags[end] == f"I-{tag[2:]}":
                    end += 1
                found.add((number, start, end, tag[2:]))
    return found


def plain(true: list[list[str]], guessed: list[list[str]]) -> tuple[float, float, float]:
    wanted, found = entities(true), entities(guessed)
    right = len(wanted & found)
    precision, recall = right / max(1, len(found)), right / max(1, len(wanted))
    return precision, recall, 2 * precision * recall / (precision + recall) if right else 0.0


@given(PAIRS)
def test_figures_are_those_of_a_plain_computation(pairs: list[tuple[list[str], list[str]]]) -> None:
    true, found = [list(to_iob2(pair[0])) for pair in pairs], [list(pair[1]) for pair in pairs]
    scores = figures(true, found)
    precision, recall, f1 = plain(true, found)
    assert abs(scores["precision"] - precision) + abs(scores["recall"] - recall) + abs(scores["f1"] - f1) < 1e-9
    assert abs(scores["f1_conlleval"] - plain(true, [list(to_iob2(tags)) for tags in found])[2]) < 1e-9


def test_figures_by_hand() -> None:
    true = ["B-PER", "I-PER", "O", "B-LOC", "B-LOC"]
    found = ["B-PER", "I-PER", "O", "I-LOC", "B-LOC"]  # the second begins with I-: strictly no entity
    assert figures([true], [found]) == {"f1": 0.8, "precision": 1.0, "recall": 2 / 3, "f1_conlleval": 1.0}
    assert figures([["O"]], [["O"]])["f1"] == 0.0  # as conlleval has it
