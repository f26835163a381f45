"""Make an XLM-R smaller: drop the pieces of its vocabulary that some languages do not use.

    python -m model.trim --model FacebookAI/xlm-roberta-base --languages ha,sw --data OUT/shards --output small

Two thirds of base's weights are embeddings of 250 000 pieces for a hundred languages. The pieces that the text of the
chosen languages uses stay, with their rows, and so do all special ids; every other weight stays as it is. Text of
these languages has the same tokens as before, and the model gives them the same logits.

The result is a folder of Hugging Face's form: transformers loads it, model.pretrain --init and model.finetune go on
from it. `trim.json` there tells the old id of each new one. Any head will do, and any of XLM-R's vocabularies.
"""

import argparse
import json
import logging
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.table import Table

from model import command, hub
from model.config import FIRST_POSITION
from model.errors import UserError
from model.files import check_free, folder_whole, read_object
from model.languages import SETS, parse_languages
from model.network import hf
from model.terminal import Bar, error_console
from model.text.reduction import Difference, Ids, added_ids, choose, compare, write_reduced
from model.text.shards import Corpus, batches, find_languages
from model.text.tokenizer import Tokenizer
from model.workers import Workers, default_workers

ABOUT = "trim.json"
VERSION = 1
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How large a model is."""

    ids: int
    parameters: int
    bytes: int  # of the weights


@dataclass(frozen=True, slots=True, kw_only=True)
class Trimmed:
    """What was made of a model, and of each language's text."""

    before: Size
    after: Size
    languages: Mapping[str, Difference]


def trim(
    model: Path,
    corpus: Corpus,
    output: Path,
    *,
    min_count: int = 1,
    keep: int | None = None,
    workers: int | None = None,
) -> Trimmed:
    """Write a model with only the pieces that a corpus uses.

    Args:
        model: a folder of Hugging Face's form: config.json, weights in one file, `sentencepiece.bpe.model`.
        corpus: text in the languages to keep.
        output: folder to make; not there, or empty.
        min_count: a piece that the text uses less often goes, unless it is a character.
        keep: pieces at most, counted as model.vocab does; the most used ones.
        workers: processes that encode; by default the processors here.

    Raises:
        UserError: a file is missing, damaged, or not of an XLM-R; `keep` is too small; something is at `output`.
    """
    check_free(output)
    config, tokenizer = _read_config(model), Tokenizer.load(model)
    if config["vocab_size"] != tokenizer.vocab_size:
        raise UserError(
            f"{model} has {config['vocab_size']} ids by its {hf.CONFIG_FILE}, {tokenizer.vocab_size} by its "
            "vocabulary; give a folder with both of one model, and without tokens that were added"
        )
    tied = bool(config.get("tie_word_embeddings", True))
    whole = hf.take_pieces(hf.read_tensors(model), range(tokenizer.vocab_size), tied=tied)
    counts = _count(corpus, model, tokenizer.vocab_size, workers)
    kept = choose(tokenizer, counts, min_count=min_count, keep=keep, always=added_ids(model))
    fewer = hf.take_pieces(whole, kept.tolist(), tied=tied)
    with folder_whole(output) as folder:
        write_reduced(model, folder, kept, max_length=config["max_position_embeddings"] - FIRST_POSITION)
        languages = _compare(corpus, model, folder, kept, workers)
        hf.write_tensors(fewer, folder)
        _write(folder / hf.CONFIG_FILE, {**config, "vocab_size": len(kept)})
        about = {"version": VERSION, "min_count": min_count, "keep": keep, "tokenizer_sha256": tokenizer.sha256}
        rows = {language: asdict(row) for language, row in languages.items()}
        _write(folder / ABOUT, {**about, "languages": rows, "old_ids": kept.tolist()})
    return Trimmed(before=_size(whole, tokenizer.vocab_size), after=_size(fewer, len(kept)), languages=languages)


def _read_config(folder: Path) -> dict[str, Any]:
    path = folder / hf.CONFIG_FILE
    if not path.is_file():
        raise UserError(f"no {path}; give a folder of Hugging Face's form, or a name on its hub")
    config = read_object(path)
    if config.get("model_type") != "xlm-roberta":
        raise UserError(f"{path}: model_type is {config.get('model_type')!r}, not 'xlm-roberta'; give an XLM-R")
    for name in ("vocab_size", "max_position_embeddings"):
        if not isinstance(config.get(name), int):
            raise UserError(f"{path} has no number {name}; copy it again")
    return config


def _write(path: Path, values: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(values, ensure_ascii=False, indent=1) + "\n", "utf-8")


def _size(tensors: Mapping[str, Any], ids: int) -> Size:
    values = tensors.values()
    return Size(ids=ids, parameters=sum(each.numel() for each in values), bytes=sum(each.nbytes for each in values))


