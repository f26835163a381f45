"""datatrove's own steps joined to what preset `ccnet` with `--dedup_keep first` does, in one process.

Runs in an environment that has datatrove (benchmarks/README.md, Peers). The last line printed is JSON: what was read
and what came out. The documents lie in OUTPUT/documents/{language}/{bucket}/{number of the file}.jsonl.gz.

    python benchmarks/peers/run_datatrove.py --input *.warc.wet.gz --lid_model lid.176.ftz --lm_dir models --output DIR

What differs from a stock chain: its look at every record with libmagic is left out, the models come from files, and
fastText is the build that is installed. The archives are read twice, which costs less than the copy of all documents
that its examples write in between.
"""

import argparse
import csv
import functools
import importlib.machinery
import json
import sys
import types
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from builds import sha256_of_module, versions

_PLAIN_TEXT = types.ModuleType("magic")
_PLAIN_TEXT.__spec__ = importlib.machinery.ModuleSpec("magic", None)
_PLAIN_TEXT.from_buffer = lambda *_, **__: "text/plain"  # type: ignore[attr-defined]
sys.modules["magic"] = _PLAIN_TEXT  # before datatrove asks for it

import fasttext  # noqa: E402
import kenlm  # noqa: E402
import sentencepiece  # noqa: E402
from datatrove.data import Document  # noqa: E402
from datatrove.executor.local import LocalPipelineExecutor  # noqa: E402
from datatrove.pipeline.dedup.sentence_dedup import (  # noqa: E402
    SentDedupConfig,
    SentenceDedupFilter,
    SentenceDedupSignature,
    SentenceFindDedups,
)
from datatrove.pipeline.filters import LambdaFilter, LanguageFilter  # noqa: E402
from datatrove.pipeline.readers import WarcReader  # noqa: E402
from datatrove.pipeline.writers import JsonlWriter  # noqa: E402
from datatrove.utils.lid import FT176LID  # noqa: E402
from datatrove.utils.perplexity import KenlmModel, SentencePiece  # noqa: E402

_MIN_LENGTH = 300
_THRESHOLD = 0.495  # rounded to two decimals this is the half that cc_net asks for
_LINES = SentDedupConfig(
    n_sentences=1, split_sentences=False, only_dedup_in_index=False, min_doc_words=0, min_num_sentences=0
)
_counts: Counter[str] = Counter()


class _Model:
    """fastText's model as `predict` of its own wrapper would give answers if that knew NumPy 2."""

    def __init__(self, path: Path) -> None:
        self._model = fasttext.load_model(str(path)).f

    def predict(self, text: str, k: int) -> tuple[list[str], Any]:
        answers = self._model.predict(text + "\n", k, 0.0, "strict")
        return [label for _, label in answers], np.array([score for score, _ in answers])


_model = functools.cache(_Model)  # a step is copied for every file; a model is not


class _LocalLid(FT176LID):
    """Its identification with a model from a file."""

    def __init__(self, path: Path, k: int) -> None:
        super().__init__(None, k)
        self._path = path

    @property
    def model(self) -> _Model:
        return _model(self._path)


@functools.cache
def _perplexity_model(lm_dir: Path, language: str) -> KenlmModel | None:
    if not (lm_dir / f"{language}.arpa.bin").is_file():
        return None
    model = KenlmModel("local", language)
    model._model = kenlm.Model(str(lm_dir / f"{language}.arpa.bin"))
    model._tokenizer = SentencePiece("local", language)
    model._tokenizer._model = sentencepiece.SentencePieceProcessor(model_file=str(lm_dir / f"{language}.sp.model"))
    return model


def _without_title(_reader: WarcReader, data: dict[str, Any], path: str, number: int) -> dict[str, Any]:
    """Return a record as a document: lines stripped, the first one is its title."""
    title, *lines = map(str.strip, data.pop("text").rstrip("\n").split("\n"))
    return {"text": "\n".join(lines), "id": data.pop("id", f"{path}/{number}"), "metadata": data | {"title": title}}


