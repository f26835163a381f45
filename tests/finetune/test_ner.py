"""Named entities as rows of tokens, and from a network's outputs back to entities."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from seqeval.metrics import f1_score
from seqeval.scheme import IOB2
from transformers import AutoTokenizer, PreTrainedTokenizerBase

from model.errors import UserError
from model.finetune.columns import Sentence
from model.finetune.ner import Ner, Row
from model.finetune.task import Encoding, Output
from model.ids import IGNORED

LABELS = ("O", "B-PER", "I-PER", "B-LOC", "I-LOC")


@pytest.fixture(scope="module")
def tokenizer(tiny_model: Path) -> PreTrainedTokenizerBase:
    loaded: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(tiny_model)
    return loaded


def encoding(length: int = 16) -> Encoding:
    return Encoding(length=length, stride=0, labels=LABELS)


def sentence(words: str, tags: str) -> Sentence:
    return Sentence(tuple(words.split(" ")), tuple(tags.split()), Path("x.tsv"), 7)


LONG = sentence(
    "Anna Paul lives in Paris and works in the big old Berlin house",
    "B-PER I-PER O O B-LOC O O O O O O B-LOC I-LOC",
)


def outputs_for(rows: Sequence[Row], tags: Sequence[Sequence[str]]) -> list[Output]:
    """What a network says that is sure of some tags, and of others at all but the first piece of a word."""
    outputs: list[Output] = []
    for row in rows:
        logits = np.zeros((len(row.input_ids) + 3, len(LABELS)), np.float32)
        logits[:, LABELS.index("B-LOC")] = 1
        for number, place in enumerate(row.places):
            logits[place, LABELS.index(tags[row.example][row.first_word + number])] = 2
        outputs.append({"logits": logits})
    return outputs


def test_a_row_is_what_transformers_makes_of_the_words(tokenizer: PreTrainedTokenizerBase) -> None:
    (row,) = Ner().features([LONG], tokenizer, encoding(64))
    theirs = tokenizer(list(LONG.words), is_split_into_words=True)
    assert list(row.input_ids) == theirs["input_ids"]
    firsts = [theirs.word_ids().index(word) for word in range(len(LONG.words))]
    assert list(row.places) == firsts
    assert [LABELS[answer] for answer in row.answers] == list(LONG.tags)


def test_a_long_sentence_is_cut_between_words_and_loses_none(tokenizer: PreTrainedTokenizerBase) -> None:
    rows = Ner().features([LONG, LONG], tokenizer, encoding(10))
    assert max(len(row.input_ids) for row in rows) <= 10
    assert all((row.input_ids[0], row.input_ids[-1]) == (0, 2) for row in rows)
    pieces = [piece for row in rows if row.example == 1 for piece in row.input_ids[1:-1]]
    assert pieces == tokenizer(list(LONG.words), is_split_into_words=True, add_special_tokens=False)["input_ids"]
    words = [row.first_word + number for row in rows if row.example == 0 for number in range(len(row.places))]
    assert words == list(range(len(LONG.words)))


def test_an_entity_goes_from_one_row_to_the_next(tokenizer: PreTrainedTokenizerBase) -> None:
    rows = Ner().features([LONG], tokenizer, encoding(5))  # 3 pieces a row
    assert any(row.first_word == LONG.words.index("house") for row in rows)
    scores = Ner().score([LONG], rows, outputs_for(rows, [LONG.tags]), encoding())
    assert dict(scores) == {"f1": 1.0, "precision": 1.0, "recall": 1.0, "f1_conlleval": 1.0}


def test_a_word_longer_than_a_row_keeps_its_first_pieces(tokenizer: PreTrainedTokenizerBase) -> None:
    long = sentence("Anna " + "PaulBerlin" * 9 + " Paris", "B-PER I-PER B-LOC")
    rows = Ner().features([long], tokenizer, encoding(8))
    assert [(row.first_word, len(row.input_ids)) for row in rows][1] == (1, 8)
    assert sum(len(row.places) for row in rows) == 3


@pytest.mark.parametrize("word", ["\N{ZERO WIDTH SPACE}", "\N{NO-BREAK SPACE}", "\N{ZERO WIDTH NO-BREAK SPACE}"])
def test_a_word_of_no_pieces_has_a_tag_all_the_same(tokenizer: PreTrainedTokenizerBase, word: str) -> None:
    odd = sentence(f"Anna {word} Paris", "B-PER I-PER B-LOC")
    (row,) = Ner().features([odd], tokenizer, encoding())
    assert row.input_ids[row.places[1]] == tokenizer.unk_token_id
    assert Ner().score([odd], [row], outputs_for([row], [odd.tags]), encoding())["f1"] == 1.0


def test_only_first_pieces_have_labels(tokenizer: PreTrainedTokenizerBase) -> None:
    rows = Ner().features([LONG, sentence("PaulBerlin runs", "B-PER O")], tokenizer, encoding(64))
    batch = Ner().collate(rows, tokenizer, encoding(64))
    assert batch["labels"].shape == batch["input_ids"].shape == batch["attention_mask"].shape
    for row, labels in zip(rows, batch["labels"].tolist(), strict=True):
        told = {place: label for place, label in enumerate(labels) if label != IGNORED}
        assert told == dict(zip(row.places, row.answers, strict=True))


def test_scores_are_seqevals(tokenizer: PreTrainedTokenizerBase) -> None:
    draw = np.random.default_rng(1)
    examples = [LONG] * 20
    found = [[str(tag) for tag in draw.choice(LABELS, len(LONG.words))] for _ in examples]
    found[:15] = [list(LONG.tags)] * 15
    rows = Ner().features(examples, tokenizer, encoding(9))
    scores = Ner().score(examples, rows, outputs_for(rows, found), encoding(9))
    true = [list(LONG.tags)] * 20
    assert scores["f1"] == pytest.approx(f1_score(true, found, mode="strict", scheme=IOB2))
    assert scores["f1_conlleval"] == pytest.approx(f1_score(true, found))
    assert 0.5 < scores["f1"] < 1
    assert next(iter(scores)) == "f1"


def test_a_tag_that_the_model_does_not_know_is_named_by_its_line(tokenizer: PreTrainedTokenizerBase) -> None:
    other = sentence("in Paris Berlin", "O O B-ORG")
    with pytest.raises(UserError, match=r"^x\.tsv, line 9: the model knows the tags O, B-PER, .*, not B-ORG$"):
        Ner().features([other], tokenizer, encoding())
