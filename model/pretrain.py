"""Pretrain XLM-R on shards: masked language modelling, from text to a checkpoint.

    python -m model.pretrain --data OUT/shards --output runs/x --size tiny
    torchrun --nproc-per-node 8 -m model.pretrain --data OUT/shards --output runs/x --size base --micro_batch 128

leaves in runs/x: config.json (all settings), vocab/ and encoded/ (made when they are missing), checkpoints/,
log.jsonl and tensorboard/. `python -m model.export` and `model.fill_mask` take runs/x from there.

**Resume.** The same command, or `--output runs/x` alone, goes on from the newest checkpoint, and does exactly what the
uninterrupted run would have done: order, masks and dropout hang on seed and step alone. The number of processes may
change, and so may --micro_batch (other dropout, the same samples), what only decides when something is written, and
what is to be otherwise for steps that are not done yet, --steps among it. Other settings are refused by name.

**Exit status.** 0: complete. 1: the loss broke (NaN, or a spike); the last checkpoint is from before that step. 2: a
mistake on the command line or in a file. 130: interrupted, with a checkpoint.

Source: Conneau et al. 2020 (XLM-R), section 3; the presets are in model/config.py.
"""

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from model import command, hub
from model.config import ModelConfig, TrainConfig
from model.errors import UserError
from model.ids import IDS_WITHOUT_PIECE
from model.languages import parse_languages
from model.presets import SIZES
from model.settings import description_of
from model.stages import Stages
from model.text.vocabulary import VocabConfig
from model.weights import read_weights

if TYPE_CHECKING:
    from model.training.folder import Request, Saved

_SHAPE = ("layers", "hidden", "heads", "ffn", "vocab_size", "max_length")  # what --init says

_REMEDY = (
    "the weights before it are in the newest checkpoint. The same command meets the same step again: "
    "begin a run with a lower --learning_rate or --precision fp32; or go on over a mere spike with --spike 0"
)


# argparse's words for the types of settings that are no number, choice or yes and no.
_OF_TYPE: Mapping[Any, Mapping[str, Any]] = MappingProxyType(
    {
        Stages: {"metavar": "X[,STEP:X...]"},
        tuple[float, float]: {"type": float, "nargs": 2, "metavar": "X"},
        tuple[str, ...]: {"type": parse_languages, "metavar": "LIST"},
        tuple[tuple[str, float], ...]: {"type": Path, "metavar": "FILE"},
    }
)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m model.pretrain",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Pretrain XLM-R on shards. The same command goes on with a run that was stopped.",
        epilog="""examples:
  python -m model.pretrain --data OUT/shards
      without CUDA: the size tiny, a minute or two, into runs/tiny
  torchrun --nproc-per-node 8 -m model.pretrain --data OUT/shards --output runs/x --size base
  python -m model.pretrain --data OUT/shards --output runs/y --init FacebookAI/xlm-roberta-base
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
    text = "start from an XLM-R, with its vocabulary: a folder of Hugging Face's form, or a name on its hub"
    add("--init", metavar="DIR_OR_NAME", help=text)
    text = "processes that make the vocabulary and encode (the processors here)"
    add("--workers", type=int, metavar="N", help=text)
    add("--device", choices=("cpu", "cuda"), help="(CUDA where there is one)")
    kept = parser.add_argument_group("settings of a run, kept to its end (defaults: tiny / base / large)")
    ahead = parser.add_argument_group("settings that may change for the steps that are not done yet (likewise)")
    free = parser.add_argument_group("settings that may change when a run goes on (likewise)")
    for one in (*fields(ModelConfig), *fields(TrainConfig)):
        if (about := description_of(one)) is not None:
            text = f"{about.help}{_defaults(one.name)}".replace("%", "%%")
            group = free if about.free else ahead if about.ahead else kept
            group.add_argument(f"--{one.name}", default=None, help=text, **_kind(one.type))
    return parser


def _defaults(name: str) -> str:
    """Return, in brackets, a setting's value in each preset, or the one that all have; nothing if none has one."""
    values = []
    for preset in SIZES.values():
        value: Any = getattr(preset.model if hasattr(preset.model, name) else preset.train, name)
        values.append(str(value - IDS_WITHOUT_PIECE if name == "vocab_size" else value))
    if set(values) <= {"None", "()"}:
        return ""
    return f" ({values[0] if len(set(values)) == 1 else ' / '.join(values)})"


