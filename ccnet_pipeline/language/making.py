"""The added model and its card, from a folder of text.

1.  A classifier is trained without each fifth document of every language.
2.  What it and the general model say of these documents gives the numbers of the rule (`combination`, `thresholds`).
3.  A second classifier is trained on all text. That one is written, with the numbers of the first: nothing was measured
    on text that a model had seen.
"""

import contextlib
import hashlib
import logging
import platform
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from random import Random

import msgspec

from ccnet_pipeline.errors import UserError
from ccnet_pipeline.language.codes import NOT_LANGUAGE
from ccnet_pipeline.language.combination import Rule, Sources
from ccnet_pipeline.language.evaluation import evaluate
from ccnet_pipeline.language.fasttext_model import FastTextModel
from ccnet_pipeline.language.foreign import sift
from ccnet_pipeline.language.loading import ADDED_FILE
from ccnet_pipeline.language.pools import Pool, evaluation_texts, find_pools, hold_out, read_pool
from ccnet_pipeline.language.purity import EvenSample, doubt_of
from ccnet_pipeline.language.readable import for_identification
from ccnet_pipeline.language.romanised import romanise, with_romanised
from ccnet_pipeline.language.samples import Amounts, noise_texts, samples, trained_as
from ccnet_pipeline.language.thresholds import Answered, believed_scores, confused_languages, least_scores, share_asked
from ccnet_pipeline.language.training import Settings, train_classifier

_log = logging.getLogger(__name__)
_HELD_OUT = 5  # each fifth document
_MOST_TEXTS = 200  # of a language, of each kind, that are looked at
_NOISE_TEXTS = 1000
_PACKAGES = ("cc100-xlmr", "fasttext", "uroman")


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """The numbers of the rule that are chosen and not measured; docs/method.md has what others gave."""

    max_characters: int = 250
    num_labels: int = 5
    general_weight: float = 0.75
    unknown_to_it: float = 0.1
    not_named: float = 0.005
    believed_floor: float = 0.8
    most_lost: float = 0.01
    least_score: float = 0.5
    least_score_floor: float = 0.2
    kept: float = 0.98


@dataclass(frozen=True, slots=True, kw_only=True)
class Making:
    """What is made of what."""

    text: Path
    output: Path  # .ftz; the card lies beside it
    general: FastTextModel
    settings: Settings = field(default_factory=Settings)
    amounts: Amounts = field(default_factory=Amounts)
    choices: Choices = field(default_factory=Choices)
    makes_romanised: bool = False
    licence: str = ""
    command: str = ""


def read_pools(folder: Path, general: FastTextModel) -> dict[str, Pool]:
    """Return the pools of a folder without what is in other languages; each file is read before the first is used.

    Raises:
        UserError: a file cannot be used; with the file and why.
    """
    pools = [read_pool(code, path) for code, path in find_pools(folder).items()]
    sifted = {}
    left_out = 0
    for pool in pools:
        if not pool.is_whole:
            _log.info("%s: only its first %d characters are used", pool.path, pool.characters)
        result = sift(pool, general)
        sifted[pool.code], left_out = result.pool, left_out + result.left_out
        if warning := result.warning() or _second_thoughts(pool):
            _log.warning("%s", warning)
    characters = sum(pool.characters for pool in sifted.values())
    _log.info("%d languages, %d characters of text; %d paragraphs left out", len(sifted), characters, left_out)
    return sifted


def make(making: Making) -> Rule:
    """Make the model and its card, and return the card. Both are written aside first, and renamed when whole."""
    making.settings.check()
    with _folder_beside(making.output) as folder:
        pools = read_pools(making.text, making.general)
        made = romanise(pools) if making.makes_romanised else {}
        started, trial, final = time.monotonic(), folder / "trial.ftz", folder / "final.ftz"
        parts = {code: hold_out(pool, _HELD_OUT) for code, pool in pools.items()}
        parts_made = {code: hold_out(pool, _HELD_OUT) for code, pool in made.items()}
        kept, held = (with_romanised(_nth(parts, number), _nth(parts_made, number)) for number in (0, 1))
        _log.info("1 of 2: training without each fifth document, to measure")
        train_classifier(samples(kept, making.amounts, making.settings.seed), making.settings, trial)
        rule = _measured(making, FastTextModel(trial), held)
        minutes = (time.monotonic() - started) / 60
        _log.info("2 of 2: training on all text; that took %.0f minutes, and so will this", minutes)
        everything = with_romanised(pools, made)
        train_classifier(samples(everything, making.amounts, making.settings.seed), making.settings, final)
        rule = _of_final(rule, making, final, everything)
        card = folder / "final.json"
        card.write_bytes(msgspec.json.format(msgspec.json.encode(rule, order="sorted"), indent=1) + b"\n")
        card.replace(making.output.with_suffix(".json"))
        final.replace(making.output)
    return rule


def _second_thoughts(pool: Pool) -> str | None:
    """Return what the added model that is here says of a pool: the general one may know neither language well."""
    sample = EvenSample()
    for _ in sample.watch(pool.documents):
        pass
    doubt = doubt_of(pool.code, sample.paragraphs, [ADDED_FILE] if ADDED_FILE.is_file() else [])
    return doubt and f"{pool.path}: {doubt}"


