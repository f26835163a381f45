"""Names and settings of Hugging Face's XLM-R (`XLMRobertaForMaskedLM`): to and from.

Ours differs in two things, and both are exact. Query, key and value are one matrix here, three there. The embedding of
the token type, one row that is added to all tokens, is part of the position table here; there it is written as zeros.
"""

import contextlib
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor

from model.config import FIRST_POSITION, LAYER_NORM_EPS, ModelConfig
from model.errors import UserError
from model.ids import PAD
from model.network.xlmr import XlmR

CONFIG_FILE, WEIGHTS_FILE = "config.json", "model.safetensors"
_PICKLED = "pytorch_model.bin"  # how older folders hold the weights
_TYPES = "roberta.embeddings.token_type_embeddings.weight"
_POSITIONS = "roberta.embeddings.position_embeddings.weight"
_MODULES = {
    "words": "roberta.embeddings.word_embeddings",
    "positions": "roberta.embeddings.position_embeddings",
    "norm": "roberta.embeddings.LayerNorm",
    "head_dense": "lm_head.dense",
    "head_norm": "lm_head.layer_norm",
}
_LAYER_MODULES = {
    "attention_dense": "attention.output.dense",
    "attention_norm": "attention.output.LayerNorm",
    "ffn_in": "intermediate.dense",
    "ffn_out": "output.dense",
    "ffn_norm": "output.LayerNorm",
}
# What has a row for each piece, in models with any head.
_WORDS = "embeddings.word_embeddings.weight"
_OUTPUTS = ("lm_head.bias", "lm_head.decoder.weight", "lm_head.decoder.bias")
_FUSED = ("query", "key", "value")


# What their configuration could have otherwise, and this network has not; what is not said means the same.
_FIXED = {
    "model_type": "xlm-roberta",
    "hidden_act": "gelu",
    "layer_norm_eps": LAYER_NORM_EPS,
    "type_vocab_size": 1,
    "pad_token_id": PAD,
    "position_embedding_type": "absolute",
    "tie_word_embeddings": True,
    "is_decoder": False,
    "add_cross_attention": False,
}


class _Shape(msgspec.Struct):
    """What config.json tells of a network's shape."""

    num_hidden_layers: int
    hidden_size: int
    num_attention_heads: int
    intermediate_size: int
    vocab_size: int
    max_position_embeddings: int
    hidden_dropout_prob: float = 0.1
    attention_probs_dropout_prob: float = 0.1
    initializer_range: float = 0.02


@dataclass(frozen=True, slots=True)
class Weights:
    """A network's shape and its state_dict, fp32."""

    config: ModelConfig
    state: Mapping[str, Tensor]


def load_weights(folder: Path) -> Weights:
    """Read an XLM-R folder of Hugging Face's form, for `XlmR(config).load_state_dict(state)`.

    Raises:
        UserError: a file is missing or damaged, or the model is not an XLM-R with its masked-LM head.
    """
    config = read_config(folder)
    tensors = read_tensors(folder)
    try:
        return Weights(config, from_hf(tensors, config))
    except KeyError as error:
        raise UserError(
            f"{folder} lacks the tensor {error.args[0]}; give a folder that XLMRobertaForMaskedLM wrote"
        ) from error


def from_hf(tensors: Mapping[str, Tensor], config: ModelConfig) -> dict[str, Tensor]:
    """Return our state_dict from theirs; KeyError for a tensor that is missing, UserError for a wrong shape."""
    state = {ours: _join(tensors, theirs) for ours, theirs in _names(config)}
    state["positions.weight"] = state["positions.weight"] + tensors[_TYPES].float()
    expected = _shapes(config)
    for name, tensor in state.items():
        if tuple(tensor.shape) != expected[name]:
            raise UserError(
                f"{name} has shape {tuple(tensor.shape)}, but {CONFIG_FILE} says {expected[name]}; "
                "the two files are not of one model"
            )
    return state


def to_hf(state: Mapping[str, Tensor], config: ModelConfig) -> dict[str, Tensor]:
    """Return their tensors, fp32 on the CPU, from our state_dict. The tied decoder's weight is left out, as there."""
    tensors: dict[str, Tensor] = {}
    for ours, theirs in _names(config):
        parts = state[ours].detach().float().cpu().chunk(len(theirs))
        tensors |= {name: part.clone() for name, part in zip(theirs, parts, strict=True)}
    tensors[_TYPES] = torch.zeros(1, config.hidden)
    return tensors


def take_pieces(tensors: Mapping[str, Tensor], ids: Sequence[int], *, tied: bool) -> dict[str, Tensor]:
    """Return their tensors for a vocabulary that has only some of the ids; those that know no pieces are the same.

    Args:
        tensors: of any model whose encoder is an XLM-R.
        ids: old ids, in the order of the new ones.
        tied: the output layer is the table of the embeddings; copies of it are left out.

    Raises:
        UserError: there is no table of embeddings, or a table has no such id.
    """
    if not any(name.endswith(_WORDS) for name in tensors):
        raise UserError(f"no tensor is named *{_WORDS}; give a folder of an XLM-R")
    rows, taken = torch.tensor(ids), dict(tensors)
    if tied:
        taken.pop("lm_head.decoder.weight", None)
    if "lm_head.bias" in taken:  # the same once more
        taken.pop("lm_head.decoder.bias", None)
    for name, tensor in taken.items():
        if name.endswith((_WORDS, *_OUTPUTS)):
            if len(tensor) <= max(ids):
                raise UserError(f"{name} has {len(tensor)} rows, {CONFIG_FILE} and the vocabulary want {max(ids) + 1}")
            taken[name] = tensor[rows]
    return taken


