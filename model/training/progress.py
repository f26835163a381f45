"""What people see of a run: a line on the terminal, log.jsonl, and TensorBoard where it is installed.

MFU, model FLOP utilisation, is tokens a second times the FLOPs of a token (model/network/flops.py: the work that the
model asks for, the masked positions of the head only, nothing recomputed) divided by what the devices can do at most.
"""

import json
import math
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, TextIO

from model.files import write_whole

LOG = "log.jsonl"
_BAR = 20  # characters


@dataclass(frozen=True, slots=True, kw_only=True)
class StepLine:
    """A line of the log: the state after so many steps. The first five fields are the same in every repetition."""

    step: int
    loss: float  # of this step, nats
    mean_loss: float  # of the last 100 steps
    learning_rate: float
    gradient_norm: float  # before clipping
    tokens_per_second: float  # of all processes, since the line before
    mfu: float | None  # None: what the device can do is not known
    loader_wait: float  # share of the time in which the training waited for a batch
    event: str = "step"


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidationLine:
    """A line of the log: loss of each language on held-out text, in nats, and the plain mean of languages."""

    step: int
    loss: float
    languages: Mapping[str, float]
    event: str = "validation"  # or "unigram": the baseline, at step 0


@dataclass(frozen=True, slots=True, kw_only=True)
class StopLine:
    """A line of the log: why a run ended before its last step."""

    step: int
    reason: str
    event: str = "stop"


Line = StepLine | ValidationLine | StopLine


class Clock:
    """Counts steps and seconds; pauses (validation, checkpoints) do not count."""

    def __init__(self) -> None:
        self._since = time.perf_counter()
        self._steps = 0
        self._paused = self._waited = 0.0

    def pause(self, seconds: float) -> None:
        self._paused += seconds

    def lap(self, step: int, waited: float) -> tuple[float, float]:
        """Return steps a second and the share of waiting since the last lap, and begin a new one.

        Args:
            step: steps done.
            waited: seconds of waiting since the beginning.
        """
        now = time.perf_counter()
        seconds = max(1e-9, now - self._since - self._paused)
        rate, share = (step - self._steps) / seconds, (waited - self._waited) / seconds
        self.begin(step, waited, now)
        return rate, share

    def begin(self, step: int, waited: float, now: float | None = None) -> None:
        self._since = time.perf_counter() if now is None else now
        self._steps, self._waited, self._paused = step, waited, 0.0


class Progress:
    """Writes the lines of a run; a context manager."""

    def __init__(self, run: Path, *, step: int, steps: int, stream: TextIO = sys.stderr) -> None:
        """Go on after `step` of `steps`; what the log holds beyond it, of a run that was killed, is taken back."""
        self._steps, self._stream = steps, stream
        self._live = stream.isatty()
        _keep_until(run / LOG, step)
        self._log = (run / LOG).open("a", encoding="utf-8")
        self._board = _tensorboard(run / "tensorboard", step)

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None) -> None:
        if self._live:
            self._stream.write("\n")
        self._log.close()
        if self._board is not None:
            self._board.close()

    def write(self, line: Line, steps_per_second: float | None = None) -> None:
        """Add a line to the log and to TensorBoard, and show it."""
        self._log.write(json.dumps(_plain(asdict(line))) + "\n")
        self._log.flush()
        self._show(line, steps_per_second)
        if self._board is not None:
            for name, value in _scalars(line).items():
                self._board.add_scalar(name, value, line.step)

    def _show(self, line: Line, steps_per_second: float | None) -> None:
        if isinstance(line, StepLine) and self._live:
            self._stream.write(f"\r\x1b[K{self._step_text(line, steps_per_second)}")
        else:
            start = "\r\x1b[K" if self._live else ""
            text = self._step_text(line, steps_per_second) if isinstance(line, StepLine) else _text(line)
            self._stream.write(f"{start}{text}\n")
        self._stream.flush()

    def _step_text(self, line: StepLine, steps_per_second: float | None) -> str:
        done = line.step / self._steps
        bar = ("#" * round(done * _BAR)).ljust(_BAR, ".")
        left = (self._steps - line.step) / steps_per_second if steps_per_second else math.nan
        parts = [f"{bar} step {line.step}/{self._steps}", f"loss {line.mean_loss:.3f}"]
        parts += [f"{line.tokens_per_second:,.0f} tokens/s"]
        parts += [] if line.mfu is None else [f"MFU {line.mfu:.1%}"]
        parts += [f"loader {line.loader_wait:.1%}", f"left {duration(left)}"]
        return "  ".join(parts)


def duration(seconds: float) -> str:
    """Return a time for people.

    >>> duration(3 * 86400 + 7200), duration(3725), duration(59), duration(float("nan"))
    ('3d 02h', '1h 02m', '59s', '?')
    """
    if not math.isfinite(seconds):
        return "?"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days}d {hours:02d}h"
    if hours:
        return f"{hours}h {minutes:02d}m"
    return f"{minutes}m {rest:02d}s" if minutes else f"{rest}s"


def _text(line: ValidationLine | StopLine) -> str:
    if isinstance(line, StopLine):
        return f"stopped at step {line.step}: {line.reason}"
    languages = "  ".join(f"{name} {loss:.2f}" for name, loss in line.languages.items())
    return f"{line.event} loss at step {line.step}: {line.loss:.3f}  ({languages})"


def _scalars(line: Line) -> dict[str, float]:
    if isinstance(line, ValidationLine):
        return {line.event: line.loss} | {f"{line.event}/{name}": loss for name, loss in line.languages.items()}
    if isinstance(line, StopLine):
        return {}
    values = {name: value for name, value in asdict(line).items() if isinstance(value, float)}
    return {f"train/{name}": value for name, value in values.items()}


def _plain(value: Any) -> Any:
    """Replace what JSON has no number for by null."""
    if isinstance(value, dict):
        return {name: _plain(part) for name, part in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _keep_until(path: Path, step: int) -> None:
    if not path.exists():
        return
    kept = []
    for line in path.read_text("utf-8").splitlines(keepends=True):
        try:
            if json.loads(line)["step"] <= step:
                kept.append(line)
        except (ValueError, KeyError, TypeError):
            continue  # cut off when the run was killed
    with write_whole(path) as file:
        file.write("".join(kept).encode())


def _tensorboard(folder: Path, step: int) -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        return None
    return SummaryWriter(str(folder), purge_step=step + 1 if step else None)
