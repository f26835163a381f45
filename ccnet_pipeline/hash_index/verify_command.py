"""The command `verify`: every byte of an index is as it was written."""

import argparse

from ccnet_pipeline.command import Parser
from ccnet_pipeline.dedup.sorting import HASH_BITS
from ccnet_pipeline.dedup.tables import parts
from ccnet_pipeline.errors import UserError
from ccnet_pipeline.hash_index.directory import IndexReader, local_folder, open_local, read_index
from ccnet_pipeline.storage.locks import locked


def add_parser(subparsers: "argparse._SubParsersAction[Parser]") -> Parser:
    """Add the command to those of a parser."""
    parser = subparsers.add_parser(
        "verify",
        allow_abbrev=False,
        help="read a whole index: checksums, order, counts",
        description="Read all hashes of an index, and compare their checksums, their order and their counts with what "
        "index.json says. About a second for 100 million hashes, if the disk gives them.",
    )
    parser.add_argument(
        "index", type=local_folder, metavar="DIR", help="the folder that build_cc100 --hash_index names"
    )
    return parser


def run(options: argparse.Namespace) -> None:
    """Read everything; say that it is whole, or what is not."""
    index = read_index(options.index)
    with locked(options.index, shared=True):
        reader = IndexReader(index, str(options.index), open_local)
        hashes = several = 0
        for [(found, in_several)] in parts([reader], 0, 1 << HASH_BITS):
            hashes += len(found)
            several += int(in_several.sum())
    if (hashes, several) != (index.hashes, index.several):
        raise UserError(
            f"{options.index} is damaged: {hashes:,} hashes, {several:,} in several records, and index.json says "
            f"{index.hashes:,} and {index.several:,}; restore the index from a copy, or make it anew"
        )
    print(f"{options.index} is whole: generation {index.generation}, {hashes:,} hashes, digest {index.digest}")
