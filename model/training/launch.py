"""From a command line's options to a run that is under way."""

import logging
from dataclasses import replace

import torch

from model import hub
from model.config import TrainConfig
from model.errors import UserError, lacks_memory
from model.mixture import Mixture
from model.network import hf
from model.network.xlmr import XlmR
from model.terminal import error_console
from model.training import branch, compiler, prepare, text
from model.training.checkpoint import latest, load
from model.training.distributed import Distributed, start
from model.training.folder import Request, locked, write_config
from model.training.hardware import Hardware, describe
from model.training.progress import Progress
from model.training.run import Outcome, Run
from model.training.table import log_line, remarks, table_of
from model.training.trainer import Trainer

_NEXT = """complete: %s
  python -m model.fill_mask --run %s "a text with <mask>"
  python -m model.plot --run %s --output curves.png
  python -m model.export --run %s --output hf"""
_log = logging.getLogger(__name__)


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
            text.make(request)
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
    data = prepare.open_data(request, ranks)
    newest = latest(request.output / "checkpoints")
    try:
        torch.manual_seed(identity.train.seed)
        model = XlmR(identity.model)
        if newest is None and request.init:
            model.load_state_dict(hf.load_weights(hub.folder_of(request.init)).state)
        trainer = Trainer(model, identity, data.batches, ranks)
        if newest is not None:
            trainer.restore(load(newest, identity))
        if not ranks.first:
            return Run(trainer, request.output, data.held_out, None).train()
        write_config(request, identity)
        found = replace(describe(ranks.device, model.config, identity.train), step=trainer.steps_done)
        _announce(trainer, data.mixture, found)
        steps, languages = identity.train.steps, log_line(data.mixture)
        with Progress(request.output, languages, step=trainer.steps_done, steps=steps) as progress:
            if trainer.steps_done < steps:  # the log of a complete run stays as it is
                progress.record(found)
            ending = Run(trainer, request.output, data.held_out, progress).train()
        if ending is Outcome.COMPLETE:
            _log.info(_NEXT, *[request.output] * 4)
        return ending
    except (MemoryError, RuntimeError) as error:
        if isinstance(error, MemoryError) or lacks_memory(error):
            micro = identity.train.micro_batch
            raise UserError(
                f"out of memory: lower --micro_batch ({micro}) and give the same command again, "
                "or begin a run of a smaller model"
            ) from error
        if compiler.failed(error):
            raise compiler.mistake(str(error)) from error
        raise


def _announce(trainer: Trainer, mixture: Mixture, found: Hardware) -> None:
    config, parameters = trainer.config, sum(part.numel() for part in trainer.model.parameters())
    error_console().print(table_of(mixture))
    for remark in remarks(mixture, config):
        _log.info("%s", remark)
    ranks = trainer.ranks
    _log.info("%s", found.text)
    _log.info(
        "%s: %.1f M parameters, vocabulary %d; %d process(es) on %s, %s; step %d of %d",
        *(config.size, parameters / 1e6, trainer.batches.vocab_size, ranks.world, ranks.device.type, config.precision),
        *(trainer.steps_done, config.steps),
    )
