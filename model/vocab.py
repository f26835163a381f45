"""Train XLM-R's vocabulary on a sample of shards (model/text/vocabulary.py says how).

    python -m model.vocab --data OUT/shards --output vocab/

leaves `sentencepiece.bpe.model`, `tokenizer.json`, `tokenizer_config.json`, `special_tokens_map.json` (what
`AutoTokenizer.from_pretrained("vocab/")` loads) and `vocabulary.json`: the settings and a row a language.
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path

from rich.table import Table

from model import command
from model.errors import UserError
from model.languages import SETS, parse_languages
from model.terminal import error_console
from model.text.shards import find_languages
from model.text.vocabulary import Report, VocabConfig, build_vocabulary
from model.workers import default_workers


def _table(report: Report) -> Table:
    table = Table("language")
    for name in ("characters", "asked", "share of sample", "tokens per character", "<unk>"):
        table.add_column(name, justify="right")
    for row in report.languages:
        percent, rate = f"{row.asked:.2%}", f"{row.tokens_per_character:.3f}"
        table.add_row(row.language, f"{row.characters:,}", percent, f"{row.share:.2%}", rate, f"{row.unknown:.4%}")
    return table


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m model.vocab",
        description="Train XLM-R's vocabulary on a sample of shards: SentencePiece unigram, and Hugging Face's files.",
    )
    add, default = parser.add_argument, VocabConfig()
    text = "OUT or OUT/shards of build_cc100, or a folder of <language>.txt.xz as CC-100 was released"
    add("--data", type=Path, required=True, metavar="DIR", help=text)
    add("--output", type=Path, required=True, metavar="DIR", help="folder of the vocabulary; it must not hold one")
    add("--vocab_size", type=int, default=default.vocab_size, metavar="N", help="pieces (%(default)s)")
    text = "take fewer pieces where the text does not give --vocab_size"
    add("--at_most", action="store_true", help=text)
    text = "languages are drawn with q ~ p**ALPHA, p by characters (%(default)s); 1: as they are, 0: all alike"
    add("--alpha", type=float, default=default.alpha, help=text)
    text = "share of character occurrences that get a piece (%(default)s)"
    add("--coverage", type=float, default=default.coverage, metavar="SHARE", help=text)
    add("--seed", type=int, default=default.seed, metavar="N", help="of the sample (%(default)s)")
    text = "lines to train on (%(default)s); SentencePiece takes up to 7 GB of memory a million"
    add("--sample_lines", type=int, default=default.sample_lines, metavar="N", help=text)
    text = "how often a line counts, at most, where a language has fewer than its share (%(default)g)"
    add("--max_repeats", type=float, default=default.max_repeats, metavar="X", help=text)
    text = f"of the text, with commas: codes, and {', '.join(SETS)} for the paper's sets (all)"
    add("--languages", type=parse_languages, default=(), metavar="LIST", help=text)
    text = "processes that read (%(default)s, the processors here)"
    add("--workers", type=int, default=default_workers(), metavar="N", help=text)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; the exit status is 0, or 2 for a user's mistake."""
    return command.run(_parser(), _make, arguments, no_memory="give a smaller --sample_lines")


def _make(options: argparse.Namespace) -> None:
    if options.workers < 1:
        raise UserError(f"--workers {options.workers} is below 1")
    config = VocabConfig(**{field.name: getattr(options, field.name) for field in fields(VocabConfig)})
    config.check()
    corpus = find_languages(options.data, options.languages)
    report = build_vocabulary(corpus, options.output, config, at_most=options.at_most, workers=options.workers)
    error_console().print(_table(report))


if __name__ == "__main__":
    sys.exit(main())
