"""What the tests of fine-tuning share: an encoder of a few thousand weights that knows some words."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import pytest
import sentencepiece
import torch
from huggingface_hub import constants
from transformers import XLMRobertaConfig, XLMRobertaForMaskedLM

from model.text.tokenizer import Tokenizer, write_tokenizer_files

WORDS = (
    "a one two red blue green house river boat tree cat dog bird runs sleeps sings yes no maybe not Anna Paul Berlin "
    "Paris lives works in at the of for and who where . , ? said went saw old new big small"
).split()


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing here reaches the network."""
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)


def write_model(folder: Path, words: Sequence[str] = WORDS, *, seed: int = 0, length: int = 64) -> Path:
    """An XLM-R with random weights in Hugging Face's form, with a vocabulary for some words."""
    proto = io.BytesIO()
    lines = [" ".join([*words[start:], *words[:start]]) for start in range(len(words))]
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(lines), model_writer=proto, model_type="unigram", vocab_size=2 * len(words),
        hard_vocab_limit=False, character_coverage=1.0, unk_id=0, bos_id=1, eos_id=2, pad_id=-1, num_threads=1,
        minloglevel=2,
    )  # fmt: skip
    write_tokenizer_files(proto.getvalue(), folder, max_length=length)
    torch.manual_seed(seed)
    config = XLMRobertaConfig(
        vocab_size=Tokenizer.load(folder).vocab_size, hidden_size=32, num_hidden_layers=2, num_attention_heads=2,
        intermediate_size=64, max_position_embeddings=length + 2, type_vocab_size=1, layer_norm_eps=1e-5,
        initializer_range=0.15, hidden_dropout_prob=0.05, attention_probs_dropout_prob=0.05,
    )  # fmt: skip
    XLMRobertaForMaskedLM(config).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of that encoder."""
    torch.set_num_threads(1)
    return write_model(tmp_path_factory.mktemp("tiny") / "model")
