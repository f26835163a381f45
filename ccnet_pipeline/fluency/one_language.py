"""One language among many: whether its model is there already, and how its training went."""

import resource
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ccnet_pipeline.fluency.cards import Ingredients, TrainingRecord, differences, read_card, source_files, versions
from ccnet_pipeline.fluency.directory import NGRAMS, PIECES, ModelFiles
from ccnet_pipeline.fluency.programs import Programs
from ccnet_pipeline.fluency.texts import ArticlePart, Source, is_dump, read_texts
from ccnet_pipeline.fluency.training import MEMORY, Trained, Training, train_in
from ccnet_pipeline.language.purity import EvenSample, doubt_of

_RSS_UNIT = 1 if sys.platform == "darwin" else 1024  # bytes; of getrusage

End = Literal["trained", "done", "left out", "failed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is wanted of a language."""

    source: Source
    training: Training
    article_part: ArticlePart = "opening"
    memory: str = MEMORY
    overwrite: bool = False  # a model of the same name that was made otherwise
    lid_models: Sequence[Path] = ()  # which tell whether the text is in the language


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How it ended."""

    language: str
    end: End
    said: str = ""  # why, or what there is to know
    doubt: str | None = None  # whether the text is in the language
    record: TrainingRecord | None = None
    files: ModelFiles | None = None  # still in the worker's folder
    seconds: float = 0.0  # of a processor, programs that were run included
    peak_bytes: int = 0  # of the resident memory of Python or of a program that it ran, whichever took more


def train_language(
    order: Order, output: Path, folder: Path, programs: Programs, tell: Callable[[str], object]
) -> Outcome:
    """Train the model of one language in an empty folder, unless there is one already.

    Raises:
        UserError: its text cannot be read, it is too little, or a program of KenLM's failed.
    """
    files, language = order.source.files, order.source.language
    tell("sources")
    part = order.article_part if any(map(is_dump, files)) else None
    ingredients = Ingredients(sources=source_files(files), article_part=part, settings=order.training)
    standing = _standing(order, output, ingredients)
    if isinstance(standing, Outcome):
        return standing
    sample = EvenSample()
    documents = sample.watch(text.paragraphs for text in read_texts(files, order.article_part))
    trained = train_in(folder, order.training, documents, programs, memory=order.memory, tell=tell)
    return Outcome(
        language=language,
        end="trained",
        said=standing,
        doubt=doubt_of(language, sample.paragraphs, order.lid_models),
        record=_record(ingredients, trained),
        files=trained.files,
        seconds=_cpu_seconds(),
        peak_bytes=_peak_bytes(),
    )


def _record(ingredients: Ingredients, trained: Trained) -> TrainingRecord:
    return TrainingRecord(
        ingredients=ingredients,
        text=trained.text,
        pieces=trained.pieces,
        ngrams=trained.ngrams,
        held_out_perplexity=trained.held_out_perplexity,
        versions=versions(),
        file_bytes={PIECES: trained.files.pieces.stat().st_size, NGRAMS[0]: trained.files.ngrams.stat().st_size},
        sketch=trained.sketch,
    )


def _standing(order: Order, output: Path, wanted: Ingredients) -> Outcome | str:
    """Return how it ends at once because of what is there; else why a model is trained anew, "" where there is none."""
    language = order.source.language
    card = read_card(output, language)
    record = card.training if card else None
    there = [output / f"{language}{end}" for end in (PIECES, NGRAMS[0])]
    if record is None:
        if order.overwrite or not any(path.exists() for path in there):
            return ""
        said = f"{output} has a model of {language} that was not trained here; --overwrite replaces it"
        return Outcome(language=language, end="failed", said=said)
    if [path.stat().st_size if path.exists() else 0 for path in there] != list(record.file_bytes.values()):
        return "anew: what was there is not whole"
    if not (other := ", ".join(differences(record.ingredients, wanted))):
        return Outcome(language=language, end="done", record=record)
    if order.overwrite:
        return f"anew: {other}"
    said = f"{output} has a model of {language} already, but {other}; --overwrite replaces it"
    return Outcome(language=language, end="failed", said=said)


def _cpu_seconds() -> float:
    """Return the processor time of this process, which trains nothing else, and of the programs that it ran."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def _peak_bytes() -> int:
    """Return the largest resident memory of this process, or of a program that it ran."""
    return _RSS_UNIT * max(
        resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
