"""Fine-tune an encoder on a task of the paper, and score it on every language.

    python -m model.finetune --task xnli --model hf/ --data xnli/ --output tuned/
    python -m model.finetune --task xnli --model hf/ --data xnli/ --output all/ --train all --select all --seeds 0 1 2
    python -m model.evaluate --model tuned/ --table

**Resume.** The same command goes on where it stopped, and comes to the same result.

**Exit status.** 0: complete. 2: a mistake on the command line or in a file. 130: interrupted; it goes on.
"""

import argparse
import logging
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from model import command
from model.errors import UserError
from model.finetune.plan import ALL, EACH, RUN, SAME, Choices, languages_of, make_plan, read_plan
from model.finetune.recipes import RECIPES, Recipe
from model.settings import description_of

_log = logging.getLogger(__name__)
GLUE = "glue"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m model.finetune",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Fine-tune an encoder on a task and score it on every language. The same command goes on.",
        epilog="""examples:
  python -m model.finetune --task xnli --model hf/ --data xnli/ --output tuned/
      zero-shot: trained and chosen in English, scored in all languages of the folder
  python -m model.finetune --task xnli --model hf/ --data xnli/ --output tuned/ --train all --select all
      translate-train-all, chosen by the dev sets of all languages

docs/evaluation.md tells which files a task wants, and how to come to the rows of the paper.""",
    )
    add = parser.add_argument
    names = [GLUE, *RECIPES]
    add("--task", required=True, choices=names, metavar="NAME", help=f"{', '.join(names)} (glue: all its eight)")
    text = "a folder of model.export, a run of model.pretrain, or any encoder of Hugging Face, by folder or name"
    add("--model", required=True, metavar="DIR", help=text)
    add("--data", type=Path, required=True, metavar="DIR", help="the task's files, as their authors publish them")
    add("--output", type=Path, required=True, metavar="DIR", help="what comes out: model/, scores.json, log.jsonl")
    text = f"languages to train on, with commas; {ALL}: of all at once; {EACH}: a model for each (en)"
    add("--train", default="en", metavar="LANGS", help=text)
    text = f"languages whose dev sets choose the epoch; {ALL}; {SAME}: those of training ({SAME})"
    add("--select", default=SAME, metavar="LANGS", help=text)
    add("--seeds", type=int, nargs="+", default=[0], metavar="N", help="a run for each; several give a deviation (0)")
    add("--recipe", metavar="NAME", help="a published recipe: " + _recipes())
    add("--device", choices=("cpu", "cuda"), help="(CUDA where there is one)")
    add("--precision", choices=("fp32", "bf16"), help="of the products (bf16 with CUDA, else fp32)")
    add("--micro_batch", type=int, default=0, metavar="N", help="rows that go through at once; 0: all of a step (0)")
    add("--save_minutes", type=float, default=5.0, metavar="X", help="between checkpoints inside an epoch (5)")
    add("--log_every", type=int, default=50, metavar="N", help="steps (50)")
    group = parser.add_argument_group("settings of the recipe, to override them")
    for one in fields(Recipe):
        if (about := description_of(one)) is not None:
            group.add_argument(f"--{one.name}", default=None, help=about.help.replace("%", "%%"), **_kind(one.type))
    return parser


def _recipes() -> str:
    by_recipe: dict[str, list[str]] = {}
    for task, recipes in RECIPES.items():
        for name in recipes:
            by_recipe.setdefault(name, []).append(task)
    return "; ".join(f"{name} ({', '.join(tasks)})" for name, tasks in by_recipe.items())


