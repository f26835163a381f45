"""The native kernels of a run: what the pipeline gives them, recorded, and each of them timed in a bare loop."""

import hashlib
import multiprocessing
import pickle
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import kenlm
import msgspec
import sentencepiece
import zstandard
from isal import isal_zlib

from beam_jobs.elements import SHARDS, Manifest
from beam_jobs.layout import Layout
from beam_jobs.mine_segment import _SHARD_LEVEL
from ccnet_pipeline.archive.gzip_members import GZIP
from ccnet_pipeline.archive.members import walk
from ccnet_pipeline.archive.pieces import PLAIN, Gap
from ccnet_pipeline.archive.window import Window
from ccnet_pipeline.dedup.duplicates import Bits, SegmentHashes, resolve, verdicts
from ccnet_pipeline.dedup.normal_form import for_dedup
from ccnet_pipeline.extract import Extraction
from ccnet_pipeline.fluency import FluencyModel, FluencyModels, ModelFiles, find_models
from ccnet_pipeline.language import FastTextModel, LidModels, ModelIdentifier, load, with_second
from ccnet_pipeline.language.fasttext_model import Model, Scored
from ccnet_pipeline.mine import Miner
from ccnet_pipeline.pages.stored import _LEVEL, read_pages
from ccnet_pipeline.recipe import CC100, Recipe
from ccnet_pipeline.segments import Segment


@dataclass(frozen=True, slots=True)
class Setup:
    """The command line."""

    inputs: list[str]
    segments: list[Segment]
    lid_model: Path
    lm_dir: Path
    recipe: Recipe


@dataclass(slots=True)
class KernelInputs:
    """What the pipeline gives to its native kernels, in the order in which it does."""

    lid_models: LidModels
    lm_files: dict[str, ModelFiles]
    members: list[bytes] = field(default_factory=list)  # gzip
    paragraphs: list[bytes] = field(default_factory=list)  # normalised, for SHA-1
    texts: dict[Path, list[tuple[str, int, float]]] = field(default_factory=dict)  # by model; as `top` takes them
    lines: dict[str, list[str]] = field(default_factory=dict)  # by model; for SentencePiece
    pieces: dict[str, list[str]] = field(default_factory=dict)  # by model; for KenLM
    pages: list[bytes] = field(default_factory=list)  # frames of intermediate pages, as compressed
    shards: list[bytes] = field(default_factory=list)  # frames of the final shards, as compressed


@dataclass(frozen=True, slots=True)
class Timing:
    """One kernel in a bare loop."""

    kernel: str
    calls: int
    cpu_s: float


# --- the inputs of the kernels, recorded outside the timed part


class _RecordingModel:
    def __init__(self, model: Model, texts: list[tuple[str, int, float]]) -> None:
        self.name = model.name
        self._model = model
        self._texts = texts

    def top(self, texts: Sequence[str], k: int, least: float = 0.0) -> list[list[Scored]]:
        self._texts += [(text, k, least) for text in texts]
        return self._model.top(texts, k, least)


def _recording_identifier(setup: Setup, inputs: KernelInputs) -> ModelIdentifier:
    models = load(inputs.lid_models)
    general = _RecordingModel(models.general, inputs.texts.setdefault(inputs.lid_models.general, []))
    second = models.second
    if second and inputs.lid_models.second:
        texts = inputs.texts.setdefault(inputs.lid_models.second, [])
        second = replace(second, model=_RecordingModel(second.model, texts))
    return ModelIdentifier(general, second, setup.recipe.judgement)


class _RecordingPieces:
    def __init__(self, pieces: Any, lines: list[str]) -> None:
        self._pieces = pieces
        self._lines = lines

    def encode(self, text: str | list[str], **options: Any) -> Any:
        self._lines += [text] if isinstance(text, str) else text
        return self._pieces.encode(text, **options)


class _RecordingNgrams:
    def __init__(self, ngrams: Any, scored: list[str]) -> None:
        self._ngrams = ngrams
        self._scored = scored

    def score(self, text: str, **options: Any) -> float:
        self._scored.append(text)
        return float(self._ngrams.score(text, **options))


class _RecordingModels(FluencyModels):
    """Models whose two native halves record what they are given."""

    def __init__(self, setup: Setup, inputs: KernelInputs) -> None:
        super().__init__(setup.lm_dir, setup.recipe.normalization)
        self._inputs = inputs

    def get(self, language: str) -> FluencyModel | None:
        known = set(self._loaded)
        model: Any = super().get(language)
        for name in set(self._loaded) - known:  # loaded just now
            model._pieces = _RecordingPieces(model._pieces, self._inputs.lines.setdefault(name, []))
            model._ngrams = _RecordingNgrams(model._ngrams, self._inputs.pieces.setdefault(name, []))
        return cast(FluencyModel | None, model)


