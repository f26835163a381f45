"""Train the fluency model of a language: SentencePiece pieces, KenLM n-grams over them, and the two cut-offs.

    docker/build_kenlm.sh kenlm
    python -m ccnet_pipeline.train_lm --language sw --input sw.txt.zst --output lm/ --kenlm_bin kenlm/bin

leaves `lm/sw.sp.model`, `lm/sw.arpa.bin` and the row `sw` of `lm/cutoffs.csv`: what `--lm_dir lm/` reads.
Files are written aside and renamed when whole. Only one training at a time may write to a directory.

**The text** is one paragraph a line, normalised here as for scoring (`ccnet_pipeline.text.normalize`). CCNet
took the openings of Wikipedia articles: edited text is the scale on which the crawl is measured.

**The cut-offs** are the 30th and 60th percentile of the perplexities of documents that the model has not
seen. CCNet took those of a crawl; so does `--cutoffs_from`. Without it every k-th line of the text is held
out and counts as a document. Edited text is more fluent than a crawl: such cut-offs keep less than 60 %.

**Determinism.** The same text, options and library versions give the same bytes.

Source: Wenzek et al. 2020 (CCNet), sections 3.3 and 5.2; cc_net's Makefile (docs/method.md, Fluency). Its
fallback vocabulary of 40 000 pieces, which a slip in the shell line always builds, is left out.
"""

import io
import logging
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import sentencepiece

from ccnet_pipeline.errors import UserError
from ccnet_pipeline.fluency.buckets import Cutoffs, Normalization, write_cutoffs
from ccnet_pipeline.fluency.directory import ModelFiles
from ccnet_pipeline.fluency.model import NORMALIZERS, FluencyModel
from ccnet_pipeline.text_files import read_lines

PERCENTILES = (30.0, 60.0)  # cc_net's, although its paper speaks of thirds
FEWEST_LINES = 50  # to train on
FEWEST_DOCUMENTS = 5  # to take percentiles of
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """How one model is made. The defaults are CCNet's, but for the normal form."""

    language: str  # the name of the files: a CC-100 code, or `zh` for both scripts
    normalization: Normalization = "mended"
    vocab_size: int = 65536  # pieces at most; a small text gives fewer
    order: int = 5
    prune: Sequence[int] = ()  # n-grams seen at most so often are left out, by order
    held_out: float = 0.1  # share of the lines, above 0, at most 0.5
    compact: bool = False  # a quantised trie, and pieces without the 240 kB of NFKC tables
    memory: str = "1G"  # for sorting in lmplz, as GNU sort writes it

    def check(self) -> None:
        """Raise UserError for a value that cannot be."""
        if not re.fullmatch(r"[A-Za-z]+([-_][A-Za-z]+)*", self.language):
            raise UserError(f"--language {self.language!r} is no language code such as sw or zh-Hans")
        if not 0 < self.held_out <= 0.5:
            raise UserError(f"--held_out {self.held_out} is not a share above 0, at most 0.5")
        if not 2 <= self.order <= 6:
            raise UserError(f"--order {self.order} is not 2 to 6, what the kenlm package can read")


@dataclass(frozen=True, slots=True)
class Programs:
    """KenLM's command-line programs; its Python package has neither."""

    lmplz: str
    build_binary: str


def find_programs(directory: Path | None) -> Programs:
    """Return KenLM's programs, from a directory or from PATH; UserError if one of them is not there."""
    found = []
    for name in ("lmplz", "build_binary"):
        program = shutil.which(name, path=directory and str(directory))
        if program is None:
            where = directory or "PATH"
            raise UserError(f"no {name} in {where}; docker/build_kenlm.sh DIR, then --kenlm_bin DIR/bin")
        found.append(program)
    return Programs(*found)


