"""A directory of models.

It holds, for each language, `<language>.sp.model` and `<language>.arpa.bin` (or `.arpa`), the names of cc_net's
published models, and one `cutoffs.csv`: the cut-offs belong to the models, and so does the normal form of the text that
the models were trained on.
"""

from dataclasses import dataclass
from pathlib import Path

from ccnet_pipeline.errors import UserError
from ccnet_pipeline.fluency.buckets import CUTOFFS_FILE, Cutoffs, read_cutoffs

PIECES = ".sp.model"
NGRAMS = (".arpa.bin", ".arpa")  # the first one that is there
# One model serves both scripts: cc_net's is called zh.
MODEL_OF = {"zh-Hans": "zh", "zh-Hant": "zh"}


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
            f"python -m ccnet_pipeline.fluency fetch --cutoffs --output {directory}"
        )
    cutoffs = read_cutoffs(cutoffs_path)
    models = {}
    for name, pieces_path in pieces.items():
        if name not in cutoffs:
            raise UserError(
                f"{cutoffs_path} has no row for {name}, whose model is there; add one, or train or fetch it anew"
            )
        models[name] = ModelFiles(pieces_path, ngrams[name], cutoffs[name])
    return models


def languages_of_model(name: str) -> frozenset[str]:
    """Return the CC-100 codes that a model may serve.

    >>> sorted(languages_of_model("zh"))
    ['zh', 'zh-Hans', 'zh-Hant']
    """
    return frozenset([name, *(language for language, model in MODEL_OF.items() if model == name)])
