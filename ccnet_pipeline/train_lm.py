"""Train the fluency model of a language: SentencePiece pieces, a KenLM n-gram over them, and the two cut-offs.

    docker/build_kenlm.sh kenlm
    python -m ccnet_pipeline.train_lm --language sw --input sw.txt.zst --output lm/ --kenlm_bin kenlm/bin

leaves `lm/sw.sp.model`, `lm/sw.arpa.bin` and the row `sw` of `lm/cutoffs.csv`: what `--lm_dir lm/` reads. Each file is
written aside and renamed when whole; the `.sp.model`, by which a language is found, comes last. One training at a time
may write to a directory.

**The text** is one paragraph a line, normalised here as it is for scoring (`ccnet_pipeline.text.normalize`). CCNet took
the openings of Wikipedia articles: edited text is the scale on which the crawl is measured.

**The cut-offs** are the 30th and the 60th percentile of the perplexities of documents that the model has not seen. CCNet
took the documents of a crawl; so does `--cutoffs_from`. Without it every k-th line of the training text is held out and
counts as one document. Edited text is more fluent than a crawl, so that such cut-offs keep less than 60 % of a crawl.

**Determinism.** The same text, options and library versions give the same bytes: SentencePiece runs in one thread, and
lmplz sorts.

Source: Wenzek et al. 2020 (CCNet), sections 3.3 and 5.2, and cc_net's Makefile (docs/method.md, Fluency). Its fallback
vocabulary of 40 000 pieces, which a slip in the shell line always builds, is left out.
"""

import argparse
import csv
import gzip
import io
import logging
import lzma
import random
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, get_args

import numpy as np
import sentencepiece
import zstandard

from ccnet_pipeline.errors import UserError
from ccnet_pipeline.fluency import (
    CUTOFFS_FILE,
    PUBLISHED_CUTOFFS,
    Cutoffs,
    FluencyModel,
    ModelFiles,
    Normalization,
    read_cutoffs,
)
from ccnet_pipeline.text.normalize import for_lm_ccnet, for_lm_mended

HEAD_PERCENTILE, MIDDLE_PERCENTILE = 30.0, 60.0
FEWEST_LINES = 50  # to train on; below, SentencePiece and the discounts of Kneser-Ney have nothing to estimate from
FEWEST_DOCUMENTS = 5  # to take percentiles of
SAMPLE = Path(__file__).with_name("sample")
_NORMALIZERS = {"ccnet": for_lm_ccnet, "mended": for_lm_mended}
_LINES_AT_ONCE = 2000  # encoded in one call
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """How one model is made. The defaults are CCNet's, but for the normal form."""

    language: str  # the name of the files; a CC-100 code, or `zh` for both scripts
    normalization: Normalization = "mended"
    vocab_size: int = 65536  # pieces at most; less where the text does not give so many
    order: int = 5
    prune: tuple[int, ...] = ()  # lmplz --prune: n-grams seen at most so often are left out, by order
    held_out: float = 0.1  # share of the lines, 0 to 0.5
    compact: bool = False  # small files: a quantised trie, and pieces without the 240 kB of NFKC tables
    memory: str = "1G"  # for sorting in lmplz, as GNU sort writes it


@dataclass(frozen=True, slots=True)
class Programs:
    """KenLM's command-line programs; its Python package has neither."""

    lmplz: Path
    build_binary: Path


def find_programs(directory: Path | None) -> Programs:
    """Return KenLM's programs, from a directory or from PATH.

    Raises:
        UserError: one of them is not there.
    """
    found = {name: shutil.which(name, path=directory and str(directory)) for name in ("lmplz", "build_binary")}
    for name, path in found.items():
        if path is None:
            raise UserError(
                f"no {name} in {directory or 'PATH'}; build it: docker/build_kenlm.sh PREFIX, then --kenlm_bin PREFIX/bin"
            )
    return Programs(Path(str(found["lmplz"])), Path(str(found["build_binary"])))


def train(
    training: Training, inputs: Sequence[Path], output: Path, programs: Programs, cutoffs_from: Sequence[Path] = ()
) -> Cutoffs:
    """Train the model of one language into a directory and return its cut-offs; with `cutoffs_from` nothing is held out.

    Raises:
        UserError: an input that cannot be read, or too little text for what was asked.
    """
    _check(training)
    output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=output, prefix=".train_lm-") as folder:
        documents = chain_documents(cutoffs_from) if cutoffs_from else None
        return _train_in(Path(folder), training, chain_lines(inputs), documents, programs, output)


