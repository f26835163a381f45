"""The file of thresholds by language that `fineweb2` reads: JSON, with the names of FineWeb-2's own files."""

from dataclasses import dataclass
from pathlib import Path

import msgspec

from ccnet_pipeline.errors import UserError
from ccnet_pipeline.filters.gopher_repetition import Limits
from ccnet_pipeline.language import CC100_CODES

FORMAT = 1
_REMEDY = "python -m ccnet_pipeline.filters thresholds writes such a file"


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """Those of one language. Shares may be above 1, where a rule cannot hold."""

    dup_line_frac: float  # most duplicate lines, as a share
    top_n_grams: Limits  # (words in a run, the largest share of the characters)
    dup_n_grams: Limits
    line_punct_thr: float  # fewest lines that end with a mark that ends a sentence, as a share
    new_line_ratio: float  # most line breaks per word
    min_avg_word_length: float  # characters
    max_avg_word_length: float
    max_non_alpha_words_ratio: float  # fewest words with a letter, as a share; its name is FineWeb-2's
    stopwords: tuple[str, ...]  # a document must have two of them
    documents: int | None = None  # that they were taken from


@dataclass(frozen=True, slots=True, kw_only=True)
class ThresholdFile:
    """All of a file."""

    format: int
    method: str
    share: float
    languages: dict[str, Thresholds]


def read_thresholds(path: Path) -> ThresholdFile:
    """Return a file of thresholds.

    Raises:
        UserError: there is no such file, or it is no such file, or of another format.
    """
    try:
        found = msgspec.json.decode(path.read_bytes(), type=ThresholdFile)
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}; {_REMEDY}") from error
    except msgspec.DecodeError as error:
        raise UserError(f"{path} is no file of thresholds: {error}; {_REMEDY}") from error
    if found.format != FORMAT:
        raise UserError(f"{path} is of format {found.format}, and this program knows {FORMAT}; {_REMEDY}")
    if unknown := sorted(found.languages.keys() - CC100_CODES):
        raise UserError(f"{path}: {', '.join(unknown)}: not among the codes of CC-100 (docs/languages.md)")
    return found


def written(thresholds: ThresholdFile) -> bytes:
    """Return the bytes of a file: the same for the same thresholds."""
    return msgspec.json.format(msgspec.json.encode(thresholds), indent=2) + b"\n"
