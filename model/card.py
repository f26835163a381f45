"""The model card of an export, README.md with the front matter that the hub reads: what the run has recorded of itself.

Source of the form: Mitchell et al. 2019, "Model Cards for Model Reporting"; the keys of the front matter are the hub's.
"""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from model.config import ModelConfig, to_json
from model.errors import UserError
from model.training.checkpoint import Identity
from model.training.folder import read_saved
from model.training.progress import LOG
from model.training.result import Result

CARD_FILE = "README.md"
UNKNOWN = "unknown"  # the hub's word for a licence that nobody has named
_LICENSE = re.compile(r"[a-z0-9][a-z0-9.-]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Language:
    """A row of the card's table."""

    code: str
    tokens: int  # of training text
    documents: int  # likewise
    share: float  # of the samples of the whole run
    epochs: float  # of the whole run
    loss: float | None  # on held-out text, nats a masked token; None: there is no such text
    unigram: float | None  # what guessing by frequency reaches there


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What a card tells."""

    step: int  # updates that were done
    model: ModelConfig  # as exported
    identity: Identity  # of the run
    tokenizer_sha256: str
    init: str | None  # the XLM-R that it started from
    languages: Sequence[Language]
    left_out: Sequence[str]  # languages with too little text
    validated: int | None  # the step of the losses


def read_facts(run: Path, result: Result) -> Facts:
    """Gather what a run has recorded of its newest checkpoint.

    Raises:
        UserError: its log does not tell the languages, or is damaged.
    """
    found = _newest(run / LOG, result.step)
    try:
        table = found["languages"]
        validation, unigram = (found.get(name, {}).get("languages", {}) for name in ("validation", "unigram"))
        languages = [
            Language(code=code, loss=validation.get(code), unigram=unigram.get(code), **row)
            for code, row in table["languages"].items()
        ]
        left_out = [*table["too_small"], *table["missing"]]
    except (KeyError, TypeError, AttributeError) as error:
        raise UserError(
            f"{run / LOG} does not tell the languages of the run, as it does since version 0.2; leave out --card"
        ) from error
    saved = read_saved(run)
    return Facts(
        step=result.step,
        model=result.config,
        identity=result.identity,
        tokenizer_sha256=result.tokenizer.sha256,
        init=saved.init if saved else None,
        languages=languages,
        left_out=left_out,
        validated=found.get("validation", {}).get("step"),
    )


def _newest(log: Path, step: int) -> dict[str, dict[str, Any]]:
    """Return the last line of each kind up to a step; what a kill has cut off is passed over, as when a run goes on."""
    found = {}
    for line in log.read_text("utf-8", errors="replace").splitlines() if log.is_file() else ():
        try:
            values = json.loads(line)
            if values["step"] <= step:
                found[values["event"]] = values
        except (ValueError, KeyError, TypeError):
            continue
    return found


def check_license(name: str) -> None:
    """Raise UserError for what cannot be the hub's name of a licence."""
    if not _LICENSE.fullmatch(name):
        raise UserError(f"--license {name!r} is no name of the hub's, which are like apache-2.0, mit, cc-by-4.0, other")


def model_card(facts: Facts, name: str, licence: str) -> str:
    """Return the card's text.

    Args:
        facts: of `read_facts`.
        name: of the model, as users load it.
        licence: by the hub's name for it.
    """
    parts = (_front(facts, licence), _summary(facts, name), _data(facts), _training(facts), _limits(facts, licence))
    return "\n".join("\n".join(part) + "\n" for part in parts)


def _front(facts: Facts, licence: str) -> Iterator[str]:
    # In quotes: YAML takes `no`, Norwegian, for false.
    codes = sorted({re.split("[-_]", language.code)[0] for language in facts.languages})
    tags = ["xlm-roberta", "masked-lm", *(["multilingual"] if len(codes) > 1 else [])]
    yield "---"
    for key, values in (("language", codes), ("tags", tags)):
        yield f"{key}:"
        yield from (f"- {json.dumps(value)}" for value in values)
    yield f"license: {json.dumps(licence)}"
    if (base := _base(facts)) is not None:
        yield f"base_model: {json.dumps(base[0])}"
    yield from ("library_name: transformers", "pipeline_tag: fill-mask", "---")


def _base(facts: Facts) -> tuple[str, str] | None:
    """Return name and commit of the model of the hub that a run started from."""
    if facts.init is None or Path(facts.init).is_absolute():
        return None
    name, _, commit = facts.init.rpartition("@")
    return name, commit


def _summary(facts: Facts, name: str) -> Iterator[str]:
    tokens = sum(language.tokens for language in facts.languages)
    yield f"# {name}"
    yield ""
    yield (
        f"A masked language model with the architecture of XLM-R (Conneau et al. 2020) for {_count(facts)}, trained on "
        f"{tokens:,} tokens of text. It fills in `<mask>`, and is made to be fine-tuned for a task."
    )
    if (base := _base(facts)) is not None:
        yield f"It started from {base[0]}, commit {base[1]}, with its vocabulary."
    elif facts.init is not None:
        yield "It started from the weights and the vocabulary of another XLM-R."
    yield from (
        "",
        "    from transformers import pipeline",
        f'    pipeline("fill-mask", model={json.dumps(name)})("<mask>")',
    )


def _count(facts: Facts) -> str:
    return "1 language" if len(facts.languages) == 1 else f"{len(facts.languages)} languages"


def _data(facts: Facts) -> Iterator[str]:
    yield "## Data"
    yield ""
    yield "Tokens and documents are those of the training text, shares and epochs those of the whole run as planned."
    if facts.validated is not None:
        yield (
            f"The losses, in nats a masked token, are of text held out of training (1 document in 100) after step "
            f"{facts.validated:,}; beside them is what guessing by frequency reaches."
        )
    yield ""
    yield "| language | tokens | documents | share of samples | epochs | held-out loss | by frequency |"
    yield "|---|---|---|---|---|---|---|"
    for row in facts.languages:
        loss, unigram = (f"{value:.3f}" if value is not None else "" for value in (row.loss, row.unigram))
        yield (
            f"| {row.code} | {row.tokens:,} | {row.documents:,} | {row.share:.2%} | {row.epochs:,.2f} | "
            f"{loss} | {unigram} |"
        )
    losses = [row.loss for row in facts.languages if row.loss is not None]
    if losses:
        yield from ("", f"Mean of the languages with held-out text: {sum(losses) / len(losses):.3f}.")
    if facts.left_out:
        yield from ("", f"Asked for and left out, for too little text: {', '.join(facts.left_out)}.")
    yield ""
    yield f"Manifest of the encoded text, sha256: `{facts.identity.manifest_sha256}`."
    yield f"`sentencepiece.bpe.model`, sha256: `{facts.tokenizer_sha256}`."


def _training(facts: Facts) -> Iterator[str]:
    train = facts.identity.train
    seen = facts.step * train.batch_size * train.seq_length
    yield "## Training"
    yield ""
    yield f"{facts.step:,} of {train.steps:,} steps, which are {seen:,} tokens of samples. Settings, by their flags:"
    yield ""
    yield "| setting | value |"
    yield "|---|---|"
    values = {**to_json(facts.model), **to_json(train)}
    yield from (f"| {name} | {_text(value)} |" for name, value in values.items() if value is not None)


def _text(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)


def _limits(facts: Facts, licence: str) -> Iterator[str]:
    train = facts.identity.train
    yield "## Limits"
    yield ""
    yield f"- A text is at most {facts.model.max_length} tokens, `<s>` and `</s>` included."
    yield "- Of the languages in the table, those with little text are known least."
    if facts.init is None:
        yield "- It has seen no other languages."
    else:
        yield "- What the model it started from knew of other languages may be forgotten."
    most = max(facts.languages, key=lambda language: language.epochs)
    if most.epochs > 1:
        yield f"- Text was repeated, {most.code} most often ({most.epochs:,.1f} times in the whole run)."
    if facts.step < train.steps:
        yield f"- Training had not come to its end: {facts.step:,} of {train.steps:,} steps were done."
    yield "- The losses depend on the vocabulary: those of models with other vocabularies cannot be compared with them."
    yield "- Nothing here says how well it does at a task; measure it on yours."
    yield "- It repeats what its text says: mistakes, prejudice, what was written about people."
    if licence == UNKNOWN:
        yield "- Whoever trained it has named no licence."
    yield "- A licence is that of the weights. The text belongs to those who wrote it."
