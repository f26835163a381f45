"""The command `merge`: the index of what two others are made of."""

import argparse
import re
from contextlib import ExitStack

from ccnet_pipeline import storage
from ccnet_pipeline.command import Parser
from ccnet_pipeline.dedup.blocks import CELLS
from ccnet_pipeline.errors import UserError
from ccnet_pipeline.hash_index.cells import CellWriter
from ccnet_pipeline.hash_index.directory import (
    INDEX_FILE,
    IndexReader,
    check_hashing,
    folder_of,
    part_file,
    read_index,
    reading,
)
from ccnet_pipeline.hash_index.index import Entry, Index, Part, encode, make_index
from ccnet_pipeline.hash_index.union import Additions, merged
from ccnet_pipeline.storage import shown

RUN = "merge"
_OURS = re.compile(rf"\d{{6,}}-{RUN}")  # folder of the generation that a merger makes


def add_parser(subparsers: "argparse._SubParsersAction[Parser]") -> Parser:
    """Add the command to those of a parser."""
    parser = subparsers.add_parser(
        "merge",
        allow_abbrev=False,
        help="make one index of two",
        description="Make the index of everything that two others are made of: a hash that both have is in several "
        "records. The two stay as they are. Each may lie in a folder or in an object store.",
    )
    parser.add_argument("first", metavar="DIR", help="an index")
    parser.add_argument("second", metavar="DIR", help="another")
    parser.add_argument("--output", required=True, metavar="DIR", help="a new folder for the new one")
    return parser


def run(options: argparse.Namespace) -> None:
    """Write the merged index; its index.json comes last."""
    output: str = options.output
    sources = (options.first, options.second)
    _check([read_index(folder) for folder in sources], sources)
    _check_is_free(output)
    storage.check_place(output, "--output")
    with ExitStack() as stack:
        stack.enter_context(storage.locked(output))
        _check_is_free(output)
        _clear(output)
        indexes = [stack.enter_context(reading(folder)) for folder in sources]
        try:
            index = _write(indexes, sources, output)
        except BaseException:
            storage.within(storage.TIDYING_S, lambda: _clear(output))
            raise
    print(
        f"{shown(output)}: generation {index.generation}, {index.hashes:,} hashes, {index.several:,} in several records"
    )


def _check_is_free(output: str) -> None:
    """See that nothing lies in a folder but what a merger has left that was killed."""
    if storage.exists(output) or not all(map(_OURS.fullmatch, storage.names(output))):
        raise UserError(f"--output {shown(output)} exists; choose a new folder")


def _clear(output: str) -> None:
    """Remove what a merger wrote that came to no end."""
    storage.remove_leftovers(output)
    for name in storage.names(output):
        storage.remove_folder(storage.join(output, name))


def _check(indexes: list[Index], sources: tuple[str, ...]) -> None:
    first, second = indexes
    if second.hashing:
        check_hashing(first, second.hashing, shown(sources[0]))
    runs, others = _runs_by_inputs(first), _runs_by_inputs(second)
    both = runs.keys() & others.keys()
    if both:
        inputs = min(both)
        raise UserError(
            f"{shown(sources[0])} (run {runs[inputs]}) and {shown(sources[1])} (run {others[inputs]}) have the same "
            "inputs, of which every paragraph would count as a duplicate; merge indexes that share none"
        )


def _runs_by_inputs(index: Index) -> dict[str, str]:
    """Return the runs by the sha256 of their inputs; another run over the same list has the same paragraphs."""
    return {entry.inputs_sha256: entry.run for entry in index.history if entry.inputs_sha256}


def _write(indexes: list[Index], sources: tuple[str, ...], output: str) -> Index:
    history = [entry for index in indexes for entry in index.history]
    generation = len(history) + 1
    name = part_file(folder_of(generation, RUN), 0, CELLS)
    path = storage.join(output, *name.split("/"))
    readers = [IndexReader(index, folder) for index, folder in zip(indexes, sources, strict=True)]
    counts = Additions()
    with storage.writing(path) as file:
        writer = CellWriter(file, 0, CELLS)
        for union, additions in merged(*readers):
            writer.add(union)
            counts.add(additions)
        cells = writer.finish()
    entry = Entry(run=RUN, added=counts.added, known=counts.known, come_again=counts.come_again)
    hashing = indexes[0].hashing or indexes[1].hashing
    index = make_index(generation, hashing, [Part(name, 0, cells)], [*history, entry])
    data = encode(index)
    for place in (storage.join(output, folder_of(generation, RUN)), output):
        storage.write(storage.join(place, INDEX_FILE), data)
    return index
