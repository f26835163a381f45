"""What a run of fine-tuning is: all that decides its result, kept in run.json, and compared when it goes on."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
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
class Choices:
    """What a user decides of a run."""

    task: str
    training: str  # "en", "all", "each", ...: as it was said
    train: tuple[str, ...]  # the languages that it means
    selection: str  # "train", "all", ...
    recipe_name: str
    recipe: Recipe
    overrides: tuple[str, ...]  # values that were given in the place of the recipe's, as "epochs 3"
    seed: int
    precision: Precision


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A run: a task, an encoder, data, and how the one is trained on the other."""

    choices: Choices
    model: str  # as the user gave it
    model_digest: str
    data_sha256: str  # of its files
    partial: tuple[str, ...]  # what is missing of the paper's data
    select: tuple[str, ...]  # the languages whose dev sets choose the epoch
    encoding: Encoding

    def differences(self, other: "Plan") -> list[str]:
        """Return what another plan has otherwise, as `seed is 2, not 3`."""
        mine, theirs = _flat(self), _flat(other)
        pairs = [(name, mine[name], theirs[name]) for name in mine if name not in _ONLY_TOLD]
        return [f"{name} is {one!r}, not {another!r}" for name, one, another in pairs if one != another]


_ONLY_TOLD = ("model", "source", "recipe_name", "overrides", "partial")  # they decide nothing


def _flat(plan: Plan) -> dict[str, Any]:
    values = asdict(plan)
    choices: dict[str, Any] = values.pop("choices")
    recipe: dict[str, Any] = choices.pop("recipe")
    return values | recipe | choices


def make_plan(choices: Choices, source: Source, data: Data[Any]) -> Plan:
    """Return the plan of a run; UserError if a language has no training or no dev set, or rows are too long."""
    if choices.recipe.length > source.longest:
        stride = f", and --stride {source.longest // 2}" if choices.recipe.stride >= source.longest else ""
        raise UserError(f"{source.name} takes {source.longest} tokens; give --length {source.longest} or less{stride}")
    with_dev = tuple(language for language in sorted(data.examples) if data.examples[language].get(DEV))
    select = {SAME: choices.train, ALL: with_dev}.get(choices.selection) or _named(choices.selection, "--select")
    for languages, split, flag in ((choices.train, TRAIN, "--train"), (select, DEV, "--select")):
        for language in languages:
            if not data.examples.get(language, {}).get(split):
                there = ", ".join(name for name in sorted(data.examples) if data.examples[name].get(split))
                remedy = (
                    f"{flag} can be of: {there}" if there else "docs/evaluation.md names the files that --data wants"
                )
                raise UserError(f"{language} has no {split} set in the data; {remedy}")
    return Plan(
        choices=choices,
        model=source.name,
        model_digest=source.digest,
        data_sha256=sha256_of(data.files),
        partial=data.partial,
        select=select,
        encoding=Encoding(length=choices.recipe.length, stride=choices.recipe.stride, labels=data.labels),
    )


def languages_of(training: str, data: Data[Any]) -> list[tuple[str, ...]]:
    """Return the languages of each run that --train asks for: ALL in one, EACH in one of its own, or some in one."""
    there = tuple(language for language in sorted(data.examples) if data.examples[language].get(TRAIN))
    if training in (EACH, ALL) and not there:
        raise UserError("no language has a train set in the data; --data wants its files, too")
    if training == ALL:
        return [there]
    return [(language,) for language in there] if training == EACH else [_named(training, "--train")]


def _named(text: str, flag: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in text.split(","))
    if "" in names or len(set(names)) < len(names):
        raise UserError(f"{flag} {text!r}: want different languages with commas, such as de,fr")
    return names


def write_plan(plan: Plan, folder: Path) -> None:
    """Write run.json."""
    write_json(asdict(plan), folder / RUN)


def read_plan(folder: Path) -> Plan:
    """Read run.json; UserError if it is not there, damaged, or of another version of this program."""
    values = read_json(folder / RUN)
    try:
        choices, encoding = values["choices"], values["encoding"]
        recipe = Recipe(**{**choices["recipe"], "betas": tuple(choices["recipe"]["betas"])})
        lists = {name: tuple(choices[name]) for name in ("train", "overrides")}
        values["choices"] = Choices(**{**choices, **lists, "recipe": recipe})
        values["encoding"] = Encoding(**{**encoding, "labels": tuple(encoding["labels"])})
        return Plan(**{**values, "partial": tuple(values["partial"]), "select": tuple(values["select"])})
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Scores:
    """What a fine-tuned model is worth."""

    languages: Mapping[str, Mapping[str, float]]  # metrics by language, as fractions
    splits: Mapping[str, str]  # what each language was scored on
    partial: tuple[str, ...]  # what is missing of the paper's data


def read_scores(folder: Path) -> Scores:
    """Read scores.json; UserError if it is not there or damaged."""
    values = read_json(folder / SCORES)
    return Scores(languages=values["languages"], splits=values["splits"], partial=read_plan(folder).partial)