def _count(corpus: Corpus, folder: Path, size: int, workers: int | None) -> Ids:
    """Return how often a corpus uses each id."""
    counts = np.zeros(size, np.int64)
    with Workers(workers or default_workers(), _start, folder) as pool, _bar("count", corpus) as bar:
        for part in pool.map(_counts_of, _batches(corpus, bar)):
            counts += part
    return counts


def _compare(corpus: Corpus, old: Path, new: Path, kept: Ids, workers: int | None) -> dict[str, Difference]:
    """Return by language what the smaller vocabulary makes of a corpus."""
    found = dict.fromkeys(corpus.files, Difference())
    with Workers(workers or default_workers(), _start, old, new, kept) as pool, _bar("compare", corpus) as bar:
        for language, difference in pool.map(_difference_of, _batches(corpus, bar)):
            found[language] += difference
    return found


def _bar(name: str, corpus: Corpus) -> Bar:
    return Bar(name, sum(file.stat().st_size for files in corpus.files.values() for file in files))


def _batches(corpus: Corpus, bar: Bar) -> Iterator[tuple[str, list[str]]]:
    for language, files in corpus.files.items():
        yield from ((language, texts) for texts in batches(files, on_read=bar.advance))


@dataclass(frozen=True, slots=True)
class _Vocabularies:
    old: Tokenizer
    new: Tokenizer | None
    kept: Ids | None


# In the workers. A tokenizer cannot be sent, so each loads its own.
_here: list[_Vocabularies] = []


def _start(old: Path, new: Path | None = None, kept: Ids | None = None) -> None:
    _here[:] = [_Vocabularies(Tokenizer.load(old), Tokenizer.load(new) if new else None, kept)]


def _counts_of(batch: tuple[str, Sequence[str]]) -> Ids:
    [vocabularies] = _here
    ids, _ = vocabularies.old.encode_documents(batch[1])
    return np.bincount(ids, minlength=vocabularies.old.vocab_size)


def _difference_of(batch: tuple[str, Sequence[str]]) -> tuple[str, Difference]:
    [vocabularies] = _here
    assert vocabularies.new is not None
    assert vocabularies.kept is not None
    return batch[0], compare(vocabularies.old, vocabularies.new, vocabularies.kept, batch[1])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m model.trim",
        description="Drop the pieces of an XLM-R's vocabulary that some languages do not use.",
        epilog="example: python -m model.trim --model FacebookAI/xlm-roberta-base --languages ha,sw "
        "--data OUT/shards --output small",
    )
    add = parser.add_argument
    text = "an XLM-R: a folder of Hugging Face's form, or a name on its hub"
    add("--model", required=True, metavar="DIR_OR_NAME", help=text)
    text = "OUT or OUT/shards of build_cc100, or a folder of <language>.txt.xz: text whose pieces stay"
    add("--data", type=Path, required=True, metavar="DIR", help=text)
    text = f"codes with commas, or a set of the paper's: {', '.join(SETS)} (all of the data)"
    add("--languages", type=parse_languages, default=(), metavar="LIST", help=text)
    add("--output", type=Path, required=True, metavar="DIR", help="folder to make; not there, or empty")
    text = "drop pieces that the text uses less often, but for characters (1: those it never uses)"
    add("--min_count", type=int, default=1, metavar="N", help=text)
    add("--keep", type=int, metavar="N", help="keep the N most used pieces at most (all that --min_count leaves)")
    add("--workers", type=int, metavar="N", help="processes that encode (the processors here)")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; the exit status is 0, or 2 for a user's mistake."""
    return command.run(_parser(), _trim, arguments)


def _trim(options: argparse.Namespace) -> None:
    for name in ("min_count", "keep", "workers"):
        if (value := getattr(options, name)) is not None and value < 1:
            raise UserError(f"--{name} {value} is below 1")
    check_free(options.output)
    corpus = find_languages(options.data, options.languages)
    made = trim(
        hub.folder_of(options.model),
        corpus,
        options.output,
        min_count=options.min_count,
        keep=options.keep,
        workers=options.workers,
    )
    _show(made)
    _log.info("%s: %s", options.output, _sizes(made))


def _sizes(made: Trimmed) -> str:
    before, after = made.before, made.after
    return (
        f"{before.ids:,} ids are {after.ids:,}, {before.parameters / 1e6:.1f} M parameters "
        f"{after.parameters / 1e6:.1f} M, {before.bytes / 1e6:,.1f} MB of weights {after.bytes / 1e6:,.1f} MB"
    )


def _show(made: Trimmed) -> None:
    table = Table("language")
    for name in ("texts", "tokens before", "after", "<unk> before", "after", "texts cut otherwise"):
        table.add_column(name, justify="right")
    for language, row in made.languages.items():
        numbers = (row.texts, row.before, row.after, row.unknown_before, row.unknown_after)
        share = f" ({row.cut_otherwise / row.texts:.1%})" if row.cut_otherwise else ""
        table.add_row(language, *(f"{number:,}" for number in numbers), f"{row.cut_otherwise:,}{share}")
    error_console().print(table)


if __name__ == "__main__":
    sys.exit(main())
