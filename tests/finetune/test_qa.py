"""Questions and contexts as windows of tokens, and from a network's outputs back to answers."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from transformers import AutoTokenizer, BertTokenizer, PreTrainedTokenizerBase

from model.errors import UserError
from model.finetune.qa import ANSWER_PIECES, QUESTION_PIECES, Qa, Span, Window, best_span, cut, find_answers, text_of
from model.finetune.squad import Answer, Question
from model.finetune.task import Encoding, Output

CONTEXT = "Anna lives in Paris . Paul works in the big old house of Berlin and sings . A small bird sleeps in a tree ."


@pytest.fixture(scope="module")
def tokenizer(tiny_model: Path) -> PreTrainedTokenizerBase:
    loaded: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(tiny_model)
    return loaded


def encoding(length: int = 64, stride: int = 6) -> Encoding:
    return Encoding(length=length, stride=stride, labels=())


def ask(answer: str, *, text: str = "who lives in Paris ?", context: str = CONTEXT, language: str = "en") -> Question:
    return Question("q1", language, text, context, (Answer(answer, context.index(answer)),))


def outputs_for(windows: Sequence[Window], **scores: float) -> list[Output]:
    """What a network says that gives words of the context a score, and the question's a higher one."""
    outputs: list[Output] = []
    for window in windows:
        starts = np.zeros(len(window.input_ids) + 2, np.float32)
        starts[: window.place] = 99
        ends = starts.copy()
        for word, score in scores.items():
            first = CONTEXT.index(word)
            for piece in range(window.begin, window.end):
                place = window.place + piece - window.begin
                if window.context.starts[piece] == first:
                    starts[place] = max(starts[place], score)
                if window.context.ends[piece] == first + len(word):
                    ends[place] = score
        outputs.append({"start_logits": starts, "end_logits": ends})
    return outputs


def test_windows_are_those_of_transformers(tokenizer: PreTrainedTokenizerBase) -> None:
    question = ask("Anna")
    length, overlap = 24, 5
    room = length - len(tokenizer(question.text, add_special_tokens=False)["input_ids"]) - 4
    windows = Qa().features([question], tokenizer, encoding(length, room - overlap))
    theirs = tokenizer(
        question.text, CONTEXT, truncation="only_second", max_length=length, stride=overlap,
        return_overflowing_tokens=True, return_offsets_mapping=True,
    )  # fmt: skip
    assert len(windows) > 2
    assert [list(window.input_ids) for window in windows] == theirs["input_ids"]
    for number, window in enumerate(windows):
        places = [place for place, side in enumerate(theirs.sequence_ids(number)) if side == 1]
        assert places == list(range(window.place, window.place + window.end - window.begin))
        part, offsets = slice(window.begin, window.end), theirs["offset_mapping"][number]
        ours = zip(window.context.starts[part], window.context.ends[part], strict=True)
        assert [offsets[place] for place in places] == list(ours)


def test_the_answer_is_trained_where_it_stands_and_at_the_first_token_elsewhere(
    tokenizer: PreTrainedTokenizerBase,
) -> None:
    question = ask("old house of Berlin")
    (whole,) = Qa().features([question], tokenizer, encoding(200))
    first, last = (place - whole.place for place in whole.answer)
    assert text_of(Span(0, first, last), whole.context, CONTEXT) == "old house of Berlin"
    windows = [one for length in range(18, 26) for one in Qa().features([question], tokenizer, encoding(length, 3))]
    for window in windows:
        inside = {*range(first, last + 1)} <= {*range(window.begin, window.end)}
        shift = window.place - window.begin
        assert window.answer == ((first + shift, last + shift) if inside else (0, 0))
    assert any(first < window.begin <= last for window in windows)  # some hold the end of it only,
    assert any(first < window.end <= last for window in windows)  # others its beginning
    assert 0 < sum(window.answer != (0, 0) for window in windows) < len(windows)
    batch = Qa().collate(windows, tokenizer, encoding(24))
    assert batch["start_positions"].tolist() == [window.answer[0] for window in windows]
    assert batch["end_positions"].tolist() == [window.answer[1] for window in windows]


def test_every_piece_is_in_a_window_even_if_the_stride_is_longer_than_the_room(
    tokenizer: PreTrainedTokenizerBase,
) -> None:
    for stride in (0, 1, 500):
        windows = Qa().features([ask("Anna")], tokenizer, encoding(20, stride))
        places = {place for window in windows for place in range(window.begin, window.end)}
        assert places == set(range(len(windows[0].context.ids)))
        assert max(len(window.input_ids) for window in windows) <= 20


def test_windows_begin_a_stride_apart_and_the_last_ends_with_the_text() -> None:
    assert list(cut(12, room=8, stride=4)) == [(0, 8), (4, 12)]
    assert list(cut(8, room=8, stride=4)) == [(0, 8)]
    assert list(cut(0, room=8, stride=4)) == [(0, 0)]


