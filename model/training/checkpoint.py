"""Checkpoints of a run: whole or not there, the last few kept, and never taken up by a run of another kind.

    checkpoints/step-00000100/state.pt          weights, the optimiser's state, ..., as torch.save writes them
    checkpoints/step-00000100/checkpoint.json   step, both configurations, sha256 of state.pt and of the encoded data's
                                                manifest

The folder is written under another name, flushed to the disk and renamed, so a kill leaves nothing half-written behind
a name that begins with step-. What is not whole there was damaged from outside, and is never passed over in silence.
The order of samples, masks and dropout follow from seed and step, so there is nothing else to keep.
"""

import json
import os
import pickle
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from model.config import ModelConfig, TrainConfig, differences, read_model, read_train, to_json
from model.errors import UserError
from model.files import flush, read_versioned, sha256_of
from model.training.schedule import conflicts

VERSION = 1
_STATE, _ABOUT = "state.pt", "checkpoint.json"
_PARTS = ("model", "optimizer", "extra")
_PREFIX = "step-"
_NAME = re.compile(rf"{_PREFIX}\d{{8,}}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """What a run is: only a run of the same identity goes on from a checkpoint."""

    model: ModelConfig
    train: TrainConfig  # config.FREE says which of its fields may differ
    manifest_sha256: str  # of the encoded data


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """A state of training."""

    step: int  # updates that are done
    identity: Identity
    model: Mapping[str, Tensor]  # state_dict of the network
    optimizer: Mapping[str, Any]  # state_dict of the optimiser
    extra: Mapping[str, Tensor] = field(default_factory=dict)  # what else the trainer needs, such as the last losses


def save(folder: Path, checkpoint: Checkpoint, *, keep: int, spared: int | None = None) -> Path:
    """Write a checkpoint, then delete all but the newest `keep` and the one of step `spared`; return its folder.

    One process, and one thread of it, may write to a folder at a time.

    Raises:
        UserError: it cannot be written (disk full, no permission); those before it are still there. Or one that is
            there is not whole.
    """
    target = folder / _name(checkpoint.step)
    if target in all_of(folder):  # a run that breaks right where it went on
        return target
    try:
        _clear(folder)
        aside = _aside(target)
        aside.mkdir(parents=True)
        _write(aside, checkpoint)
        aside.rename(target)
        flush(folder)
        for old in [path for path in all_of(folder) if step_of(path) != spared][: -max(1, keep)]:
            # Renamed first: a folder that is half deleted must not bear the name of a whole one.
            old.rename(_aside(old, "old"))
        _clear(folder)
    except (OSError, RuntimeError) as error:  # torch tells of a full disk by a RuntimeError
        if isinstance(error, torch.OutOfMemoryError) or "CUDA" in str(error):
            raise
        shutil.rmtree(_aside(target), ignore_errors=True)  # what it holds is room
        raise UserError(f"{target} cannot be written ({error}); make room and give the same command again") from error
    return target


def all_of(folder: Path) -> list[Path]:
    """Return the folders of the checkpoints, oldest first.

    Raises:
        UserError: one is not whole, by the names of its files, or none has the name of one; it is named.
    """
    entries = sorted(folder.glob(f"{_PREFIX}*"))
    found = [path for path in entries if _NAME.fullmatch(path.name)]
    for path in found:
        missing = [name for name in (_STATE, _ABOUT) if not (path / name).is_file()]
        if missing and path.exists():  # a run at work may just have taken it away
            what = f"{path} is not whole ({' and '.join(missing)} missing)"
            raise UserError(f"{what}: copy it again, or delete it to go on without it")
    if entries and not found:
        raise UserError(f"{entries[0]} has no checkpoint's name (step-00000100, say): give it its own, or move it away")
    return sorted(found, key=step_of)


def latest(folder: Path) -> Path | None:
    """Return the folder of the newest checkpoint, None if there is none; UserError if any is not whole."""
    found = all_of(folder)
    return found[-1] if found else None


def step_of(path: Path) -> int:
    """Return the step in the name of a checkpoint's folder."""
    return int(path.name.removeprefix(_PREFIX))


def read_identity(path: Path) -> Identity:
    """Return what a checkpoint is of; UserError if its checkpoint.json is damaged or of another version."""
    return _read_about(path)[1]


def load(path: Path, identity: Identity | None = None) -> Checkpoint:
    """Load a checkpoint on the CPU; its tensors are mapped from the file and read when they are used.

    Args:
        path: folder of the checkpoint.
        identity: of the run that is to go on from it; None takes it as it is.

    Raises:
        UserError: the checkpoint is damaged, or of another model, training or data; it is named.
    """
    step, found, digest = _read_about(path)
    if identity is not None:
        _compare(path, found, identity)
    if not (path / _STATE).is_file() or sha256_of([path / _STATE]) != digest:
        raise _damaged(path / _STATE)
    try:
        state = torch.load(path / _STATE, map_location="cpu", weights_only=True, mmap=True)
        return Checkpoint(step=step, identity=found, **{name: state[name] for name in _PARTS})
    except (OSError, RuntimeError, EOFError, KeyError, ValueError, TypeError, pickle.UnpicklingError) as error:
        raise _damaged(path / _STATE) from error


def of_run(run: Path) -> Path:
    """Return the newest checkpoint of a run directory; UserError if there is none."""
    path = latest(run / "checkpoints")
    if path is None:
        raise UserError(f"no checkpoint in {run / 'checkpoints'}; python -m model.pretrain --output {run} makes one")
    return path


def _read_about(path: Path) -> tuple[int, Identity, str]:
    try:
        values = read_versioned(path / _ABOUT, VERSION)
        model, train = read_model(values["model"]), read_train(values["train"])
        identity = Identity(model=model, train=train, manifest_sha256=values["manifest_sha256"])
        if path.name == _name(values["step"]):
            return values["step"], identity, values["state_sha256"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _damaged(path / _ABOUT) from error
    except UserError as error:
        raise UserError(f"{path / _ABOUT}: {error}") from error
    raise _damaged(path / _ABOUT)


def _compare(path: Path, found: Identity, wanted: Identity) -> None:
    differing = differences(found.model, wanted.model) + differences(found.train, wanted.train)
    if differing := differing + conflicts(found.train, wanted.train, step_of(path)):
        raise UserError(
            f"{path} is of another configuration: {', '.join(differing)}; give the run's settings or another --output"
        )
    if found.manifest_sha256 != wanted.manifest_sha256:
        raise UserError(f"{path} was trained on other encoded data than is there now; give another --output")


def _write(folder: Path, checkpoint: Checkpoint) -> None:
    with (folder / _STATE).open("wb") as file:
        torch.save({name: dict(getattr(checkpoint, name)) for name in _PARTS}, file)
        file.flush()
        os.fsync(file.fileno())
    identity = checkpoint.identity
    values = {
        "version": VERSION,
        "step": checkpoint.step,
        "model": to_json(identity.model),
        "train": to_json(identity.train),
        "manifest_sha256": identity.manifest_sha256,
        "state_sha256": sha256_of([folder / _STATE]),
    }
    with (folder / _ABOUT).open("wb") as file:
        file.write(json.dumps(values, indent=1).encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())
    flush(folder)


def _name(step: int) -> str:
    return f"{_PREFIX}{step:08d}"


def _aside(target: Path, ending: str = "new") -> Path:
    return target.with_name(f".{target.name}.{ending}")


def _clear(folder: Path) -> None:
    """Delete what an interrupted save left."""
    for path in folder.glob(f".{_PREFIX}*"):
        shutil.rmtree(path)


def _damaged(path: Path) -> UserError:
    return UserError(f"{path} is damaged; delete the folder {path.parent} to go on from the checkpoint before it")
