"""The command line of training."""

import argparse
import logging
import sys
from collections.abc import Sequence
from dataclasses import fields
from itertools import chain
from pathlib import Path
from typing import get_args

from ccnet_pipeline import command
from ccnet_pipeline.errors import UserError
from ccnet_pipeline.fetch import FetchPolicy
from ccnet_pipeline.fluency import published
from ccnet_pipeline.fluency.buckets import CUTOFFS_FILE, Normalization
from ccnet_pipeline.fluency.training import FEWEST_DOCUMENTS, Training, find_programs, train
from ccnet_pipeline.text_files import read_documents, read_lines

_log = logging.getLogger(__name__)


def _parser() -> argparse.ArgumentParser:
    parser = command.Parser(
        prog="python -m ccnet_pipeline.train_lm",
        allow_abbrev=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Train the fluency model of a language and its cut-offs, for --lm_dir; or fetch one of cc_net's.",
        epilog="""examples:
  docker/build_kenlm.sh kenlm                      # builds lmplz and build_binary, once
  python -m ccnet_pipeline.train_lm --language sw --input sw.txt.zst --output lm/ --kenlm_bin kenlm/bin
  ... --cutoffs_from crawl-sw.txt.xz               # 30 % of this crawl is head, 30 % middle
  python -m ccnet_pipeline.train_lm --published en fr --output lm/   # fetch those of cc_net""",
    )
    add, default = parser.add_argument, Training(language="en")
    add("--output", type=Path, metavar="DIR", help="directory of the models")
    add("--language", metavar="CODE", help="CC-100 code that names the files; zh serves both scripts")
    text = "text, one paragraph a line: .txt, .zst, .xz or .gz; several files in a row or by repeating"
    add("--input", type=Path, nargs="+", action="extend", default=[], metavar="FILE", help=text)
    text = "normal form: mended keeps accents and vowel signs, ccnet is bit-exact cc_net (%(default)s)"
    add("--normalization", choices=get_args(Normalization), default=default.normalization, help=text)
    text = "pieces at most; a small text gives fewer, the log says how many (%(default)s)"
    add("--vocab_size", type=int, default=default.vocab_size, metavar="N", help=text)
    add("--order", type=int, default=default.order, metavar="N", help="longest n-gram, 2 to 6 (%(default)s)")
    text = "leave out n-grams seen at most N times, by order: 0 0 1 drops those seen once from trigrams on"
    add("--prune", type=int, nargs="+", default=default.prune, metavar="N", help=text)
    add("--compact", action="store_true", help="small files, slower: quantised trie, no NFKC tables")
    text = "share of the lines that is kept for the cut-offs (%(default)s)"
    add("--held_out", type=float, default=default.held_out, metavar="SHARE", help=text)
    text = "hold out nothing; take the cut-offs from these documents, a blank line between: text of a crawl"
    add("--cutoffs_from", type=Path, nargs="+", default=[], metavar="FILE", help=text)
    text = "memory to sort in: 500M, 8G, 50%% (%(default)s); the disk of --output takes up to 50 times the text"
    add("--memory", default=default.memory, metavar="SIZE", help=text)
    add("--kenlm_bin", type=Path, metavar="DIR", help="where lmplz and build_binary are (PATH)")
    text = "fetch cc_net's models of these languages with their cut-offs; none: say which there are, write all cut-offs"
    add("--published", nargs="*", metavar="CODE", help=text)
    text = "URL of the folder with cc_net's files, such as a mirror (%(default)s)"
    add("--from", dest="place", default=published.PLACE, metavar="URL", help=text)
    return parser


def _run_options(options: argparse.Namespace) -> None:
    if options.published == [] and options.output is None:
        return print(f"cc_net published models of {', '.join(published.published_cutoffs())}")
    if options.output is None:
        raise UserError("--output is missing: the directory of the models")
    if options.output.exists() and not options.output.is_dir():
        raise UserError(f"--output {options.output} is no directory")
    if options.published is not None:
        return _give_published(options.published, options.output, options.place)
    programs = find_programs(options.kenlm_bin)
    if not (options.language and options.input):
        raise UserError("--language and --input are needed (or --published); see --help")
    for path in (*options.input, *options.cutoffs_from):
        if not path.is_file():
            raise UserError(f"{path} is no file; --input and --cutoffs_from want text, one paragraph a line")
    training = Training(**{field.name: getattr(options, field.name) for field in fields(Training)})
    lines = chain.from_iterable(map(read_lines, options.input))
    train(training, lines, options.output, programs, _documents_of(options.cutoffs_from))


def _documents_of(paths: Sequence[Path]) -> list[list[str]] | None:
    """Return the documents of files; None of none. What is too little for cut-offs must show before any work."""
    if not paths:
        return None
    documents: list[list[str]] = []
    for path in paths:
        of_file = list(read_documents(path))
        if len(of_file) == 1 and len(of_file[0]) > 1:
            _log.info("%s has no blank line: its %d lines count as one document", path, len(of_file[0]))
        documents += of_file
    if len(documents) < FEWEST_DOCUMENTS:
        raise UserError(
            f"--cutoffs_from gives {len(documents)} documents, and cut-offs need {FEWEST_DOCUMENTS}; "
            "put a blank line behind each document"
        )
    return documents


def _give_published(languages: Sequence[str], output: Path, place: str) -> None:
    """Fetch the models of some languages, or write the cut-offs of all, and say what was done."""
    if languages:
        for line in published.fetch_models(languages, output, place, FetchPolicy()):
            print(line)
        return print(f"{output / CUTOFFS_FILE}: their cut-offs; now give build_cc100 --lm_dir {output}")
    own = published.write_published_cutoffs(output)
    names = ", ".join(published.published_cutoffs())
    print(f"{output / CUTOFFS_FILE}: the cut-offs of all models of cc_net's: {names}")
    print(f"left as they are, for they are not cc_net's: {', '.join(own) or 'none'}")
    print("--published CODE ... fetches the models themselves")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; the exit status is 0, 1 (the network), 2 (the user's mistake) or 130 (interrupted)."""
    return command.run("train_lm", lambda: _run_options(_parser().parse_args(arguments)))


if __name__ == "__main__":
    sys.exit(main())
