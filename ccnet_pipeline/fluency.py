"""How fluent a text is: perplexity of SentencePiece pieces under a KenLM 5-gram, and the bucket it falls into.

A directory of models holds, for each language, `<language>.sp.model` and `<language>.arpa.bin` (or `.arpa`), the names
of cc_net's published models, and one `cutoffs.csv`: the cut-offs belong to the models, and so does the normal form of
the text that the models were trained on.

Source: Wenzek et al. 2020 (CCNet), sections 3.4 and 5.2; cc_net `perplexity.py` (docs/method.md, Fluency).
"""

import csv
import math
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from ccnet_pipeline.errors import UserError
from ccnet_pipeline.text.normalize import for_lm_ccnet, for_lm_mended

Bucket = Literal["head", "middle", "tail", "all"]
BUCKETS: tuple[Bucket, ...] = get_args(Bucket)
Normalization = Literal["ccnet", "mended"]

CUTOFFS_FILE = "cutoffs.csv"
PIECES = ".sp.model"
NGRAMS = (".arpa.bin", ".arpa")  # the first one that is there
PUBLISHED_CUTOFFS = Path(__file__).with_name("published_cutoffs.csv")
NORMALIZERS: Mapping[str, Callable[[str], str]] = {"ccnet": for_lm_ccnet, "mended": for_lm_mended}
# One model serves both scripts: cc_net's is called zh.
_MODEL_OF = {"zh-Hans": "zh", "zh-Hant": "zh"}


@dataclass(frozen=True, slots=True)
class Cutoffs:
    """Perplexities per piece that part head from middle and middle from tail: 0 <= head <= middle."""

    head: float
    middle: float
    normalization: Normalization | None = None  # of the text that the model was trained on; None: not stated

    def __post_init__(self) -> None:
        if not 0 <= self.head <= self.middle < math.inf:
            raise ValueError(f"head {self.head}, middle {self.middle}")


def perplexity(log10_prob: float, num_tokens: int) -> float:
    """Return the perplexity per token of text from its total log-probability.

    Args:
        log10_prob: sum of log10 P over all tokens, as KenLM gives it.
        num_tokens: pieces, plus one `</s>` a line; at least 1.

    One too large for a float is the largest float. Source: cc_net `perplexity.pp`.

    >>> perplexity(-10.0, 5)
    100.0
    """
    try:
        return math.pow(10.0, -log10_prob / num_tokens)
    except OverflowError:
        return sys.float_info.max


def bucket_of(value: float | None, cutoffs: Cutoffs | None) -> Bucket:
    """Return the bucket of a (rounded) perplexity; `all` without perplexity or cut-offs. Source: cc_net `get_bucket`.

    >>> [bucket_of(p, Cutoffs(340, 520)) for p in (339.9, 340.0, 520.0, None)]
    ['head', 'middle', 'tail', 'all']
    """
    if cutoffs is None or value is None or value < 0:
        return "all"
    return "head" if value < cutoffs.head else "middle" if value < cutoffs.middle else "tail"


def read_cutoffs(path: Path) -> dict[str, Cutoffs]:
    """Return the cut-offs by language of a file with the columns language, head, middle and (optional) normalization.

    Raises:
        UserError: the file is not of that form.
    """
    cutoffs = {}
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:  # as spreadsheets write it
            for row in csv.DictReader(file):
                normalization = (row.get("normalization") or "").strip()
                if normalization not in ("", *NORMALIZERS):
                    raise ValueError(f"normalization {normalization!r}")
                cutoffs[row["language"]] = Cutoffs(
                    float(row["head"]),
                    float(row["middle"]),
                    normalization or None,  # type: ignore[arg-type]
                )
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(f"{path}: {error} is not right; want the columns language,head,middle,normalization") from error
    return cutoffs


def write_cutoffs(directory: Path, rows: dict[str, Cutoffs]) -> None:
    """Add or replace rows of a directory's cut-offs, sorted by language; the others stay."""
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / CUTOFFS_FILE
    rows = (read_cutoffs(path) if path.exists() else {}) | rows
    table = ["language,head,middle,normalization"]
    for language, row in sorted(rows.items()):
        table.append(f"{language},{row.head:.10g},{row.middle:.10g},{row.normalization or ''}")
    with tempfile.TemporaryDirectory(dir=directory, prefix=".cutoffs-") as name:
        aside = Path(name, CUTOFFS_FILE)
        aside.write_text("\n".join(table) + "\n", encoding="utf-8")
        aside.replace(path)


