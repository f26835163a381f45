"""How one model is made: SentencePiece pieces, KenLM n-grams over them, and the first cut-offs.

**The text** is documents of paragraphs, normalised here as for scoring (`ccnet_pipeline.fluency.normalize`). CCNet
took the openings of Wikipedia articles: edited text is the scale on which the crawl is measured.

**Held out** is a share of the documents: their perplexity says how well the model knows the language, and its 50th and
80th percentile are the cut-offs until `calibrate` takes those of a crawl, as CCNet did.

**Determinism.** The same text, options and library versions give the same bytes.

Source: Wenzek et al. 2020 (CCNet), sections 3.3 and 5.2; cc_net's Makefile (docs/method.md, Fluency). Its
fallback vocabulary of 40 000 pieces, which a slip in the shell line always builds, is left out.
"""

import io
import re
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import sentencepiece

from ccnet_pipeline.errors import UserError
from ccnet_pipeline.fluency.buckets import Cutoffs, Normalization, write_cutoffs
from ccnet_pipeline.fluency.directory import NGRAMS, PIECES, ModelFiles
from ccnet_pipeline.fluency.model import NORMALIZERS, FluencyModel, Score, perplexity
from ccnet_pipeline.fluency.preparation import (
    LONGEST_BYTES,
    Document,
    PreparedText,
    TextCounts,
    TooLittleTextError,
    lines_of,
    prepare,
)
from ccnet_pipeline.fluency.programs import Programs, run_program
from ccnet_pipeline.text_files import documents_of

OF_A_CRAWL = (30.0, 60.0)  # percentiles; cc_net's, although its paper speaks of thirds
# Edited text is more fluent than a crawl: below its 80th percentile lie about two thirds of a crawl (docs/method.md).
OF_HELD_OUT = (50.0, 80.0)
FEWEST_DOCUMENTS = 5  # to take percentiles of
MEMORY = "1G"
_ALL_CHARACTERS: dict[str, Any] = {"character_coverage": 1.0, "byte_fallback": True}
_CCNETS_COVERAGE: dict[str, Any] = {"character_coverage": 0.9995}  # the rarest characters are not known
# Where nothing parts the words (Chinese, Japanese), a small text would give phrases as pieces, each seen once.
_CHARACTERS_A_PIECE, _PIECES_ANYWAY = 30, 8000
_VOCAB_PAD = 65_536  # words that a piece which was never seen is one of: so it is not likelier where the text is small


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """How one model is made. The defaults are CCNet's, but for the normal form."""

    language: str  # the name of the files: a CC-100 code, or `zh` for both scripts
    normalization: Normalization = "running"
    vocab_size: int = 65536  # pieces at most; a small text gives fewer
    order: int = 5
    prune: tuple[int, ...] = ()  # n-grams seen at most so often are left out, by order
    held_out: float = 0.1  # share of the documents, above 0, at most 0.5
    byte_fallback: bool = True  # characters that the text lacks become pieces of bytes, which are dear; not in CCNet
    compact: bool = False  # a quantised trie, and pieces without the 240 kB of NFKC tables

    def check(self) -> None:
        """Raise UserError for a value that cannot be."""
        if not re.fullmatch(r"[A-Za-z]+([-_][A-Za-z]+)*", self.language):
            raise UserError(f"--language {self.language!r} is no language code such as sw or zh-Hans")
        if not 0 < self.held_out <= 0.5:
            raise UserError(f"--held_out {self.held_out} is not a share above 0, at most 0.5")
        if not 2 <= self.order <= 6:
            raise UserError(f"--order {self.order} is not 2 to 6, what the kenlm package can read")
        if len(self.prune) > self.order or list(self.prune) != sorted(self.prune) or min(self.prune, default=0) < 0:
            shown = " ".join(map(str, self.prune))
            raise UserError(f"--prune {shown}: want at most {self.order} numbers from 0 on, none below the one before")


