"""Two runs of the same settings: do their logs tell the same losses?"""

import json
from collections.abc import Sequence
from pathlib import Path

_FAR = 0.02  # nats; a GPU adds up in another order each time


def output_of(flags: Sequence[str]) -> Path:
    """Return the run directory that flags of model.pretrain name."""
    return Path(flags[flags.index("--output") + 1])


def losses(run: Path) -> dict[str, float]:
    """Return the losses of a run's log by event and step."""
    lines = [json.loads(line) for line in (run / "log.jsonl").read_text("utf-8").splitlines()]
    return {f"{line['event']} {line['step']}": line["loss"] for line in lines if "loss" in line}


def differences(straight: Path, other: Path) -> str | None:
    """Return in words how the losses of two runs differ, None if they do not."""
    wanted, found = losses(straight), losses(other)
    if wanted.keys() != found.keys():
        return f"{other.name} has other lines than {straight.name}: {sorted(wanted.keys() ^ found.keys())}"
    far = max(abs(wanted[name] - found[name]) for name in wanted)
    print(f"{len(wanted)} losses of {other.name} and {straight.name}: at most {far:.2g} nats apart")
    return None if far < _FAR else f"losses differ by {far:.2g} nats"
