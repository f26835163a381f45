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
import logging
import sys
from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.table import Table

from model.config import IDS_WITHOUT_PIECE, SIZES, ModelConfig, TrainConfig
from model.data.encoded import Manifest
from model.data.loader import Batches
from model.errors import UserError
from model.network import hf
from model.network.xlmr import XlmR
from model.sampling import shares
from model.training import prepare
from model.training.checkpoint import latest, load
from model.training.prepare import Request
from model.training.processes import Place, place
from model.training.progress import Progress
from model.training.run import Ending, Run
from model.training.trainer import Trainer

_log = logging.getLogger(__name__)
_STATUS = {Ending.COMPLETE: 0, Ending.BROKEN: 1, Ending.INTERRUPTED: 130}
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
    "dropout": "of hidden states and attention",
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
    "compile": "torch.compile the network; by default only on CUDA",
    "spike": "stop at a loss this far, in nats, above the mean of 100 steps; 0: never",
    "log_every": "steps",
    "validate_every": "steps; 0: never",
    "validation_blocks": "held-out samples a language, at most",
    "save_every": "steps between checkpoints",
    "keep": "checkpoints that are kept",
}


def pretrain(request: Request, device: str | None = None) -> Ending:
    """Train a run to its end, or on from its newest checkpoint.

    Args:
        request: what is asked for.
        device: "cpu" or "cuda"; None takes CUDA where there is one.

    Raises:
        UserError: a setting, a folder or a file that does not fit; not enough memory.
    """
    with place(device) as where:
        request = replace(request, train=_fitted(request.train, where))
        if not where.first:
            where.wait()
            return _train(request, where)
        with prepare.locked(request.output):
            prepare.make(request)
            where.wait()
            return _train(request, where)


def _fitted(train: TrainConfig, where: Place) -> TrainConfig:
    """Return the settings with a micro-batch that fits the batch and the processes."""
    each, rest = divmod(train.batch_size, where.world)
    micro = min(train.micro_batch, each)
    if rest or each % micro:
        raise UserError(
            f"--batch_size {train.batch_size} is no multiple of --micro_batch {micro} times {where.world} processes"
        )
    return replace(train, micro_batch=micro)


def _train(request: Request, where: Place) -> Ending:
    identity = prepare.identify(request)
    batches, held_out, manifest = prepare.open_data(request, where)
    torch.manual_seed(identity.train.seed)
    model = XlmR(identity.model)
    newest = latest(request.output / "checkpoints")
    try:
        if newest is None and request.init:
            model.load_state_dict(hf.load_weights(request.init).state)
        trainer = Trainer(model, identity, batches, where)
        if newest is not None:
            trainer.restore(load(newest, identity))
        if not where.first:
            return Run(trainer, request.output, held_out, None).train()
        _announce(trainer, manifest, batches)
        steps = identity.train.steps
        with Progress(request.output, step=trainer.steps_done, steps=steps) as progress:
            return Run(trainer, request.output, held_out, progress).train()
    except (torch.OutOfMemoryError, MemoryError, RuntimeError) as error:
        # On the CPU torch has no error of its own for it.
        if isinstance(error, torch.OutOfMemoryError | MemoryError) or "can't allocate memory" in str(error):
            micro = identity.train.micro_batch
            raise UserError(f"out of memory: lower --micro_batch ({micro}) and give the same command again") from error
        raise


def _announce(trainer: Trainer, manifest: Manifest, batches: Batches) -> None:
    config, parameters = trainer.config, sum(part.numel() for part in trainer.model.parameters())
    sizes = {name: len(stream) for name, stream in batches.streams.items()}
    table = Table("language")
    for name in ("tokens", "documents", "share of samples", "epochs"):
        table.add_column(name, justify="right")
    for language, share in shares(sizes, config.alpha).items():
        epochs = share * config.steps * config.batch_size * (config.seq_length - 1) / sizes[language]
        row = (f"{sizes[language]:,}", f"{manifest.languages[language].documents:,}", f"{share:.2%}", f"{epochs:,.1f}")
        table.add_row(language, *row)
    Console(stderr=True).print(table)
    where = trainer.place
    _log.info(
        "%s: %.1f M parameters, vocabulary %d; %d process(es) on %s, %s; step %d of %d",
        *(config.size, parameters / 1e6, manifest.vocab_size, where.world, where.device.type, config.precision),
        *(trainer.steps_done, config.steps),
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m model.pretrain",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Pretrain XLM-R on shards. The same command goes on with a run that was stopped.",
        epilog="""examples:
  python -m model.pretrain --data OUT/shards                 # without CUDA: tiny, a minute or two, into runs/tiny
  torchrun --nproc-per-node 8 -m model.pretrain --data OUT/shards --output runs/x --size base
  ... --init hf/                                             # starts from the weights and vocabulary of an XLM-R""",
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
    add("--device", choices=("cpu", "cuda"), help="(CUDA where there is one)")
    settings = parser.add_argument_group("settings; the default is the preset's")
    types = {field.name: field.type for kind in (ModelConfig, TrainConfig) for field in fields(kind)}
    for name, text in _HELP.items():
        settings.add_argument(f"--{name}", default=None, help=text, **_kind(types[name]))
    return parser


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


def _request(options: argparse.Namespace) -> Request:
    cuda = options.device != "cpu" and torch.cuda.is_available()
    usual = "base" if cuda else "tiny"
    output = options.output or Path("runs", options.size or usual)
    saved = prepare.read_saved(output)
    size = options.size or (saved.preset.train.size if saved else usual)
    # A run that goes on keeps its settings; given ones are compared with them.
    preset = saved.preset if saved and saved.preset.train.size == size else SIZES[size]
    model = hf.read_config(options.init) if options.init else preset.model
    given = _given(options, SIZES[size].train.compile and cuda)
    model = replace(model, **{field.name: given[field.name] for field in fields(ModelConfig) if field.name in given})
    train = replace(
        preset.train, **{field.name: given[field.name] for field in fields(TrainConfig) if field.name in given}
    )
    if train.seq_length > model.max_length:
        raise UserError(f"--seq_length {train.seq_length} is above --max_length {model.max_length}")
    return Request(
        output=output,
        data=options.data,
        vocab=options.vocab,
        encoded=options.encoded or (saved and saved.encoded),
        init=options.init,
        model=model,
        train=train,
        fewer_pieces=size == "tiny" and options.vocab_size is None,
    )


def _given(options: argparse.Namespace, compiled: bool) -> dict[str, Any]:
    """Return the settings of the command line; what it leaves open hangs on the device (`compiled`) or the preset."""
    given = {name: value for name in _HELP if (value := getattr(options, name)) is not None}
    if options.init and (shape := {"layers", "hidden", "heads", "ffn", "vocab_size", "max_length"} & given.keys()):
        raise UserError(f"--{min(shape)} is what --init says; leave it out")
    if "betas" in given:
        given["betas"] = tuple(given["betas"])
    if "vocab_size" in given:
        given["vocab_size"] += IDS_WITHOUT_PIECE
    return {"compile": compiled, **given}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; the exit status is as the module says."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    parser = _parser()
    options = parser.parse_args(arguments)
    try:
        ending = pretrain(_request(options), options.device)
    except UserError as error:
        print(f"{parser.prog}: {error}", file=sys.stderr)
        return 2
    if ending is Ending.BROKEN:
        print(f"{parser.prog}: {_REMEDY}", file=sys.stderr)
    return _STATUS[ending]


if __name__ == "__main__":
    sys.exit(main())
