"""How far a run has come: kept in one file that is whole or not there, beside the best network so far."""

import pickle
import shutil
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from model.errors import UserError
from model.files import flush, write_whole
from model.finetune.task import Source
from model.network.hf import tensors_written
from model.text.tokenizer import MODEL_FILE

FILE = "checkpoint.pt"
_BEST = "best-"


@dataclass(frozen=True, slots=True)
class State:
    """What is known after some steps."""

    step: int = 0  # updates that are done
    epoch: int = 0  # epochs that are done
    score: float = 0.0  # of the last of them, on the dev sets
    best_epoch: int = 0
    best_score: float = 0.0

    def next(self) -> "State":
        return replace(self, step=self.step + 1)

    def judge(self, score: float) -> "State":
        """Count an epoch. Of equal scores the first is the best.

        >>> State().judge(0.5).judge(0.6).judge(0.6)
        State(step=0, epoch=3, score=0.6, best_epoch=2, best_score=0.6)
        """
        later = replace(self, epoch=self.epoch + 1, score=score)
        better = self.best_epoch == 0 or score > self.best_score
        return replace(later, best_epoch=later.epoch, best_score=score) if better else later

    def is_over(self, patience: int) -> bool:
        """Say if so many epochs have brought nothing better."""
        return 0 < patience <= self.epoch - self.best_epoch


def write_best(state: State, network: Any, source: Source, output: Path) -> None:
    """Keep the network in a folder of its epoch, with the tokenizer of its source, if that was the best."""
    if state.best_epoch != state.epoch:
        return
    aside = output / f".{_BEST}{state.epoch}"
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir()
    with tensors_written(aside):
        network.save_pretrained(aside)
    source.tokenizer.save_pretrained(aside)
    if (vocabulary := Path(source.location, MODEL_FILE)).is_file():  # transformers does without, model.trim does not
        shutil.copyfile(vocabulary, aside / MODEL_FILE)
    for path in (*aside.iterdir(), aside):
        flush(path)
    shutil.rmtree(output / f"{_BEST}{state.epoch}", ignore_errors=True)  # of a run that was killed right after
    aside.rename(output / f"{_BEST}{state.epoch}")


def write_state(state: State, network: nn.Module, optimizer: torch.optim.Optimizer, output: Path) -> None:
    """Write the checkpoint; then delete what was the best before."""
    with write_whole(output / FILE) as file:
        parts = {"network": network.state_dict(), "optimizer": optimizer.state_dict()}
        torch.save({"state": asdict(state), **parts}, file)
    for path in output.glob(f"{_BEST}*"):
        if path.name != f"{_BEST}{state.best_epoch}":
            shutil.rmtree(path)


def read_state(output: Path, network: nn.Module, optimizer: torch.optim.Optimizer) -> State:
    """Load the checkpoint into network and optimiser, if there is one; return how far it is.

    Raises:
        UserError: it is damaged.
    """
    path = output / FILE
    if not path.exists():
        return State()
    try:
        saved = torch.load(path, map_location="cpu", weights_only=True)
        network.load_state_dict(saved["network"])
        optimizer.load_state_dict(saved["optimizer"])
        return State(**saved["state"])
    except (RuntimeError, EOFError, KeyError, ValueError, TypeError, pickle.UnpicklingError) as error:
        raise UserError(f"{path} is damaged; delete {output} to begin again") from error
