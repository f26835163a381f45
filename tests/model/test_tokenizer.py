"""Ids: XLM-R's layout, and the same from SentencePiece, from us and from Hugging Face's AutoTokenizer."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sentencepiece
from transformers import AutoTokenizer

from model.errors import UserError
from model.text import proto
from model.text.tokenizer import MODEL_FILE, Tokenizer, write_tokenizer_files
from tests.model.conftest import PIECES

AWKWARD = [
    "", " ", "a", "  leading and   many spaces ", "tab\there", "<s> </s> <unk> <pad>", "▁low▁line▁", "ﬁ ﬂ ½ Å Å",
    "\u3000全角　空白", "zero\u200bwidth\u00adhyphen", "𝔘𝔫𝔦𝔠𝔬𝔡𝔢", "🙂🏽 emoji 👩‍👩‍👧", "long" * 300, "a\u2028b\u0085c",
]  # fmt: skip


@pytest.fixture(scope="module")
def tokenizer(vocabulary: Path) -> Tokenizer:
    return Tokenizer.load(vocabulary)


@pytest.fixture(scope="module")
def theirs(vocabulary: Path) -> Any:
    return AutoTokenizer.from_pretrained(str(vocabulary))


@pytest.fixture(scope="module")
def raw(vocabulary: Path) -> Any:
    return sentencepiece.SentencePieceProcessor(model_file=str(vocabulary / MODEL_FILE))


@pytest.fixture(scope="module")
def lines(many_languages: dict[str, list[str]]) -> list[str]:
    return list(chain.from_iterable(many_languages.values()))


def test_layout(tokenizer: Tokenizer, theirs: Any, raw: Any) -> None:
    assert (raw.unk_id(), raw.bos_id(), raw.eos_id(), raw.pad_id(), len(raw)) == (0, 1, 2, -1, PIECES)
    assert (tokenizer.vocab_size, tokenizer.mask_id) == (PIECES + 2, PIECES + 1)
    ids = (theirs.bos_token_id, theirs.pad_token_id, theirs.eos_token_id, theirs.unk_token_id, theirs.mask_token_id)
    assert ids == (0, 1, 2, 3, PIECES + 1)
    assert (theirs.cls_token_id, theirs.sep_token_id, len(theirs), theirs.model_max_length) == (0, 2, PIECES + 2, 512)
    # The first real piece is 3 for SentencePiece and 4 for XLM-R; the last is one below <mask>.
    assert theirs.convert_ids_to_tokens([4, PIECES]) == [raw.id_to_piece(3), raw.id_to_piece(PIECES - 1)]


def test_ids_are_sentencepieces_plus_one(tokenizer: Tokenizer, raw: Any, lines: list[str]) -> None:
    expected = [[3 if number == 0 else number + 1 for number in raw.encode(line)] for line in [*lines, *AWKWARD]]
    assert tokenizer.encode([*lines, *AWKWARD]) == expected
    assert any(3 in ids for ids in expected)  # there are characters without a piece among them


def test_ids_are_auto_tokenizers(tokenizer: Tokenizer, theirs: Any, lines: list[str]) -> None:
    assert theirs(lines, add_special_tokens=False)["input_ids"] == tokenizer.encode(lines)


def test_ids_are_auto_tokenizers_in_forty_languages(
    tokenizer: Tokenizer, theirs: Any, real_lines: dict[str, list[str]]
) -> None:
    lines = [line[:200] for found in real_lines.values() for line in found[:260]]
    assert len(real_lines) >= 40
    assert len(lines) >= 10_000
    assert theirs(lines, add_special_tokens=False)["input_ids"] == tokenizer.encode(lines)


def test_templates_and_mask(tokenizer: Tokenizer, theirs: Any) -> None:
    [one, two] = tokenizer.encode(["river bank", "a"])
    assert theirs("river bank")["input_ids"] == [0, *one, 2]
    assert theirs("river bank", "a")["input_ids"] == [0, *one, 2, 2, *two, 2]
    [before, after] = tokenizer.encode(["the", "is"])
    assert theirs("the <mask> is")["input_ids"] == [0, *before, PIECES + 1, *after, 2]
    assert "token_type_ids" not in theirs("a", "b")


def test_decoding(tokenizer: Tokenizer, theirs: Any) -> None:
    text = "the river is wide"
    [ids] = tokenizer.encode([text])
    assert tokenizer.decode([0, *ids, 2, 1]) == text
    assert tokenizer.decode(np.array(ids, np.uint32)) == text  # type: ignore[arg-type]
    assert tokenizer.decode([*ids, tokenizer.mask_id]) == f"{text} <mask>"
    assert tokenizer.decode([tokenizer.mask_id, *ids]) == f"<mask> {text}"
    assert theirs.decode(ids) == text


def test_control_symbols_in_a_text_are_text(tokenizer: Tokenizer) -> None:
    ids = tokenizer.encode(["<s> </s> <pad> <mask>"])[0]
    assert not {tokenizer.bos_id, tokenizer.eos_id, tokenizer.pad_id, tokenizer.mask_id} & set(ids)


def test_documents_are_their_paragraphs_one_by_one(tokenizer: Tokenizer, lines: list[str]) -> None:
    texts = ["\n".join(lines[start : start + 5]) for start in range(0, len(lines), 5)]
    texts += ["\n".join(AWKWARD), "\n".join(lines[:400]), "", "\n\n", "x" * 9000 + "\nb\n" + "y" * 9000]
    assert tokenizer._joins
    check_documents(tokenizer, texts)


def test_documents_of_a_model_whose_scores_need_rounding(vocabulary: Path, lines: list[str]) -> None:
    data = (vocabulary / MODEL_FILE).read_bytes()
    tokenizer = Tokenizer(changed_score(data, -9.0001))
    assert not tokenizer._joins
    check_documents(tokenizer, ["\n".join(lines[:7]), "", "one\n\ntwo"])


def check_documents(tokenizer: Tokenizer, texts: list[str]) -> None:
    ids, lengths = tokenizer.encode_documents(texts)
    expected = [list(chain.from_iterable(tokenizer.encode(text.split("\n")))) for text in texts]
    assert ids.dtype == np.uint32
    assert lengths.tolist() == [len(document) for document in expected]
    assert ids.tolist() == list(chain.from_iterable(expected))


def test_no_documents(tokenizer: Tokenizer) -> None:
    ids, lengths = tokenizer.encode_documents([])
    assert len(ids) == len(lengths) == 0


def changed_score(model: bytes, score: float) -> bytes:
    """The model with another score of its last piece."""
    place = next(
        start + inner
        for number, start, end in reversed(list(proto._fields(model)))
        if number == 1
        for field, inner, _ in proto._fields(model[start:end])
        if field == 2
    )
    return model[:place] + np.array([score], "<f4").tobytes() + model[place + 4 :]


def test_rounded_scores(vocabulary: Path) -> None:
    data = (vocabulary / MODEL_FILE).read_bytes()
    assert proto.round_scores(data) == data  # they are rounded by the training
    rounded = proto.round_scores(changed_score(data, -9.0001))
    last = Tokenizer(rounded)._pieces
    assert last.get_score(len(last) - 1) == -9.0
    assert len(rounded) == len(data)


def test_normalisation_rules_are_found(vocabulary: Path) -> None:
    rules = proto.charsmap(proto.normalizer_spec((vocabulary / MODEL_FILE).read_bytes()))
    # A trie, its size in bytes before it, and then strings that end in 0 (SentencePiece, normalizer.cc).
    size = int.from_bytes(rules[:4], "little")
    assert size % 1024 == 0
    assert 0 < size < len(rules) - 4
    assert rules.endswith(b"\0")
    assert proto.charsmap(proto.normalizer_spec(train_pieces(normalization_rule_name="identity"))) == b""


def cut_off(data: bytes) -> bytes:
    return data[: len(data) // 2]


def other_layout(_: bytes) -> bytes:
    return train_pieces(pad_id=3)


def train_pieces(**options: Any) -> bytes:
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(["the river is wide"] * 20), model_writer=model, vocab_size=20, minloglevel=2,
        hard_vocab_limit=False, **options,
    )  # fmt: skip
    return model.getvalue()


@pytest.mark.parametrize(
    ("change", "message"),
    [(cut_off, "is no SentencePiece model, or cut off"), (other_layout, r"have ids \(0, 1, 2, 3\)")],
)
def test_a_model_that_will_not_do_is_refused(
    vocabulary: Path, tmp_path: Path, change: Callable[[bytes], bytes], message: str
) -> None:
    path = tmp_path / MODEL_FILE
    path.write_bytes(change((vocabulary / MODEL_FILE).read_bytes()))
    with pytest.raises(UserError, match=message):
        Tokenizer.load(tmp_path)
    with pytest.raises(UserError, match=message):
        write_tokenizer_files(path, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_no_model_is_said(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no .*sentencepiece\.bpe\.model: copy it .*; python -m model\.vocab"):
        Tokenizer.load(tmp_path)
    with pytest.raises(UserError, match=r"no .*absent"):
        write_tokenizer_files(tmp_path / "absent", tmp_path)


def test_files_are_replaced_where_they_lie(vocabulary: Path, tmp_path: Path) -> None:
    write_tokenizer_files(vocabulary / MODEL_FILE, tmp_path)
    first = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    write_tokenizer_files(tmp_path / MODEL_FILE, tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == first
    assert set(first) == {MODEL_FILE, "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"}
    assert json.loads(first["tokenizer.json"])["model"]["type"] == "Unigram"


def test_sha256_is_the_files(tokenizer: Tokenizer, vocabulary: Path) -> None:
    assert tokenizer.sha256 == hashlib.sha256((vocabulary / MODEL_FILE).read_bytes()).hexdigest()
