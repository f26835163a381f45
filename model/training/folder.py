"""The run directory: who holds it, and what the run in it was begun with.

`config.json` there has the resolved configuration. A run keeps it to its end.
"""

import contextlib
import errno
import fcntl
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from model.config import ModelConfig, TrainConfig, differences, read_model, read_train, to_json
from model.errors import UserError
from model.files import read_versioned, write_whole
from model.presets import Preset
from model.training.checkpoint import Identity

VERSION = 1
CONFIG = "config.json"
_FOLDERS = ("data", "encoded")  # of a request, in config.json
_HELD = (errno.EWOULDBLOCK, errno.EAGAIN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a user asks for. Folders are None where the run directory has its own."""

    output: Path  # the run directory
    data: Path | None
    vocab: Path | None
    encoded: Path | None
    init: str | None  # the XLM-R to start from, as hub.pinned names it
    model: ModelConfig  # its vocab_size is what a new vocabulary is made with
    train: TrainConfig
    weights: Path | None = None  # the file that train.weights were read from
    fewer_pieces: bool = False  # a vocabulary may be smaller where the text does not give more
    workers: int | None = None  # processes that make the vocabulary and encode; by default the processors

    @property
    def encoded_folder(self) -> Path:
        return self.encoded or self.output / "encoded"


@dataclass(frozen=True, slots=True)
class Saved:
    """What `config.json` of a run directory holds."""

    preset: Preset
    folders: Mapping[str, Path | None]  # data and encoded, as given when the run was begun
    init: str | None  # the XLM-R that it started from, as hub.pinned names it


@contextlib.contextmanager
def locked(run: Path) -> Iterator[None]:
    """Hold a run directory, which is made if it is missing.

    Raises:
        UserError: another program works in it, or it cannot be written or locked.
    """
    try:
        run.mkdir(parents=True, exist_ok=True)
        lock = (run / ".lock").open("w")
    except OSError as error:
        raise UserError(f"--output {run} cannot be written ({error}); give another folder") from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in _HELD:
                raise UserError(f"another program trains in {run}; wait for it, or give another --output") from error
            raise UserError(
                f"{run} cannot be locked ({error.strerror}), so two programs could train in it: give an --output on "
                "another disk, or have this one mounted with locks (NFS: its lock service; Lustre: -o flock)"
            ) from error
        yield


def read_saved(run: Path) -> Saved | None:
    """Return what a run directory was begun with, None if it was not; UserError if its config.json is damaged."""
    path = run / CONFIG
    if not path.is_file():
        return None
    try:
        values = read_versioned(path, VERSION)
        preset = Preset(model=read_model(values["model"]), train=read_train(values["train"]))
        folders = {name: Path(values[name]) if values[name] else None for name in _FOLDERS}
        return Saved(preset, folders, values["init"])
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(
            f"{path} is damaged ({error!r}); delete it and give the flags that the run was begun with, "
            "or another --output"
        ) from error
    except UserError as error:
        raise UserError(f"{path}: {error}") from error


def check_saved(request: Request) -> None:
    """Raise UserError if the run directory holds a run that was begun with other settings; it names them."""
    saved = read_saved(request.output)
    if saved is None:
        return
    changed = differences(saved.preset.train, request.train) + differences(saved.preset.model, request.model)
    for name in _FOLDERS:
        old, new = saved.folders[name], getattr(request, name)
        changed += [f"{name} is {old}, not {new.resolve()}"] if new and new.resolve() != old else []
    if request.init and request.init != saved.init:
        changed.append(f"init is {saved.init}, not {request.init}")
    if changed:
        raise UserError(
            f"{request.output} was begun with other settings: {'; '.join(changed)}. "
            "Leave them out to go on, or give another --output"
        )


def write_config(request: Request, identity: Identity) -> None:
    """Write what the run is, once it is sure to work; when it goes on only what is in config.FREE can be new."""
    values: dict[str, Any] = {"version": VERSION, "model": to_json(identity.model), "train": to_json(identity.train)}
    values |= {"manifest_sha256": identity.manifest_sha256, "init": request.init}
    for name in _FOLDERS:
        path = getattr(request, name)
        values[name] = str(path.resolve()) if path else None
    with write_whole(request.output / CONFIG) as file:
        file.write(json.dumps(values, indent=2).encode() + b"\n")
