"""A run directory with a vocabulary and an untrained model, for the tests of what reads one."""

import io
import os
import tempfile
from dataclasses import replace
from pathlib import Path

import sentencepiece
import torch

from model.config import SIZES, ModelConfig
from model.network.xlmr import XlmR
from model.text.tokenizer import Tokenizer, write_tokenizer_files
from model.training import checkpoint
from model.training.checkpoint import Checkpoint, Identity

TEXT = (
    "the river is wide and the boat is slow . mto ni mpana na mashua ni ya polepole . "
    "der Fluss ist breit und das Boot ist langsam . la rivière est large et le bateau est lent . "
)


class Harm:
    """What a pickle can do: who loads it without care makes a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple[object, ...]:
        return os.mkdir, (str(self.folder),)


def write_vocabulary(folder: Path, pieces: int = 60) -> Tokenizer:
    model = io.BytesIO()
    lines = [TEXT[start:] + TEXT[:start] for start in range(0, len(TEXT), 7)]
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(lines), model_writer=model, model_type="unigram", vocab_size=pieces,
        character_coverage=1.0, unk_id=0, bos_id=1, eos_id=2, pad_id=-1, num_threads=1, minloglevel=2,
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as name:
        path = Path(name, "model")
        path.write_bytes(model.getvalue())
        write_tokenizer_files(path, folder)
    return Tokenizer.load(folder)


def small(vocab_size: int) -> ModelConfig:
    return ModelConfig(layers=2, hidden=32, heads=4, ffn=48, vocab_size=vocab_size, max_length=40)


def randomised(config: ModelConfig, seed: int = 0) -> XlmR:
    """A network none of whose weights is 0 or 1, so that no two of them can be mistaken for each other."""
    torch.manual_seed(seed)
    network = XlmR(config).eval()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.3)
    return network


def state_of(network: XlmR, step: int = 7, seq_length: int | None = None) -> Checkpoint:
    train = replace(SIZES["tiny"].train, seq_length=seq_length or network.config.max_length)
    identity = Identity(model=network.config, train=train, manifest_sha256="0" * 64)
    return Checkpoint(step=step, identity=identity, model=network.state_dict(), optimizer={})


def write_run(run: Path, seq_length: int | None = None) -> XlmR:
    tokenizer = write_vocabulary(run / "vocab")
    network = randomised(small(tokenizer.vocab_size))
    checkpoint.save(run / "checkpoints", state_of(network, seq_length=seq_length), keep=2)
    return network
