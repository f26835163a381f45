"""What people see of a run: a line on the terminal, log.jsonl, and TensorBoard.

MFU, model FLOP utilisation, is tokens a second times the FLOPs of a token (model/network/flops.py: the work that the
model asks for, the masked positions of the head only, nothing recomputed) divided by what the devices can do at most.
"""

import json
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Any

import rich.progress
from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
from torch.utils.tensorboard import SummaryWriter

from model.files import write_whole
from model.terminal import can_move, error_console
from model.training.hardware import Hardware, memory_text

LOG = "log.jsonl"


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
    peak_bytes: int | None  # most memory of the device so far; None for a CPU
    first_step: float | None  # seconds of the first step since the run was begun or went on, in which it is compiled
    event: str = "step"


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidationLine:
    """A line of the log: loss of each language on held-out text, in nats, and the plain mean of languages."""

    step: int
    loss: float
    languages: Mapping[str, float]
    event: str = "validation"  # or "unigram": the baseline, at step 0


@dataclass(frozen=True, slots=True, kw_only=True)
class LanguagesLine:
    """The first line of the log: what the run trains on, and which languages it leaves out."""

    step: int = 0
    languages: Mapping[str, Mapping[str, float]]  # tokens, documents, share of the samples, epochs
    too_small: Mapping[str, int]  # tokens
    missing: Sequence[str]  # of a set of languages: the text has none
    event: str = "languages"


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

    @property
    def seconds(self) -> float:
        """Seconds of the lap so far, without pauses."""
        return time.perf_counter() - self._since - self._paused

    def pause(self, seconds: float) -> None:
        self._paused += seconds

    def lap(self, step: int, waited: float) -> tuple[float, float]:
        """Return steps a second and the share of waiting since the last lap, and begin a new one.

        Args:
            step: steps done.
            waited: seconds of waiting since the beginning.
        """
        now, seconds = time.perf_counter(), max(1e-9, self.seconds)
        rate, share = (step - self._steps) / seconds, (waited - self._waited) / seconds
        self.begin(step, waited, now)
        return rate, share

    def begin(self, step: int, waited: float, now: float | None = None) -> None:
        self._since = time.perf_counter() if now is None else now
        self._steps, self._waited, self._paused = step, waited, 0.0


class Progress:
    """Writes the lines of a run; a context manager."""

    def __init__(self, run: Path, languages: LanguagesLine, *, step: int, steps: int) -> None:
        """Go on after `step` of `steps`; what the log holds beyond it, of a run that was killed, is taken back.

        The table of languages is that of the whole run, so it is renewed where steps were raised.
        """
        self._steps = steps
        self._console = error_console()
        columns = (BarColumn(16), TextColumn("{task.description}"), TextColumn("left"), TimeRemainingColumn())
        live = can_move(self._console)
        self._bar = rich.progress.Progress(*columns, console=self._console, disable=not live, speed_estimate_period=600)
        self._task = self._bar.add_task(f"step {step}/{steps}", completed=step, total=steps)
        _begin_log(run / LOG, languages, step)
        self._log = (run / LOG).open("a", encoding="utf-8")
        self._board = SummaryWriter(str(run / "tensorboard"), purge_step=step + 1)

    def __enter__(self) -> "Progress":
        self._bar.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None) -> None:
        self._bar.stop()
        self._log.close()
        self._board.close()

    def record(self, line: Line | Hardware) -> None:
        """Add a line to the log alone."""
        self._log.write(_json(line))
        self._log.flush()

    def write(self, line: Line, steps_per_second: float | None = None) -> None:
        """Add a line to the log and to TensorBoard, and show it."""
        self.record(line)
        for name, value in _scalars(line).items():
            self._board.add_scalar(name, value, line.step)
        if not isinstance(line, StepLine):
            return self._print(_text(line))
        text = _step_text(line, self._steps)
        self._bar.update(self._task, completed=line.step, description=text)
        if self._bar.disable and steps_per_second:
            left = timedelta(seconds=round((self._steps - line.step) / steps_per_second))
            self._print(f"{text}  left {left}")
        return None

    def _print(self, text: str) -> None:
        self._console.print(text, soft_wrap=True, highlight=False, markup=False)


def _step_text(line: StepLine, steps: int) -> str:
    parts = [f"step {line.step}/{steps}", f"loss {line.mean_loss:.3f}", f"{line.tokens_per_second:,.0f} tokens/s"]
    parts += [] if line.mfu is None else [f"MFU {line.mfu:.1%}"]
    parts += [] if line.peak_bytes is None else [memory_text(line.peak_bytes)]
    return "  ".join([*parts, f"loader {line.loader_wait:.1%}"])


def _text(line: ValidationLine | StopLine) -> str:
    if isinstance(line, StopLine):
        return f"stopped at step {line.step}: {line.reason}"
    languages = "  ".join(f"{name} {loss:.2f}" for name, loss in line.languages.items())
    return f"{line.event} loss at step {line.step}: {line.loss:.3f}  ({languages})"


def _scalars(line: Line) -> dict[str, float]:
    if isinstance(line, ValidationLine):
        return {line.event: line.loss} | {f"{line.event}/{name}": loss for name, loss in line.languages.items()}
    if not isinstance(line, StepLine):
        return {}
    values = {name: float(value) for name, value in asdict(line).items() if isinstance(value, (int, float))}
    del values["step"]
    return {f"train/{name}": value for name, value in values.items()}


def _plain(value: Any) -> Any:
    """Replace what JSON has no number for by null."""
    if isinstance(value, dict):
        return {name: _plain(part) for name, part in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _json(line: Line | LanguagesLine | Hardware) -> str:
    return json.dumps(_plain(asdict(line))) + "\n"


def _begin_log(path: Path, languages: LanguagesLine, step: int) -> None:
    """Write the table of languages, and after it what an earlier log has until a step."""
    kept = [_json(languages)]
    for text in path.read_text("utf-8", errors="replace").splitlines(keepends=True) if path.exists() else ():
        try:
            line = json.loads(text)
            if step and line["step"] <= step and line["event"] != languages.event:
                kept.append(text)
        except (ValueError, KeyError, TypeError):
            continue  # cut off when the run was killed
    with write_whole(path) as file:
        file.write("".join(kept).encode())