def train(
    training: Training,
    lines: Iterable[str],
    output: Path,
    programs: Programs,
    documents: Sequence[Sequence[str]] | None = None,
) -> Cutoffs:
    """Train the model of one language on a text's lines into a directory, and return its cut-offs.

    They are taken from `documents`, each a sequence of paragraphs; None: from lines held out.

    Raises:
        UserError: too little text for what was asked.
    """
    training.check()
    output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=output, prefix=".train_lm-") as name:
        text, held_out = Path(name, "text.txt"), Path(name, "held_out.txt")
        every = round(1 / training.held_out) if documents is None else 0
        _split(lines, training, every, text, held_out)
        files = ModelFiles(Path(name, "pieces"), Path(name, "ngrams"), Cutoffs(0, 0, training.normalization))
        size = _train_pieces(training, text, files.pieces)
        _train_ngrams(training, text, files, programs)
        model = FluencyModel(files, training.normalization)
        cutoffs = percentiles(model, documents or ([line] for line in read_lines(held_out)))
        # The .sp.model, by which the scorer finds a language, comes last.
        files.ngrams.replace(output / f"{training.language}.arpa.bin")
        write_cutoffs(output, {training.language: cutoffs})
        files.pieces.replace(output / f"{training.language}.sp.model")
    _log.info("%s: %d pieces, head < %s, middle < %s", training.language, size, cutoffs.head, cutoffs.middle)
    return cutoffs


def _split(lines: Iterable[str], training: Training, every: int, text: Path, held_out: Path) -> None:
    """Write the normal form of the lines to one file, every k-th line as it is to the other (0: none)."""
    normalize = NORMALIZERS[training.normalization]
    number = held = 0
    with text.open("w", encoding="utf-8") as kept_file, held_out.open("w", encoding="utf-8") as held_file:
        for line in lines:
            if not (normal := normalize(line)).strip():
                continue
            number += 1
            if every and number % every == 0:
                held_file.write(line + "\n")
                held += 1
            else:
                kept_file.write(normal + "\n")
    if number - held < FEWEST_LINES:
        raise UserError(f"too little text: {number - held} lines to train on; give at least {FEWEST_LINES}")
    _log.info("%s: %d lines to train on, %d held out", training.language, number - held, held)


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
            input_sentence_size=1_000_000,  # lines, the first ones: as many as CCNet took
            shuffle_input_sentence=False,
            num_threads=1,
            minloglevel=2,
        )
    except RuntimeError as error:
        raise UserError(f"SentencePiece, --vocab_size {training.vocab_size}: {error!r}") from error
    target.write_bytes(model.getvalue())
    return int(sentencepiece.SentencePieceProcessor(model_proto=model.getvalue()).vocab_size())


def _train_ngrams(training: Training, text: Path, files: ModelFiles, programs: Programs) -> None:
    pieces, arpa = text.with_name("text.pieces"), text.with_name("ngrams.arpa")
    processor = sentencepiece.SentencePieceProcessor(model_file=str(files.pieces))
    with pieces.open("w", encoding="utf-8") as file:
        for line in read_lines(text):
            # KenLM takes whole lines: without its line feed the last one would be glued to what follows.
            file.write(" ".join(processor.encode(line, out_type=str)) + "\n")
    # lmplz would refuse <s>, </s> and <unk> where a page writes about them.
    command = [programs.lmplz, "--order", training.order, "--discount_fallback", "--skip_symbols"]
    command += ["--memory", training.memory, "--temp_prefix", f"{text.parent}/", "--vocab_estimate", 65536]
    command += ["--prune", *training.prune] if training.prune else []
    _run(*command, "--text", pieces, "--arpa", arpa)
    # 8 bits a probability, 8 a back-off weight, at most 22 bits of a pointer shared by an array.
    layout = ("-q", 8, "-b", 8, "-a", 22, "trie") if training.compact else ("probing",)
    _run(programs.build_binary, *layout, arpa, files.ngrams)


def _run(*command: object) -> None:
    words = [str(word) for word in command]
    done = subprocess.run(words, capture_output=True, encoding="utf-8", errors="replace", check=False)
    if done.returncode:
        said = done.stderr.strip().rpartition("\n")[2]
        raise UserError(f"{Path(words[0]).name} ended with status {done.returncode}: {said}")


def percentiles(model: FluencyModel, documents: Iterable[Sequence[str]]) -> Cutoffs:
    """Return the 30th and 60th percentile of the documents' perplexities, to one decimal."""
    values = [value for value in map(model.perplexity, documents) if value is not None]
    if len(values) < FEWEST_DOCUMENTS:
        raise UserError(f"too little text: {len(values)} documents for cut-offs, not {FEWEST_DOCUMENTS}")
    head, middle = (round(float(value), 1) for value in np.percentile(values, PERCENTILES))
    return Cutoffs(head, middle, model.cutoffs.normalization)
