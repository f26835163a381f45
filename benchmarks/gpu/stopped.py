"""A run that is killed, goes on, is asked to stop, and goes on again, ends like one that nothing stopped.

python benchmarks/gpu/stopped.py --kill_at 50 --ask_at 100 --like RUN -- FLAGS OF model.pretrain
"""

import argparse
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks.gpu.runs import differences, output_of


def _train(flags: list[str], number: int, at: int) -> int:
    """Run model.pretrain, which gets a signal when it has done so many steps."""
    from model import pretrain
    from model.training.trainer import Trainer

    real = Trainer.step

    def step(self: Trainer, batch: Any, *arguments: Any, **options: Any) -> Any:
        metrics = real(self, batch, *arguments, **options)
        if batch.step + 1 == at:
            os.kill(os.getpid(), number)
        return metrics

    Trainer.step = step  # type: ignore[method-assign]
    return pretrain.main(flags)


def _stop(flags: list[str], number: signal.Signals, at: int) -> int:
    command = [sys.executable, __file__, f"--inside={number.value}", f"--kill_at={at}", "--", *flags]
    return subprocess.run(command, check=False).returncode


def _check(options: argparse.Namespace) -> str | None:
    """Stop a run twice and let it go on; return what is wrong with it."""
    output, flags = output_of(options.flags), options.flags
    for number, at, wanted in (
        (signal.SIGKILL, options.kill_at, -signal.SIGKILL),
        (signal.SIGTERM, options.ask_at, 130),
        (signal.SIGTERM, 0, 0),  # which never comes
    ):
        if (status := _stop(flags, number, at)) != wanted:
            return f"status {status} where {number.name} after step {at} should give {wanted}"
        flags = ["--output", str(output)]
    return differences(options.like, output)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kill_at", type=int, required=True, metavar="STEPS")
    parser.add_argument("--ask_at", type=int, metavar="STEPS")
    parser.add_argument("--like", type=Path, metavar="RUN")
    parser.add_argument("--inside", type=int, help=argparse.SUPPRESS)
    parser.add_argument("flags", nargs="+")
    options = parser.parse_args()
    sys.exit(_check(options) if options.inside is None else _train(options.flags, options.inside, options.kill_at))
