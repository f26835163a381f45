"""How near encoding is to SentencePiece: CPU time of a bare `encode` over that of model.encode, on the same lines.

Ours is all of `python -m model.encode` with one worker: sha256 of the sources, zstd, JSON, encoding, holding out,
writing, fsync. The bare loop has all paragraphs in memory and makes only the ids; it is timed twice, returning Python's
lists, as a user would write it, and NumPy's arrays. All run in turn, each time in a process of its own, after it was
checked that the files hold the bare loop's ids. Only Python's start and imports are left out. The bar is 0.9.

    python benchmarks/encode.py --data OUT/shards --vocab runs/x/vocab
    python benchmarks/encode.py --data OUT/shards --vocab runs/x/vocab --rounds 3 --two_workers
"""

import argparse
import gc
import itertools
import multiprocessing
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import sentencepiece
from rich import box
from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from model.data.encoded import HELD_OUT, OFFSET, TOKEN, Manifest  # noqa: E402
from model.data.encoder import encode_corpus  # noqa: E402
from model.errors import UserError  # noqa: E402
from model.text.shards import documents, find_corpus  # noqa: E402
from model.text.tokenizer import MODEL_FILE, Tokenizer  # noqa: E402

_LINES = 3000  # of a call in the bare loop: about the fastest of 30 to all at once


@dataclass(frozen=True, slots=True)
class Language:
    """All text of one language, in the order of its files."""

    name: str
    lines: list[str]  # the paragraphs of all documents
    counts: list[int]  # paragraphs of each document


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What there is to encode; tokens and documents as ours wrote them, both sides of the split."""

    characters: int
    paragraphs: int
    documents: int
    empty_documents: int  # without a piece: not written
    tokens: int  # without the </s> of each document


@dataclass(frozen=True, slots=True)
class Timing:
    """One run."""

    cpu_s: float  # user and system, of this process and of those that it waited for
    wall_s: float


@dataclass(frozen=True, slots=True)
class Side:
    """One way to encode everything."""

    name: str
    workers: int = 0  # of ours; 0: the bare loop
    return_type: object = int  # of the bare loop


# --- the loops


def encode_ours(data: Path, vocab: Path, workers: int) -> Manifest:
    """Encode as the command does, into a folder that is deleted."""
    with tempfile.TemporaryDirectory() as output:
        return encode_corpus(find_corpus(data), vocab, Path(output), workers=workers)


def encode_bare(pieces: Any, languages: Sequence[Language], return_type: object) -> Iterator[Any]:
    """Yield the ids of the lines of each batch, as SentencePiece gives them."""
    for language in languages:
        lines = language.lines
        for start in range(0, len(lines), _LINES):
            yield pieces.encode(lines[start : start + _LINES], num_threads=1, return_type=return_type)


def _exhaust(batches: Iterator[Any]) -> None:
    for _ in batches:
        pass


def read_lines(data: Path) -> list[Language]:
    """Read a corpus into memory."""
    languages = []
    for name, files in find_corpus(data).files.items():
        paragraphs = [text.split("\n") for text in documents(files)]
        lines = list(itertools.chain.from_iterable(paragraphs))
        languages.append(Language(name, lines, [len(each) for each in paragraphs]))
    return languages


# --- the check


def check(data: Path, vocab: Path, pieces: Any, languages: Sequence[Language]) -> Work:
    """Compare what ours writes with the bare loop's ids, token by token.

    Raises:
        UserError: they differ, or there is no text.
    """
    tokens = written = 0
    with tempfile.TemporaryDirectory() as name:
        encode_corpus(find_corpus(data), vocab, Path(name), workers=1)
        for language in languages:
            expected = list(_expected(pieces, language))
            train, held_out = (_written(Path(name, language.name + suffix)) for suffix in ("", HELD_OUT))
            # Which documents are held out is not this benchmark's matter: each is in one of the files, in order.
            whole = sorted(train + held_out) == sorted(expected)
            if not (whole and _in_order(train, expected) and _in_order(held_out, expected)):
                raise UserError(f"{language.name}: not the ids of SentencePiece: the comparison would be void")
            written += len(expected)
            tokens += sum(map(len, expected)) // TOKEN.itemsize - len(expected)
    read = sum(len(language.counts) for language in languages)
    return Work(
        characters=sum(len(line) for language in languages for line in language.lines),
        paragraphs=sum(len(language.lines) for language in languages),
        documents=written,
        empty_documents=read - written,
        tokens=tokens,
    )


def _expected(pieces: Any, language: Language) -> Iterator[bytes]:
    """Yield the tokens of each document that has any, from the bare loop's lists: ids + 1, <unk> 3, then </s>."""
    ids = itertools.chain.from_iterable(encode_bare(pieces, [language], int))
    for count in language.counts:
        document = list(itertools.chain.from_iterable(itertools.islice(ids, count)))
        if document:
            tokens = [piece + 1 if piece != pieces.unk_id() else Tokenizer.unk_id for piece in document]
            yield np.array([*tokens, Tokenizer.eos_id], TOKEN).tobytes()


def _written(stem: Path) -> list[bytes]:
    tokens = np.fromfile(f"{stem}.tokens", TOKEN)
    offsets = np.fromfile(f"{stem}.offsets", OFFSET).tolist()
    if offsets[0] != 0 or offsets[-1] != len(tokens):
        raise UserError(f"{stem.name}: the offsets are not those of the tokens")
    return [tokens[start:end].tobytes() for start, end in itertools.pairwise(offsets)]


