"""XLM-R's vocabulary: SentencePiece unigram pieces on a sample of all languages.

**The sample.** Lines are drawn with q_l ~ p_l**alpha, p_l by characters (code points) of the text; not by words,
which Chinese, Thai or Khmer do not write. The text is read once. Lines above 4096 bytes are split, not skipped. A
language with fewer lines than its share has them counted several times, at most 40 times.

**SentencePiece.** All settings are stated in `_train`. Nothing is left to its sampling, which needs all lines in
memory. From 0.2.3 on it has no limit of 32 bits for the sample, and ignores train_extremely_large_corpus. Scores are
rounded (model.text.proto.round_scores), so that Hugging Face's tokenizers cut words alike.

**Determinism.** The same text, options and library versions give the same bytes.

Source: Conneau et al. 2020 (XLM-R), sections 3 and 5.1. Its flags were never published. Coverage 0.99995, not
SentencePiece's 0.9995: on such a mix that would leave out rare Han characters.
"""

import io
import logging
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import msgspec
import sentencepiece

from model.errors import UserError
from model.files import write_whole
from model.text.lines import LINE_BYTES, Weighted, read_lines, weigh
from model.text.proto import round_scores
from model.text.shards import Corpus
from model.text.tokenizer import MODEL_FILE, Tokenizer, write_tokenizer_files

REPORT_FILE = "vocabulary.json"
_MEASURED = 1000  # lines of a language for the table
_THREADS = 16  # sums of floats depend on it: the same everywhere, whatever the machine has
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class VocabConfig:
    """How a vocabulary is made. The defaults are XLM-R's where they are known."""

    vocab_size: int = 250_000  # pieces, <unk>, <s> and </s> included; ids are 2 more: <pad> and <mask>
    alpha: float = 0.3
    coverage: float = 0.99995  # share of character occurrences that get a piece
    seed: int = 1
    sample_lines: int = 5_000_000
    languages: tuple[str, ...] = ()  # that were asked for, sets by their names; none: all of the text
    max_repeats: float = 40  # how often a line counts, at most, where a language has fewer than its share

    def check(self) -> None:
        """Raise UserError for a value that cannot be."""
        if not 16 <= self.vocab_size <= 10_000_000:
            raise UserError(f"--vocab_size {self.vocab_size} is not 16 to 10 000 000")
        if not 0 <= self.alpha <= 1:
            raise UserError(f"--alpha {self.alpha} is not 0 to 1")
        if not 0.98 <= self.coverage <= 1:
            raise UserError(f"--coverage {self.coverage} is not 0.98 to 1, which is what SentencePiece takes")
        if self.sample_lines < 1:
            raise UserError(f"--sample_lines {self.sample_lines} is below 1")
        if not self.max_repeats >= 1:
            raise UserError(f"--max_repeats {self.max_repeats} is below 1")


