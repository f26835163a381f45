"""The presets of --size: a size of the model with the training that suits it.

Source: Conneau et al. 2020 (XLM-R), table 7 and section 3; fairseq's RoBERTa for what the paper does not tell.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from model.config import ModelConfig, TrainConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """A size of the model with the training that suits it."""

    model: ModelConfig
    train: TrainConfig


_VOCABULARY = 250_002

# tiny, a minute on a CPU, has the layers and the width of BERT-Tiny (Turc et al. 2019). It trains too little for
# dropout to help, and at 0.02 such narrow layers begin all but deaf: 0.08 is about 1 / sqrt(width). Of the sample of a
# crawl that it is for, ten samples a language leave 15 languages, and the held-out loss falls to the end; twenty leave
# 7, which are repeated 58 times, and it rises. base and large are the paper's (table 7), batch 8192 and 1.5 M updates
# (section 3). Peak 7e-4 at that batch: fairseq's table. Warm-up, and large's peak: RoBERTa.
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
                min_tokens=1270,
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
