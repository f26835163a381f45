"""From a command line's options to a run that is under way."""

import argparse
import logging
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.table import Table

from model import hub
from model.config import ModelConfig, TrainConfig
from model.data.encoded import Manifest
from model.data.loader import Batches
from model.errors import UserError
from model.ids import IDS_WITHOUT_PIECE
from model.network import hf
from model.network.xlmr import XlmR
from model.presets import SIZES
from model.sampling import shares
from model.text.vocabulary import VocabConfig
from model.training import branch, compiler, prepare
from model.training.checkpoint import latest, load
from model.training.distributed import Distributed, start
from model.training.folder import Request, Saved, locked, read_saved, write_config
from model.training.progress import Progress
from model.training.run import Outcome, Run
from model.training.trainer import Trainer

_NO_MEMORY = ("can't allocate memory", "out of memory", "ALLOC_FAILED")  # in words of torch, of CUDA, of cuBLAS
_SHAPE = ("layers", "hidden", "heads", "ffn", "vocab_size", "max_length")  # what --init says
_NEXT = """complete: %s
  python -m model.fill_mask --run %s "a text with <mask>"
  python -m model.plot --run %s --output curves.png
  python -m model.export --run %s --output hf"""
_log = logging.getLogger(__name__)


def read_request(options: argparse.Namespace) -> Request:
    """Return what a command line of model.pretrain asks for; UserError for what cannot be."""
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
        model=model,
        train=train,
        fewer_pieces=size == "tiny" and options.vocab_size is None,
        workers=options.workers,
    )


def _init(given: str | None, saved: Saved | None) -> str | None:
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
    if "betas" in given:
        given["betas"] = tuple(given["betas"])
    if "vocab_size" in given:
        given["vocab_size"] += IDS_WITHOUT_PIECE
    return {"compile": compiled, **given}


def pretrain(request: Request, device: str | None = None) -> Outcome:
    """Train a run to its end, or on from its newest checkpoint.

    Args:
        request: what is asked for.
        device: "cpu" or "cuda"; None takes CUDA where there is one.

    Raises:
        UserError: a setting, a folder or a file that does not fit; not enough memory.
    """
    with start(device) as ranks:
        request = replace(request, train=_fitted(request.train, ranks))
        if request.train.compile:
            compiler.check(ranks.device)
        made = request.encoded and (request.vocab or request.init)
        if not (request.output.exists() or request.data or made):
            raise UserError(f"no {request.output}: --data DIR says which shards to train on")
        if not ranks.first:
            ranks.wait()
            return _train(request, ranks)
        with locked(request.output):
            latest(request.output / "checkpoints")  # says what is not whole before anything is made
            prepare.make(request)
            branch.go_back(request)
            ranks.wait()
            return _train(request, ranks)


def _fitted(train: TrainConfig, ranks: Distributed) -> TrainConfig:
    """Return the settings with a micro-batch that fits the batch and the processes."""
    micro = max(1, min(train.micro_batch, train.batch_size // ranks.world))
    together = micro * ranks.world
    if train.batch_size % together:
        wanted = -(-train.batch_size // together) * together
        raise UserError(
            f"--batch_size {train.batch_size} is no multiple of --micro_batch {micro} times {ranks.world} processes; "
            f"give --batch_size {wanted}, or another --micro_batch"
        )
    return replace(train, micro_batch=micro)


def _train(request: Request, ranks: Distributed) -> Outcome:
    identity = prepare.identify(request)
    batches, held_out, manifest = prepare.open_data(request, ranks)
    newest = latest(request.output / "checkpoints")
    try:
        torch.manual_seed(identity.train.seed)
        model = XlmR(identity.model)
        if newest is None and request.init:
            model.load_state_dict(hf.load_weights(hub.folder_of(request.init)).state)
        trainer = Trainer(model, identity, batches, ranks)
        if newest is not None:
            trainer.restore(load(newest, identity))
        if not ranks.first:
            return Run(trainer, request.output, held_out, None).train()
        write_config(request, identity)
        _announce(trainer, manifest, batches)
        steps = identity.train.steps
        with Progress(request.output, step=trainer.steps_done, steps=steps) as progress:
            ending = Run(trainer, request.output, held_out, progress).train()
        if ending is Outcome.COMPLETE:
            _log.info(_NEXT, *[request.output] * 4)
        return ending
    except (MemoryError, RuntimeError) as error:
        # On the CPU torch has no error of its own for it.
        if isinstance(error, MemoryError) or any(words in str(error) for words in _NO_MEMORY):
            micro = identity.train.micro_batch
            raise UserError(
                f"out of memory: lower --micro_batch ({micro}) and give the same command again, "
                "or begin a run of a smaller model"
            ) from error
        if compiler.failed(error):
            raise compiler.mistake(str(error)) from error
        raise


def _announce(trainer: Trainer, manifest: Manifest, batches: Batches) -> None:
    config, parameters = trainer.config, sum(part.numel() for part in trainer.model.parameters())
    sizes = {name: len(stream) for name, stream in batches.streams.items()}
    table = Table("language")
    for name in ("tokens", "documents", "share of samples", "epochs"):
        table.add_column(name, justify="right")
    for language, share in shares(sizes, config.alpha.at(0)).items():
        epochs = share * config.steps * config.batch_size * (config.seq_length - 1) / sizes[language]
        row = (f"{sizes[language]:,}", f"{manifest.languages[language].documents:,}", f"{share:.2%}", f"{epochs:,.1f}")
        table.add_row(language, *row)
    Console(stderr=True).print(table)
    ranks = trainer.ranks
    _log.info(
        "%s: %.1f M parameters, vocabulary %d; %d process(es) on %s, %s; step %d of %d",
        *(config.size, parameters / 1e6, manifest.vocab_size, ranks.world, ranks.device.type, config.precision),
        *(trainer.steps_done, config.steps),
    )
