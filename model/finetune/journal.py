"""What people see of a run of fine-tuning: lines on the terminal and in log.jsonl."""

import json
import logging
import time
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Any

from model.files import write_whole

LOG = "log.jsonl"
_log = logging.getLogger(__name__)


class Journal:
    """Writes the lines of a run; a context manager."""

    def __init__(self, output: Path, *, step: int, steps: int) -> None:
        """Go on after `step` of `steps`; what the log holds beyond it, of a run that was killed, is taken back."""
        self._steps = steps
        self._began, self._first = time.monotonic(), step
        _keep_until(output / LOG, step)
        self._file = (output / LOG).open("a", encoding="utf-8")

    def __enter__(self) -> "Journal":
        return self

    def __exit__(self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None) -> None:
        self._file.close()

    def step(self, step: int, loss: float, tokens: int) -> None:
        """Log the loss of a step and how many tokens it had; say how long the rest will take at most."""
        rate = (step - self._first) / max(1e-9, time.monotonic() - self._began)  # evaluations included
        self._write({"event": "step", "step": step, "loss": loss, "tokens": tokens})
        left = timedelta(seconds=round((self._steps - step) / rate))
        _log.info("step %d/%d  loss %.3f  %.3g steps/s  left at most %s", step, self._steps, loss, rate, left)

    def evaluation(self, step: int, epoch: int, score: float, scores: Mapping[str, Mapping[str, float]]) -> None:
        """Log the metrics of an epoch, by language of the dev sets, and what decides."""
        self._write({"event": "dev", "step": step, "epoch": epoch, "score": score, "languages": scores})
        parts = "  ".join(f"{language} {next(iter(one.values())):.1%}" for language, one in scores.items())
        _log.info("epoch %d  dev %.2f  (%s)", epoch, 100 * score, parts)

    def _write(self, line: Mapping[str, Any]) -> None:
        self._file.write(json.dumps(line) + "\n")
        self._file.flush()


def _keep_until(path: Path, step: int) -> None:
    if not path.exists():
        return
    kept = []
    for line in path.read_text("utf-8", errors="replace").splitlines(keepends=True):
        try:
            if step and json.loads(line)["step"] <= step:
                kept.append(line)
        except (ValueError, KeyError, TypeError):
            continue  # cut off when the run was killed
    with write_whole(path) as file:
        file.write("".join(kept).encode())
