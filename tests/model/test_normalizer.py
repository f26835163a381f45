"""The exported normaliser: what SentencePiece makes of every rule, of every composition, and of any mixture of them."""

import io
import json
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
import sentencepiece
import tokenizers
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import AutoTokenizer

from model.text.normalizer import hugging_face_normalizer
from model.text.tokenizer import Tokenizer, write_tokenizer_files
from tests.model.conftest import PIECES

EVERY = frozenset(map(chr, range(0x110000)))
NORMALIZE = Callable[[str], str]
# Each is beside what it may join with, stand before, or cut off.
MIXED = "eêAÅıﬁ½ª©㈀①ﾊハﾞ゛\u0300\u0301\u0302\u0323\u031b\u0345\u0344αῃ᾿῍각가ㄱㅏㄳ\u1100\u1161\u11a8กำ\u0e38"
MIXED += "क़ि\u093c\u0bc6\u0bbeශ\u0dd9\u0dcf\u0dcaشّ\u064e\u0654ءا \u0001\u0002\u0085\r\n\u200b\u200c\u200d\u2028\u3000"
MIXED += "🙂\ufe0f👩\U00011935\U00011930\U0001611e\U0001611f\U000113c2"


@pytest.fixture(scope="module")
def rules() -> dict[str, str]:
    return dict(sentencepiece.SentencePieceNormalizer(rule_name="nmt_nfkc").Decompile())


@pytest.fixture(scope="module")
def both() -> tuple[NORMALIZE, NORMALIZE]:
    """SentencePiece's normaliser without what it does to spaces, and ours for Hugging Face's tokenizers."""
    model = sentencepiece.SentencePieceNormalizer(rule_name="nmt_nfkc").serialized_model_proto()
    theirs = sentencepiece.SentencePieceNormalizer(
        model_proto=model, add_dummy_prefix=False, escape_whitespaces=False, remove_extra_whitespaces=False
    )
    return theirs.Normalize, loaded(hugging_face_normalizer(model, EVERY)).normalize_str


def loaded(normalizer: object) -> Any:
    parts = {"model": {"type": "Unigram", "unk_id": 0, "vocab": [["<unk>", 0.0]], "byte_fallback": False}}
    text = json.dumps({"version": "1.0", "added_tokens": [], "normalizer": normalizer, **parts})
    return tokenizers.Tokenizer.from_str(text).normalizer


def in_lines(texts: Iterable[str]) -> Iterator[str]:
    """Two hundred texts a line: an "x" on both sides of each."""
    found = sorted(texts)
    for start in range(0, len(found), 200):
        yield "x".join(["", *found[start : start + 200], ""])


def test_every_rule_of_sentencepiece(rules: dict[str, str], both: tuple[NORMALIZE, NORMALIZE]) -> None:
    theirs, ours = both
    assert len(rules) > 200_000
    assert [line for line in in_lines(rules) if ours(line) != theirs(line)] == []


def test_every_rule_at_both_ends_of_a_text(rules: dict[str, str], both: tuple[NORMALIZE, NORMALIZE]) -> None:
    theirs, ours = both
    texts = [key for key in rules if len(key) == 1]
    texts += [key + mark for key in texts for mark in "\u0301\u093f"]
    assert [text for text in texts if ours(text) != theirs(text)] == []


def compositions() -> Iterator[str]:
    """What Unicode decomposes: in full, in parts that are composed, and the other way round."""
    for code in chain(range(0xD800), range(0xE000, 0x110000)):
        parts = unicodedata.normalize("NFD", chr(code))
        if parts != chr(code):
            yield from (parts, parts[::-1], chr(code))
            for place in range(1, len(parts)):
                yield unicodedata.normalize("NFC", parts[:place]) + parts[place:]
                yield parts[:place] + unicodedata.normalize("NFC", parts[place:])


def test_every_composition_of_unicode(both: tuple[NORMALIZE, NORMALIZE]) -> None:
    theirs, ours = both
    assert [line for line in in_lines(compositions()) if ours(line) != theirs(line)] == []


