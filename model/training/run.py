"""The loop of a run: steps, and around them log, validation, checkpoints and the ways to end.

What a step reports (its loss, whether the guard has stopped) is copied to the host at once and read some steps later,
so the host never waits for the device. All processes read it after the same step, so they end at the same step.
"""

import contextlib
import signal
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from types import FrameType

import torch
from torch import Tensor

from model.data.loader import Loader
from model.data.masking import Masked
from model.network import flops
from model.training import hardware
from model.training.cadence import Cadence
from model.training.progress import Clock, Line, Progress, StepLine, StopLine, ValidationLine
from model.training.trainer import Asked, Metrics, Trainer
from model.training.validation import unigram_losses
from model.training.writer import Writer

_AHEAD = 4  # micro-batches by which the host should be ahead of a CUDA device


class Outcome(Enum):
    """How a run ended, and the exit status that says so."""

    COMPLETE = 0
    INTERRUPTED = 130  # by SIGINT or SIGTERM
    BROKEN = 1  # the loss or the gradient was not finite, or the loss a spike


@dataclass(frozen=True, slots=True)
class Report:
    """What the host knows of a step."""

    step: int  # counted from 1: steps done
    loss: float
    mean_loss: float
    gradient_norm: float
    broken: bool
    asked: Asked


class Reports:
    """The reports that are on their way from the device to the host."""

    def __init__(self, device: torch.device, micros: int) -> None:
        """Prepare for steps of so many micro-batches. Late by steps of many, an interrupt would wait for minutes."""
        self._cuda = device.type == "cuda"
        self.late = _AHEAD // micros if self._cuda else 0  # how many may be on their way when a step ends
        self._pending: deque[tuple[int, Tensor, torch.cuda.Event | None]] = deque()

    def __len__(self) -> int:
        return len(self._pending)

    def send(self, step: int, metrics: Metrics) -> None:
        """Begin to copy what Trainer.step returned; `step` is the number of steps done."""
        metrics_7 = torch.stack(metrics)
        if not self._cuda:
            return self._pending.append((step, metrics_7, None))
        host_7 = torch.empty(metrics_7.shape, pin_memory=True)
        host_7.copy_(metrics_7, non_blocking=True)
        event = torch.cuda.Event()  # type: ignore[no-untyped-call]
        event.record()
        return self._pending.append((step, host_7, event))

    def receive(self) -> Report:
        """Wait for the oldest."""
        step, metrics_7, event = self._pending.popleft()
        if event is not None:
            event.synchronize()
        loss, mean_loss, norm, stopped, *asked = metrics_7.tolist()
        return Report(step, loss, mean_loss, norm, stopped > 0, Asked(*(number > 0 for number in asked)))


