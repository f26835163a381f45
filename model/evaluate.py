"""Score fine-tuned models on every language, and set them beside the rows of the papers.

    python -m model.evaluate --model tuned/
    python -m model.evaluate --model tuned/ --data other/ --table --output tables/

Without --data these are the scores that fine-tuning left. Runs of several seeds share a row: mean and deviation.
--table writes table-<task>.md, .json and .png.
"""

import argparse
import json
import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from model import command
from model.errors import UserError
from model.files import write_whole

if TYPE_CHECKING:
    from model.finetune.plan import Scores
    from model.finetune.table import Row

_log = logging.getLogger(__name__)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m model.evaluate",
        description="Score fine-tuned models on every language, beside the rows of the papers.",
        epilog="example: python -m model.evaluate --model tuned/ --table",
    )
    add = parser.add_argument
    text = "what model.finetune wrote, or folders that hold several of it"
    add("--model", type=Path, nargs="+", required=True, metavar="DIR", help=text)
    add("--data", type=Path, metavar="DIR", help="score on these files, in the place of the scores that are there")
    add("--table", action="store_true", help="write the tables as markdown, JSON and a picture, too")
    add("--output", type=Path, metavar="DIR", help="where --table writes (the first --model)")
    add("--device", choices=("cpu", "cuda"), help="(CUDA where there is one)")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; the exit status is 0, or 2 for a user's mistake."""
    return command.run(_parser(), _evaluate, arguments)


def _evaluate(options: argparse.Namespace) -> None:
    # Before torch is loaded: threads that spin while they wait are slow where another program runs (model/pretrain.py).
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    from model.finetune.render import to_markdown
    from model.finetune.table import collect, find_runs

    for folder in options.model:
        if not folder.is_dir():
            raise UserError(f"no folder {folder}; --model wants the --output of model.finetune")
    scores = {}
    if options.data:
        from model.finetune.source import check_libraries

        check_libraries()
        scores = {run: _score(run, options.data, options.device) for run in find_runs(options.model)}
    rows = collect(options.model, scores)
    print(to_markdown(rows))
    if options.table:
        _write(rows, options.output or options.model[0])


def _score(run: Path, folder: Path, device: str | None) -> "Scores":
    from model.finetune.device import find_device
    from model.finetune.plan import MODEL, Scores, read_plan
    from model.finetune.scoring import Scorer, splits
    from model.finetune.source import load_network, load_source
    from model.finetune.tasks import TASKS

    plan = read_plan(run)
    task = TASKS[plan.choices.task]
    data = task.read(folder)
    for line in (*data.notes, *(f"not the paper's protocol: {text}" for text in data.partial)):
        _log.info("%s: %s", plan.choices.task, line)
    source = load_source(str(run / MODEL), str(run / MODEL))
    place = find_device(device)
    network = load_network(task, source, plan.encoding.labels).to(place)
    scorer = Scorer(task, network, source, plan.encoding, place, plan.choices.precision)
    partial = tuple(dict.fromkeys((*plan.partial, *data.partial)))
    return Scores(languages=scorer.score_all(data), splits=splits(data), partial=partial)


def _write(rows: Sequence["Row"], output: Path) -> None:
    from model.finetune.render import by_table, draw, to_markdown
    from model.finetune.table import to_json

    output.mkdir(parents=True, exist_ok=True)
    for name, found in by_table(rows).items():
        path = output / f"table-{name}"
        with write_whole(path.with_suffix(".md")) as file:
            file.write(to_markdown([row for row in found if row.ours]).encode())
        with write_whole(path.with_suffix(".json")) as file:
            file.write(json.dumps(to_json(found), indent=1, ensure_ascii=False).encode() + b"\n")
        with write_whole(path.with_suffix(".png")) as file:
            draw(name, found).savefig(file, format="png", dpi=110)
        _log.info("%s.md, .json, .png", path)


if __name__ == "__main__":
    sys.exit(main())