@dataclass(frozen=True, slots=True, kw_only=True)
class LanguageRow:
    """A row of the table. Tokens are measured on lines of the sample, 1000 at most."""

    language: str
    characters: int  # of the text
    asked: float  # q_l
    share: float  # of the sample's lines
    tokens_per_character: float
    unknown: float  # share of tokens


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What `vocabulary.json` holds."""

    config: VocabConfig
    pieces: int
    languages: list[LanguageRow]


def build_vocabulary(
    corpus: Corpus, output: Path, config: VocabConfig, *, at_most: bool = False, workers: int | None = None
) -> Report:
    """Train a vocabulary on a corpus into a folder that has none.

    Args:
        corpus: the text.
        output: folder, made if it is not there.
        config: the settings.
        at_most: take fewer pieces than asked where the text does not give more.
        workers: processes that read; by default the processors here.

    Raises:
        UserError: a value that cannot be, a folder with a vocabulary, a damaged file, or too little text.
    """
    config.check()
    if (output / MODEL_FILE).exists():
        raise UserError(f"{output} holds a vocabulary already: choose another --output, or delete it")
    output.mkdir(parents=True, exist_ok=True)
    found = read_lines(corpus, config.sample_lines, config.alpha, config.seed, workers)
    if not any(line.strip() for text in found for line in text.kept):
        raise UserError("the shards hold no text: --data wants the output of build_cc100 with at least one document")
    samples = weigh(found, config.sample_lines, config.alpha, config.max_repeats)
    _log.info("training on %d lines of %d languages", sum(len(sample.lines) for sample in samples), len(samples))
    model = round_scores(_train(samples, config, at_most))
    tokenizer = Tokenizer(model)
    report = Report(config=config, pieces=tokenizer.vocab_size - 2, languages=_rows(samples, tokenizer))
    with write_whole(output / REPORT_FILE) as file:
        file.write(msgspec.json.format(msgspec.json.encode(asdict(report)), indent=2) + b"\n")
    write_tokenizer_files(model, output)
    return report


def read_report(folder: Path) -> Report:
    """Read the `vocabulary.json` of a folder; UserError if it is damaged."""
    try:
        return msgspec.json.decode((folder / REPORT_FILE).read_bytes(), type=Report)
    except (OSError, msgspec.MsgspecError) as error:
        raise UserError(f"{folder / REPORT_FILE} is damaged ({error}); delete {folder} and make it again") from error


def _train(samples: Sequence[Weighted], config: VocabConfig, at_most: bool) -> bytes:
    try:
        return _sentencepiece(samples, config, config.vocab_size, hard=not at_most)
    except RuntimeError as error:
        if alphabet := re.search(r"smaller than required_chars\. *\d+ vs (\d+)", str(error)):
            text = f"for the characters of the text the smallest is --vocab_size {alphabet[1]}"
            text += "; a lower --coverage of model.vocab needs fewer"
            raise UserError(f"--vocab_size {config.vocab_size} is too small: {text}") from error
        largest = _largest(samples, config, error)
        text = f"the largest that works is --vocab_size {largest}; more text gives more"
        raise UserError(f"too little text for --vocab_size {config.vocab_size}: {text}") from error


def _largest(samples: Sequence[Weighted], config: VocabConfig, error: RuntimeError) -> int:
    """Return the size that SentencePiece names, once it has been seen to work: it is not always true at once."""
    while named := re.search(r"value <= (\d+)", str(error)):
        size = int(named[1])
        try:
            _sentencepiece(samples, config, size, hard=True)
        except RuntimeError as again:
            error = again
        else:
            return size
    raise UserError(f"SentencePiece cannot train on this text: {error}") from error


def _sentencepiece(samples: Sequence[Weighted], config: VocabConfig, size: int, hard: bool) -> bytes:
    model = io.BytesIO()
    rows = (
        f"{line}\t{weight}" for sample in samples for line, weight in zip(sample.lines, sample.weights, strict=True)
    )
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=rows,
        model_writer=model,
        input_format="tsv",  # a line and its weight
        model_type="unigram",
        vocab_size=size,
        hard_vocab_limit=hard,
        character_coverage=config.coverage,
        # XLM-R's layout: 0, 1, 2, and <pad> comes with the offset (model.text.tokenizer).
        unk_id=0,
        bos_id=1,
        eos_id=2,
        pad_id=-1,
        unk_piece="<unk>",
        bos_piece="<s>",
        eos_piece="</s>",
        byte_fallback=False,  # Hugging Face's XLM-R has no decoder for bytes
        normalization_rule_name="nmt_nfkc",
        add_dummy_prefix=True,
        remove_extra_whitespaces=True,
        split_by_unicode_script=True,
        split_by_number=True,
        split_by_whitespace=True,
        split_digits=False,
        max_sentencepiece_length=16,
        max_sentence_length=2 * LINE_BYTES,  # none is longer: nothing is skipped
        input_sentence_size=0,
        shuffle_input_sentence=False,
        # Candidates, far above what is asked for: 250 000 of 2.5 million.
        seed_sentencepiece_size=max(1_000_000, 10 * size),
        shrinking_factor=0.75,
        num_sub_iterations=2,
        num_threads=_THREADS,
        minloglevel=2,
    )
    return model.getvalue()


def _rows(samples: Sequence[Weighted], tokenizer: Tokenizer) -> list[LanguageRow]:
    total = sum(sum(sample.weights) for sample in samples)
    rows = []
    for sample in samples:
        lines = sample.lines[:_MEASURED]
        ids, _ = tokenizer.encode_documents(lines)
        row = LanguageRow(
            language=sample.text.language,
            characters=sample.text.characters,
            asked=sample.share,
            share=sum(sample.weights) / total,
            tokens_per_character=len(ids) / sum(map(len, lines)),
            unknown=float((ids == tokenizer.unk_id).mean()) if len(ids) else 0.0,
        )
        rows.append(row)
    return rows
