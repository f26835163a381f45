"""The loop: an encoder and its head are trained on rows of text; the best by the dev sets is the result.

**Repeatable.** The first weights of the head, the order of rows and dropout are functions of seed and step, so a run
that was killed goes on from its checkpoint as if nothing had been: bitwise on a CPU.

    OUT/run.json       the plan                       OUT/log.jsonl     loss by step, dev scores by epoch
    OUT/model/         the best epoch's network       OUT/scores.json   its metrics by language, written last
    OUT/checkpoint.pt and OUT/best-<epoch>/           only while it runs
"""

import logging
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from model.errors import UserError
from model.finetune.journal import Journal
from model.finetune.plan import MODEL, SCORES, Plan, write_json, write_plan
from model.finetune.recipes import Recipe
from model.finetune.scoring import Scorer, autocast, splits, to_device
from model.finetune.source import load_network
from model.finetune.state import State, read_state, write_best, write_state
from model.finetune.task import DEV, TRAIN, AnyTask, Data, Features, Source
from model.ids import IGNORED
from model.sampling import Permutation, generator
from model.training.optim import clip_norm, make_optimizer

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """When and where the work is done, not which work."""

    device: torch.device
    micro_batch: int = 0  # rows that go through at once; 0: all of a step
    save_minutes: float = 5.0  # between checkpoints; one follows each epoch, too
    log_every: int = 50  # steps


def finetune(task: AnyTask, data: Data[Any], source: Source, plan: Plan, output: Path, means: Means) -> None:
    """Train, or go on, until scores.json is there.

    Raises:
        UserError: weights that the task cannot use, a damaged checkpoint, or a loss that is no longer a number.
    """
    if (output / SCORES).exists():
        return _log.info("%s: done before", output)
    output.mkdir(parents=True, exist_ok=True)
    write_plan(plan, output)
    torch.manual_seed(plan.choices.seed)
    network = load_network(task, source, plan.encoding.labels).to(means.device)
    scorer = Scorer(task, network, source, plan.encoding, means.device, plan.choices.precision)
    state = _train(scorer, data, plan, output, means)
    if not (output / MODEL).exists():
        (output / f"best-{state.best_epoch}").rename(output / MODEL)
    best = load_network(task, replace(source, location=str(output / MODEL)), plan.encoding.labels)
    scorer = Scorer(task, best.to(means.device), source, plan.encoding, means.device, plan.choices.precision)
    values = {"languages": scorer.score_all(data), "splits": splits(data)}
    write_json({**values, "epoch": state.best_epoch, "dev": state.best_score}, output / SCORES)
    (output / "checkpoint.pt").unlink(missing_ok=True)
    return None


def _train(scorer: Scorer, data: Data[Any], plan: Plan, output: Path, means: Means) -> State:
    recipe, seed, network = plan.choices.recipe, plan.choices.seed, scorer.network
    rows = [row for language in plan.choices.train for row in _rows(scorer, data, language)]
    epoch_steps = recipe.epoch_steps or math.ceil(len(rows) / recipe.batch_size)
    steps = epoch_steps * recipe.epochs
    optimizer = make_optimizer(network, betas=recipe.betas, eps=recipe.eps, weight_decay=recipe.weight_decay)
    state = read_state(output, network, optimizer)
    with Journal(output, step=state.step, steps=steps) as journal:
        saved = time.monotonic()
        while state.step < steps and not state.is_over(recipe.patience):
            batch = [rows[place] for place in places_of(state.step, len(rows), recipe, seed)]
            for group in optimizer.param_groups:
                group["lr"] = learning_rate(state.step, steps, recipe)
            loss = _step(scorer, optimizer, batch, plan, state.step, means)
            state = state.next()
            if state.step % means.log_every == 0 or state.step == steps:
                journal.step(state.step, _number(loss, state.step), sum(len(row.input_ids) for row in batch))
            if state.step % epoch_steps == 0:
                _number(loss, state.step)
                scores = {language: scorer.score(data.examples[language][DEV]) for language in plan.select}
                state = state.judge(float(np.mean([next(iter(score.values())) for score in scores.values()])))
                journal.evaluation(state.step, state.epoch, state.score, scores)
                write_best(state, network, scorer.source, output)
            if state.step % epoch_steps == 0 or time.monotonic() - saved >= 60 * means.save_minutes:
                write_state(state, network, optimizer, output)
                saved = time.monotonic()
    return state