class Run:
    """A trainer at work in a run directory."""

    def __init__(self, trainer: Trainer, run: Path, held_out: Mapping[str, Masked], progress: Progress | None) -> None:
        """Prepare; `progress` is None in all processes but the first."""
        self._trainer, self._config, self._ranks = trainer, trainer.config, trainer.ranks
        self._held_out = held_out
        self._progress = progress
        self._clock = Clock()
        self._first_step: float | None = None  # seconds
        self._reports = Reports(self._ranks.device, trainer.batches.micros)
        config = self._config
        # From the checkpoint where wsd begins to fall, the run can be made longer.
        spared = config.decay_start if config.schedule == "wsd" else None
        self._writer = Writer(run / "checkpoints", keep=config.keep, spared=spared)
        always = {config.steps} if spared is None else {config.steps, spared}
        self._saving = Cadence(config.save_every, config.save_minutes, always)
        self._validating = Cadence(0, 0, ())
        if held_out and (config.validate_every or config.validate_minutes):
            self._validating = Cadence(config.validate_every, config.validate_minutes, {config.steps})
        self._interrupted = False

    def train(self) -> Outcome:
        """Train from where the trainer is to the last step, or until something ends it.

        Raises:
            UserError: a checkpoint cannot be written.
        """
        begun, end = self._trainer.steps_done, self._config.steps
        if begun == 0 and self._held_out:
            self._write_unigram()
        loader = Loader(self._trainer.batches.make, begun, end, self._ranks.device)
        with _signals(self._interrupt), self._writer, hardware.collector_off(), loader:
            self._clock.begin(begun, 0.0)
            outcome, stop = self._steps(loader, begun + 1)
        self._ranks.wait()  # for the first, which has waited for its last checkpoint
        if stop is not None:
            self._write(stop)
        return outcome

    def _steps(self, loader: Loader, first: int) -> tuple[Outcome, StopLine | None]:
        """Train to the end; `first` is the number of steps done after the first one."""
        for batch in loader:
            self._writer.check()
            done = batch.step + 1
            self._reports.send(done, self._trainer.step(batch, self._ask()))
            save, validate = self._saving.by_steps(done), self._validating.by_steps(done)
            broken, asked = self._hear(loader.waited, all_of_them=save or validate or done == first)
            if broken is not None:
                return Outcome.BROKEN, self._break(broken)
            if done == first:  # the next lap is without the compiler
                self._clock.begin(done, loader.waited)
                hardware.collect()
            self._rest(done, save=save or asked.save or asked.interrupted, validate=validate or asked.validate)
            if asked.interrupted and done < self._config.steps:
                reason = "interrupted; the same command goes on from here"
                return Outcome.INTERRUPTED, StopLine(step=done, reason=reason)
        return Outcome.COMPLETE, None

    def _hear(self, waited: float, *, all_of_them: bool) -> tuple[Report | None, Asked]:
        """Read and log the reports that are due, all of them if something is to be done now.

        Returns:
            The report of a broken step, and what the processes ask for.
        """
        asked = Asked()
        while len(self._reports) > (0 if all_of_them or any(asked) else self._reports.late):
            report = self._reports.receive()
            if report.broken:
                return report, asked
            asked = Asked(*map(max, asked, report.asked))
            if self._first_step is None:
                self._first_step = self._clock.seconds
            self._log(report, waited)
        return None, asked

    def _ask(self) -> Asked:
        first = self._ranks.first
        return Asked(self._interrupted, first and self._saving.by_minutes(), first and self._validating.by_minutes())

    def _log(self, report: Report, waited: float) -> None:
        config, ranks = self._config, self._ranks
        if self._progress is None or (report.step % config.log_every and report.step != config.steps):
            return
        rate, wait = self._clock.lap(report.step, waited)
        tokens = rate * config.batch_size * config.seq_length
        work = flops.flops_per_token(
            self._trainer.model.config, seq_length=config.seq_length, mask_share=config.mask_share.at(report.step - 1)
        )
        peak = flops.peak_flops(torch.cuda.get_device_name(ranks.device)) if ranks.device.type == "cuda" else None
        line = StepLine(
            step=report.step,
            loss=report.loss,
            mean_loss=report.mean_loss,
            learning_rate=self._trainer.rate(report.step - 1),
            gradient_norm=report.gradient_norm,
            tokens_per_second=tokens,
            mfu=flops.mfu(tokens_per_second=tokens / ranks.world, flops_per_token=work, peak=peak),
            loader_wait=wait,
            peak_bytes=hardware.peak_bytes(ranks.device),
            first_step=self._first_step,
        )
        self._progress.write(line, rate)

    def _rest(self, done: int, *, save: bool, validate: bool) -> None:
        """Validate and save where it is time for it; the clock stands still."""
        if not (validate or save):
            return
        begun = time.perf_counter()
        if validate:
            losses = self._trainer.validate(self._held_out)
            self._write(ValidationLine(step=done, loss=sum(losses.values()) / len(losses), languages=losses))
            self._validating.begin()
        if save:
            self._save(done)
        hardware.collect()
        self._clock.pause(time.perf_counter() - begun)

    def _break(self, report: Report) -> StopLine:
        """Save the weights, which are as they were before the broken step."""
        before = report.step - 1
        if before:
            self._save(before)
        reason = f"the loss is {report.loss:.4g}, the gradient's norm {report.gradient_norm:.4g}"
        return StopLine(step=report.step, reason=reason)

    def _save(self, step: int) -> None:
        if self._ranks.first:
            self._writer.write(self._trainer.checkpoint(step))
        self._ranks.wait()  # the first may wait for the checkpoint before, longer than NCCL has patience
        self._saving.begin()

    def _write(self, line: Line) -> None:
        if self._progress is not None:
            self._progress.write(line)

    def _write_unigram(self) -> None:
        losses = unigram_losses(self._held_out, self._trainer.batches, self._ranks)
        mean = sum(losses.values()) / len(losses)
        self._write(ValidationLine(step=0, loss=mean, languages=losses, event="unigram"))

    def _interrupt(self, _: int, __: FrameType | None) -> None:
        self._interrupted = True


@contextlib.contextmanager
def _signals(handler: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    """Handle SIGINT and SIGTERM once; a second one does what it did before."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def once(number: int, frame: FrameType | None) -> None:
        signal.signal(number, before[signal.Signals(number)])
        handler(number, frame)

    for number in before:
        signal.signal(number, once)
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)
