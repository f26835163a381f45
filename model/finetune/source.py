"""The encoder that is fine-tuned: our export, a run of model.pretrain, or any that transformers knows."""

import contextlib
import re
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from torch import nn

from model.errors import UserError
from model.export import export
from model.files import sha256_of
from model.finetune.task import AnyTask, Source

_REMEDY = "pip install 'cc100-xlmr[finetune]' brings it"
_HUB_NAME = re.compile(r"[\w.-]+(/[\w.-]+)?")
_WEIGHTS = ("model.safetensors", "pytorch_model.bin", "model.safetensors.index.json")


def check_libraries() -> None:
    """Raise UserError unless the libraries of fine-tuning are installed; make transformers quiet."""
    for name in ("transformers", "scipy", "sklearn"):
        try:
            __import__(name)
        except ImportError as error:
            raise UserError(f"fine-tuning wants {name}, which is not installed: {_REMEDY}") from error
    from transformers.utils import logging

    logging.set_verbosity_error()  # type: ignore[no-untyped-call]  # it warns of a head with new weights, which is what is wanted
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]


@contextlib.contextmanager
def open_source(name: str) -> Iterator[Source]:
    """Find an encoder and its tokenizer.

    Args:
        name: a folder of Hugging Face's form, a run of model.pretrain (its newest checkpoint), or a name of the hub.

    Raises:
        UserError: it is none of these, or has no tokenizer of its own.
    """
    folder = Path(name)
    with contextlib.ExitStack() as stack:
        location = name
        if (folder / "checkpoints").is_dir():
            location = str(Path(stack.enter_context(tempfile.TemporaryDirectory()), "export"))
            export(folder, Path(location))
        elif not folder.is_dir() and (folder.exists() or not _HUB_NAME.fullmatch(name)):
            raise UserError(f"no folder {name}; --model wants a folder of model.export, a run, or a name of the hub")
        yield load_source(name, location)


def load_source(name: str, location: str) -> Source:
    """Load the tokenizer that lies beside a model; UserError if there is no fast one of its own."""
    from transformers import AutoConfig, AutoTokenizer

    try:
        config = AutoConfig.from_pretrained(location)
    except (OSError, ValueError, KeyError) as error:
        what = "no model" if Path(location).is_dir() else "no folder, and no name of a model"
        raise UserError(f"{name} is {what} that transformers knows ({_first_line(error)})") from error
    try:
        tokenizer = AutoTokenizer.from_pretrained(location)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, ImportError) as error:
        raise UserError(f"{name} has no tokenizer ({_first_line(error)}); copy its files there") from error
    # Where there are no files of a tokenizer, transformers 5 makes one that has nothing but special tokens.
    if not tokenizer.is_fast or not len(set(tokenizer.all_special_ids)) < len(tokenizer) <= config.vocab_size:
        raise UserError(f"{name} has no tokenizer that fits its model; copy tokenizer.json and its companions there")
    files = [Path(location, file) for file in _WEIGHTS if Path(location, file).is_file()]
    digest = sha256_of(files[:1]) if files else str(getattr(config, "_commit_hash", ""))
    return Source(name, location, digest, _longest(config, tokenizer), tokenizer)


def _longest(config: Any, tokenizer: Any) -> int:
    """Return how many tokens a model takes: it has a row of its position table for each; RoBERTa's begin at 2."""
    rows = getattr(config, "max_position_embeddings", None) or sys.maxsize
    unused = tokenizer.pad_token_id + 1 if "roberta" in config.model_type or config.model_type == "camembert" else 0
    return int(min(rows - unused, tokenizer.model_max_length))


def load_network(task: AnyTask, source: Source, labels: Sequence[str]) -> nn.Module:
    """Return the network of a task; UserError if the weights are damaged, or of a kind that the task cannot use."""
    try:
        return task.load(source, labels)
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        raise UserError(f"{source.name}: its weights cannot be taken ({_first_line(error)}); copy it again") from error


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n")[0][:200]
