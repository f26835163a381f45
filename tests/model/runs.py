"""Run directories: one with an untrained model, for what reads it; and the small runs that the tests train."""

import io
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sentencepiece
import torch

from model import pretrain
from model.config import ModelConfig
from model.network.xlmr import XlmR
from model.presets import SIZES
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


# --- runs of model.pretrain

TINY = "--size=tiny --device=cpu --layers=1 --hidden=32 --heads=2 --ffn=64 --seq_length=32 --max_length=32".split()
SHORT = "--batch_size=8 --micro_batch=4 --steps=10 --warmup=2 --log_every=1 --validate_every=5 --save_every=5".split()
SMALL = [*TINY, *SHORT, "--validation_blocks=2", "--learning_rate=0.01"]


def again(whole: Path, *flags: str) -> list[str]:
    """The command line of `whole` with what it has made, and other flags."""
    return [f"--vocab={whole / 'vocab'}", f"--encoded={whole / 'encoded'}", *SMALL, *flags]


def weights(run: Path) -> Mapping[str, torch.Tensor]:
    return checkpoint.load(checkpoint.of_run(run)).model


def lines(run: Path) -> list[dict[str, Any]]:
    """The log without what is measured."""
    measured = ("tokens_per_second", "mfu", "loader_wait", "peak_bytes", "first_step")
    found = [json.loads(line) for line in (run / "log.jsonl").read_text("utf-8").splitlines()]
    return [
        {name: value for name, value in line.items() if name not in measured}
        for line in found
        if line["event"] != "hardware"
    ]


def equal(one: Mapping[str, torch.Tensor], other: Mapping[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def mistake(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert pretrain.main(list(arguments)) == 2
    message = capsys.readouterr().err.splitlines()[-1]
    assert message.startswith("python -m model.pretrain: ")
    return message


# --- kills


class Killed(BaseException):
    """What no handler of the program catches: it does nothing more."""


def killed_before(place: int, patch: pytest.MonkeyPatch) -> None:
    """Kill the program before its next operation on the disk that bears this number, counted from 0."""
    done = 0

    def watched(real: Callable[..., Any]) -> Callable[..., Any]:
        def operation(*arguments: Any, **options: Any) -> Any:
            nonlocal done
            if done == place:
                if real is shutil.rmtree:  # in the middle of it
                    next(Path(arguments[0]).iterdir()).unlink()
                raise Killed
            done += 1
            return real(*arguments, **options)

        return operation

    for module, name in (
        (os, "fsync"),
        (shutil, "rmtree"),
        (torch, "save"),
        (Path, "mkdir"),
        (Path, "rename"),
        (shutil, "copyfile"),
    ):
        patch.setattr(module, name, watched(getattr(module, name)))