def write_tensors(tensors: Mapping[str, Tensor], folder: Path) -> None:
    """Write a folder's `model.safetensors`; OSError if there is no room for it, say."""
    with tensors_written(folder):
        # transformers wants to know by the metadata whose tensors these are.
        safetensors.torch.save_file(dict(tensors), folder / WEIGHTS_FILE, metadata={"format": "pt"})


@contextlib.contextmanager
def tensors_written(folder: Path) -> Iterator[None]:
    """Let the files of tensors that the block writes be like all others: who may read them, and what their errors are.

    The library's are for their owner alone (safetensors 0.8), and a full disk is no OSError to it.
    """
    path = folder / WEIGHTS_FILE
    path.touch()
    mode = path.stat().st_mode
    try:
        yield
    except SafetensorError as error:
        number = re.search(r"os error (\d+)", str(error))
        if number is None:
            raise
        raise OSError(int(number[1]), os.strerror(int(number[1])), str(path)) from error
    for written in folder.glob("*.safetensors"):
        written.chmod(mode)


def config_json(config: ModelConfig) -> dict[str, Any]:
    """Return the content of their config.json."""
    return {
        "architectures": ["XLMRobertaForMaskedLM"],
        "attention_probs_dropout_prob": config.attention_dropout,
        "bos_token_id": 0,
        "dtype": "float32",
        "eos_token_id": 2,
        "hidden_act": "gelu",
        "hidden_dropout_prob": config.dropout,
        "hidden_size": config.hidden,
        "initializer_range": config.init_std,
        "intermediate_size": config.ffn,
        "layer_norm_eps": LAYER_NORM_EPS,
        "max_position_embeddings": config.positions,
        "model_type": "xlm-roberta",
        "num_attention_heads": config.heads,
        "num_hidden_layers": config.layers,
        "pad_token_id": PAD,
        "tie_word_embeddings": True,
        "type_vocab_size": 1,
        "vocab_size": config.vocab_size,
    }


def read_config(folder: Path) -> ModelConfig:
    """Return the shape that a folder's config.json tells; UserError if it is not XLM-R's kind."""
    path = folder / CONFIG_FILE
    if not path.is_file():
        raise UserError(
            f"no {path}; give a folder with config.json and {WEIGHTS_FILE} of an XLM-R "
            "(hf download FacebookAI/xlm-roberta-base --local-dir DIR makes one)"
        )
    data = path.read_bytes()
    try:
        theirs, values = msgspec.json.decode(data, type=_Shape), msgspec.json.decode(data)
    except msgspec.MsgspecError as error:
        raise UserError(f"{path} is no config.json of an XLM-R ({error}); give another folder") from error
    for name, wanted in _FIXED.items():
        if values.get(name, wanted) != wanted:
            raise UserError(f"{path}: {name} is {values[name]!r}, XLM-R's is {wanted!r}; give a folder of an XLM-R")
    return ModelConfig(
        layers=theirs.num_hidden_layers,
        hidden=theirs.hidden_size,
        heads=theirs.num_attention_heads,
        ffn=theirs.intermediate_size,
        vocab_size=theirs.vocab_size,
        max_length=theirs.max_position_embeddings - FIRST_POSITION,
        dropout=theirs.hidden_dropout_prob,
        attention_dropout=theirs.attention_probs_dropout_prob,
        init_std=theirs.initializer_range,
    )


def _names(config: ModelConfig) -> Iterator[tuple[str, list[str]]]:
    """Yield each of our names with theirs: one, or the three that ours joins."""
    yield "decoder_bias", ["lm_head.bias"]
    for ours, theirs in _MODULES.items():
        for kind in ("weight",) if ours in ("words", "positions") else ("weight", "bias"):
            yield f"{ours}.{kind}", [f"{theirs}.{kind}"]
    for layer in range(config.layers):
        prefix = f"roberta.encoder.layer.{layer}."
        for kind in ("weight", "bias"):
            fused = [f"{prefix}attention.self.{name}.{kind}" for name in _FUSED]
            yield f"layers.{layer}.query_key_value.{kind}", fused
            for ours, theirs in _LAYER_MODULES.items():
                yield f"layers.{layer}.{ours}.{kind}", [f"{prefix}{theirs}.{kind}"]


def _join(tensors: Mapping[str, Tensor], names: list[str]) -> Tensor:
    return torch.cat([tensors[name].float() for name in names]) if len(names) > 1 else tensors[names[0]].float()


def _shapes(config: ModelConfig) -> dict[str, tuple[int, ...]]:
    with torch.device("meta"):  # shapes without memory
        return {name: tuple(tensor.shape) for name, tensor in XlmR(config).state_dict().items()}


def read_tensors(folder: Path) -> dict[str, Tensor]:
    """Return the tensors of a folder under their names there; UserError if they are missing or damaged."""
    safe, pickled = folder / WEIGHTS_FILE, folder / _PICKLED
    if safe.is_file():
        try:
            return safetensors.torch.load_file(safe)
        except (OSError, SafetensorError) as error:
            raise UserError(f"{safe} is damaged ({error}); copy it again") from error
    if pickled.is_file():
        try:
            tensors: dict[str, Tensor] = torch.load(pickled, map_location="cpu", weights_only=True)
            return {re.sub(r"\.gamma$", ".weight", re.sub(r"\.beta$", ".bias", name)): t for name, t in tensors.items()}
        except Exception as error:  # torch.load raises of every kind
            raise UserError(f"{pickled} is damaged ({error!r}); copy it again") from error
    raise UserError(f"neither {WEIGHTS_FILE} nor {_PICKLED} in {folder}; give a folder with the weights in one file")
