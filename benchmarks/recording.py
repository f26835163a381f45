"""A run of the pipeline that writes down what it gives to its native kernels.

    python benchmarks/recording.py FILE OPTIONS      # FILE is written; OPTIONS are those of beam_jobs.build_cc100

The kernels are watched where Python calls them: `hashlib.sha1`, the binding of fastText or of fasttext-new,
SentencePiece's `encode`, KenLM's `score`, and zstandard's compressors. So no rule of the pipeline is written here
twice, and its shards must be those of any other run. One worker, because a record is kept by one process.
"""

import hashlib
import importlib.util
import pickle
import sys
import types
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import fasttext_pybind
import kenlm
import sentencepiece
import zstandard

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

USUAL, FAST = "fasttext", "fasttext-new"  # programs for fastText models
Asked = tuple[list[str], int, float]  # texts of one call; number of labels; least probability


@dataclass(slots=True)
class KernelInputs:
    """What the pipeline gives to its native kernels, in the order in which it does."""

    paragraphs: list[bytes] = field(default_factory=list)  # for SHA-1
    # By program and file of the model, by type of a piece and file of the pieces, by file of the n-grams.
    texts: dict[tuple[str, str], list[Asked]] = field(default_factory=lambda: defaultdict(list))
    lines: dict[tuple[type, str], list[str]] = field(default_factory=lambda: defaultdict(list))
    pieces: dict[str, list[str | bytes]] = field(default_factory=lambda: defaultdict(list))
    blocks: dict[int, list[bytes]] = field(default_factory=lambda: defaultdict(list))  # for zstd, by level


def install(inputs: KernelInputs) -> None:
    """Put a recorder before each kernel; modules of the pipeline that are loaded later find it there."""
    _record_sha1(inputs)
    _record_fasttext(inputs)
    _record_fasttext_new(inputs)
    _record_sentencepiece(inputs)
    _record_kenlm(inputs)
    _record_zstd(inputs)


def _record_sha1(inputs: KernelInputs) -> None:
    sha1 = hashlib.sha1

    def recording(data: bytes = b"", **options: Any) -> Any:
        inputs.paragraphs.append(bytes(data))
        return sha1(data, **options)

    hashlib.sha1 = recording  # type: ignore[assignment]


def _record_fasttext(inputs: KernelInputs) -> None:
    class Recording(fasttext_pybind.fasttext):  # type: ignore[misc]
        def loadModel(self, path: str) -> None:  # noqa: N802
            self.asked = inputs.texts[USUAL, path]
            super().loadModel(path)

        def predict(self, text: str, k: int, least: float, on_error: str) -> Any:
            self.asked.append(([text], k, least))
            return super().predict(text, k, least, on_error)

        def multilinePredict(self, texts: list[str], k: int, least: float, on_error: str) -> Any:  # noqa: N802
            self.asked.append((list(texts), k, least))
            return super().multilinePredict(texts, k, least, on_error)

    fasttext_pybind.fasttext = Recording


def _record_fasttext_new(inputs: KernelInputs) -> None:
    if not importlib.util.find_spec("fasttext_new"):
        return
    import fasttext_new

    class Recording:
        def __init__(self, model: Any, asked: list[Asked]) -> None:
            self._model, self._asked = model, asked

        def predict_batch(self, texts: list[str], k: int, least: float, *rest: Any) -> Any:
            self._asked.append((list(texts), k, least))
            return self._model.predict_batch(texts, k, least, *rest)

        def __getattr__(self, name: str) -> Any:
            return getattr(self._model, name)

    def loading(path: str) -> Any:
        model = load_model(path)
        return types.SimpleNamespace(f=Recording(model.f, inputs.texts[FAST, path]))

    load_model = fasttext_new.load_model
    fasttext_new.load_model = loading


def _record_sentencepiece(inputs: KernelInputs) -> None:
    class Recording(sentencepiece.SentencePieceProcessor):  # type: ignore[misc]
        def __init__(self, model_file: str, **options: Any) -> None:
            self.model_file = model_file
            super().__init__(model_file=model_file, **options)

        def encode(self, text: str | list[str], *, out_type: type, **options: Any) -> Any:
            inputs.lines[out_type, self.model_file] += [text] if isinstance(text, str) else text
            return super().encode(text, out_type=out_type, **options)

    sentencepiece.SentencePieceProcessor = Recording


def _record_kenlm(inputs: KernelInputs) -> None:
    class Recording:
        def __init__(self, path: str, *rest: Any) -> None:
            self._model, self._asked = model(path, *rest), inputs.pieces[path]

        def score(self, pieces: str | bytes, **options: Any) -> float:
            self._asked.append(pieces)
            return float(self._model.score(pieces, **options))

        def __contains__(self, piece: str) -> bool:
            return piece in self._model

        def __getattr__(self, name: str) -> Any:
            return getattr(self._model, name)

    model = kenlm.Model
    kenlm.Model = Recording


def _record_zstd(inputs: KernelInputs) -> None:
    class Recording:
        def __init__(self, level: int = 3, **options: Any) -> None:
            self._compressor = zstd(level=level, **options)
            self._blocks = inputs.blocks[level]

        def compress(self, data: bytes) -> bytes:
            self._blocks.append(bytes(data))
            return bytes(self._compressor.compress(data))

        def __getattr__(self, name: str) -> Any:
            return getattr(self._compressor, name)

    zstd = zstandard.ZstdCompressor
    zstandard.ZstdCompressor = Recording  # type: ignore[misc, assignment]


def main(argv: Sequence[str]) -> int:
    """Run build_cc100 with recorders; return its exit status."""
    from benchmarks.recording import KernelInputs, install  # by its own name, for the pickle

    inputs = KernelInputs()
    install(inputs)
    from beam_jobs.job import main as build_cc100

    status = build_cc100([*argv[1:], "--workers", "1"])
    for each in (inputs.texts, inputs.lines, inputs.pieces, inputs.blocks):
        each.default_factory = None  # type: ignore[attr-defined]
    with Path(argv[0]).open("wb") as file:
        pickle.dump(inputs, file)
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