@dataclass(frozen=True, slots=True)
class ModelFiles:
    """Where the model of one language lies."""

    pieces: Path
    ngrams: Path
    cutoffs: Cutoffs


def find_models(directory: Path) -> dict[str, ModelFiles]:
    """Return the models of a directory by their name; nothing is loaded.

    Raises:
        UserError: no directory, no model, a model without its other half or without cut-offs.
    """
    if not directory.is_dir():
        raise UserError(f"--lm_dir {directory} is not a directory")
    pieces = {path.name.removesuffix(PIECES): path for path in sorted(directory.glob(f"*{PIECES}"))}
    ngrams = {
        path.name.removesuffix(suffix): path for suffix in reversed(NGRAMS) for path in directory.glob(f"*{suffix}")
    }
    if not pieces and not ngrams:
        raise UserError(f"--lm_dir {directory} holds no <language>.sp.model; leave the option out to go without models")
    for name, half in sorted((pieces | ngrams).items()):
        if name not in pieces or name not in ngrams:
            raise UserError(f"{half} has no {name}{NGRAMS[0] if name in pieces else PIECES} beside it")
    cutoffs_path = directory / CUTOFFS_FILE
    if not cutoffs_path.is_file():
        raise UserError(
            f"--lm_dir {directory} lacks {CUTOFFS_FILE}; for the models that cc_net published: "
            f"python -m ccnet_pipeline.train_lm --published --output {directory}"
        )
    cutoffs = read_cutoffs(cutoffs_path)
    models = {}
    for name, pieces_path in pieces.items():
        if name not in cutoffs:
            raise UserError(f"{cutoffs_path} has no row for {name}, whose model is there")
        models[name] = ModelFiles(pieces_path, ngrams[name], cutoffs[name])
    return models


def languages_of_model(name: str) -> frozenset[str]:
    """Return the CC-100 codes that a model may serve.

    >>> sorted(languages_of_model("zh"))
    ['zh', 'zh-Hans', 'zh-Hant']
    """
    return frozenset([name, *(language for language, model in _MODEL_OF.items() if model == name)])


class FluencyModel:
    """The SentencePiece and KenLM models of one language."""

    def __init__(self, files: ModelFiles, default_normalization: Normalization) -> None:
        import kenlm
        import sentencepiece

        self.cutoffs = files.cutoffs
        self._normalize = NORMALIZERS[files.cutoffs.normalization or default_normalization]
        config = kenlm.Config()
        # Mapped, not read: worker processes share the pages, and a model costs only what is touched of it.
        config.load_method = kenlm.LoadMethod.LAZY
        config.show_progress = False
        config.arpa_complain = kenlm.ARPALoadComplain.NONE
        try:
            self._ngrams = kenlm.Model(str(files.ngrams), config)
        except OSError as error:
            raise UserError(f"{files.ngrams} is not a KenLM model, or not whole; fetch or train it anew") from error
        try:
            self._pieces = sentencepiece.SentencePieceProcessor(model_file=str(files.pieces))
        except (OSError, RuntimeError) as error:
            raise UserError(
                f"{files.pieces} is not a SentencePiece model, or not whole; fetch or train it anew"
            ) from error

    def perplexity(self, lines: Sequence[str]) -> float | None:
        """Return the perplexity of all lines together, to one decimal; None if normalising leaves nothing of any.

        Each line, also an empty one among others, is scored with `<s>` and `</s>`. Source: cc_net `perplexity.DocLM`.
        """
        # Line by line: given as a list they cost a tenth to a quarter more, also with num_threads=1 (measured).
        encoded = [self._pieces.encode(self._normalize(line), out_type=str) for line in lines]
        if not any(encoded):
            return None
        log10_prob = sum(self._ngrams.score(" ".join(pieces), bos=True, eos=True) for pieces in encoded)
        return round(perplexity(log10_prob, sum(map(len, encoded)) + len(encoded)), 1)


class FluencyModels:
    """The models of a directory, each loaded when its language first comes."""

    def __init__(self, directory: Path | None, default_normalization: Normalization) -> None:
        self._files = find_models(directory) if directory else {}
        self._default_normalization = default_normalization
        self._loaded: dict[str, FluencyModel] = {}

    def get(self, language: str) -> FluencyModel | None:
        """Return the model of a CC-100 code, or None where there is none."""
        name = language if language in self._files else _MODEL_OF.get(language, language)
        if name not in self._files:
            return None
        if name not in self._loaded:
            self._loaded[name] = FluencyModel(self._files[name], self._default_normalization)
        return self._loaded[name]