@dataclass(frozen=True, slots=True, kw_only=True)
class Trained:
    """A model in a folder of its own, not yet among the others."""

    files: ModelFiles
    text: TextCounts
    pieces: int
    ngrams: tuple[int, ...]  # by order
    held_out_perplexity: float | None  # of all that was held out, together
    sketch: str  # of the paragraphs of the text, those held out included


def train(
    training: Training,
    documents: Iterable[Document],
    output: Path,
    programs: Programs,
    sample: Sequence[Document] | None = None,
) -> Cutoffs:
    """Train the model of one language into a directory, and return its cut-offs.

    They are taken from `sample`, and nothing is held out; None: from documents held out.

    Raises:
        UserError: too little text for what was asked, or a program of KenLM's that failed.
    """
    output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=output, prefix=".training-") as name:
        trained = train_in(Path(name), training, documents, programs, sample=sample)
        publish(trained.files, training.language, output)
    return trained.files.cutoffs


def train_in(
    folder: Path,
    training: Training,
    documents: Iterable[Document],
    programs: Programs,
    *,
    sample: Sequence[Document] | None = None,
    memory: str = MEMORY,
    tell: Callable[[str], object] = str,
) -> Trained:
    """Train the model of one language in an empty folder.

    Args:
        folder: of the model; all that is written on the way lies there, too.
        training: how it is made.
        documents: its text.
        programs: KenLM's.
        sample: documents of which to take the cut-offs; None: those held out.
        memory: for sorting in lmplz, as GNU sort writes it.
        tell: is told what is being done.

    Raises:
        UserError: as `train`.
    """
    training.check()
    tell("text")
    share = 0.0 if sample else training.held_out
    text = prepare(documents, NORMALIZERS[training.normalization], share, folder)
    files = ModelFiles(folder / "pieces", folder / "ngrams", Cutoffs(0, 0, training.normalization))
    tell("pieces")
    pieces = _train_pieces(training, text, files.pieces)
    tell("n-grams")
    ngrams = _train_ngrams(training, text.to_train, files, programs, memory)
    tell("held out")
    model = FluencyModel(files, training.normalization)
    held_out = scores_of(model, documents_of(lines_of(text.held_out)))
    judged, shares = (scores_of(model, sample), OF_A_CRAWL) if sample else (held_out, OF_HELD_OUT)
    cutoffs = percentiles([score.perplexity for score in judged], shares)
    return Trained(
        files=replace(files, cutoffs=replace(cutoffs, normalization=training.normalization)),
        text=text.counts,
        pieces=pieces,
        ngrams=ngrams,
        held_out_perplexity=_perplexity_of(held_out),
        sketch=text.sketch,
    )


def publish(files: ModelFiles, language: str, output: Path) -> None:
    """Put a model among the others. At no moment does one half of it stand beside half of another."""
    pieces, ngrams = output / f"{language}{PIECES}", output / f"{language}{NGRAMS[0]}"
    pieces.unlink(missing_ok=True)
    files.ngrams.replace(ngrams)
    write_cutoffs(output, {language: files.cutoffs})
    files.pieces.replace(pieces)  # by which the scorer finds a language: it comes last


def _train_pieces(training: Training, text: PreparedText, target: Path) -> int:
    """Train SentencePiece and return the number of pieces that the text gave."""
    model = io.BytesIO()
    try:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=lines_of(text.to_train),
            model_writer=model,
            model_type="unigram",
            vocab_size=_most_pieces(training, text),
            hard_vocab_limit=False,  # a small text gives fewer pieces instead of an error
            **(_ALL_CHARACTERS if training.byte_fallback else _CCNETS_COVERAGE),
            normalization_rule_name="identity" if training.compact else "nmt_nfkc",
            max_sentence_length=LONGEST_BYTES,  # the default leaves out lines above 4192 bytes
            input_sentence_size=1_000_000,  # lines, the first ones: as many as CCNet took
            shuffle_input_sentence=False,
            num_threads=1,
            minloglevel=2,
        )
    except RuntimeError as error:
        raise UserError(f"--vocab_size {training.vocab_size}: {_said_of_pieces(error)}") from error
    target.write_bytes(model.getvalue())
    return int(sentencepiece.SentencePieceProcessor(model_proto=model.getvalue()).vocab_size())