def _long_enough(document: Document) -> bool:
    return len(document.text) >= _MIN_LENGTH


def _count_compared(document: Document) -> bool:
    _counts["compared_documents"] += 1
    _counts["compared_paragraphs"] += sum(1 for line in document.text.split("\n") if line)
    return True


def _count_kept(document: Document) -> bool:
    lines = [line for line in document.text.split("\n") if line]
    _counts["documents"] += 1
    _counts["paragraphs"] += len(lines)
    _counts["characters"] += sum(map(len, lines))
    return True


def _scorer(lm_dir: Path, cutoffs: Mapping[str, tuple[float, float]]) -> Callable[[Document], bool]:
    def score(document: Document) -> bool:
        language = document.metadata["language"]
        model, bucket = _perplexity_model(lm_dir, language), "all"
        if model:
            value = model.get_perplexity(document.text)
            head, middle = cutoffs[language]
            bucket = "head" if value < head else "middle" if value < middle else "tail"
            document.metadata["perplexity"] = value
        document.metadata["bucket"] = bucket
        return True

    return score


def run(files: list[Path], lid_model: Path, lm_dir: Path, output: Path, labels: int) -> None:
    """Write the documents of all files; what is read and kept is counted on the way."""
    links = output / "wet"
    links.mkdir(parents=True)
    for number, file in enumerate(files):
        (links / f"{number:06d}.warc.wet.gz").symlink_to(file.absolute())
    with (lm_dir / "cutoffs.csv").open(encoding="utf-8") as file:
        cutoffs = {row["language"]: (float(row["head"]), float(row["middle"])) for row in csv.DictReader(file)}
    signatures, duplicates = str(output / "signatures"), str(output / "duplicates")
    identification = LanguageFilter(language_threshold=_THRESHOLD)
    identification.model = _LocalLid(lid_model, labels)
    reading = [WarcReader(str(links), adapter=_without_title), LambdaFilter(_long_enough)]
    counting = LambdaFilter(_count_compared)
    chains = {
        "sign": (len(files), [*reading, counting, SentenceDedupSignature(signatures, config=_LINES)]),
        "find": (1, [SentenceFindDedups(signatures, duplicates, config=_LINES)]),
        "judge": (
            len(files),
            [
                *reading,
                SentenceDedupFilter(duplicates, config=_LINES),
                identification,
                LambdaFilter(_scorer(lm_dir, cutoffs)),
                LambdaFilter(_count_kept),
                JsonlWriter(str(output / "documents"), "${language}/${bucket}/${rank}.jsonl.gz"),
            ],
        ),
    }
    for name, (tasks, steps) in chains.items():
        LocalPipelineExecutor(steps, tasks=tasks, workers=1, logging_dir=str(output / "logs" / name)).run()


def main() -> None:
    """Run datatrove on the files of the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--input", nargs="+", required=True, type=Path, metavar="FILE")
    parser.add_argument("--lid_model", required=True, type=Path, metavar="FILE")
    parser.add_argument("--lm_dir", required=True, type=Path, metavar="DIR")
    parser.add_argument("--output", required=True, type=Path, metavar="DIR")
    text = "how many labels fastText is asked for; its LanguageFilter asks for all, -1 (default: %(default)s)"
    parser.add_argument("--labels", type=int, default=-1, metavar="K", help=text)
    arguments = parser.parse_args()
    run(arguments.input, arguments.lid_model, arguments.lm_dir, arguments.output, arguments.labels)
    print(
        json.dumps(
            _counts
            | {
                "versions": versions("datatrove", "warcio", "fasttext", "sentencepiece", "ufal.kenlm", "numpy"),
                "fasttext_build": sha256_of_module("fasttext_pybind"),
            }
        )
    )


if __name__ == "__main__":
    main()