def test_a_long_question_is_cut(tokenizer: PreTrainedTokenizerBase) -> None:
    (window, *_) = Qa().features([ask("Anna", text="who " * 200)], tokenizer, encoding(QUESTION_PIECES + 10))
    assert window.place == QUESTION_PIECES + 3  # <s> question </s></s>


def test_no_room_for_a_context_is_one_line(tokenizer: PreTrainedTokenizerBase) -> None:
    with pytest.raises(UserError, match=r"--length 8 leaves no room beside question q1; raise it"):
        Qa().features([ask("Anna")], tokenizer, encoding(8))


def test_token_types_are_those_of_bert() -> None:
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "b", *set(CONTEXT.lower().split())]
    bert = BertTokenizer(vocab={word: number for number, word in enumerate(words)})
    (window,) = Qa().features([ask("Anna")], bert, encoding())
    theirs = bert("who lives in Paris ?", CONTEXT)
    assert list(window.input_ids) == theirs["input_ids"]
    assert window.token_type_ids is not None
    assert list(window.token_type_ids) == theirs["token_type_ids"]


def test_the_best_span_of_all_windows_is_the_answer(tokenizer: PreTrainedTokenizerBase) -> None:
    question = ask("Anna")
    windows = Qa().features([question], tokenizer, encoding(24))
    assert find_answers([question], windows, outputs_for(windows, Anna=2, tree=3)) == ["tree"]
    assert find_answers([question], windows, outputs_for(windows, Anna=4, tree=3)) == ["Anna"]


def test_an_answer_has_thirty_pieces_at_most() -> None:
    starts = np.zeros(50, np.float32)
    ends = np.zeros(50, np.float32)
    starts[2], ends[2 + ANSWER_PIECES], ends[1] = 9, 9, 9  # one piece too long; and an end before its start
    found = best_span(starts, ends)
    assert found is not None
    assert found.score == 9
    ends[1 + ANSWER_PIECES] = 9
    assert best_span(starts, ends) == Span(18, 2, 1 + ANSWER_PIECES)


@given(st.lists(st.tuples(st.integers(-9, 9), st.integers(-9, 9)), min_size=1, max_size=12), st.integers(1, 12))
def test_the_best_span_is_that_of_all_pairs(logits: list[tuple[int, int]], longest: int) -> None:
    starts, ends = np.array(logits, np.float32).T
    pairs = [(i, j) for i in range(len(logits)) for j in range(i, min(i + longest, len(logits)))]
    found = best_span(starts, ends, longest)
    assert found is not None
    assert (found.first, found.last) in pairs
    assert found.score == starts[found.first] + ends[found.last] == max(starts[i] + ends[j] for i, j in pairs)


def test_no_context_no_answer(tokenizer: PreTrainedTokenizerBase) -> None:
    question = Question("q1", "en", "who ?", " ", (Answer("Anna", 0),))
    windows = Qa().features([question], tokenizer, encoding())
    assert find_answers([question], windows, outputs_for(windows)) == [""]


def test_accents_that_are_composed_away_stay_in_the_answer(tokenizer: PreTrainedTokenizerBase) -> None:
    context = "in the ete\N{COMBINING ACUTE ACCENT} \U0001f600 of 6½ a\N{NO-BREAK SPACE}b"
    for answer in ("ete\N{COMBINING ACUTE ACCENT}", "\U0001f600", "6½", "a\N{NO-BREAK SPACE}b", "of"):
        (window,) = Qa().features([ask(answer, context=context)], tokenizer, encoding())
        first, last = (place - window.place for place in window.answer)
        assert text_of(Span(0, first, last), window.context, context) == answer


def test_scores_by_hand(tokenizer: PreTrainedTokenizerBase) -> None:
    """Three questions: right; right but for an article, in German; and one word of two."""
    questions = [
        ask("Anna"),
        ask("the big old house", language="de"),
        Question("q3", "en", "where ?", CONTEXT, (Answer("house", 0), Answer("in Berlin", 0))),
    ]
    windows = Qa().features(questions, tokenizer, encoding())
    outputs = [
        *outputs_for(windows[:1], Anna=1),
        *outputs_for(windows[1:2], **{"big old house": 1}),
        *outputs_for(windows[2:], Berlin=1),
    ]
    scores = Qa().score(questions, windows, outputs, encoding())
    # "the" is no article in German: 3 of 4 words, F1 6/7; "Berlin" against "in Berlin": 2/3.
    assert scores == {
        "f1": pytest.approx((1 + 6 / 7 + 2 / 3) / 3),
        "exact_match": pytest.approx(1 / 3),
        "squad_f1": pytest.approx((1 + 1 + 2 / 3) / 3),
        "squad_exact_match": pytest.approx(2 / 3),
    }
    assert next(iter(scores)) == "f1"