def _check(training: Training) -> None:
    if not re.fullmatch(r"[A-Za-z]+([-_][A-Za-z]+)*", training.language):
        raise UserError(f"--language {training.language!r} is no language code; it names the files: sw, zh-Hans")
    if not 0 < training.held_out <= 0.5:
        raise UserError(f"--held_out {training.held_out} is not a share above 0, at most 0.5")
    if not 2 <= training.order <= 6:
        raise UserError(f"--order {training.order} is not 2 to 6, what the kenlm package can read")


def _train_in(  # noqa: PLR0913
    folder: Path,
    training: Training,
    lines: Iterable[str],
    documents: Iterable[list[str]] | None,
    programs: Programs,
    output: Path,
) -> Cutoffs:
    every = 0 if documents is not None else round(1 / training.held_out)
    text, held_out = folder / "text", folder / "held_out"
    _split(lines, training.normalization, every, text, held_out)
    files = ModelFiles(folder / "pieces", folder / "ngrams", Cutoffs(0.0, 0.0, training.normalization))
    size = _train_pieces(training, text, files.pieces)
    _train_ngrams(training, size, text, files, programs)
    model = FluencyModel(files, training.normalization)
    cutoffs = percentiles(model, [[line] for line in chain_lines([held_out])] if documents is None else documents)
    files.ngrams.replace(output / f"{training.language}.arpa.bin")
    write_cutoffs(output, {training.language: cutoffs})
    files.pieces.replace(output / f"{training.language}.sp.model")
    _log.info("%s: %d pieces, head below %s, middle below %s", training.language, size, cutoffs.head, cutoffs.middle)
    return cutoffs


# Text


def read_lines(path: Path) -> Iterator[str]:
    """Yield the lines of a UTF-8 text, without their line feeds; the name's ending tells the compression.

    Raises:
        UserError: no such file, an ending other than .txt, .zst, .xz or .gz, or bytes that are not what the name says.
    """
    try:
        with path.open("rb") as raw, io.TextIOWrapper(_decompressed(path, raw), "utf-8", newline="\n") as file:
            for line in file:
                yield line.rstrip("\n")
    except (OSError, EOFError, UnicodeDecodeError, lzma.LZMAError, zstandard.ZstdError) as error:
        raise UserError(f"{path} cannot be read as UTF-8 text: {str(error).splitlines()[0]}") from error


def _decompressed(path: Path, raw: IO[bytes]) -> IO[bytes]:
    match path.suffix:
        case ".txt" | "":
            return raw
        case ".zst":
            # The stand-in for "one frame": files of several frames are usual, and would end after the first one.
            return zstandard.ZstdDecompressor().stream_reader(raw, read_across_frames=True)  # type: ignore[return-value]
        case ".xz":
            return lzma.open(raw)
        case ".gz":
            return gzip.open(raw)  # type: ignore[return-value]
        case ending:
            raise UserError(f"{path}: the ending {ending} is not known; want .txt, .txt.zst, .txt.xz or .txt.gz")


def chain_lines(paths: Sequence[Path]) -> Iterator[str]:
    """Yield the lines of all files, one file after the other."""
    for path in paths:
        yield from read_lines(path)


def chain_documents(paths: Sequence[Path]) -> Iterator[list[str]]:
    """Yield the documents of all files: the lines between blank lines or the ends of a file."""
    for path in paths:
        document: list[str] = []
        for line in read_lines(path):
            if line.strip():
                document.append(line)
            elif document:
                yield document
                document = []
        if document:
            yield document


def _split(lines: Iterable[str], normalization: Normalization, every: int, text: Path, held_out: Path) -> None:
    """Write the normal form of the lines to one file and each `every`-th line, as it is, to the other (0: none)."""
    normalize = _NORMALIZERS[normalization]
    number = kept = 0
    with text.open("w", encoding="utf-8", newline="\n") as train_file, held_out.open("w", encoding="utf-8") as rest:
        for line in lines:
            normal = normalize(line)
            if not normal.strip():
                continue
            number += 1
            if every and number % every == 0:
                rest.write(line + "\n")
            else:
                train_file.write(normal + "\n")
                kept += 1
    if kept < FEWEST_LINES:
        raise UserError(f"the input has only {kept} lines of text to train on; give at least {FEWEST_LINES}")
    _log.info("%d lines to train on, %d held out", kept, number - kept)


# Models