@settings(deadline=None, max_examples=400)
@given(st.text(st.sampled_from(MIXED) | st.characters(exclude_categories=["Cs"], exclude_characters="\0")))
def test_any_mixture(both: tuple[NORMALIZE, NORMALIZE], text: str) -> None:
    theirs, ours = both
    assert ours(text) == theirs(text)


def test_a_model_without_rules_has_no_normaliser() -> None:
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(["the river is wide"] * 20), model_writer=model, vocab_size=20, minloglevel=2,
        hard_vocab_limit=False, normalization_rule_name="identity",
    )  # fmt: skip
    assert hugging_face_normalizer(model.getvalue(), EVERY) is None


# --- ids


@pytest.mark.parametrize(
    "text",
    ["한국어 문장을 읽는다", "Tiếng Việt có những từ ngữ ấy", "ἀνὴρ ᾧ τῷ λόγῳ ὕδωρ ΰ", "ﾊﾞｽ ﾍﾟﾝ ｶﾞ",
     "Ａ\u0301 ½\u0301 ªि ①\u0323", "កម្ពុជា ไทยำ မြန်မာ", "شَدَّة اللُّغَة", "a\u0085b \u0085", "a\r\nb",
     "\u0001\u0301a\u0002", "ㄱㅏㄳ ㈎"],
)  # fmt: skip
@pytest.mark.parametrize("form", ["as it is", "NFC", "NFD", "NFKC", "NFKD"])
def test_ids_in_every_form_of_unicode(vocabulary: Path, form: Any, text: str) -> None:
    theirs = cached(vocabulary)
    written = text if form == "as it is" else unicodedata.normalize(form, text)
    written = f"of {written} in {written[::-1]}"
    assert [theirs(written, add_special_tokens=False)["input_ids"]] == Tokenizer.load(vocabulary).encode([written])


_loaded: dict[Path, Any] = {}


def cached(vocabulary: Path) -> Any:
    if vocabulary not in _loaded:
        _loaded[vocabulary] = AutoTokenizer.from_pretrained(str(vocabulary))
    return _loaded[vocabulary]


def test_ids_of_decomposed_lines(vocabulary: Path, many_languages: dict[str, list[str]]) -> None:
    whole = [line for lines in many_languages.values() for line in lines[:12]]
    parted = [unicodedata.normalize("NFD", line) for line in whole]
    assert sum(map(len, parted)) > sum(map(len, whole))
    theirs = cached(vocabulary)
    assert theirs(parted, add_special_tokens=False)["input_ids"] == Tokenizer.load(vocabulary).encode(parted)


def test_compositions_of_a_script_that_the_pieces_have(tmp_path: Path) -> None:
    # Dives Akuru: Unicode 13 composes U+11938, the tokenizers' NFC does not.
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(["𑤌𑤸𑤌 𑤌𑤸"] * 20), model_writer=model, vocab_size=12, minloglevel=2, pad_id=-1, unk_id=0,
        bos_id=1, eos_id=2, hard_vocab_limit=False, character_coverage=1.0,
    )  # fmt: skip
    write_tokenizer_files(model.getvalue(), tmp_path)
    text = unicodedata.normalize("NFD", "𑤌𑤸𑤌")
    [ids] = Tokenizer.load(tmp_path).encode([text])
    assert AutoTokenizer.from_pretrained(str(tmp_path))(text, add_special_tokens=False)["input_ids"] == ids
    assert Tokenizer.unk_id not in ids
    # A vocabulary without the script is spared the rule: whatever it has not is <unk>.
    assert len(json.loads((tmp_path / "tokenizer.json").read_text("utf-8"))["normalizer"]["normalizers"]) == 6


def test_the_usual_vocabulary_has_five_normalisers(vocabulary: Path) -> None:
    made = json.loads((vocabulary / "tokenizer.json").read_text("utf-8"))
    assert len(made["model"]["vocab"]) == PIECES + 2
    assert [each["type"] for each in made["normalizer"]["normalizers"]] == [
        "Replace", "Precompiled", "Replace", "NFC", "Replace",
    ]  # fmt: skip