def _said_of_pieces(error: RuntimeError) -> str:
    """Return what to do about an error of SentencePiece's."""
    if needed := re.search(r"smaller than required_chars\. \d+ vs (\d+)", str(error)):
        return f"too few pieces for this text, whose characters alone take {needed[1]}; give some thousands"
    return f"SentencePiece says {error!r}"


def most_pieces(vocab_size: int, num_characters: int, num_distinct: int) -> int:
    """Return how many pieces a text may give: one for 30 characters, but 8 000 in any case, up to `vocab_size`.

    Each of the distinct characters has to be a piece.

    >>> most_pieces(65536, 750_000, 4000), most_pieces(65536, 100_000, 90), most_pieces(65536, 10**9, 9000)
    (25000, 8000, 65536)
    """
    return min(vocab_size, max(num_characters // _CHARACTERS_A_PIECE, _PIECES_ANYWAY, 2 * num_distinct))


def _most_pieces(training: Training, text: PreparedText) -> int:
    if not training.byte_fallback or text.counts.characters >= training.vocab_size * _CHARACTERS_A_PIECE:
        return training.vocab_size
    num_distinct = len(set().union(*lines_of(text.to_train)))
    return most_pieces(training.vocab_size, text.counts.characters, num_distinct)


def _train_ngrams(
    training: Training, text: Path, files: ModelFiles, programs: Programs, memory: str
) -> tuple[int, ...]:
    """Train KenLM and return the numbers of n-grams, by order."""
    pieces, arpa = text.with_name("text.pieces"), text.with_name("ngrams.arpa")
    processor = sentencepiece.SentencePieceProcessor(model_file=str(files.pieces))
    with pieces.open("w", encoding="utf-8") as file:
        for line in lines_of(text):
            # KenLM takes whole lines: without its line feed the last one would be glued to what follows.
            file.write(" ".join(processor.encode(line, out_type=str)) + "\n")
    # lmplz would refuse <s>, </s> and <unk> where a page writes about them.
    command = [programs.lmplz, "--order", training.order, "--discount_fallback", "--skip_symbols"]
    command += ["--memory", memory, "--temp_prefix", f"{text.parent}/", "--vocab_estimate", 65536]
    command += ["--vocab_pad", _VOCAB_PAD] if training.byte_fallback else []
    command += ["--prune", *training.prune] if training.prune else []
    run_program(*command, "--text", pieces, "--arpa", arpa)
    # 8 bits a probability, 8 a back-off weight, at most 22 bits of a pointer shared by an array.
    layout = ("-q", 8, "-b", 8, "-a", 22, "trie") if training.compact else ("probing",)
    run_program(programs.build_binary, *layout, arpa, files.ngrams)
    return _counts_of(arpa)


def _counts_of(arpa: Path) -> tuple[int, ...]:
    """Return the numbers of n-grams of a model in ARPA form: its first lines say them."""
    counts = []
    for line in lines_of(arpa):
        if line.startswith("ngram "):
            counts.append(int(line.rpartition("=")[2]))
        elif counts:
            break
    return tuple(counts)


def scores_of(model: FluencyModel, documents: Iterable[Document]) -> list[Score]:
    """Return the scores of documents, without those of which normalising leaves nothing."""
    return [score for score in map(model.score, documents) if score]


def percentiles(perplexities: Sequence[float], shares: tuple[float, float]) -> Cutoffs:
    """Return two percentiles of perplexities, to one decimal."""
    if len(perplexities) < FEWEST_DOCUMENTS:
        raise TooLittleTextError(
            f"too little text: {len(perplexities)} of the {FEWEST_DOCUMENTS} documents that cut-offs need"
        )
    head, middle = (round(float(value), 1) for value in np.percentile(perplexities, shares))
    return Cutoffs(head, middle)


def _perplexity_of(scores: Sequence[Score]) -> float | None:
    """Return the perplexity of all documents together."""
    if not scores:
        return None
    return round(perplexity(sum(s.log10_prob for s in scores), sum(s.num_tokens for s in scores)), 1)
