"""What a model was made of and how: `<language>.card.json` beside it.

The card of a model that was trained here says from what, how, and with which versions; so the same command can tell
that it is done, and a reader what he has before him. A model from elsewhere gets one when its cut-offs are calibrated.
"""

import importlib.metadata
import tempfile
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from ccnet_pipeline.checksums import sha256_of
from ccnet_pipeline.errors import UserError
from ccnet_pipeline.fluency.preparation import TextCounts
from ccnet_pipeline.fluency.texts import ArticlePart
from ccnet_pipeline.fluency.training import Training

CARD = ".card.json"
CARD_FORMAT = 1
_PACKAGES = ("cc100-xlmr", "sentencepiece", "ufal.kenlm")


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file that text was taken from."""

    name: str
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ingredients:
    """What decides how a model comes out, but for versions of libraries."""

    sources: tuple[SourceFile, ...]
    article_part: ArticlePart | None  # what was taken of articles of Wikipedia; None: there were none
    settings: Training


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingRecord:
    """From what a model was trained, how, and what came of it."""

    ingredients: Ingredients
    text: TextCounts
    pieces: int
    ngrams: tuple[int, ...]  # by order
    held_out_perplexity: float | None
    versions: Mapping[str, str]
    file_bytes: Mapping[str, int]  # of the model's two files, by the ends of their names
    sketch: str  # of the paragraphs (`ccnet_pipeline.fluency.sketch`)


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibrationRecord:
    """From what the cut-offs were taken."""

    sources: tuple[SourceFile, ...]
    by: str  # documents or tokens
    head_percent: float
    middle_percent: float  # where middle ends
    documents: int
    tokens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """All that is known of a model."""

    language: str
    training: TrainingRecord | None = None  # None: trained elsewhere
    calibration: CalibrationRecord | None = None  # None: the cut-offs are those of training, or came with the model
    format: int = CARD_FORMAT


def read_card(directory: Path, language: str) -> Card | None:
    """Return the card of a model; None if it has none.

    Raises:
        UserError: it cannot be read.
    """
    path = directory / f"{language}{CARD}"
    try:
        card = msgspec.json.decode(path.read_bytes(), type=Card)
    except FileNotFoundError:
        return None
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise UserError(f"{path} is no card of a model: {error}; delete it, and train the model anew") from error
    if card.format != CARD_FORMAT:
        raise UserError(f"{path} has format {card.format}, and this version knows {CARD_FORMAT}")
    return card


def write_card(directory: Path, card: Card) -> None:
    """Write the card of a model; it is there whole or not at all."""
    with tempfile.TemporaryDirectory(dir=directory, prefix=".card-") as name:
        aside = Path(name, CARD)
        aside.write_bytes(msgspec.json.format(msgspec.json.encode(card), indent=2) + b"\n")
        aside.replace(directory / f"{card.language}{CARD}")


def source_files(files: Sequence[Path]) -> tuple[SourceFile, ...]:
    """Return name, size and sha256 of files."""
    return tuple(SourceFile(file.name, file.stat().st_size, sha256_of(file)) for file in files)


def versions() -> dict[str, str]:
    """Return the versions that the bytes of a model depend on."""
    return {name: importlib.metadata.version(name) for name in _PACKAGES} | {"unicode": unicodedata.unidata_version}


def differences(before: Ingredients, now: Ingredients) -> list[str]:
    """Return in which respects a model would come out otherwise, in words; none: it is that one already."""
    found = []
    if [source.sha256 for source in before.sources] != [source.sha256 for source in now.sources]:
        found.append("its text was another")
    elif before.article_part != now.article_part:
        found.append(f"--wikipedia_text was {before.article_part}")
    settings, wanted = msgspec.to_builtins(before.settings), msgspec.to_builtins(now.settings)
    return found + [f"--{name} was {_shown(settings[name])}" for name in wanted if settings[name] != wanted[name]]


def _shown(value: object) -> str:
    return " ".join(map(str, value)) or "none" if isinstance(value, list) else str(value)