def _kind(annotation: Any) -> Mapping[str, Any]:
    """Return argparse's words for the type of a setting."""
    if annotation is bool:
        return {"action": argparse.BooleanOptionalAction}
    if annotation in (int, int | None, float):
        return {"type": float if annotation is float else int, "metavar": "X" if annotation is float else "N"}
    choices = getattr(annotation, "__args__", ())
    if choices and all(isinstance(choice, str) for choice in choices):
        return {"choices": choices}
    return _OF_TYPE[annotation]


def read_request(options: argparse.Namespace) -> "Request":
    """Return what a command line asks for; UserError for what cannot be."""
    # Not above: the processes that encode import this module, and have no use for torch.
    import torch

    from model.network import hf
    from model.training.folder import Request, read_saved

    cuda = options.device != "cpu" and torch.cuda.is_available()
    usual = "base" if cuda else "tiny"
    output = options.output or Path("runs", options.size or usual)
    saved = read_saved(output)
    size = options.size or (saved.preset.train.size if saved else usual)
    # A run that goes on keeps its settings; given ones are compared with them.
    preset = saved.preset if saved and saved.preset.train.size == size else SIZES[size]
    given = _given(options, preset.train.compile and cuda)
    init = _init(options.init, saved)
    model = hf.read_config(hub.folder_of(init)) if init and saved is None else preset.model
    model = replace(model, **{field.name: given[field.name] for field in fields(ModelConfig) if field.name in given})
    train = replace(
        preset.train, **{field.name: given[field.name] for field in fields(TrainConfig) if field.name in given}
    )
    train = replace(train, planned_steps=train.planned_steps or train.steps)
    if train.seq_length > model.max_length:
        raise UserError(f"--seq_length {train.seq_length} is above --max_length {model.max_length}")
    return Request(
        output=output,
        data=options.data or (saved.folders["data"] if saved else None),
        vocab=options.vocab,
        encoded=options.encoded or (saved.folders["encoded"] if saved else None),
        init=init,
        weights=options.weights,
        model=model,
        train=train,
        fewer_pieces=size == "tiny" and options.vocab_size is None,
        workers=options.workers,
    )


def _init(given: str | None, saved: "Saved | None") -> str | None:
    """Return the model to start from; that of a run that goes on is neither looked at nor fetched."""
    if saved is None:
        return hub.pinned(given) if given else None
    same = given is None or (saved.init is not None and hub.means(given, saved.init))
    return saved.init if same else given  # which check_saved refuses


def _given(options: argparse.Namespace, compiled: bool) -> dict[str, Any]:
    """Return the settings of the command line; `compiled` is for want of one."""
    names = [field.name for kind in (ModelConfig, TrainConfig) for field in fields(kind) if field.name != "size"]
    given = {name: value for name in names if (value := getattr(options, name)) is not None}
    for source, brings in (("init", ("vocab", *_SHAPE)), ("vocab", ("vocab_size",))):
        for name in brings:
            if getattr(options, source) is not None and getattr(options, name) is not None:
                raise UserError(f"--{name} is what --{source} says; leave it out")
    if options.workers is not None and options.workers < 1:
        raise UserError(f"--workers {options.workers} is below 1")
    if options.vocab_size is not None:
        VocabConfig(vocab_size=options.vocab_size).check()
    given |= {name: Stages.parse(given[name], f"--{name} ") for name in ("alpha", "mask_share") if name in given}
    if "betas" in given:
        given["betas"] = tuple(given["betas"])
    if options.weights is not None:
        weights = {one.language: one.weight for one in read_weights(options.weights)}
        given["weights"] = tuple(sorted(weights.items()))
    if "vocab_size" in given:
        given["vocab_size"] += IDS_WITHOUT_PIECE
    return {"compile": compiled, **given}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; the exit status is as the module says."""
    again = "the same command goes on where it stopped"
    smaller = "give a smaller --micro_batch or model, or fewer --workers"
    status = command.run(_parser(), _pretrain, arguments, interrupted=again, no_memory=smaller)
    if status == 0:
        return 0
    from model.training.distributed import leave

    return leave(status)


def _pretrain(options: argparse.Namespace) -> int:
    # Before torch is loaded: its threads, if they spin while they wait, are 6 % faster on two idle cores, and eight
    # times slower where another program has one of them.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    from model.training.launch import pretrain
    from model.training.run import Outcome

    ending = pretrain(read_request(options), options.device)
    if ending is Outcome.BROKEN:
        print(_REMEDY, file=sys.stderr)
    return ending.value


if __name__ == "__main__":
    sys.exit(main())
