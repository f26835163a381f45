"""Checkpoints that are written while the training goes on: the state is copied, and a thread writes the copy."""

from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any

from torch import Tensor

from model.training.checkpoint import Checkpoint, save


class Writer:
    """Writes checkpoints of a run, one at a time. A context manager: when it ends nothing is being written any more."""

    def __init__(self, folder: Path, *, keep: int, spared: int | None = None) -> None:
        """Prepare; `keep` and `spared` are those of model.training.checkpoint.save."""
        self._folder, self._keep, self._spared = folder, keep, spared
        self._thread = ThreadPoolExecutor(1, "checkpoint")
        self._written: Future[Path] | None = None

    def __enter__(self) -> "Writer":
        return self

    def __exit__(self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None) -> None:
        self._thread.shutdown()
        if kind is None:
            self.wait()

    def write(self, checkpoint: Checkpoint) -> None:
        """Copy a state, which may change from then on, and begin to write it when the one before is written.

        Raises:
            UserError: the one before could not be written.
        """
        self.wait()
        copy = replace(
            checkpoint, **{name: _copy(getattr(checkpoint, name)) for name in ("model", "optimizer", "extra")}
        )
        self._written = self._thread.submit(save, self._folder, copy, keep=self._keep, spared=self._spared)

    def check(self) -> None:
        """Raise UserError if the last checkpoint could not be written; do not wait for it."""
        if self._written is not None and self._written.done():
            self._written.result()

    def wait(self) -> None:
        """Wait until the last checkpoint is whole; UserError if it cannot be written."""
        if self._written is not None:
            self._written.result()


def _copy(value: Any) -> Any:
    """Return a state with its tensors copied to the host."""
    if isinstance(value, Tensor):
        return value.detach().to("cpu", copy=True)
    if isinstance(value, Mapping):
        return {name: _copy(part) for name, part in value.items()}
    return [_copy(part) for part in value] if isinstance(value, list) else value
