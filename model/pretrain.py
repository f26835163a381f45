"""Pretrain XLM-R on shards: masked language modelling, from text to a checkpoint.

    python -m model.pretrain --data OUT/shards --output runs/x --size tiny
    torchrun --nproc-per-node 8 -m model.pretrain --data OUT/shards --output runs/x --size base --micro_batch 128

leaves in runs/x: config.json (all settings), vocab/ and encoded/ (made when they are missing), checkpoints/,
log.jsonl and tensorboard/. `python -m model.export` and `model.fill_mask` take runs/x from there.

**Resume.** The same command, or `--output runs/x` alone, goes on from the newest checkpoint, and does exactly what the
uninterrupted run would have done: order, masks and dropout hang on seed and step alone. The number of processes may
change, and so may --micro_batch (other dropout, the same samples) and what only decides when something is written.
Other settings are refused by name.

**Exit status.** 0: complete. 1: the loss broke (NaN, or a spike); the last checkpoint is from before that step. 2: a
mistake on the command line or in a file. 130: interrupted, with a checkpoint.

Source: Conneau et al. 2020 (XLM-R), section 3; the presets are in model/config.py.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from model import command
from model.config import FREE, IDS_WITHOUT_PIECE, SIZES, ModelConfig, TrainConfig

_REMEDY = (
    "the weights before it are in the newest checkpoint. The same command meets the same step again: "
    "begin a run with a lower --learning_rate or --precision fp32; or go on over a mere spike with --spike 0"
)

# A flag for each setting of the presets, in this order.
_HELP = {
    "layers": "of the encoder",
    "hidden": "width of the encoder",
    "heads": "attention heads",
    "ffn": "width of the feed-forward layers",
    "vocab_size": "pieces of a new vocabulary, as for model.vocab",
    "max_length": "tokens of a sample that the model can take",
    "dropout": "of hidden states",
    "attention_dropout": "of the weights of attention; 0 is some 5 % faster on an H100",
    "init_std": "standard deviation of the first weights",
    "seq_length": "tokens of a sample",
    "batch_size": "samples a step, of all processes together",
    "micro_batch": "samples that go through a process at once; lower it when memory is short",
    "steps": "updates of the whole run",
    "learning_rate": "at its peak",
    "warmup": "steps to the peak",
    "schedule": "from the peak down to 0 at the last step",
    "power": "of the polynomial schedule",
    "betas": "of AdamW",
    "eps": "of AdamW",
    "weight_decay": "of AdamW; biases and LayerNorms do not decay",
    "clip": "largest norm of the gradient; 0: any",
    "alpha": "languages are drawn with q ~ p**ALPHA, p by tokens",
    "mask_share": "share of the tokens that are masked",
    "seed": "of weights, order, masks and dropout",
    "precision": "of the products; weights stay fp32",
    "compile": "torch.compile the network; on a CPU not by default",
    "spike": "stop at a loss this far, in nats, above the mean of 100 steps; 0: never",
    "log_every": "steps",
    "validate_every": "steps; 0: never",
    "validation_blocks": "held-out samples a language, at most",
    "save_every": "steps between checkpoints",
    "keep": "checkpoints that are kept",
}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m model.pretrain",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Pretrain XLM-R on shards. The same command goes on with a run that was stopped.",
        epilog="""examples:
  python -m model.pretrain --data OUT/shards
      without CUDA: the size tiny, a minute or two, into runs/tiny
  torchrun --nproc-per-node 8 -m model.pretrain --data OUT/shards --output runs/x --size base
  python -m model.pretrain --data OUT/shards --output runs/y --init hf/
      starts from the weights and the vocabulary of an XLM-R

exit status: 0 complete; 1 the loss broke; 2 a mistake, or no room; 130 interrupted, with a checkpoint.
docs/training.md explains a real run.""",
    )
    add = parser.add_argument
    add("--output", type=Path, metavar="DIR", help="the run directory (runs/SIZE)")
    text = "OUT or OUT/shards of build_cc100, or a folder of <language>.txt.xz as CC-100 was released"
    add("--data", type=Path, metavar="DIR", help=text)
    text = "preset of all settings below (of the run; else base with CUDA, tiny without)"
    add("--size", choices=tuple(SIZES), help=text)
    add("--vocab", type=Path, metavar="DIR", help="take this vocabulary, of model.vocab, instead of making one")
    add("--encoded", type=Path, metavar="DIR", help="encoded text, of model.encode (the run directory's encoded/)")
    add("--init", type=Path, metavar="DIR", help="start from an XLM-R of Hugging Face's form, with its vocabulary")
    text = "processes that make the vocabulary and encode (the processors here)"
    add("--workers", type=int, metavar="N", help=text)
    add("--device", choices=("cpu", "cuda"), help="(CUDA where there is one)")
    kept = parser.add_argument_group("settings of a run, kept to its end (defaults: tiny / base / large)")
    free = parser.add_argument_group("settings that may change when a run goes on (likewise)")
    types = {field.name: field.type for kind in (ModelConfig, TrainConfig) for field in fields(kind)}
    for name, text in _HELP.items():
        group = free if name in FREE else kept
        group.add_argument(f"--{name}", default=None, help=f"{text} ({_defaults(name)})", **_kind(types[name]))
    return parser


def _defaults(name: str) -> str:
    """Return a setting's value in each preset, or the one that all have."""
    values = []
    for preset in SIZES.values():
        value: Any = getattr(preset.model if hasattr(preset.model, name) else preset.train, name)
        values.append(str(value - IDS_WITHOUT_PIECE if name == "vocab_size" else value))
    return values[0] if len(set(values)) == 1 else " / ".join(values)


def _kind(annotation: Any) -> dict[str, Any]:
    """Return argparse's words for the type of a setting."""
    if annotation is bool:
        return {"action": argparse.BooleanOptionalAction}
    if annotation in (int, float):
        return {"type": annotation, "metavar": "N" if annotation is int else "X"}
    choices = getattr(annotation, "__args__", ())
    if choices and all(isinstance(choice, str) for choice in choices):
        return {"choices": choices}
    return {"type": float, "nargs": 2, "metavar": "X"}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; the exit status is as the module says."""
    again = "the same command goes on where it stopped"
    smaller = "give a smaller --micro_batch or model, or fewer --workers"
    status = command.run(_parser(), _pretrain, arguments, interrupted=again, no_memory=smaller)
    if status == 0:
        return 0
    from model.training.processes import leave

    return leave(status)


def _pretrain(options: argparse.Namespace) -> int:
    # Before torch is loaded: its threads, if they spin while they wait, are 6 % faster on two idle cores, and eight
    # times slower where another program has one of them.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    # Not above: the processes that encode import this module, and have no use for torch.
    from model.training.launch import pretrain, read_request
    from model.training.run import Ending

    ending = pretrain(read_request(options), options.device)
    if ending is Ending.BROKEN:
        print(_REMEDY, file=sys.stderr)
    return ending.value


if __name__ == "__main__":
    sys.exit(main())
