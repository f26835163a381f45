"""Sizes of the model and settings of a run: values only, each with its source.

Source: Conneau et al. 2020 (XLM-R), table 7 and section 3; the optimiser's values that the paper does not tell are of
fairseq's RoBERTa (examples/roberta, README.pretraining.md and config/pretraining/base.yaml).
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal

from model.errors import UserError
from model.ids import PAD
from model.settings import ALWAYS, check, description_of, require, setting
from model.stages import Stages

FIRST_POSITION = PAD + 1  # row of the position table for the first token; fairseq counts on from <pad>
LAYER_NORM_EPS = 1e-5
MOST_SAMPLES = (1 << 35) - 1024  # of a run: model.data.order counts them in so many bits, a round ahead
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
    """How a model is trained. What is in neither FREE nor AHEAD decides the result, so a run keeps it to its end."""

    size: str  # name of the preset
    seq_length: int = setting("tokens of a sample, <s> included", 512, least=2)
    batch_size: int = setting("samples a step, of all processes together", least=1)
    micro_batch: int = setting(
        "samples that go through a process at once; lower it when memory is short", least=1, free=True
    )
    steps: int = setting("updates of the whole run", least=1, ahead=True)
    planned_steps: int = setting(
        "what --max_epochs counts with where --steps was raised; 0: --steps as the run begins", 0, least=0
    )
    learning_rate: float = setting("at its peak", above=0, most=1)  # Adam moves each weight by about it at every step
    warmup: int = setting("steps to the peak", least=0)
    schedule: Literal["linear", "polynomial", "constant", "wsd"] = setting(
        "from the peak down to 0 at the last step; never; or in a last part of the steps", "linear", ahead=True
    )
    power: float = setting("of the polynomial schedule", 2.0, above=0, ahead=True)
    # A tenth is enough, a fortieth is not (Hu et al. 2024, MiniCPM, section 4.3).
    decay_share: float = setting("share of the steps in which wsd falls", 0.1, above=0, most=1, ahead=True, before=0.1)
    # Better than an even fall (Hägele et al. 2024, arXiv 2405.18392, section 3); mmBERT falls so, too.
    decay_form: Literal["linear", "sqrt"] = setting(
        "of wsd: evenly, or by 1 - sqrt(part of the fall that is done)", "sqrt", ahead=True, before="sqrt"
    )
    betas: tuple[float, float] = setting("of AdamW", (0.9, 0.98), least=0, below=1)
    eps: float = setting("of AdamW", 1e-6, above=0, most=1)
    weight_decay: float = setting("of AdamW; biases and LayerNorms do not decay", 0.01, least=0, most=1)
    # fairseq had none, but had fp16 runs that collapsed.
    clip: float = setting("largest norm of the gradient; 0: any", 1.0, least=0)
    # Above 1 it would take from the languages that have little.
    alpha: Stages = setting(
        "languages are drawn with q ~ p**ALPHA, p by tokens", Stages.constant(0.3), least=0, most=1, ahead=True
    )
    languages: tuple[str, ...] = setting(
        "train on these of the text, with commas: codes, and xlm-7, -15, -30, -60, -100 for the paper's sets",
        (),
        before=(),
    )
    min_tokens: int | None = setting(
        "a language with less training text is left out; 0: none; None: with less than fills 20 samples",
        None,
        least=0,
        before=0,
    )
    max_epochs: float = setting(
        "most passes over a language's text; its q is cut there; 0: any", 40.0, least=0, before=0.0
    )
    weights: tuple[tuple[str, float], ...] = setting(
        "lines 'sw 0.02': train on these languages, with shares like these numbers instead of q", (), before=()
    )
    mask_share: Stages = setting(
        "share of the tokens that are masked", Stages.constant(0.15), least=0.01, most=_MOST, ahead=True
    )
    seed: int = setting("of weights, order, masks and dropout", 0, least=0, below=1 << 63)
    precision: Literal["fp32", "bf16", "bf16_residual"] = setting(
        "of the products, and with bf16_residual of what goes from layer to layer; weights stay fp32", "bf16"
    )
    compile: bool = setting("torch.compile the network; on a CPU not by default", True, free=True)
    spike: float = setting(
        "stop at a loss this far, in nats, above the mean of 100 steps; 0: never", 2.0, least=0, free=True
    )
    log_every: int = setting("steps", 10, least=1, free=True)
    validate_every: int = setting("steps; 0: not by steps", 1000, least=0, free=True)
    validate_minutes: float = setting("minutes; 0: not by time", 60.0, least=0, free=True, before=60.0)
    validation_blocks: int = setting("held-out samples a language, at most", 64, least=0, free=True)
    save_every: int = setting("steps between checkpoints, at most", 1000, least=1, free=True)
    save_minutes: float = setting("minutes between checkpoints, at most; 0: any", 30.0, least=0, free=True, before=30.0)
    keep: int = setting("checkpoints that are kept", 3, least=1, free=True)

    def __post_init__(self) -> None:
        """Raise UserError for a value that cannot be."""
        check(self)
        require(self.warmup < self.steps, "warmup", self.warmup, f"below steps ({self.steps})")
        latest = self.steps if self.decay_start is None else self.decay_start
        require(self.warmup <= latest, "warmup", self.warmup, f"at most {latest}, where the decay of wsd begins")
        most = MOST_SAMPLES // self.batch_size
        for name in ("steps", "planned_steps"):
            require(getattr(self, name) <= most, name, getattr(self, name), f"at most {most} with this batch_size")
        for name in ("alpha", "mask_share"):
            value: Stages = getattr(self, name)
            require(value.last <= most, name, value, f"of stages that begin at step {most} or before")

    @property
    def decay_start(self) -> int | None:
        """How many steps are done when the learning rate begins to fall; None: it never does."""
        if self.schedule == "constant":
            return None
        return self.warmup if self.schedule != "wsd" else self.steps - max(1, round(self.decay_share * self.steps))


_TOLD = {one.name: about for one in fields(TrainConfig) if (about := description_of(one)) is not None}
FREE = frozenset(name for name, about in _TOLD.items() if about.free)  # what may change when a run goes on
AHEAD = frozenset(name for name, about in _TOLD.items() if about.ahead)  # and what may for steps that are not done yet


def differences(saved: ModelConfig | TrainConfig, wanted: ModelConfig | TrainConfig) -> list[str]:
    """Return what differs between two configurations of a run, as `name is 2, not 3`.

    FREE fields may differ; what AHEAD ones decide for steps that are done, model.training.schedule compares.
    """
    names = [field.name for field in fields(saved) if field.name not in FREE | AHEAD]
    pairs = [(name, getattr(saved, name), getattr(wanted, name)) for name in names]
    return [f"{name} is {old!r}, not {new!r}" for name, old, new in pairs if old != new]


def to_json(config: ModelConfig | TrainConfig) -> dict[str, Any]:
    """Return what goes into a JSON file; `read_model` and `read_train` are the way back."""
    return {one.name: _plain(getattr(config, one.name)) for one in fields(config)}


def _plain(value: Any) -> Any:
    if not isinstance(value, Stages):
        return value
    return value.at(0) if len(value.items) == 1 else str(value)


def read_model(values: Mapping[str, Any]) -> ModelConfig:
    """Return the configuration that a JSON object holds; UserError if it is of another version of this program.

    One that was written before attention had a dropout of its own means that of the hidden states.
    """
    values = {"attention_dropout": values.get("dropout"), **values}
    _check_names(values, ModelConfig)
    return ModelConfig(**values)


def read_train(values: Mapping[str, Any]) -> TrainConfig:
    """Return the configuration that a JSON object holds; UserError if it is of another version of this program.

    What a run did that was begun before a setting was there is that setting's `before`.
    """
    values = {name: about.before for name, about in _TOLD.items() if about.before is not ALWAYS} | dict(values)
    values = {"planned_steps": values.get("steps"), **values}
    _check_names(values, TrainConfig)
    by_step = {name: Stages.parse(str(values[name])) for name in ("alpha", "mask_share")}
    weights = tuple((language, weight) for language, weight in values["weights"])
    tuples = {"betas": tuple(values["betas"]), "languages": tuple(values["languages"]), "weights": weights}
    return TrainConfig(**{**values, **by_step, **tuples})


def _check_names(values: Mapping[str, Any], kind: type[ModelConfig] | type[TrainConfig]) -> None:
    if odd := set(values) ^ {field.name for field in fields(kind)}:
        raise UserError(f"written by another version of model/: it differs in {', '.join(sorted(odd))}; use that one")