def record(setup: Setup, work: Path, output: Path) -> KernelInputs:
    """Return what the run that lies in `output` gave to its kernels.

    Raises:
        SystemExit: this pass did other work than the run.
    """
    added_by_default = setup.recipe.preset == CC100.preset
    lid_models = with_second(setup.lid_model, None, added_by_default=added_by_default)
    inputs = KernelInputs(lid_models, find_models(setup.lm_dir))
    tables = []
    for segment in setup.segments:
        inputs.members += gzip_members(Path(segment.path))
        tables.append(_record_extraction(setup.recipe, segment, inputs))
    identifier, models = _recording_identifier(setup, inputs), _RecordingModels(setup, inputs)
    documents = 0
    for segment, table, may_keep in zip(setup.segments, tables, _answers(setup.recipe, tables), strict=True):
        miner = Miner(segment.name, segment.dump, setup.recipe, identifier, models)
        pages_file = Path(Layout(output="", work=str(work)).extracted(segment.number, "pages.zst"))
        inputs.pages += frames_of(pages_file)
        with pages_file.open("rb") as stream:
            pages = read_pages(stream)
            documents += sum(1 for _ in miner.mine(pages, verdicts(table.paragraphs, may_keep)))
    manifest = msgspec.json.decode((output / "manifest.json").read_bytes(), type=Manifest)
    finals = [file for file in manifest.files if file.path.startswith(SHARDS)]
    for file in finals:
        inputs.shards += frames_of(output / file.path)
    if documents != (wanted := sum(file.documents for file in finals)):
        raise SystemExit(f"limit: the recorded pass gives {documents} documents, the run {wanted}")
    return inputs


def _record_extraction(recipe: Recipe, segment: Segment, inputs: KernelInputs) -> SegmentHashes:
    extraction = Extraction(segment.name, recipe)
    with Path(segment.path).open("rb") as archive:
        for page in extraction.pages(archive):
            paragraphs = page.paragraphs(title_is_paragraph=recipe.title_is_paragraph)
            if page.reason is None and paragraphs:
                inputs.paragraphs += for_dedup("\n".join(paragraphs)).encode("utf-8", "surrogatepass").split(b"\n")
    return extraction.hashes()


def _answers(recipe: Recipe, tables: Sequence[SegmentHashes]) -> list[Bits]:
    size = recipe.group_size or len(tables)
    groups = [tables[at : at + size] for at in range(0, len(tables), size)]
    return [
        bits
        for group in groups
        for bits in resolve([(table.unique, table.in_several) for table in group], recipe.dedup_keep)
    ]


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


def frames_of(path: Path) -> list[bytes]:
    """Return the zstd frames of a file, one by one."""
    frames, rest = [], path.read_bytes()
    while rest:
        frame = zstandard.ZstdDecompressor().decompressobj()
        frame.decompress(rest)
        frames.append(rest[: len(rest) - len(frame.unused_data)])
        rest = frame.unused_data
    return frames


# --- the kernels, each in a bare loop


def measure(path: Path) -> list[Timing]:
    """Time every kernel on recorded inputs. Models are loaded and used once before the clock starts."""
    inputs: KernelInputs = pickle.loads(path.read_bytes())
    pages = [zstandard.decompress(frame) for frame in inputs.pages]
    shards = [zstandard.decompress(frame) for frame in inputs.shards]
    unzip = zstandard.ZstdDecompressor().decompress
    return [
        _timed("gunzip (isal)", inputs.members, lambda member: isal_zlib.decompress(member, GZIP)),
        _timed("SHA-1", inputs.paragraphs, lambda line: hashlib.sha1(line).digest()),
        _time_fasttext(inputs),
        _time_models("SentencePiece", inputs.lines, inputs.lm_files, _load_pieces),
        _time_models("KenLM", inputs.pieces, inputs.lm_files, _load_ngrams),
        _timed("zstd, pages in", pages, _compressor(_LEVEL), inputs.pages),
        _timed("zstd, pages out", inputs.pages, unzip, pages),
        _timed("zstd, shards", shards, _compressor(_SHARD_LEVEL), inputs.shards),
    ]


def _timed(
    kernel: str, items: Sequence[Any], call: Callable[[Any], Any], expected: Sequence[bytes] | None = None
) -> Timing:
    """Time `call` on every item; where results are expected, they are compared off the clock."""
    if expected is not None and [call(item) for item in items] != list(expected):
        raise SystemExit(f"limit: {kernel} gives other bytes than the run has")
    began = time.process_time()
    for item in items:
        call(item)
    return Timing(kernel, len(items), time.process_time() - began)


def _time_fasttext(inputs: KernelInputs) -> Timing:
    timings = []
    for path, asked in inputs.texts.items():
        predict = FastTextModel(path)._predict
        texts = [(text + "\n", k, least) for text, k, least in asked]
        predict("warm\n", 1, 0.0, "strict")
        timings.append(_timed("fastText", texts, lambda text: predict(*text, "strict")))  # noqa: B023
    return Timing("fastText", sum(each.calls for each in timings), sum(each.cpu_s for each in timings))


def _time_models(
    kernel: str,
    items: Mapping[str, list[str]],
    files: Mapping[str, ModelFiles],
    load: Callable[[ModelFiles], Callable[[str], Any]],
) -> Timing:
    timings = []
    for name, texts in items.items():
        call = load(files[name])
        call("warm")
        timings.append(_timed(kernel, texts, call))
    return Timing(kernel, sum(each.calls for each in timings), sum(each.cpu_s for each in timings))


def _load_pieces(files: ModelFiles) -> Callable[[str], Any]:
    encode = sentencepiece.SentencePieceProcessor(model_file=str(files.pieces)).encode
    return lambda line: encode(line, out_type=str)


def _load_ngrams(files: ModelFiles) -> Callable[[str], Any]:
    config = kenlm.Config()
    config.load_method = kenlm.LoadMethod.LAZY  # as the pipeline does
    config.show_progress = False
    score = kenlm.Model(str(files.ngrams), config).score
    return lambda pieces: score(pieces, bos=True, eos=True)


def _compressor(level: int) -> Callable[[bytes], bytes]:
    return zstandard.ZstdCompressor(level=level, write_checksum=True).compress


def measure_apart(path: Path) -> list[Timing]:
    """Measure in a fresh process, so that no run profits from the heap of an earlier one."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(measure, path).result()
