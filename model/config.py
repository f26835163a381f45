"""Sizes of the model and settings of a run: values only, each with its source.

Source: Conneau et al. 2020 (XLM-R), table 7 and section 3; the optimiser's values that the paper does not tell are of
fairseq's RoBERTa (examples/roberta, README.pretraining.md and config/pretraining/base.yaml).
"""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from types import MappingProxyType
from typing import Any, Literal

from model.errors import UserError

PAD_ID = 1
IDS_WITHOUT_PIECE = 2  # <pad> and <mask>: a vocabulary of 250 000 pieces has 250 002 ids
FIRST_POSITION = PAD_ID + 1  # row of the position table for the first token; fairseq counts on from <pad>
LAYER_NORM_EPS = 1e-5
_MOST = 0.9  # of dropout, and of the positions that are masked: with more there is next to nothing to learn from


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelConfig:
    """Shape of the network."""

    layers: int
    hidden: int  # width of the residual stream
    heads: int  # attention heads; hidden is a multiple of it
    ffn: int  # width of the feed-forward layer
    vocab_size: int  # ids, the four special ones and <mask> included
    max_length: int = 512  # tokens of a sample, <s> included
    dropout: float = 0.1  # of hidden states
    attention_dropout: float = 0.1  # of the weights of attention; 0 is 5 % faster (base on an H100)
    init_std: float = 0.02  # of the first weights

    def __post_init__(self) -> None:
        """Raise UserError for a shape that cannot be."""
        for name in ("layers", "hidden", "heads", "ffn", "max_length"):
            _require(getattr(self, name) >= 1, name, getattr(self, name), "at least 1")
        _require(self.vocab_size >= 6, "vocab_size", self.vocab_size, "at least 6: five special ids and a piece")
        _require(self.hidden % self.heads == 0, "hidden", self.hidden, f"a multiple of heads ({self.heads})")
        for name in ("dropout", "attention_dropout"):
            _require(0 <= getattr(self, name) <= _MOST, name, getattr(self, name), f"0 to {_MOST}")
        _require(0 < self.init_std < 1, "init_std", self.init_std, "above 0 and below 1")

    @property
    def positions(self) -> int:
        """Rows of the position table: the first two are never used."""
        return self.max_length + FIRST_POSITION


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainConfig:
    """How a model is trained. What is not in FREE decides the result, so a run keeps it to its end."""

    size: str  # name of the preset
    batch_size: int  # samples a step, of all processes together
    micro_batch: int  # samples that go through one process at a time
    steps: int  # updates of the whole run
    learning_rate: float  # at its peak, after warm-up
    warmup: int  # steps from zero to the peak
    seq_length: int = 512  # tokens a sample, <s> included
    schedule: Literal["linear", "polynomial"] = "linear"  # down to zero at the last step
    power: float = 2.0  # of the polynomial schedule
    betas: tuple[float, float] = (0.9, 0.98)
    eps: float = 1e-6
    weight_decay: float = 0.01
    clip: float = 1.0  # largest norm of the gradient, 0: no limit; fairseq had none, but had fp16 runs that collapsed
    alpha: float = 0.3  # languages are sampled with q_l ~ p_l^alpha
    mask_share: float = 0.15  # of the positions of a sample
    seed: int = 0
    precision: Literal["fp32", "bf16"] = "bf16"  # bf16: autocast; the weights stay fp32
    compile: bool = True
    spike: float = 2.0  # a loss so many nats above its running mean stops the run; 0: never
    log_every: int = 10  # steps
    validate_every: int = 1000  # steps; 0: never
    validation_blocks: int = 64  # at most, a language
    save_every: int = 1000  # steps
    keep: int = 3  # checkpoints

    def __post_init__(self) -> None:
        """Raise UserError for a value that cannot be."""
        for name, value in asdict(self).items():
            _require(not isinstance(value, float) or math.isfinite(value), name, value, "a finite number")
        for name in ("batch_size", "micro_batch", "steps", "log_every", "save_every", "keep"):
            _require(getattr(self, name) >= 1, name, getattr(self, name), "at least 1")
        for name in ("warmup", "clip", "spike", "validate_every", "validation_blocks", "seed"):
            _require(getattr(self, name) >= 0, name, getattr(self, name), "0 or more")
        for name in ("alpha", "weight_decay"):  # alpha above 1 would take from the languages that have little
            _require(0 <= getattr(self, name) <= 1, name, getattr(self, name), "0 to 1")
        for name in ("learning_rate", "eps"):  # Adam moves each weight by about the rate at every step
            _require(0 < getattr(self, name) <= 1, name, getattr(self, name), "above 0 and at most 1")
        _require(self.power > 0, "power", self.power, "above 0")
        _require(self.warmup < self.steps, "warmup", self.warmup, f"below steps ({self.steps})")
        _require(self.seed < 1 << 63, "seed", self.seed, "below 2**63")
        # model.data.order counts samples in so many bits.
        _require(self.steps * self.batch_size <= 1 << 35, "steps", self.steps, "at most 2**35 / batch_size")
        _require(self.seq_length >= 2, "seq_length", self.seq_length, "at least 2: <s> and a token")
        _require(0.01 <= self.mask_share <= _MOST, "mask_share", self.mask_share, f"0.01 to {_MOST}")
        _require(all(0 <= beta < 1 for beta in self.betas), "betas", self.betas, "in [0, 1)")
        _require(self.schedule in ("linear", "polynomial"), "schedule", self.schedule, "linear or polynomial")
        _require(self.precision in ("fp32", "bf16"), "precision", self.precision, "fp32 or bf16")