def _kind(annotation: Any) -> dict[str, Any]:
    if annotation in (int, float):
        return {"type": annotation, "metavar": "N" if annotation is int else "X"}
    choices: Any = getattr(annotation, "__args__", ())
    return {"choices": choices} if isinstance(choices[0], str) else {"type": float, "nargs": 2, "metavar": "X"}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; the exit status is as the module says."""
    again = "the same command goes on from the last checkpoint"
    return command.run(_parser(), _finetune, arguments, interrupted=again, no_memory="give a smaller --micro_batch")


@dataclass(frozen=True, slots=True)
class _Run:
    """One of the runs that a command asks for: its place below --output."""

    task: str
    train: tuple[str, ...]
    seed: int
    folder: Path


def _finetune(options: argparse.Namespace) -> None:
    _check(options)
    # Before torch is loaded: threads that spin while they wait are slow where another program runs (model/pretrain.py).
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    from model.finetune.source import check_libraries, open_source

    check_libraries()
    from model.finetune.glue import tasks_of
    from model.finetune.render import to_markdown
    from model.finetune.table import collect
    from model.finetune.tasks import TASKS

    names = tasks_of(options.data) if options.task == GLUE else [options.task]
    data = {name: TASKS[name].read(options.data) for name in names}
    with open_source(options.model) as source:
        work = [(run, _plan(run, options, source, data[run.task])) for run in _runs(options, data)]
        for run, plan in work:  # all are looked at before the first begins
            _check_folder(run, plan)
        for name in names:
            for line in (*data[name].notes, *(f"not the paper's protocol: {text}" for text in data[name].partial)):
                _log.info("%s: %s", name, line)
        for run, plan in work:
            _train(run, plan, options, source, data[run.task])
    print(to_markdown(collect([options.output])))


def _check(options: argparse.Namespace) -> None:
    for name, least in (("micro_batch", 0), ("log_every", 1), ("save_minutes", 0)):
        if not getattr(options, name) >= least:  # NaN is not
            raise UserError(f"--{name} {getattr(options, name)} must be at least {least}")
    if not 0 <= min(options.seeds) <= max(options.seeds) < 1 << 63 or len(set(options.seeds)) < len(options.seeds):
        raise UserError("--seeds must be different numbers from 0 on, below 2^63")
    if not options.model:
        raise UserError("--model names no model")
    if options.output.exists() and not options.output.is_dir():
        raise UserError(f"--output {options.output} is a file; give a folder")


def _runs(options: argparse.Namespace, data: dict[str, Any]) -> Iterator[_Run]:
    for name, one in data.items():
        for train in languages_of(options.train, one):
            for seed in options.seeds:
                folder = options.output / name if options.task == GLUE else options.output
                folder = folder / train[0] if options.train == EACH else folder
                folder = folder / f"seed-{seed}" if len(options.seeds) > 1 else folder
                yield _Run(name, train, seed, folder)


def _plan(run: _Run, options: argparse.Namespace, source: Any, data: Any) -> Any:
    from model.finetune.device import find_device

    recipes = RECIPES[run.task]
    name = options.recipe or next(iter(recipes))
    if name not in recipes:
        raise UserError(f"no recipe {name} of {run.task}; there is {', '.join(recipes)}")
    given = {one.name: getattr(options, one.name, None) for one in fields(Recipe) if one.name != "source"}
    changes: dict[str, Any] = {field: value for field, value in given.items() if value is not None}
    if "betas" in changes:
        changes["betas"] = tuple(changes["betas"])
    recipe = replace(recipes[name], **changes)
    choices = Choices(
        task=run.task,
        training=options.train,
        train=run.train,
        selection=options.select,
        recipe_name=name,
        recipe=recipe,
        overrides=tuple(f"{field} {value}" for field, value in changes.items()),
        seed=run.seed,
        precision=options.precision or ("bf16" if find_device(options.device).type == "cuda" else "fp32"),
    )
    return make_plan(choices, source, data)


def _check_folder(run: _Run, plan: Any) -> None:
    """Raise UserError if the place of a run has another one, in it or around it: a table would mix them."""
    others = [path.parent for path in run.folder.glob("*/**/run.json")]
    others += [folder for folder in run.folder.parents if (folder / RUN).exists()]
    if others:
        raise UserError(f"{run.folder} would mix with the run in {others[0]}; give another --output")
    if (run.folder / RUN).exists() and (other := read_plan(run.folder).differences(plan)):
        raise UserError(f"{run.folder} was begun otherwise: {', '.join(other)}; give another --output")


def _train(run: _Run, plan: Any, options: argparse.Namespace, source: Any, data: Any) -> None:
    from model.finetune.device import find_device
    from model.finetune.loop import Means, finetune
    from model.finetune.tasks import TASKS
    from model.training.folder import locked

    means = Means(
        device=find_device(options.device), micro_batch=options.micro_batch, save_minutes=options.save_minutes,
        log_every=options.log_every,
    )  # fmt: skip
    _log.info("%s: %s on %s, chosen by %s, seed %d", run.folder, run.task, "+".join(run.train),
              "+".join(plan.select), run.seed)  # fmt: skip
    with locked(run.folder):
        finetune(TASKS[run.task], data, source, plan, run.folder, means)


if __name__ == "__main__":
    sys.exit(main())
