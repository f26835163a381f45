"""Draw how runs went: the loss by step, and what each language came to.

    python -m model.plot --run runs/x --output curves.png

Left: the training loss (mean of 100 steps) and the mean validation loss of the languages, by step. Right: the latest
validation loss of each language beside what the unigram baseline reaches on the same text, in nats a masked token.
"""

import argparse
import json
import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from model import command
from model.errors import UserError
from model.files import write_whole
from model.training.progress import LOG

_FORMATS = ("png", "svg", "pdf")


@dataclass(frozen=True, slots=True)
class History:
    """What the log of a run tells. Losses are in nats."""

    training: Mapping[int, float]  # by step: mean of the last 100 steps
    validation: Mapping[int, Mapping[str, float]]  # by step and language
    unigram: Mapping[str, float]  # the baseline, by language


def read_history(run: Path) -> History:
    """Read the log of a run; UserError if there is none, or nothing in it to draw."""
    path = run / LOG
    if not path.is_file():
        raise UserError(f"no {path}; --run wants the --output of model.pretrain")
    training: dict[int, float] = {}
    validation: dict[int, dict[str, float]] = {}
    unigram: dict[str, float] = {}
    lines = path.read_text("utf-8", errors="replace").splitlines(keepends=True)
    for number, text in enumerate(lines, 1):
        try:
            line = json.loads(text)
            match line["event"]:
                case "step":
                    training[line["step"]] = _loss(line["mean_loss"])
                case "validation":
                    validation[line["step"]] = {name: _loss(loss) for name, loss in line["languages"].items()}
                case "unigram":
                    unigram = {name: _loss(loss) for name, loss in line["languages"].items()}
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            if not text.endswith("\n"):  # the run was killed, or is writing it
                break
            raise UserError(f"{path}, line {number} is damaged ({error!r}); delete that line") from error
    history = History(training, validation, unigram)
    if not history.training:
        raise UserError(f"{path} has no step yet; wait for the run to log one")
    return history


def _loss(value: float | None) -> float:
    return math.nan if value is None else float(value)  # JSON has no NaN


def draw(history: History, title: str) -> Figure:
    """Return the figure."""
    figure = Figure(figsize=(12, max(4.5, 2 + 0.22 * len(history.unigram))), layout="constrained")
    by_step, by_language = figure.subplots(1, 2)
    _draw_steps(by_step, history)
    _draw_languages(by_language, history)
    figure.suptitle(title)
    return figure


def _draw_steps(axes: Axes, history: History) -> None:
    axes.plot(list(history.training), list(history.training.values()), label="training", color="0.6")
    means = {step: _mean(losses) for step, losses in history.validation.items() if losses}
    axes.plot(list(means), list(means.values()), "o-", markersize=3, label="validation, mean of languages")
    if history.unigram:
        axes.axhline(_mean(history.unigram), linestyle="--", color="C3", label="unigram baseline, mean of languages")
    axes.set(xlabel="step", ylabel="masked-LM loss, nats a masked token")
    axes.legend()
    axes.grid(alpha=0.3)


def _draw_languages(axes: Axes, history: History) -> None:
    if not history.validation:
        return axes.set_axis_off()
    last = max(history.validation)
    losses = history.validation[last]
    names = sorted(losses, key=losses.__getitem__, reverse=True)
    places = range(len(names))
    baseline = [history.unigram.get(name, losses[name]) for name in names]
    axes.hlines(places, [losses[name] for name in names], baseline, color="0.8")
    axes.plot(baseline, places, "o", color="C3", label="unigram baseline")
    axes.plot([losses[name] for name in names], places, "o", color="C0", label=f"validation at step {last}")
    axes.set_yticks(places, names)
    axes.set(xlabel="nats a masked token")
    axes.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=2, frameon=False)  # above: dots may stand anywhere
    axes.grid(alpha=0.3, axis="x")
    return None


def _mean(losses: Mapping[str, float]) -> float:
    return sum(losses.values()) / len(losses)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m model.plot",
        description="Draw the loss of a run by step, and each language's beside its unigram baseline.",
        epilog="example: python -m model.plot --run runs/x --output curves.png",
    )
    parser.add_argument("--run", type=Path, required=True, metavar="DIR", help="what model.pretrain writes, or wrote")
    text = f"the picture, replaced if it is there ({', '.join(_FORMATS)})"
    parser.add_argument("--output", type=Path, required=True, metavar="FILE", help=text)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; the exit status is 0, or 2 for a user's mistake."""
    return command.run(_parser(), _plot, arguments)


def _plot(options: argparse.Namespace) -> None:
    kind = options.output.suffix.removeprefix(".").lower()
    if kind not in _FORMATS:
        raise UserError(f"--output {options.output} must end in {', '.join(f'.{name}' for name in _FORMATS)}")
    figure = draw(read_history(options.run), str(options.run))
    options.output.parent.mkdir(parents=True, exist_ok=True)
    with write_whole(options.output) as file:
        figure.savefig(file, format=kind, dpi=110)


if __name__ == "__main__":
    sys.exit(main())
