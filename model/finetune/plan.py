"""What a run of fine-tuning is: all that decides its result, kept in run.json, and compared when it goes on."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from model.errors import UserError
from model.files import sha256_of, write_whole
from model.finetune.recipes import Recipe
from model.finetune.scoring import Precision
from model.finetune.task import DEV, TRAIN, Data, Encoding, Source

RUN, SCORES, MODEL = "run.json", "scores.json", "model"
EACH, ALL, SAME = "each", "all", "train"  # of --train and --select


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A run: a task, an encoder, data, and how the one is trained on the other."""

    task: str
    model: str  # as the user gave it
    model_digest: str
    data_sha256: str  # of its files
    partial: tuple[str, ...]  # what is missing of the paper's data
    training: str  # "en", "all", "each", ...: as the user said it
    train: tuple[str, ...]  # the languages
    selection: str  # "train", "all", ...
    select: tuple[str, ...]  # the languages whose dev sets choose the checkpoint
    recipe_name: str
    recipe: Recipe
    encoding: Encoding
    seed: int
    precision: Precision

    def differences(self, other: "Plan") -> list[str]:
        """Return what another plan has otherwise, as `name is 2, not 3`."""
        mine, theirs = _flat(self), _flat(other)
        free = ("model", "recipe.source", "recipe_name", "partial")
        return [f"{name} is {mine[name]!r}, not {theirs[name]!r}" for name in mine if name not in free
                and mine[name] != theirs[name]]  # fmt: skip


def _flat(plan: Plan) -> dict[str, Any]:
    values = {field.name: getattr(plan, field.name) for field in fields(plan)}
    recipe = {f"recipe.{name}": value for name, value in asdict(values.pop("recipe")).items()}
    return values | recipe


def make_plan(
    *, task: str, source: Source, data: Data[Any], training: str, train: tuple[str, ...], selection: str,
    recipe_name: str, recipe: Recipe, seed: int, precision: Precision,
) -> Plan:  # fmt: skip
    """Return the plan of a run.

    Args:
        train: the languages of `training`.
        selection: SAME, ALL, or languages with commas between them.

    Raises:
        UserError: a language has no training or no dev set.
    """
    with_dev = tuple(language for language in sorted(data.examples) if data.examples[language].get(DEV))
    select = {SAME: train, ALL: with_dev}.get(selection) or tuple(selection.split(","))
    for languages, split, flag in ((train, TRAIN, "--train"), (select, DEV, "--select")):
        for language in languages:
            if not data.examples.get(language, {}).get(split):
                there = ", ".join(name for name in sorted(data.examples) if data.examples[name].get(split)) or "none"
                raise UserError(f"{language} has no {split} set in the data; {flag} can be of: {there}")
    return Plan(
        task=task, model=source.name, model_digest=source.digest, data_sha256=sha256_of(data.files),
        partial=data.partial, training=training, train=train, selection=selection, select=select,
        recipe_name=recipe_name, recipe=recipe, seed=seed, precision=precision,
        encoding=Encoding(length=recipe.length, stride=recipe.stride, labels=data.labels),
    )  # fmt: skip


def languages_of(training: str, data: Data[Any]) -> list[tuple[str, ...]]:
    """Return the languages of each run that --train asks for: ALL in one, EACH in one of its own, or some in one."""
    there = tuple(language for language in sorted(data.examples) if data.examples[language].get(TRAIN))
    if training in (EACH, ALL) and not there:
        raise UserError("no language has a train set in the data; --data wants its files, too")
    return {ALL: [there], EACH: [(language,) for language in there]}.get(training) or [tuple(training.split(","))]


def write_plan(plan: Plan, folder: Path) -> None:
    """Write run.json."""
    write_json(asdict(plan), folder / RUN)


def read_plan(folder: Path) -> Plan:
    """Read run.json; UserError if it is not there, damaged, or of another version of this program."""
    values = read_json(folder / RUN)
    try:
        stored = values.pop("recipe")
        recipe = Recipe(**{**stored, "betas": tuple(stored["betas"])})
        encoding = values.pop("encoding")
        lists = {name: tuple(values.pop(name)) for name in ("partial", "train", "select")}
        return Plan(
            recipe=recipe, encoding=Encoding(**{**encoding, "labels": tuple(encoding["labels"])}), **lists, **values
        )
    except (KeyError, TypeError) as error:
        raise UserError(f"{folder / RUN} was written by another version of model/; use that one") from error


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object of a run."""
    try:
        value: dict[str, Any] = json.loads(path.read_bytes())
    except FileNotFoundError as error:
        raise UserError(f"no {path}; python -m model.finetune writes it") from error
    except ValueError as error:
        raise UserError(f"{path} is damaged ({error}); delete the folder and fine-tune again") from error
    return value


def write_json(values: Mapping[str, Any], path: Path) -> None:
    """Write a JSON object, whole or not at all."""
    with write_whole(path) as file:
        file.write(json.dumps(values, indent=1, ensure_ascii=False).encode() + b"\n")
