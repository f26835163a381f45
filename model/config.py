"""Sizes of the model and settings of a run: values only, each with its source.

Source: Conneau et al. 2020 (XLM-R), table 7 and section 3; the optimiser's values that the paper does not tell are of
fairseq's RoBERTa (examples/roberta, README.pretraining.md and config/pretraining/base.yaml).
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

from model.errors import UserError
from model.ids import PAD
from model.settings import check, description_of, require, setting

FIRST_POSITION = PAD + 1  # row of the position table for the first token; fairseq counts on from <pad>
LAYER_NORM_EPS = 1e-5
_MOST = 0.9  # of dropout, and of the positions that are masked: with more there is next to nothing to learn from


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelConfig:
    """Shape of the network."""

    layers: int = setting("of the encoder", least=1)
    hidden: int = setting("width of the encoder", least=1)
    heads: int = setting("attention heads; the width is a multiple of it", least=1)
    ffn: int = setting("width of the feed-forward layers", least=1)
    vocab_size: int = setting("pieces of a new vocabulary, as for model.vocab", least=6)  # here with IDS_WITHOUT_PIECE
    max_length: int = setting("tokens of a sample that the model can take, <s> included", 512, least=1)
    dropout: float = setting("of hidden states", 0.1, least=0, most=_MOST)
    attention_dropout: float = setting(
        "of the weights of attention; 0 is some 5 % faster on an H100", 0.1, least=0, most=_MOST
    )
    init_std: float = setting("standard deviation of the first weights", 0.02, above=0, below=1)

    def __post_init__(self) -> None:
        """Raise UserError for a shape that cannot be."""
        check(self)
        require(self.hidden % self.heads == 0, "hidden", self.hidden, f"a multiple of heads ({self.heads})")

    @property
    def positions(self) -> int:
        """Rows of the position table: the first two are never used."""
        return self.max_length + FIRST_POSITION


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainConfig:
    """How a model is trained. What is not in FREE decides the result, so a run keeps it to its end."""

    size: str  # name of the preset
    seq_length: int = setting("tokens of a sample, <s> included", 512, least=2)
    batch_size: int = setting("samples a step, of all processes together", least=1)
    micro_batch: int = setting(
        "samples that go through a process at once; lower it when memory is short", least=1, free=True
    )
    steps: int = setting("updates of the whole run", least=1)
    learning_rate: float = setting("at its peak", above=0, most=1)  # Adam moves each weight by about it at every step
    warmup: int = setting("steps to the peak", least=0)
    schedule: Literal["linear", "polynomial"] = setting("from the peak down to 0 at the last step", "linear")
    power: float = setting("of the polynomial schedule", 2.0, above=0)
    betas: tuple[float, float] = setting("of AdamW", (0.9, 0.98), least=0, below=1)
    eps: float = setting("of AdamW", 1e-6, above=0, most=1)
    weight_decay: float = setting("of AdamW; biases and LayerNorms do not decay", 0.01, least=0, most=1)
    # fairseq had none, but had fp16 runs that collapsed.
    clip: float = setting("largest norm of the gradient; 0: any", 1.0, least=0)
    # Above 1 it would take from the languages that have little.
    alpha: float = setting("languages are drawn with q ~ p**ALPHA, p by tokens", 0.3, least=0, most=1)
    mask_share: float = setting("share of the tokens that are masked", 0.15, least=0.01, most=_MOST)
    seed: int = setting("of weights, order, masks and dropout", 0, least=0, below=1 << 63)
    precision: Literal["fp32", "bf16", "bf16_residual"] = setting(
        "of the products, and with bf16_residual of what goes from layer to layer; weights stay fp32", "bf16"
    )
    compile: bool = setting("torch.compile the network; on a CPU not by default", True, free=True)
    spike: float = setting(
        "stop at a loss this far, in nats, above the mean of 100 steps; 0: never", 2.0, least=0, free=True
    )
    log_every: int = setting("steps", 10, least=1, free=True)
    validate_every: int = setting("steps; 0: never", 1000, least=0, free=True)
    validation_blocks: int = setting("held-out samples a language, at most", 64, least=0, free=True)
    save_every: int = setting("steps between checkpoints", 1000, least=1, free=True)
    keep: int = setting("checkpoints that are kept", 3, least=1, free=True)

    def __post_init__(self) -> None:
        """Raise UserError for a value that cannot be."""
        check(self)
        require(self.warmup < self.steps, "warmup", self.warmup, f"below steps ({self.steps})")
        # model.data.order counts samples in so many bits.
        require(self.steps * self.batch_size <= 1 << 35, "steps", self.steps, "at most 2**35 / batch_size")


# What may change when a run goes on.
FREE = frozenset(one.name for one in fields(TrainConfig) if (about := description_of(one)) is not None and about.free)


def differences(saved: ModelConfig | TrainConfig, wanted: ModelConfig | TrainConfig) -> list[str]:
    """Return what differs between two configurations of a run, as `name is 2, not 3`; FREE fields may differ."""
    names = [field.name for field in fields(saved) if field.name not in FREE]
    pairs = [(name, getattr(saved, name), getattr(wanted, name)) for name in names]
    return [f"{name} is {old!r}, not {new!r}" for name, old, new in pairs if old != new]


def to_json(config: ModelConfig | TrainConfig) -> dict[str, Any]:
    """Return what goes into a JSON file; `read_model` and `read_train` are the way back."""
    return asdict(config)


def read_model(values: Mapping[str, Any]) -> ModelConfig:
    """Return the configuration that a JSON object holds; UserError if it is of another version of this program.

    One that was written before attention had a dropout of its own means that of the hidden states.
    """
    values = {"attention_dropout": values.get("dropout"), **values}
    _check_names(values, ModelConfig)
    return ModelConfig(**values)


def read_train(values: Mapping[str, Any]) -> TrainConfig:
    """Return the configuration that a JSON object holds; UserError if it is of another version of this program."""
    _check_names(values, TrainConfig)
    return TrainConfig(**{**values, "betas": tuple(values["betas"])})


def _check_names(values: Mapping[str, Any], kind: type[ModelConfig] | type[TrainConfig]) -> None:
    if odd := set(values) ^ {field.name for field in fields(kind)}:
        raise UserError(f"written by another version of model/: it differs in {', '.join(sorted(odd))}; use that one")