def _rows(scorer: Scorer, data: Data[Any], language: str) -> Sequence[Features]:
    rows: Sequence[Features] = scorer.task.features(
        data.examples[language][TRAIN], scorer.source.tokenizer, scorer.encoding
    )
    return rows


def _step(
    scorer: Scorer, optimizer: torch.optim.Optimizer, batch: Sequence[Features], plan: Plan, step: int, means: Means
) -> torch.Tensor:
    """Take one update; return the mean loss of its answers, ()."""
    network = scorer.network.train()
    torch.manual_seed(int(generator(plan.choices.seed, "dropout", step).integers(1 << 62)))
    size = means.micro_batch or len(batch)
    parts = [
        scorer.task.collate(batch[start : start + size], scorer.source.tokenizer, scorer.encoding)
        for start in range(0, len(batch), size)
    ]
    answers = [_answers(part) for part in parts]
    total = torch.zeros((), device=means.device)
    for part, number in zip(parts, answers, strict=True):
        with autocast(means.device, plan.choices.precision):
            loss = network(**to_device(part, means.device))["loss"]
        share = loss * (number / sum(answers))
        share.backward()
        total += share.detach()
    clip_norm(network.parameters(), plan.choices.recipe.clip)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    return total


def _answers(part: Mapping[str, torch.Tensor]) -> int:
    """Return of how many answers the loss of some rows is the mean: one a row, or one a piece that has a label."""
    labels = part.get("labels")
    if labels is None or labels.ndim == 1:
        return len(part["input_ids"])
    return max(1, int((labels != IGNORED).sum()))


def learning_rate(step: int, steps: int, recipe: Recipe) -> float:
    """Return the learning rate of a step, the first of which is 0, of so many.

    >>> from model.finetune.recipes import RECIPES
    >>> recipe = RECIPES["ner"]["xtreme"]  # linear, without a warm-up
    >>> [f"{learning_rate(step, 4, recipe):g}" for step in range(4)]
    ['2e-05', '1.5e-05', '1e-05', '5e-06']
    """
    warmup = round(recipe.warmup * steps if recipe.warmup < 1 else recipe.warmup)
    if step < warmup:
        return recipe.learning_rate * (step + 1) / warmup
    left = (steps - step) / max(1, steps - warmup) if recipe.schedule == "linear" else 1.0
    return recipe.learning_rate * left


def places_of(step: int, rows: int, recipe: Recipe, seed: int) -> list[int]:
    """Return which of the training rows a step takes.

    Rows are shuffled, and shuffled anew after each pass. An epoch is a pass, whose last batch may be smaller; with
    `epoch_steps` batches are full, and passes go on from one epoch to the next.
    """
    if recipe.epoch_steps:
        numbers = np.arange(step * recipe.batch_size, (step + 1) * recipe.batch_size)
    else:
        turn, batch = divmod(step, math.ceil(rows / recipe.batch_size))
        numbers = turn * rows + np.arange(batch * recipe.batch_size, min(rows, (batch + 1) * recipe.batch_size))
    passes = np.unique(numbers // rows)
    orders = {int(number): Permutation(rows, seed, "finetune", int(number)) for number in passes}
    return [orders[number // rows][number % rows] for number in numbers.tolist()]


def _number(loss: torch.Tensor, step: int) -> float:
    value = float(loss)
    if not math.isfinite(value):
        raise UserError(f"the loss at step {step} is {value}; give a lower --learning_rate, or --precision fp32")
    return value
