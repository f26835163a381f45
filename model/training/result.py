"""What a run has come to: the model of its newest checkpoint, as far as it was trained."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from torch import Tensor

from model.config import ModelConfig
from model.errors import UserError
from model.text.tokenizer import MODEL_FILE, Tokenizer
from model.training import checkpoint
from model.training.checkpoint import Identity
from model.training.folder import read_saved


@dataclass(frozen=True, slots=True)
class Result:
    """A model and its tokenizer. `config.max_length` is how many tokens of a text it was trained on."""

    step: int  # updates that are done
    config: ModelConfig
    state: Mapping[str, Tensor]  # state_dict of the network
    tokenizer: Tokenizer
    identity: Identity  # of the run


def read_result(run: Path) -> Result:
    """Load the newest checkpoint of a run directory.

    Positions that no sample reaches keep their random first weights, so they are left out; those that came with the
    model of --init were trained before, and stay.

    Raises:
        UserError: no checkpoint, no vocabulary or another one.
    """
    found = checkpoint.load(checkpoint.of_run(run))
    model, train = found.identity.model, found.identity.train
    saved = read_saved(run)
    if not (saved and saved.init):
        model = replace(model, max_length=min(model.max_length, train.seq_length))
    positions = found.model["positions.weight"][: model.positions]
    tokenizer = _tokenizer(run / "vocab", model)
    return Result(found.step, model, {**found.model, "positions.weight": positions}, tokenizer, found.identity)


def _tokenizer(folder: Path, model: ModelConfig) -> Tokenizer:
    if not (folder / MODEL_FILE).is_file():
        raise UserError(f"no {folder / MODEL_FILE}; copy the vocab/ that the run was trained with there")
    tokenizer = Tokenizer.load(folder)
    if tokenizer.vocab_size != model.vocab_size:
        raise UserError(
            f"{folder} has {tokenizer.vocab_size} ids, the checkpoint {model.vocab_size}; "
            "copy the vocab/ it was trained with there"
        )
    return tokenizer