def _train_pieces(training: Training, text: Path, target: Path) -> int:
    """Train SentencePiece and return the number of pieces that the text gave."""
    model = io.BytesIO()
    try:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=read_lines(text),
            model_writer=model,
            model_type="unigram",
            vocab_size=training.vocab_size,
            hard_vocab_limit=False,  # a small text gives fewer pieces instead of an error
            character_coverage=0.9995,
            normalization_rule_name="identity" if training.compact else "nmt_nfkc",
            max_sentence_length=1 << 20,  # bytes; the default leaves out lines above 4192
            input_sentence_size=1_000_000,  # lines, the first ones: what CCNet trained on
            shuffle_input_sentence=False,
            num_threads=1,
            minloglevel=2,
        )
    except RuntimeError as error:
        raise UserError(f"--vocab_size {training.vocab_size} does not suit this text: SentencePiece says {error}") from error
    target.write_bytes(model.getvalue())
    return int(sentencepiece.SentencePieceProcessor(model_proto=model.getvalue()).vocab_size())


def _train_ngrams(training: Training, size: int, text: Path, files: ModelFiles, programs: Programs) -> None:
    folder = text.parent
    pieces, arpa = folder / "text.pieces", folder / "ngrams.arpa"
    _encode(files.pieces, text, pieces)
    # The text holds no <s>, </s> or <unk> but as words of the web, which lmplz refuses unless told to skip them.
    command = [programs.lmplz, "--order", training.order, "--discount_fallback", "--skip_symbols"]
    command += ["--memory", training.memory, "--temp_prefix", f"{folder}/", "--vocab_estimate", size]
    command += ["--prune", *training.prune] if training.prune else []
    _run([*command, "--text", pieces, "--arpa", arpa])
    # 8 bits a probability and 8 a back-off weight; pointers of the trie in 22 bits.
    layout = ["-q", 8, "-b", 8, "-a", 22, "trie"] if training.compact else ["probing"]
    _run([programs.build_binary, *layout, arpa, files.ngrams])


def _encode(model: Path, text: Path, target: Path) -> None:
    """Write the pieces of each line, blanks in between. Each line ends with a line feed, the last one too: KenLM asks for
    whole lines."""
    processor = sentencepiece.SentencePieceProcessor(model_file=str(model))
    with target.open("w", encoding="utf-8", newline="\n") as file:
        for lines in _batches(read_lines(text)):
            for pieces in processor.encode(lines, out_type=str, num_threads=1):
                file.write(" ".join(pieces) + "\n")


def _batches(lines: Iterable[str]) -> Iterator[list[str]]:
    batch: list[str] = []
    for line in lines:
        batch.append(line)
        if len(batch) == _LINES_AT_ONCE:
            yield batch
            batch = []
    yield batch


def _run(command: Sequence[object]) -> None:
    done = subprocess.run([str(word) for word in command], capture_output=True, check=False)
    if done.returncode:
        said = [line for line in done.stderr.decode("utf-8", "replace").splitlines() if line.strip()]
        raise UserError(f"{Path(str(command[0])).name} failed ({done.returncode}): {said[-1] if said else 'no message'}")


# Cut-offs


def percentiles(model: FluencyModel, documents: Iterable[Sequence[str]]) -> Cutoffs:
    """Return the 30th and 60th percentile of the documents' perplexities, to one decimal as perplexities are.

    Raises:
        UserError: fewer than `FEWEST_DOCUMENTS` of them have a perplexity.
    """
    values = [value for value in map(model.perplexity, documents) if value is not None]
    if len(values) < FEWEST_DOCUMENTS:
        raise UserError(f"only {len(values)} documents for the cut-offs; give more text or a greater --held_out")
    head, middle = np.percentile(values, [HEAD_PERCENTILE, MIDDLE_PERCENTILE])
    return Cutoffs(round(float(head), 1), round(float(middle), 1), model.cutoffs.normalization)


def write_cutoffs(directory: Path, rows: dict[str, Cutoffs]) -> None:
    """Add or replace rows of a directory's cut-offs; the others stay."""
    path = directory / CUTOFFS_FILE
    rows = (read_cutoffs(path) if path.exists() else {}) | rows
    with tempfile.TemporaryDirectory(dir=directory, prefix=".train_lm-") as folder:
        aside = Path(folder) / CUTOFFS_FILE
        with aside.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(("language", "head", "middle", "normalization"))
            for language, row in sorted(rows.items()):
                writer.writerow((language, f"{row.head:.10g}", f"{row.middle:.10g}", row.normalization or ""))
        aside.replace(path)


def publish(directory: Path) -> None:
    """Write the cut-offs of cc_net's 48 published models; rows of other languages stay."""
    directory.mkdir(parents=True, exist_ok=True)
    write_cutoffs(directory, read_cutoffs(PUBLISHED_CUTOFFS))