@contextlib.contextmanager
def _folder_beside(output: Path) -> Iterator[Path]:
    """Give a folder for work, beside the model that will be: whether there is room for one shows before any work.

    Raises:
        UserError: nothing can be written there.
    """
    if output.is_dir():
        raise UserError(f"--output {output} is a folder; want the name of a file in one")
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        folder = tempfile.TemporaryDirectory(dir=output.parent, prefix=".train-")
    except OSError as error:
        raise UserError(f"--output {output}: {error.strerror}; choose another place") from error
    with folder as name:
        yield Path(name)


def _nth(parts: Mapping[str, tuple[Pool, Pool]], number: int) -> dict[str, Pool]:
    return {code: part[number] for code, part in parts.items()}


def _measured(making: Making, added: FastTextModel, held: Mapping[str, Pool]) -> Rule:
    """Return the rule with what was measured on text that was held out."""
    choices = making.choices
    by_kind = {kind: _answered(making, added, texts) for kind, texts in _texts(held, making.settings.seed).items()}
    texts = [text for answered in by_kind.values() for text in answered]
    believed = believed_scores(texts, floor=choices.believed_floor, most_lost=choices.most_lost)
    codes = added.codes()
    rule = Rule(
        labels=tuple(sorted(codes)),
        sha256="",
        general_model=making.general.name,
        max_characters=choices.max_characters,
        num_labels=choices.num_labels,
        believed=believed,
        believed_otherwise=choices.believed_floor,
        confused=confused_languages(texts, floor=choices.believed_floor, most_lost=choices.most_lost),
        not_in_general=codes - making.general.codes(),
        general_weight=choices.general_weight,
        unknown_to_it=choices.unknown_to_it,
        not_named=choices.not_named,
        least_scores={},
        least_score_otherwise=choices.least_score,
        sources=_sources(making, {}, {}),
    )
    least = least_scores(texts, rule, otherwise=choices.least_score, floor=choices.least_score_floor, kept=choices.kept)
    rule = msgspec.structs.replace(rule, least_scores=least)
    measured = {
        f"macro F1 of {kind}": _macro_f1(answered, rule) for kind, answered in by_kind.items() if kind != "noise"
    }
    measured["share asked"] = share_asked(texts, believed, choices.believed_floor)
    return msgspec.structs.replace(rule, sources=_sources(making, {}, measured))


def _texts(held: Mapping[str, Pool], seed: int) -> dict[str, list[tuple[str, str]]]:
    """Return texts with the labels that they ought to get, of each language about as many."""
    chance = Random(f"{seed} held out")
    texts = {}
    for kind in ("paragraphs", "documents"):
        by_language: dict[str, list[str]] = {}
        for code, text in evaluation_texts(held, kind):
            by_language.setdefault(code, []).append(text)
        texts[kind] = [
            (trained_as(code), text)
            for code, of_language in by_language.items()
            for text in (chance.sample(of_language, _MOST_TEXTS) if len(of_language) > _MOST_TEXTS else of_language)
        ]
    texts["noise"] = [(NOT_LANGUAGE, text) for text in noise_texts(held, _NOISE_TEXTS, seed + 1)]
    return texts


def _answered(making: Making, added: FastTextModel, texts: Sequence[tuple[str, str]]) -> list[Answered]:
    choices = making.choices
    readable = [" ".join(text.splitlines()) for text in for_identification([text for _, text in texts])]
    general = making.general.top(readable, choices.num_labels)
    own = added.top([text[: choices.max_characters] for text in readable], choices.num_labels)
    return [Answered(label, *answers) for (label, _), *answers in zip(texts, general, own, strict=True)]


def _macro_f1(texts: Sequence[Answered], rule: Rule) -> float:
    """Return the mean of F1 over the languages that CC-100 has; Chinese counts as one."""
    answers = []
    for text in texts:
        asked = not text.general or rule.must_ask(*text.general[0])
        language, score, _ = rule.decide(text.general, text.added if asked else ())
        answers.append(language if score >= rule.least_score(language) else "und")
    return round(evaluate([text.language for text in texts], answers).macro_f1("cc100"), 4)


def _of_final(rule: Rule, making: Making, model: Path, pools: Mapping[str, Pool]) -> Rule:
    characters = {code: pool.characters for code, pool in pools.items()}
    return msgspec.structs.replace(
        rule,
        sha256=hashlib.sha256(model.read_bytes()).hexdigest(),
        sources=_sources(making, characters, rule.sources.measured),
    )


def _sources(making: Making, characters: Mapping[str, int], measured: Mapping[str, float]) -> Sources:
    settings: dict[str, int | float | str] = asdict(making.settings) | asdict(making.amounts) | asdict(making.choices)
    return Sources(
        command=making.command,
        text=making.text.name,
        licence=making.licence,
        characters=characters,
        settings=settings,
        versions=_versions(),
        measured=measured,
    )


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found
