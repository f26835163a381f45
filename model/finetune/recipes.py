"""How a task is trained: recipes that others have published, each number with its source.

Any value can be overridden by the flag of its name; a run that does so is no longer of the recipe, and says so.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from model.settings import check, require, setting


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """Settings of fine-tuning. An evaluation on the dev sets follows each epoch, and the best of them is the result."""

    source: str  # where the numbers were published
    learning_rate: float = setting("at its peak", above=0, most=1)
    schedule: Literal["constant", "linear"] = setting("after the warm-up: stay, or go down to 0 at the last step")
    warmup: float = setting("steps in which the rate rises from 0; below 1: their share of all steps", 0.0, least=0)
    batch_size: int = setting("rows a step", least=1)
    epochs: int = setting("at most", least=1)
    epoch_steps: int = setting("steps of an epoch; 0: as many as see every training row once", 0, least=0)
    patience: int = setting("stop after so many epochs without a better dev score; 0: never", 0, least=0)
    length: int = setting("tokens of a row at most, special ones included", least=8)
    stride: int = setting("tokens from the start of a window to that of the next (qa)", 0, least=0)
    betas: tuple[float, float] = setting("of AdamW", (0.9, 0.999), least=0, below=1)
    eps: float = setting("of AdamW", 1e-8, above=0, most=1)
    weight_decay: float = setting("of AdamW; biases and LayerNorms do not decay", 0.0, least=0, most=1)
    clip: float = setting("largest norm of the gradient; 0: any", 1.0, least=0)

    def __post_init__(self) -> None:
        """Raise UserError for a value that cannot be."""
        check(self)
        require(self.stride < self.length, "stride", self.stride, f"below length ({self.length})")


# kartikayk, one of the authors: Adam at 5e-6, 16 rows on each of 8 GPUs, "epochs" of 5 000 batches drawn at random, the
# best of at most 30 by the dev set, an end after 5 without a better one. Schedule, warm-up, length and clipping are not
# told; the rate is taken as constant, the length as XTREME's.
_AUTHORS = Recipe(
    source="fairseq issue 1367 (an author of XLM-R); length: XTREME",
    learning_rate=5e-6,
    schedule="constant",
    batch_size=128,
    epochs=30,
    epoch_steps=5_000,
    patience=5,
    length=128,
)

# scripts/train_xnli.sh, train_panx.sh, train_qa.sh for xlm-roberta-base; for Large: learning_rate 3e-5 (xnli).
# What they do not set are defaults of the programs that they run: linear decay, no warm-up, clipping at 1.
_XTREME = "XTREME, scripts/train_{}.sh"
_XTREME_XNLI = Recipe(
    source=_XTREME.format("xnli"), learning_rate=2e-5, schedule="linear", batch_size=32, epochs=5, length=128
)
_XTREME_NER = Recipe(
    source=_XTREME.format("panx"), learning_rate=2e-5, schedule="linear", batch_size=32, epochs=10, length=128
)
_XTREME_QA = Recipe(
    source=_XTREME.format("qa"),
    learning_rate=3e-5,
    schedule="linear",
    warmup=500,
    batch_size=32,
    epochs=3,
    length=384,
    stride=128,
    weight_decay=1e-4,
)


def _roberta(learning_rate: float, batch_size: int, warmup: float = 0.06) -> Recipe:
    """Return a recipe of RoBERTa on GLUE; XLM-R's paper gives none of its own."""
    return Recipe(
        source="fairseq, examples/roberta/README.glue.md",
        learning_rate=learning_rate,
        schedule="linear",
        warmup=warmup,
        batch_size=batch_size,
        epochs=10,
        length=512,
        betas=(0.9, 0.98),
        eps=1e-6,
        weight_decay=0.1,
        clip=0.0,
    )


_GLUE = {
    "cola": _roberta(1e-5, 16),
    "mnli": _roberta(1e-5, 32),
    "mrpc": _roberta(1e-5, 16),
    "qnli": _roberta(1e-5, 32),
    "qqp": _roberta(1e-5, 32, warmup=0.25),
    "rte": _roberta(2e-5, 16),
    "sst-2": _roberta(1e-5, 32),
    "sts-b": _roberta(2e-5, 16),
}

# By task, then by the name that --recipe takes; the first of a task is its default.
RECIPES: Mapping[str, Mapping[str, Recipe]] = MappingProxyType(
    {
        "xnli": {"authors": _AUTHORS, "xtreme": _XTREME_XNLI},
        "ner": {"xtreme": _XTREME_NER},
        "qa": {"xtreme": _XTREME_QA},
        **{name: {"roberta": recipe} for name, recipe in _GLUE.items()},
    }
)
