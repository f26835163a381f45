"""The command `merge`: the index of what two others are made of."""

import argparse
import shutil
from contextlib import ExitStack
from pathlib import Path

from ccnet_pipeline.command import Parser
from ccnet_pipeline.dedup.blocks import CELLS
from ccnet_pipeline.errors import UserError
from ccnet_pipeline.hash_index.cells import CellWriter
from ccnet_pipeline.hash_index.directory import (
    INDEX_FILE,
    IndexReader,
    check_hashing,
    folder_of,
    local_folder,
    open_local,
    part_file,
    read_index,
    writing,
)
from ccnet_pipeline.hash_index.index import Entry, Index, Part, encode, make_index
from ccnet_pipeline.hash_index.union import Additions, merged
from ccnet_pipeline.storage.locks import locked

RUN = "merge"


def add_parser(subparsers: "argparse._SubParsersAction[Parser]") -> Parser:
    """Add the command to those of a parser."""
    parser = subparsers.add_parser(
        "merge",
        allow_abbrev=False,
        help="make one index of two",
        description="Make the index of everything that two others are made of: a hash that both have is in several "
        "records. The two stay as they are.",
    )
    parser.add_argument("first", type=local_folder, metavar="DIR", help="an index")
    parser.add_argument("second", type=local_folder, metavar="DIR", help="another")
    parser.add_argument(
        "--output", type=local_folder, required=True, metavar="DIR", help="a new folder for the new one"
    )
    return parser


def run(options: argparse.Namespace) -> None:
    """Write the merged index; it gets its name when it is whole."""
    output: Path = options.output
    sources = (options.first, options.second)
    indexes = [read_index(folder) for folder in sources]
    _check(indexes, sources)
    if output.exists() and not (output.is_dir() and not any(output.iterdir())):
        raise UserError(f"--output {output} exists; choose a new folder")
    aside = output.absolute().with_name(f".{output.name}.merging")
    with ExitStack() as stack:
        for folder in {folder.resolve() for folder in sources}:
            stack.enter_context(locked(folder, shared=True))
        aside.mkdir(parents=True, exist_ok=True)
        stack.enter_context(locked(aside))
        try:
            _empty(aside)
            index = _write(indexes, sources, aside)
            aside.replace(output)
        finally:
            shutil.rmtree(aside, ignore_errors=True)
    print(f"{output}: generation {index.generation}, {index.hashes:,} hashes, {index.several:,} in several records")


def _check(indexes: list[Index], sources: tuple[Path, ...]) -> None:
    first, second = indexes
    if second.hashing:
        check_hashing(first, second.hashing, str(sources[0]))
    runs, others = _runs_by_inputs(first), _runs_by_inputs(second)
    both = runs.keys() & others.keys()
    if both:
        inputs = min(both)
        raise UserError(
            f"{sources[0]} (run {runs[inputs]}) and {sources[1]} (run {others[inputs]}) have the same inputs, of which "
            "every paragraph would count as a duplicate; merge indexes that share none"
        )


def _empty(folder: Path) -> None:
    """Remove what one that was killed has left."""
    for leftover in folder.iterdir():
        if leftover.is_dir():
            shutil.rmtree(leftover)
        else:
            leftover.unlink()


def _runs_by_inputs(index: Index) -> dict[str, str]:
    """Return the runs by the sha256 of their inputs; another run over the same list has the same paragraphs."""
    return {entry.inputs_sha256: entry.run for entry in index.history if entry.inputs_sha256}


def _write(indexes: list[Index], sources: tuple[Path, ...], output: Path) -> Index:
    history = [entry for index in indexes for entry in index.history]
    generation = len(history) + 1
    name = part_file(folder_of(generation, RUN), 0, CELLS)
    (output / name).parent.mkdir()
    readers = [IndexReader(index, str(folder), open_local) for index, folder in zip(indexes, sources, strict=True)]
    counts = Additions()
    with writing(output / name) as file:
        writer = CellWriter(file, 0, CELLS)
        for union, additions in merged(*readers):
            writer.add(union)
            counts.add(additions)
        cells = writer.finish()
    entry = Entry(run=RUN, added=counts.added, known=counts.known, come_again=counts.come_again)
    hashing = indexes[0].hashing or indexes[1].hashing
    index = make_index(generation, hashing, [Part(name, 0, cells)], [*history, entry])
    data = encode(index)
    for place in ((output / name).parent, output):
        with writing(place / INDEX_FILE) as file:
            file.write(data)
    return index
