"""Turn shards into ids that a trainer maps into memory: one row of tokens a language, and where documents begin.

    python -m model.encode --data OUT/shards --vocab vocab/ --output encoded/

    <language>.tokens     uint32, little-endian: each document's paragraphs one after another, then </s> (2)
    <language>.offsets    uint64: where each document begins, and the end of the last (documents + 1 numbers)
    <language>.held-out.tokens, .held-out.offsets     likewise, for documents that are not trained on
    <language>.json       written when the language is whole: a run that was stopped goes on with the next
    manifest.json         all languages; written last: no manifest, nothing complete

How documents are held out, and what the bytes depend on: model/data/encoder.py.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.table import Table

from model import command
from model.data.encoded import Manifest
from model.data.encoder import encode_corpus
from model.errors import UserError
from model.languages import SETS, parse_languages
from model.terminal import error_console
from model.text.shards import find_languages
from model.text.tokenizer import MODEL_FILE
from model.workers import default_workers


def _table(manifest: Manifest) -> Table:
    table = Table("language", title=None)
    for name in ("tokens", "documents", "held-out tokens", "held-out documents"):
        table.add_column(name, justify="right")
    for language, counts in manifest.languages.items():
        numbers = (counts.tokens, counts.documents, counts.held_out_tokens, counts.held_out_documents)
        table.add_row(language, *(f"{number:,}" for number in numbers))
    return table


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m model.encode",
        description="Tokenise shards into files that a trainer maps into memory. A run that was stopped goes on.",
    )
    add = parser.add_argument
    text = "OUT or OUT/shards of build_cc100, or a folder of <language>.txt.xz as CC-100 was released"
    add("--data", type=Path, required=True, metavar="DIR", help=text)
    add("--vocab", type=Path, required=True, metavar="DIR", help=f"folder with {MODEL_FILE}, of model.vocab")
    add("--output", type=Path, required=True, metavar="DIR", help="folder of the encoded text")
    text = f"of the text, with commas: codes, and {', '.join(SETS)} for the paper's sets (all)"
    add("--languages", type=parse_languages, default=(), metavar="LIST", help=text)
    text = "processes (%(default)s, the processors here)"
    add("--workers", type=int, default=default_workers(), metavar="N", help=text)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; the exit status is 0, or 2 for a user's mistake."""
    again = "the same command goes on where it stopped"
    return command.run(_parser(), _encode, arguments, interrupted=again, no_memory="give fewer --workers")


def _encode(options: argparse.Namespace) -> None:
    if options.workers < 1:
        raise UserError(f"--workers {options.workers} is below 1")
    corpus = find_languages(options.data, options.languages)
    manifest = encode_corpus(corpus, options.vocab, options.output, workers=options.workers)
    error_console().print(_table(manifest))


if __name__ == "__main__":
    sys.exit(main())