# What may change when a run goes on: it changes when and where the work is done, not which work.
FREE = frozenset(
    "micro_batch compile spike log_every validate_every validation_blocks save_every keep".split()
)  # fmt: skip


def _require(holds: bool, name: str, value: object, wanted: str) -> None:
    if not holds:
        raise UserError(f"{name} is {value!r}; it must be {wanted}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """A size of the model with the training that suits it."""

    model: ModelConfig
    train: TrainConfig


_VOCABULARY = 250_002

# tiny, a minute on a CPU, has the layers and the width of BERT-Tiny (Turc et al. 2019). It trains too little for
# dropout to help, and at 0.02 such narrow layers begin all but deaf: 0.08 is about 1 / sqrt(width). base and large
# are the paper's (table 7), batch 8192 and 1.5 M updates (section 3). Peak 7e-4 at that batch: fairseq's table.
# Warm-up, and large's peak: RoBERTa.
SIZES: Mapping[str, Preset] = MappingProxyType(
    {
        "tiny": Preset(
            model=ModelConfig(
                layers=2,
                hidden=128,
                heads=2,
                ffn=512,
                vocab_size=8_002,
                dropout=0.0,
                attention_dropout=0.0,
                init_std=0.08,
            ),
            train=TrainConfig(
                size="tiny",
                seq_length=128,
                batch_size=32,
                micro_batch=32,
                steps=300,
                learning_rate=3e-3,
                warmup=30,
                precision="fp32",
                compile=False,
                validate_every=100,
                save_every=100,
            ),
        ),
        "base": Preset(
            model=ModelConfig(layers=12, hidden=768, heads=12, ffn=3072, vocab_size=_VOCABULARY),
            train=TrainConfig(
                size="base", batch_size=8192, micro_batch=128, steps=1_500_000, learning_rate=7e-4, warmup=24_000
            ),
        ),
        "large": Preset(
            model=ModelConfig(layers=24, hidden=1024, heads=16, ffn=4096, vocab_size=_VOCABULARY),
            train=TrainConfig(
                size="large", batch_size=8192, micro_batch=64, steps=1_500_000, learning_rate=4e-4, warmup=30_000
            ),
        ),
    }
)


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