def _in_order(part: Sequence[bytes], whole: Sequence[bytes]) -> bool:
    rest = iter(whole)
    return all(document in rest for document in part)


# --- measuring


def _cpu_s() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def measure_here(side: Side, data: Path, vocab: Path) -> Timing:
    """Run a side once in this process; reading for the bare loop is not timed."""
    languages = [] if side.workers else read_lines(data)
    pieces = sentencepiece.SentencePieceProcessor(model_file=str(vocab / MODEL_FILE))
    gc.collect()
    cpu_s, wall_s = _cpu_s(), time.perf_counter()
    if side.workers:
        encode_ours(data, vocab, side.workers)
    else:
        _exhaust(encode_bare(pieces, languages, side.return_type))
    return Timing(_cpu_s() - cpu_s, time.perf_counter() - wall_s)


def measure(side: Side, data: Path, vocab: Path) -> Timing:
    """Run a side once in a fresh process."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(measure_here, side, data, vocab).result()


def measure_all(sides: Sequence[Side], data: Path, vocab: Path, rounds: int) -> list[list[Timing]]:
    """Run all sides in turn, every other round backwards; return the timings of each side."""
    timings: list[list[Timing]] = [[] for _ in sides]
    for number in range(rounds):
        order = range(len(sides)) if number % 2 == 0 else reversed(range(len(sides)))
        for index in order:
            timings[index].append(measure(sides[index], data, vocab))
        said = ", ".join(f"{side.name} {each[-1].cpu_s:.2f}" for side, each in zip(sides, timings, strict=True))
        print(f"round {number + 1}, CPU s: {said}", file=sys.stderr)
    return timings


# --- the figures


def _spread(values: Sequence[float], digits: int) -> str:
    middle, least, most = (f"{value:.{digits}f}" for value in (statistics.median(values), min(values), max(values)))
    return f"{middle} [{least} .. {most}]"


def _table(sides: Sequence[Side], timings: Sequence[Sequence[Timing]], work: Work) -> Table:
    table = Table("loop", box=box.SIMPLE_HEAD)
    for heading in ("CPU s", "tokens per CPU s", "bare CPU / ours CPU"):
        table.add_column(heading, justify="right", no_wrap=True)
    ours = timings[0]
    for side, each in zip(sides, timings, strict=True):
        seconds = [timing.cpu_s for timing in each]
        ratios = [theirs.cpu_s / own.cpu_s for theirs, own in zip(each, ours, strict=True)]
        ratio = "" if side.workers else _spread(ratios, 3)
        table.add_row(side.name, _spread(seconds, 2), f"{work.tokens / statistics.median(seconds):,.0f}", ratio)
    return table


def _two_workers(one: Sequence[Timing], two: Sequence[Timing]) -> str:
    pairs = list(zip(one, two, strict=True))
    wall, cpu = ([getattr(a, field) / getattr(b, field) for a, b in pairs] for field in ("wall_s", "cpu_s"))
    return f"one worker over two: wall time {_spread(wall, 2)}, CPU time {_spread(cpu, 2)}"


def _summary(work: Work, languages: int) -> str:
    return (
        f"sentencepiece {sentencepiece.__version__}; {languages} languages, {work.characters:,} characters, "
        f"{work.paragraphs:,} paragraphs, {work.documents:,} documents ({work.empty_documents:,} more have no piece), "
        f"{work.tokens:,} tokens without </s>; the files hold the bare loop's ids"
    )


# --- the command line


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UserError(f"{message} (see --help)")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="python benchmarks/encode.py",
        description="Tokens a CPU second of model.encode over those of a bare loop of SentencePiece on the same lines.",
        epilog="CPU time, not wall time; the loops run in turn, so that a busy machine slows all. The text is held in "
        "memory; what ours writes goes to $TMPDIR and is deleted.",
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("--data", type=Path, required=True, metavar="DIR", help="the text, as model.encode takes it")
    add("--vocab", type=Path, required=True, metavar="DIR", help=f"folder with {MODEL_FILE}, of model.vocab")
    text = "times that all loops run; medians are given (default: %(default)s)"
    add("--rounds", type=int, default=5, metavar="N", help=text)
    add("--two_workers", action="store_true", help="ours with two workers as well; it wants two idle processors")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark; the exit status is 0, or 2 for a user's mistake and for ids that differ."""
    console = Console(width=100, highlight=False)
    try:
        options = _parser().parse_args(argv)
        if options.rounds < 1:
            raise UserError(f"--rounds must be 1 or more, not {options.rounds}")
        Tokenizer.load(options.vocab)  # says what is wrong with it
        pieces = sentencepiece.SentencePieceProcessor(model_file=str(options.vocab / MODEL_FILE))
        languages = read_lines(options.data)
        work = check(options.data, options.vocab, pieces, languages)
        console.print(_summary(work, len(languages)))
        sides = [Side("ours, one worker", 1), Side("bare, lists"), Side("bare, NumPy", return_type="numpy")]
        sides += [Side("ours, two workers", 2)] if options.two_workers else []
        timings = measure_all(sides, options.data, options.vocab, options.rounds)
        console.print(_table(sides, timings, work))
        if options.two_workers:
            console.print(_two_workers(timings[0], timings[-1]))
    except (UserError, OSError) as error:  # OSError: the disk is full, or may not be written to
        print(f"encode: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
