"""The native kernels of a run, each timed in a bare loop on what a run gave to it (recording.py)."""

import hashlib
import importlib.metadata
import multiprocessing
import pickle
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import kenlm
import sentencepiece
import zstandard
from isal import isal_zlib

from benchmarks.peers.builds import sha256_of_module
from benchmarks.recording import FAST, Asked, KernelInputs
from ccnet_pipeline.archive.gzip_members import GZIP
from ccnet_pipeline.archive.members import walk
from ccnet_pipeline.archive.pieces import PLAIN, Gap
from ccnet_pipeline.archive.window import Window
from ccnet_pipeline.language.fasttext_kernels import kernel_name

# Kernel -> the package that it is of.
_PACKAGES = {
    "gunzip": "isal",
    "SentencePiece": "sentencepiece",
    "KenLM": "ufal.kenlm",
    "zstd": "zstandard",
}
_Model = TypeVar("_Model")


@dataclass(frozen=True, slots=True)
class Timing:
    """One kernel in a bare loop."""

    kernel: str
    calls: int
    cpu_s: float


def versions() -> str:
    """Name the kernels with their versions, and the build of fastText."""
    named = [f"{kernel} {package} {importlib.metadata.version(package)}" for kernel, package in _PACKAGES.items()]
    named.append(f"fastText {kernel_name()}")
    return f"{', '.join(named)}; build of fastText {sha256_of_module('fasttext_pybind')[:12]}"


def gzip_members(path: Path) -> list[bytes]:
    """Return the sound gzip members of an archive, compressed; none of a plain one."""
    ends: dict[int, int] = {}
    with path.open("rb") as stream:
        for part in walk(Window(stream)):
            if isinstance(part, Gap):
                ends.pop(part.start, None)
            elif part.member != PLAIN:
                ends[part.member] = part.end
    data = path.read_bytes()
    return [data[start:end] for start, end in ends.items()]


def measure(recorded: Path, archives: Sequence[Path]) -> list[Timing]:
    """Time every kernel. Models are loaded and used once before the clock starts."""
    with recorded.open("rb") as file:
        inputs: KernelInputs = pickle.load(file)
    return [
        _time_gunzip(archives),
        _timed("SHA-1", inputs.paragraphs, lambda line: hashlib.sha1(line).digest()),
        _time_models("fastText", inputs.texts, _load_fasttext),
        _time_models("SentencePiece", inputs.lines, _load_pieces),
        _time_models("KenLM", inputs.pieces, _load_ngrams),
        *_time_zstd(inputs.blocks),
    ]


def measure_apart(recorded: Path, archives: Sequence[Path]) -> list[Timing]:
    """Measure in a fresh process, so that no run profits from the heap of an earlier one."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(measure, recorded, archives).result()


def _timed(kernel: str, items: Sequence[Any], call: Callable[[Any], Any]) -> Timing:
    began = time.process_time()
    for item in items:
        call(item)
    return Timing(kernel, len(items), time.process_time() - began)


def _sum(kernel: str, timings: Iterable[Timing]) -> Timing:
    each = list(timings)
    return Timing(kernel, sum(timing.calls for timing in each), sum(timing.cpu_s for timing in each))


def _time_gunzip(archives: Sequence[Path]) -> Timing:
    def inflate(member: bytes) -> bytes:
        return isal_zlib.decompress(member, GZIP)

    return _sum("gunzip", (_timed("gunzip", gzip_members(path), inflate) for path in archives))


def _time_models(
    kernel: str, items: Mapping[_Model, Sequence[Any]], load: Callable[[_Model], Callable[[Any], Any]]
) -> Timing:
    return _sum(kernel, (_timed(kernel, given, load(model)) for model, given in items.items()))


def _load_fasttext(model: tuple[str, str]) -> Callable[[Asked], Any]:
    program, path = model
    if program == FAST:
        import fasttext_new

        batch = fasttext_new.load_model(path).f.predict_batch
        batch(["warm"], 1, 0.0, 1, "strict")
        return lambda asked: batch(*asked, 1, "strict")
    import fasttext

    fasttext.FastText.eprint = lambda *_: None  # load_model prints an empty warning
    binding = fasttext.load_model(path).f
    binding.predict("warm\n", 1, 0.0, "strict")

    def ask(asked: Asked) -> Any:
        texts, k, least = asked
        if len(texts) == 1:
            return binding.predict(texts[0], k, least, "strict")
        return binding.multilinePredict(texts, k, least, "strict")

    return ask


def _load_pieces(model: tuple[type, str]) -> Callable[[str], Any]:
    out_type, path = model
    encode = sentencepiece.SentencePieceProcessor(model_file=path).encode
    encode("warm", out_type=out_type)
    return lambda line: encode(line, out_type=out_type)


def _load_ngrams(model: str) -> Callable[[str | bytes], Any]:
    config = kenlm.Config()
    config.load_method = kenlm.LoadMethod.LAZY  # as the pipeline does
    config.show_progress = False
    score = kenlm.Model(model, config).score
    score("warm")
    return lambda pieces: score(pieces, bos=True, eos=True)


def _time_zstd(blocks: Mapping[int, list[bytes]]) -> list[Timing]:
    """Compress what was compressed, and inflate the pages: they have the lowest level, and are read again."""
    timings = [_timed("zstd", given, _compressor(level)) for level, given in blocks.items()]
    pages = min(blocks)
    compressed = [_compressor(pages)(block) for block in blocks[pages]]
    return [_sum("zstd, in", timings), _timed("zstd, pages out", compressed, zstandard.ZstdDecompressor().decompress)]


def _compressor(level: int) -> Callable[[bytes], bytes]:
    return zstandard.ZstdCompressor(level=level, write_checksum=True).compress
