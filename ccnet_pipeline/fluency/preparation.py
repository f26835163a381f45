"""The text of a model before training: what is left out, what is held out, and the normal form of the rest."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ccnet_pipeline.errors import UserError
from ccnet_pipeline.fluency.sketch import Sketch
from ccnet_pipeline.text_files import documents_of

FEWEST_PARAGRAPHS = 50  # to train on
LONGEST_BYTES = 1 << 20  # of a paragraph: no prose is so long, and SentencePiece would leave it out
_FEWEST_HELD_OUT = 20  # documents; where a text has too few, paragraphs are held out

Document = Sequence[str]  # its paragraphs
Normalize = Callable[[str], str]


class TooLittleTextError(UserError):
    """There is not enough to make a model of; among many languages no failure."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TextCounts:
    """What the text of a model came to."""

    documents: int
    paragraphs: int
    characters: int
    held_out: int  # of the paragraphs
    too_long: int  # paragraphs that were left out, beside those counted above


@dataclass(frozen=True, slots=True)
class PreparedText:
    """The text of a model, in files."""

    to_train: Path  # normal form, one paragraph a line
    held_out: Path  # as it is, a blank line behind each document
    counts: TextCounts
    sketch: str  # of the paragraphs, those held out included


def prepare(documents: Iterable[Document], normalize: Normalize, held_out: float, folder: Path) -> PreparedText:
    """Write the text of a model into a folder.

    Args:
        documents: all there are.
        normalize: gives the normal form.
        held_out: share of the documents that is not to be trained on: every k-th. 0: none.
        folder: of the files.

    Raises:
        TooLittleTextError: so it is.
    """
    gathered, text, held = (folder / name for name in ("gathered.txt", "text.txt", "held_out.txt"))
    sketch = Sketch()
    counts = _gather(documents, normalize, gathered, sketch)
    counts = _split(counts, normalize, round(1 / held_out) if held_out else 0, gathered, text, held)
    gathered.unlink()
    if counts.paragraphs - counts.held_out < FEWEST_PARAGRAPHS:
        to_train = counts.paragraphs - counts.held_out
        raise TooLittleTextError(
            f"too little text: {to_train} of the {FEWEST_PARAGRAPHS} paragraphs that a model needs"
        )
    return PreparedText(text, held, counts, sketch.encode())


def _gather(documents: Iterable[Document], normalize: Normalize, target: Path, sketch: Sketch) -> TextCounts:
    """Write down the paragraphs that can be trained on, a blank line behind each document, and count them."""
    num_documents = paragraphs = characters = too_long = 0
    with target.open("w", encoding="utf-8", newline="\n") as file:
        for document in documents:
            short = [line for line in document if not _is_too_long(line)]
            kept = [line for line in short if normalize(line).strip()]
            too_long += len(document) - len(short)
            if kept:
                file.write("\n".join([*kept, "", ""]))
                sketch.add(kept)
            num_documents += bool(kept)
            paragraphs += len(kept)
            characters += sum(map(len, kept))
    return TextCounts(
        documents=num_documents, paragraphs=paragraphs, characters=characters, held_out=0, too_long=too_long
    )


def _is_too_long(line: str) -> bool:
    return len(line) > LONGEST_BYTES // 4 and len(line.encode("utf-8", "replace")) > LONGEST_BYTES


def _split(
    counts: TextCounts, normalize: Normalize, every: int, gathered: Path, text: Path, held_out: Path
) -> TextCounts:
    """Write the normal form of the paragraphs to one file, and every k-th document as it is to the other (0: none)."""
    num_held = 0
    with (
        text.open("w", encoding="utf-8", newline="\n") as text_file,
        held_out.open("w", encoding="utf-8", newline="\n") as held_file,
    ):
        for number, unit in enumerate(_units(counts, every, gathered), 1):
            if every and number % every == 0:
                held_file.write("\n".join([*unit, "", ""]))
                num_held += len(unit)
            else:
                text_file.writelines(normalize(line) + "\n" for line in unit)
    return replace(counts, held_out=num_held)


def _units(counts: TextCounts, every: int, gathered: Path) -> Iterator[Document]:
    """Yield what is held out or not: documents; single paragraphs, if there are few documents."""
    if counts.documents >= _FEWEST_HELD_OUT * every:
        return documents_of(lines_of(gathered))
    return ([line] for line in lines_of(gathered) if line.strip())


def lines_of(path: Path) -> Iterator[str]:
    """Yield the lines of a file that was written here."""
    with path.open(encoding="utf-8", newline="\n") as file:
        for line in file:
            yield line.removesuffix("\n")
